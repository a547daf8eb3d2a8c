//! Verifying that a request comes from Vimeo.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use sha2::{Sha256, Sha512};
use subtle::ConstantTimeEq;

use super::WebhookError;

/// How the signature of a request's body is transmitted: its header, hash and encoding.
#[derive(Debug, Clone)]
pub struct Signature {
    header: String,
    hash: Hash,
    encoding: Encoding,
    prefix: String,
}

/// The hash function of an HMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hash {
    /// HMAC-SHA-256.
    Sha256,
    /// HMAC-SHA-512.
    Sha512,
}

/// The text encoding of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Encoding {
    /// Hexadecimal digits, upper or lower case.
    Hex,
    /// Base64, with or without padding.
    Base64,
    /// URL-safe Base64, with or without padding.
    Base64Url,
}

impl Signature {
    /// Describes a signature in the given header.
    pub fn new(header: impl Into<String>, hash: Hash, encoding: Encoding) -> Self {
        Self { header: header.into(), hash, encoding, prefix: String::new() }
    }

    /// Sets the text that precedes the signature in the header, such as `sha256=`. Default: none.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    fn decode(&self, value: &str) -> Option<Vec<u8>> {
        let text = value.trim().strip_prefix(self.prefix.as_str())?;
        match self.encoding {
            Encoding::Hex => {
                let digits = text.as_bytes().chunks(2);
                digits
                    .map(|pair| match pair {
                        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
                        _ => None,
                    })
                    .collect()
            }
            Encoding::Base64 => STANDARD.decode(text).or_else(|_| STANDARD_NO_PAD.decode(text)).ok(),
            Encoding::Base64Url => URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok(),
        }
    }
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Verifies that a request comes from Vimeo. `Debug` output does not contain secrets.
///
/// ```
/// use vimeo_ext::webhooks::{Encoding, Hash, Signature, Verifier};
/// let signature = Signature::new("x-signature", Hash::Sha256, Encoding::Hex).prefix("sha256=");
/// // Accepts both secrets while the old one is being replaced.
/// let verifier = Verifier::signature(signature, "new s3cret").or_secret("old s3cret");
/// ```
#[derive(Clone)]
pub struct Verifier(Kind);

#[derive(Clone)]
enum Kind {
    Signature { signature: Signature, secrets: Vec<SecretString> },
    SecretAt { pointer: String, secrets: Vec<SecretString> },
    None,
}

impl Verifier {
    /// Verifies an HMAC of the raw body, keyed with the webhook's secret.
    pub fn signature(signature: Signature, secret: impl Into<SecretString>) -> Self {
        Self(Kind::Signature { signature, secrets: vec![secret.into()] })
    }

    /// Compares the webhook's secret with the value at a JSON pointer in the payload, such as `/secret`.
    ///
    /// This is weaker than a signature: anyone who has seen one request can forge others.
    pub fn secret_at(pointer: impl Into<String>, secret: impl Into<SecretString>) -> Self {
        Self(Kind::SecretAt { pointer: pointer.into(), secrets: vec![secret.into()] })
    }

    /// Also accepts another secret, so that a secret can be replaced without downtime.
    #[must_use]
    pub fn or_secret(mut self, secret: impl Into<SecretString>) -> Self {
        match &mut self.0 {
            Kind::Signature { secrets, .. } | Kind::SecretAt { secrets, .. } => secrets.push(secret.into()),
            Kind::None => {}
        }
        self
    }

    /// Accepts all requests: anyone who knows the URL can post to it. Use it only behind a proxy that verifies requests.
    pub fn none() -> Self {
        Self(Kind::None)
    }

    /// Checks that the header name is valid and no secret is empty.
    pub(super) fn validate(&self) -> Result<(), WebhookError> {
        match &self.0 {
            Kind::Signature { signature, secrets } => {
                HeaderName::try_from(signature.header.as_str()).map_err(|_| {
                    WebhookError::Setup("invalid header name in Signature::new; use one such as x-signature")
                })?;
                reject_empty_secret(secrets)
            }
            Kind::SecretAt { secrets, .. } => reject_empty_secret(secrets),
            Kind::None => Ok(()),
        }
    }

    /// Verifies a request in constant time. It parses the body of an unverified request only for
    /// [`secret_at`](Self::secret_at).
    pub(super) fn verify(&self, headers: &HeaderMap, body: &[u8]) -> bool {
        match &self.0 {
            Kind::None => true,
            Kind::SecretAt { pointer, secrets } => {
                let Ok(json) = serde_json::from_slice::<Value>(body) else { return false };
                let Some(received) = json.pointer(pointer).and_then(Value::as_str) else { return false };
                any(secrets, |secret| bool::from(secret.ct_eq(received.as_bytes())))
            }
            Kind::Signature { signature, secrets } => {
                let mut values = headers.get_all(signature.header.as_str()).iter();
                let (Some(value), None) = (values.next(), values.next()) else { return false };
                let Some(received) = value.to_str().ok().and_then(|value| signature.decode(value)) else {
                    return false;
                };
                any(secrets, |secret| match signature.hash {
                    Hash::Sha256 => verify_mac::<Hmac<Sha256>>(secret, body, &received),
                    Hash::Sha512 => verify_mac::<Hmac<Sha512>>(secret, body, &received),
                })
            }
        }
    }
}

