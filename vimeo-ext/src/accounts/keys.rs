//! Encryption of what is secret, before any store sees it.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, Generate, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::{Digest, Sha256};

use super::{KeyError, KeyId};
use crate::hex::hex;

/// A key of 32 random bytes. Keep it where the store is not: in a secret manager, not in the database.
///
/// ```
/// use vimeo_ext::accounts::Key;
/// let key = Key::generate();
/// let again = Key::from_base64(&key.to_base64())?;
/// assert_eq!(key.id(), again.id());
/// # Ok::<(), vimeo_ext::accounts::KeyError>(())
/// ```
#[derive(Clone)]
pub struct Key {
    id: KeyId,
    bytes: Arc<SecretBox<[u8; 32]>>,
}

impl Key {
    /// A new one from the system's source of randomness.
    pub fn generate() -> Self {
        Self::from_bytes(chacha20poly1305::Key::generate().into())
    }

    /// A key that is kept as bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let bytes = Arc::new(SecretBox::new(Box::new(bytes)));
        let digest = Sha256::new().chain_update("vimeo-ext key id\0").chain_update(bytes.expose_secret());
        let mut id = hex(&digest.finalize());
        id.truncate(16);
        Self { id: KeyId::new(id), bytes }
    }

    /// A key that is kept as text.
    ///
    /// # Errors
    ///
    /// [`KeyError::InvalidKey`] when the text is not the base64 of 32 bytes.
    pub fn from_base64(text: &SecretString) -> Result<Self, KeyError> {
        let decoded = STANDARD.decode(text.expose_secret().trim()).map_err(|_| KeyError::InvalidKey)?;
        let decoded = Zeroizing::new(decoded);
        Ok(Self::from_bytes(decoded.as_slice().try_into().map_err(|_| KeyError::InvalidKey)?))
    }

    /// The key as text, to be put where secrets are kept.
    pub fn to_base64(&self) -> SecretString {
        STANDARD.encode(self.bytes.expose_secret()).into()
    }

    /// Which key it is.
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(self.bytes.expose_secret().into())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The keys that secrets are encrypted with: one for what is written now, and older ones that can still be read.
///
/// To rotate: start every process with the new key and the old one as [`with_old`](Self::with_old), call
/// [`Accounts::rotate_keys`](super::Accounts::rotate_keys) or run `vimeo accounts rotate-keys`, then leave the old one out.
#[derive(Debug, Clone)]
pub struct KeyRing {
    current: Key,
    old: Vec<Key>,
}

impl KeyRing {
    /// With one key.
    pub fn new(current: Key) -> Self {
        Self { current, old: Vec::new() }
    }

    /// And a key that is only read with.
    #[must_use]
    pub fn with_old(mut self, key: Key) -> Self {
        self.old.push(key);
        self
    }

    /// The key that is written with.
    pub fn current(&self) -> &KeyId {
        &self.current.id
    }

    /// The key with this id.
    ///
    /// # Errors
    ///
    /// [`KeyError::UnknownKey`] when it is not in the ring.
    fn key(&self, id: &KeyId) -> Result<&Key, KeyError> {
        std::iter::once(&self.current)
            .chain(&self.old)
            .find(|key| key.id == *id)
            .ok_or_else(|| KeyError::UnknownKey { key: id.clone() })
    }

    /// That a key is in the ring. What is sealed with another must not be written over: its keeper would lose it.
    pub(super) fn knows(&self, id: &KeyId) -> Result<(), KeyError> {
        self.key(id).map(|_| ())
    }

    /// Seals with the current key what any key of the ring has sealed.
    pub(super) fn reseal(&self, owner: &Owner<'_>, sealed: &Sealed) -> Result<Sealed, KeyError> {
        self.seal(owner, &self.open(owner, sealed)?)
    }

    pub(super) fn seal(&self, owner: &Owner<'_>, plain: &[u8]) -> Result<Sealed, KeyError> {
        let nonce = XNonce::generate();
        let aad = owner.associated_data();
        let sealed = self
            .current
            .cipher()
            .encrypt(&nonce, Payload { msg: plain, aad: &aad })
            .map_err(|_| KeyError::TooLong)?;
        Ok(Sealed { key: self.current.id.clone(), bytes: [nonce.as_slice(), &sealed].concat() })
    }

