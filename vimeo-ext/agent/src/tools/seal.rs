//! Sealed values, which a client passes back: nobody else can read them, forge them or use them elsewhere.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use chrono::{DateTime, TimeDelta, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::random;

const NONCE_LENGTH: usize = 24;

/// Encrypts and authenticates values.
#[derive(Clone)]
pub(crate) struct Sealer {
    /// `None` if the system had no random bytes for a key: nothing is sealed and nothing opened.
    cipher: Option<XChaCha20Poly1305>,
}

/// Why a sealed value cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnsealError {
    /// It was sealed with another key or for another context, or it is damaged.
    Invalid,
    /// It is too old.
    Expired,
}

#[derive(Serialize, Deserialize)]
struct Sealed<T> {
    /// When it was sealed, in Unix seconds.
    at: i64,
    value: T,
}

impl Sealer {
    /// Creates a sealer with a random key, which no other process has.
    pub(crate) fn new() -> Self {
        Self { cipher: random::bytes::<32>().map(|key| XChaCha20Poly1305::new(&key.into())) }
    }

    /// Creates a sealer with a key that several processes can share.
    pub(crate) fn with_key(key: [u8; 32]) -> Self {
        Self { cipher: Some(XChaCha20Poly1305::new(&key.into())) }
    }

    /// Seals a value, bound to a context: it opens only with the same context.
    pub(crate) fn seal(&self, context: &str, value: &impl Serialize, now: DateTime<Utc>) -> Option<String> {
        let message = serde_json::to_vec(&Sealed { at: now.timestamp(), value }).ok()?;
        let nonce: [u8; NONCE_LENGTH] = random::bytes()?;
        let payload = Payload { msg: &message, aad: context.as_bytes() };
        let sealed = self.cipher.as_ref()?.encrypt(&XNonce::from(nonce), payload).ok()?;
        Some(URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat()))
    }

    /// Opens a sealed value that is at most `ttl` old.
    pub(crate) fn open<T: DeserializeOwned>(
        &self,
        context: &str,
        text: &str,
        now: DateTime<Utc>,
        ttl: TimeDelta,
    ) -> Result<T, UnsealError> {
        let bytes = URL_SAFE_NO_PAD.decode(text.trim()).map_err(|_| UnsealError::Invalid)?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_LENGTH>().ok_or(UnsealError::Invalid)?;
        let payload = Payload { msg: sealed, aad: context.as_bytes() };
        let cipher = self.cipher.as_ref().ok_or(UnsealError::Invalid)?;
        let message = cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| UnsealError::Invalid)?;
        let opened: Sealed<T> = serde_json::from_slice(&message).map_err(|_| UnsealError::Invalid)?;
        let age = now.timestamp().saturating_sub(opened.at);
        // Tolerates a clock that was set back a little.
        if age > ttl.num_seconds() || age < -300 { Err(UnsealError::Expired) } else { Ok(opened.value) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_only_in_its_context_and_time() {
        let (sealer, other) = (Sealer::with_key([7; 32]), Sealer::new());
        let now = DateTime::from_timestamp(1_000_000, 0).unwrap();
        let hour = TimeDelta::hours(1);
        let text = sealer.seal("account 7", &("/me/videos?page=2", 3), now).unwrap();
        let open = |sealer: &Sealer, context: &str, text: &str, later: i64| {
            sealer.open::<(String, usize)>(context, text, now + TimeDelta::seconds(later), hour)
        };
        assert_eq!(open(&sealer, "account 7", &text, 3600), Ok(("/me/videos?page=2".to_owned(), 3)));
        assert_eq!(open(&Sealer::with_key([7; 32]), "account 7", &text, 0).unwrap().1, 3);
        assert_eq!(open(&sealer, "account 7", &text, 3601), Err(UnsealError::Expired));
        assert_eq!(open(&sealer, "account 8", &text, 0), Err(UnsealError::Invalid));
        assert_eq!(open(&other, "account 7", &text, 0), Err(UnsealError::Invalid));
        for broken in ["", "AAAA", "no base64!", &text[1..], &format!("{text}A"), &"A".repeat(200)] {
            assert_eq!(open(&sealer, "account 7", broken, 0), Err(UnsealError::Invalid), "{broken}");
        }
        assert!(!text.contains("videos"));
        assert_ne!(sealer.seal("a", &1, now), sealer.seal("a", &1, now));
    }
}
