//! Signatures of webhook requests. Vimeo's signature is unknown, so tests configure their own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Sha256, Sha512};

use crate::protocol::ids;

/// An HMAC signature of the request body, with the webhook's secret as the key.
///
/// ```
/// use vimeo_sandbox::{SignatureEncoding, SignatureHash, WebhookSignature};
///
/// let signature = WebhookSignature::new("x-my-signature")
///     .hash(SignatureHash::Sha256)
///     .encoding(SignatureEncoding::Hex)
///     .prefix("sha256=");
/// assert!(signature.sign("secret", b"body").starts_with("sha256="));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookSignature {
    pub(crate) header: String,
    hash: SignatureHash,
    encoding: SignatureEncoding,
    prefix: String,
}

/// The hash function of an HMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SignatureHash {
    /// SHA-256.
    #[default]
    Sha256,
    /// SHA-512.
    Sha512,
}

/// The encoding of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SignatureEncoding {
    /// Lowercase hexadecimal digits.
    #[default]
    Hex,
    /// Base64 with padding.
    Base64,
}

impl WebhookSignature {
    /// Returns a signature in this header. Default: HMAC-SHA-256 in hexadecimal digits, without a prefix.
    #[must_use]
    pub fn new(header: impl Into<String>) -> Self {
        Self {
            header: header.into(),
            hash: SignatureHash::default(),
            encoding: SignatureEncoding::default(),
            prefix: String::new(),
        }
    }

    /// Sets the hash function.
    #[must_use]
    pub fn hash(mut self, hash: SignatureHash) -> Self {
        self.hash = hash;
        self
    }

    /// Sets the encoding.
    #[must_use]
    pub fn encoding(mut self, encoding: SignatureEncoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// Sets the text before the signature, such as `sha256=`.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Returns the header's value for a body.
    #[must_use]
    pub fn sign(&self, secret: &str, body: &[u8]) -> String {
        let bytes = match self.hash {
            SignatureHash::Sha256 => hmac::<Hmac<Sha256>>(secret, body),
            SignatureHash::Sha512 => hmac::<Hmac<Sha512>>(secret, body),
        };
        let text = match self.encoding {
            SignatureEncoding::Hex => ids::hex(&bytes),
            SignatureEncoding::Base64 => STANDARD.encode(&bytes),
        };
        format!("{}{text}", self.prefix)
    }
}

fn hmac<M: Mac + KeyInit>(secret: &str, body: &[u8]) -> Vec<u8> {
    // Unreachable: HMAC accepts keys of any length. An empty signature matches no body.
    let Ok(mut mac) = <M as KeyInit>::new_from_slice(secret.as_bytes()) else { return Vec::new() };
    mac.update(body);
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_match_rfc_4231() {
        // The second test case of RFC 4231.
        let (secret, body) = ("Jefe", b"what do ya want for nothing?");
        let plain = WebhookSignature::new("x");
        assert_eq!(
            plain.sign(secret, body),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        let other = plain.clone().encoding(SignatureEncoding::Base64).prefix("v1=");
        assert_eq!(other.sign(secret, body), "v1=W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
        assert!(
            plain
                .hash(SignatureHash::Sha512)
                .sign(secret, body)
                .starts_with("164b7a7bfcf819e2e395fbe73b56e0a3")
        );
    }
}