/// With an empty secret, anyone could sign.
fn reject_empty_secret(secrets: &[SecretString]) -> Result<(), WebhookError> {
    match secrets.iter().any(|secret| secret.expose_secret().is_empty()) {
        true => Err(WebhookError::Setup(
            "the webhook's secret is empty; pass the secret that the webhook was registered with",
        )),
        false => Ok(()),
    }
}

/// Tries all secrets, even after one matches, so that the time does not depend on which one it is.
fn any(secrets: &[SecretString], matches: impl Fn(&[u8]) -> bool) -> bool {
    secrets.iter().fold(false, |found, secret| matches(secret.expose_secret().as_bytes()) | found)
}

fn verify_mac<M: Mac + KeyInit>(secret: &[u8], body: &[u8], received: &[u8]) -> bool {
    <M as KeyInit>::new_from_slice(secret)
        .is_ok_and(|mac| mac.chain_update(body).verify_slice(received).is_ok())
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Signature { signature, .. } => f.debug_tuple("Verifier").field(signature).finish(),
            Kind::SecretAt { pointer, .. } => f.debug_struct("Verifier").field("secret_at", pointer).finish(),
            Kind::None => f.write_str("Verifier(none)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"what do ya want for nothing?";
    // RFC 4231, test case 2: the key is "Jefe".
    const SHA256: &str = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";

    fn verify(verifier: &Verifier, value: &str, body: &[u8]) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert("x-sig", value.parse().unwrap());
        verifier.verify(&headers, body)
    }

    #[test]
    fn accepts_signatures_in_every_encoding_and_rejects_forgeries() {
        let bytes = Signature::new("x", Hash::Sha256, Encoding::Hex).decode(SHA256).unwrap();
        let hex = |prefix: &str| Signature::new("x-sig", Hash::Sha256, Encoding::Hex).prefix(prefix);
        let base64 = Signature::new("X-Sig", Hash::Sha256, Encoding::Base64);
        let url = Signature::new("x-sig", Hash::Sha256, Encoding::Base64Url);
        let plain = STANDARD_NO_PAD.encode(&bytes);
        let good = [
            (hex(""), SHA256.to_owned()),
            (hex(""), SHA256.to_uppercase()),
            (hex("sha256="), format!("sha256={SHA256}")),
            (base64.clone(), STANDARD.encode(&bytes)),
            (base64, plain.clone()),
            (url, URL_SAFE_NO_PAD.encode(&bytes)),
        ];
        for (signature, value) in good {
            let verifier = Verifier::signature(signature.clone(), "Jefe");
            assert!(verify(&verifier, &value, BODY), "{value}");
            assert!(!verify(&verifier, &value, b"what do ya want for nothing!"));
            assert!(!verify(&Verifier::signature(signature.clone(), "other"), &value, BODY));
            assert!(
                verify(&Verifier::signature(signature, "new").or_secret("Jefe"), &value, BODY),
                "two secrets"
            );
        }
        let verifier = Verifier::signature(hex("sha256="), "Jefe");
        for bad in ["", "sha256=", SHA256, "sha256=zz", &format!("sha256={}", &SHA256[..62]), "sha256=5"] {
            assert!(!verify(&verifier, bad, BODY), "{bad}");
        }
        let mut twice = HeaderMap::new();
        twice.append("x-sig", format!("sha256={SHA256}").parse().unwrap());
        twice.append("x-sig", "sha256=00".parse().unwrap());
        assert!(!verifier.verify(&twice, BODY), "two signature headers are rejected");
        assert!(!verifier.verify(&HeaderMap::new(), BODY));
    }

    #[test]
    fn compares_a_secret_in_the_payload() {
        let verifier = Verifier::secret_at("/secret", "s3cret");
        let verify = |json: Value| verifier.verify(&HeaderMap::new(), json.to_string().as_bytes());
        assert!(verify(serde_json::json!({"secret": "s3cret"})));
        for json in [
            serde_json::json!({}),
            serde_json::json!({"secret": null}),
            serde_json::json!({"secret": "s3cre"}),
        ] {
            assert!(!verify(json));
        }
        assert!(!format!("{verifier:?}").contains("s3cret"));
        assert!(Verifier::secret_at("/secret", "").validate().is_err());
        assert!(
            Verifier::signature(Signature::new("a b", Hash::Sha512, Encoding::Hex), "s").validate().is_err()
        );
    }
}
