//! Values that go out to a client and come back: nobody else can read them, make them or use them elsewhere.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use chrono::{DateTime, TimeDelta, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::random;

const NONCE: usize = 24;

/// A key, and what it can do.
#[derive(Clone)]
pub(crate) struct Sealer {
    /// `None` when the system had no random bytes for a key: then nothing is sealed and nothing opened.
    cipher: Option<XChaCha20Poly1305>,
}

/// Why a sealed value is not taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnsealError {
    /// It was not sealed here, or for something else.
    Foreign,
    /// It is too old.
    Stale,
}

#[derive(Serialize, Deserialize)]
struct Sealed<T> {
    /// When, in Unix seconds.
    at: i64,
    value: T,
}

impl Sealer {
    /// With a key of its own: what it seals is of no use to another process.
    pub(crate) fn new() -> Self {
        Self { cipher: random::bytes::<32>().map(|key| XChaCha20Poly1305::new(&key.into())) }
    }

    /// With a key that several processes share.
    pub(crate) fn with_key(key: [u8; 32]) -> Self {
        Self { cipher: Some(XChaCha20Poly1305::new(&key.into())) }
    }

    /// The value as text, bound to a context: it opens only with the same.
    pub(crate) fn seal(&self, context: &str, value: &impl Serialize, now: DateTime<Utc>) -> Option<String> {
        let message = serde_json::to_vec(&Sealed { at: now.timestamp(), value }).ok()?;
        let nonce: [u8; NONCE] = random::bytes()?;
        let payload = Payload { msg: &message, aad: context.as_bytes() };
        let sealed = self.cipher.as_ref()?.encrypt(&XNonce::from(nonce), payload).ok()?;
        Some(URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat()))
    }

    /// The value in the text.
    pub(crate) fn open<T: DeserializeOwned>(
        &self,
        context: &str,
        text: &str,
        now: DateTime<Utc>,
        lifetime: TimeDelta,
    ) -> Result<T, UnsealError> {
        let bytes = URL_SAFE_NO_PAD.decode(text.trim()).map_err(|_| UnsealError::Foreign)?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>().ok_or(UnsealError::Foreign)?;
        let payload = Payload { msg: sealed, aad: context.as_bytes() };
        let cipher = self.cipher.as_ref().ok_or(UnsealError::Foreign)?;
        let message = cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| UnsealError::Foreign)?;
        let opened: Sealed<T> = serde_json::from_slice(&message).map_err(|_| UnsealError::Foreign)?;
        let age = now.timestamp().saturating_sub(opened.at);
        // A clock that was set back a little does no harm.
        if age > lifetime.num_seconds() || age < -300 { Err(UnsealError::Stale) } else { Ok(opened.value) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_opens_in_its_context_and_time_alone() {
        let (seal, other) = (Sealer::with_key([7; 32]), Sealer::new());
        let now = DateTime::from_timestamp(1_000_000, 0).unwrap();
        let hour = TimeDelta::hours(1);
        let text = seal.seal("account 7", &("/me/videos?page=2", 3), now).unwrap();
        let open = |seal: &Sealer, context: &str, text: &str, later: i64| {
            seal.open::<(String, usize)>(context, text, now + TimeDelta::seconds(later), hour)
        };
        assert_eq!(open(&seal, "account 7", &text, 3600), Ok(("/me/videos?page=2".to_owned(), 3)));
        assert_eq!(open(&Sealer::with_key([7; 32]), "account 7", &text, 0).unwrap().1, 3);
        assert_eq!(open(&seal, "account 7", &text, 3601), Err(UnsealError::Stale));
        assert_eq!(open(&seal, "account 8", &text, 0), Err(UnsealError::Foreign));
        assert_eq!(open(&other, "account 7", &text, 0), Err(UnsealError::Foreign));
        for broken in ["", "AAAA", "no base64!", &text[1..], &format!("{text}A"), &"A".repeat(200)] {
            assert_eq!(open(&seal, "account 7", broken, 0), Err(UnsealError::Foreign), "{broken}");
        }
        assert!(!text.contains("videos"));
        assert_ne!(seal.seal("a", &1, now), seal.seal("a", &1, now));
    }
}