    pub(super) fn open(&self, owner: &Owner<'_>, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        const NONCE: usize = 24;
        let damaged = || KeyError::Damaged { owner: owner.to_string() };
        let key = self.key(&sealed.key)?;
        let (nonce, cipher) = sealed.bytes.split_at_checked(NONCE).ok_or_else(damaged)?;
        let nonce = XNonce::try_from(nonce).map_err(|_| damaged())?;
        let aad = owner.associated_data();
        let plain =
            key.cipher().decrypt(&nonce, Payload { msg: cipher, aad: &aad }).map_err(|_| damaged())?;
        Ok(Zeroizing::new(plain))
    }
}

/// Whose secret it is: bound to the ciphertext, so that a row copied to another account cannot be opened there.
#[derive(Debug, Clone, Copy)]
pub(super) enum Owner<'a> {
    Account(&'a str),
    Connection(&'a str),
    Login(&'a str),
}

impl Owner<'_> {
    fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Account(id) => ("account", id),
            Self::Connection(id) => ("connection", id),
            Self::Login(id) => ("login of account", id),
        }
    }

    /// Whether a secret that was sealed for one API may go to another: `None` is one that was sealed before this was kept.
    pub(super) fn check_api(&self, sealed_for: Option<String>, api: &str) -> Result<(), KeyError> {
        match sealed_for {
            Some(sealed_for) if sealed_for != api => {
                Err(KeyError::ApiMismatch { owner: self.to_string(), sealed_for, api: api.to_owned() })
            }
            _ => Ok(()),
        }
    }

    fn associated_data(&self) -> Vec<u8> {
        let (kind, id) = self.parts();
        [kind.as_bytes(), b"\0", id.as_bytes()].concat()
    }
}

impl fmt::Display for Owner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, id) = self.parts();
        write!(f, "{kind} {id}")
    }
}

/// A ciphertext and the key that opens it.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Which key.
    pub key: KeyId,
    /// The nonce, then the ciphertext with its tag.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealed").field("key", &self.key).field("length", &self.bytes.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEVEN: Owner<'_> = Owner::Account("7");

    #[test]
    fn what_is_sealed_opens_for_its_owner_and_with_its_key_alone() {
        let (old, new) = (Key::generate(), Key::generate());
        let ring = KeyRing::new(old.clone());
        let sealed = ring.seal(&SEVEN, b"t0ken").unwrap();
        assert_ne!(sealed, ring.seal(&SEVEN, b"t0ken").unwrap(), "each has a nonce of its own");
        assert_eq!(ring.open(&SEVEN, &sealed).unwrap().as_slice(), b"t0ken");
        for other in [Owner::Account("8"), Owner::Connection("7"), Owner::Login("7")] {
            assert!(matches!(ring.open(&other, &sealed), Err(KeyError::Damaged { .. })), "{other}");
        }
        let rotated = KeyRing::new(new.clone()).with_old(old.clone());
        assert_eq!(rotated.open(&SEVEN, &sealed).unwrap().as_slice(), b"t0ken");
        assert_eq!(&rotated.seal(&SEVEN, b"t0ken").unwrap().key, new.id());
        let without = KeyRing::new(new);
        assert_eq!(without.open(&SEVEN, &sealed), Err(KeyError::UnknownKey { key: old.id().clone() }));
        assert!(without.knows(&sealed.key).is_err());
    }

    #[test]
    fn any_altered_byte_is_noticed() {
        let ring = KeyRing::new(Key::generate());
        let sealed = ring.seal(&SEVEN, b"t0ken").unwrap();
        for place in 0..sealed.bytes.len() {
            let mut altered = sealed.clone();
            altered.bytes[place] ^= 1;
            assert!(matches!(ring.open(&SEVEN, &altered), Err(KeyError::Damaged { .. })));
        }
        for length in 0..sealed.bytes.len() {
            let cut = Sealed { bytes: sealed.bytes[..length].to_vec(), ..sealed.clone() };
            assert!(ring.open(&SEVEN, &cut).is_err());
        }
    }

    #[test]
    fn keys_show_nothing_of_themselves() {
        let key = Key::from_bytes([7; 32]);
        let text = key.to_base64();
        assert_eq!(Key::from_base64(&text).unwrap().id(), key.id());
        let shown = format!("{key:?} {:?}", KeyRing::new(key.clone()));
        assert!(!shown.contains(text.expose_secret()) && !shown.contains("7, 7"), "{shown}");
        for bad in ["", "c2hvcnQ=", "no base64"] {
            assert_eq!(Key::from_base64(&SecretString::from(bad)).unwrap_err(), KeyError::InvalidKey);
        }
    }
}
