//! The signature of a delivery.

use hmac::{Hmac, KeyInit, Mac};
use http::HeaderName;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use vimeo_ext::hex::hex;

/// The header with the signature.
pub(super) const HEADER: HeaderName = HeaderName::from_static("vimeo-connector-signature");

/// Signs a body at a time, in seconds since 1970: `t=TIME,v1=SIGNATURE`, where the signature is the HMAC-SHA-256 of the time,
/// a dot and the body, in hexadecimal digits.
pub(super) fn sign(secret: &SecretString, time: i64, body: &[u8]) -> String {
    let secret = secret.expose_secret().as_bytes();
    // HMAC takes keys of every length.
    let Ok(mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(secret) else { return String::new() };
    let mac = mac.chain_update(time.to_string()).chain_update(b".").chain_update(body);
    format!("t={time},v1={}", hex(&mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_cover_time_body_and_secret() {
        let signed = sign(&"s3cret".into(), 1_700_000_000, b"{}");
        // Computed with Python's hmac module.
        assert_eq!(
            signed,
            "t=1700000000,v1=97926816e98fbb41ccb1673225ff29a2f35369099990e1b1561651e7bd097ebf"
        );
        for (secret, time, body) in [
            ("other", 1_700_000_000, "{}"),
            ("s3cret", 1_700_000_001, "{}"),
            ("s3cret", 1_700_000_000, "{ }"),
        ] {
            let other = sign(&secret.into(), time, body.as_bytes());
            assert_ne!(other.split(',').nth(1), signed.split(',').nth(1), "{secret} {time} {body}");
        }
    }
}
