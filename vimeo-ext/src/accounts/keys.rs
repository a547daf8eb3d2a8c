//! Encryption of secrets, before any store receives them (XChaCha20-Poly1305).

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

/// An encryption key of 32 random bytes. Keep it apart from the store: in a secret manager, not in the database.
///
/// `Debug` output does not contain the key.
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
    /// Generates a key from the operating system's random number generator.
    pub fn generate() -> Self {
        Self::from_bytes(chacha20poly1305::Key::generate().into())
    }

    /// Creates a key from its 32 bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let bytes = Arc::new(SecretBox::new(Box::new(bytes)));
        let digest = Sha256::new().chain_update("vimeo-ext key id\0").chain_update(bytes.expose_secret());
        let mut id = hex(&digest.finalize());
        id.truncate(16);
        Self { id: KeyId::new(id), bytes }
    }

    /// Decodes a key from base64. Surrounding whitespace is ignored.
    ///
    /// # Errors
    ///
    /// [`KeyError::InvalidKey`] if the text is not the base64 of 32 bytes.
    pub fn from_base64(text: &SecretString) -> Result<Self, KeyError> {
        let decoded = STANDARD.decode(text.expose_secret().trim()).map_err(|_| KeyError::InvalidKey)?;
        let decoded = Zeroizing::new(decoded);
        Ok(Self::from_bytes(decoded.as_slice().try_into().map_err(|_| KeyError::InvalidKey)?))
    }

    /// Encodes the key as base64, for a secret manager.
    pub fn to_base64(&self) -> SecretString {
        STANDARD.encode(self.bytes.expose_secret()).into()
    }

    /// Returns the key's ID: a hash that identifies the key without revealing it.
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

/// The encryption keys: the current one, which encrypts, and older ones, which only decrypt.
///
/// To rotate keys: start every process with the new key as the current one and the old key added by
/// [`with_old`](Self::with_old); then call [`Accounts::rotate_keys`](super::Accounts::rotate_keys) or run
/// `vimeo accounts rotate-keys`; then remove the old key.
///
/// ```
/// use vimeo_ext::accounts::{Key, KeyRing};
/// let (old, new) = (Key::generate(), Key::generate());
/// let keys = KeyRing::new(new.clone()).with_old(old);
/// assert_eq!(keys.current(), new.id());
/// ```
#[derive(Debug, Clone)]
pub struct KeyRing {
    current: Key,
    old: Vec<Key>,
}

impl KeyRing {
    /// Creates a key ring with this current key.
    pub fn new(current: Key) -> Self {
        Self { current, old: Vec::new() }
    }

    /// Adds a key that only decrypts.
    #[must_use]
    pub fn with_old(mut self, key: Key) -> Self {
        self.old.push(key);
        self
    }

    /// Returns the ID of the current key.
    pub fn current(&self) -> &KeyId {
        &self.current.id
    }

    /// Derives a key for another purpose from the current key. Processes with the same current key derive the same key.
    pub(super) fn derive(&self, purpose: &str) -> [u8; 32] {
        let label = Sha256::new().chain_update("vimeo-ext derived key\0").chain_update(purpose);
        label.chain_update("\0").chain_update(self.current.bytes.expose_secret()).finalize().into()
    }

    fn key(&self, id: &KeyId) -> Result<&Key, KeyError> {
        std::iter::once(&self.current)
            .chain(&self.old)
            .find(|key| key.id == *id)
            .ok_or_else(|| KeyError::UnknownKey { key: id.clone() })
    }

    /// Checks that a key is in the ring. A secret that is encrypted with another key must not be overwritten.
    pub(super) fn require(&self, id: &KeyId) -> Result<(), KeyError> {
        self.key(id).map(|_| ())
    }

    /// Re-encrypts a secret with the current key.
    pub(super) fn reencrypt(
        &self,
        owner: &Owner<'_>,
        ciphertext: &Ciphertext,
    ) -> Result<Ciphertext, KeyError> {
        self.encrypt(owner, &self.decrypt(owner, ciphertext)?)
    }

    pub(super) fn encrypt(&self, owner: &Owner<'_>, plain: &[u8]) -> Result<Ciphertext, KeyError> {
        let nonce = XNonce::generate();
        let aad = owner.associated_data();
        let ciphertext = self
            .current
            .cipher()
            .encrypt(&nonce, Payload { msg: plain, aad: &aad })
            .map_err(|_| KeyError::TooLong)?;
        Ok(Ciphertext { key: self.current.id.clone(), bytes: [nonce.as_slice(), &ciphertext].concat() })
    }

    pub(super) fn decrypt(
        &self,
        owner: &Owner<'_>,
        ciphertext: &Ciphertext,
    ) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        const NONCE_LENGTH: usize = 24;
        let damaged = || KeyError::Damaged { owner: owner.to_string() };
        let key = self.key(&ciphertext.key)?;
        let (nonce, cipher) = ciphertext.bytes.split_at_checked(NONCE_LENGTH).ok_or_else(damaged)?;
        let nonce = XNonce::try_from(nonce).map_err(|_| damaged())?;
        let aad = owner.associated_data();
        let plain =
            key.cipher().decrypt(&nonce, Payload { msg: cipher, aad: &aad }).map_err(|_| damaged())?;
        Ok(Zeroizing::new(plain))
    }
}

/// The owner of a secret. It is authenticated with the ciphertext (associated data), so that a secret that is copied to
/// another account's row cannot be decrypted there.
#[derive(Debug, Clone, Copy)]
pub(super) enum Owner<'a> {
    Account(&'a str),
    Connection(&'a str),
    Login(&'a str),
    /// A document of a service, by its ID.
    Document(&'a str),
}

impl Owner<'_> {
    fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Account(id) => ("account", id),
            Self::Connection(id) => ("connection", id),
            Self::Login(id) => ("login of account", id),
            Self::Document(id) => ("document", id),
        }
    }

    /// Checks that a secret was encrypted for this API. `None` is a secret that an earlier version stored, which is not bound to
    /// an API.
    pub(super) fn check_api(&self, encrypted_for: Option<String>, api: &str) -> Result<(), KeyError> {
        match encrypted_for {
            Some(encrypted_for) if encrypted_for != api => {
                Err(KeyError::ApiMismatch { owner: self.to_string(), encrypted_for, api: api.to_owned() })
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

/// An encrypted secret and the ID of the key that decrypts it.
#[derive(Clone, PartialEq, Eq)]
pub struct Ciphertext {
    /// The ID of the key.
    pub key: KeyId,
    /// The nonce, followed by the encrypted bytes and the authentication tag.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Ciphertext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ciphertext").field("key", &self.key).field("length", &self.bytes.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: Owner<'_> = Owner::Account("7");

    #[test]
    fn ciphertext_decrypts_only_for_its_owner_and_key() {
        let (old, new) = (Key::generate(), Key::generate());
        let ring = KeyRing::new(old.clone());
        let ciphertext = ring.encrypt(&OWNER, b"t0ken").unwrap();
        assert_ne!(ciphertext, ring.encrypt(&OWNER, b"t0ken").unwrap(), "each encryption uses a new nonce");
        assert_eq!(ring.decrypt(&OWNER, &ciphertext).unwrap().as_slice(), b"t0ken");
        for other in [Owner::Account("8"), Owner::Connection("7"), Owner::Login("7")] {
            assert!(matches!(ring.decrypt(&other, &ciphertext), Err(KeyError::Damaged { .. })), "{other}");
        }
        let rotated = KeyRing::new(new.clone()).with_old(old.clone());
        assert_eq!(rotated.decrypt(&OWNER, &ciphertext).unwrap().as_slice(), b"t0ken");
        assert_eq!(&rotated.encrypt(&OWNER, b"t0ken").unwrap().key, new.id());
        let without = KeyRing::new(new);
        assert_eq!(without.decrypt(&OWNER, &ciphertext), Err(KeyError::UnknownKey { key: old.id().clone() }));
        assert!(without.require(&ciphertext.key).is_err());
    }

    #[test]
    fn derived_keys_depend_on_the_current_key_and_the_purpose() {
        let (one, other) = (Key::generate(), Key::generate());
        let ring = KeyRing::new(one.clone());
        let same = KeyRing::new(one.clone()).with_old(other.clone());
        assert_eq!(ring.derive("a"), same.derive("a"));
        assert_ne!(ring.derive("a"), ring.derive("b"));
        assert_ne!(ring.derive("a"), KeyRing::new(other).with_old(one.clone()).derive("a"));
        assert_ne!(ring.derive("a"), *one.bytes.expose_secret());
    }

    #[test]
    fn detects_tampering_and_truncation() {
        let ring = KeyRing::new(Key::generate());
        let ciphertext = ring.encrypt(&OWNER, b"t0ken").unwrap();
        for index in 0..ciphertext.bytes.len() {
            let mut altered = ciphertext.clone();
            altered.bytes[index] ^= 1;
            assert!(matches!(ring.decrypt(&OWNER, &altered), Err(KeyError::Damaged { .. })));
        }
        for length in 0..ciphertext.bytes.len() {
            let truncated = Ciphertext { bytes: ciphertext.bytes[..length].to_vec(), ..ciphertext.clone() };
            assert!(ring.decrypt(&OWNER, &truncated).is_err());
        }
    }

    #[test]
    fn debug_redacts_keys() {
        let key = Key::from_bytes([7; 32]);
        let text = key.to_base64();
        assert_eq!(Key::from_base64(&text).unwrap().id(), key.id());
        let shown = format!("{key:?} {:?}", KeyRing::new(key.clone()));
        assert!(!shown.contains(text.expose_secret()) && !shown.contains("7, 7"), "{shown}");
        for invalid in ["", "c2hvcnQ=", "no base64"] {
            assert_eq!(Key::from_base64(&SecretString::from(invalid)).unwrap_err(), KeyError::InvalidKey);
        }
    }
}
