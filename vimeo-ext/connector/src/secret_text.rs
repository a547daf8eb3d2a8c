//! The text of keys and tokens: a prefix, an ID, and a secret of which only the hash is stored.

use secrecy::SecretString;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use vimeo_ext::hex::hex;

/// The length of a secret, in hexadecimal digits.
const SECRET_LENGTH: usize = 64;

/// The operating system provides no random bytes.
#[derive(Debug)]
pub(crate) struct NoRandomBytes;

/// Returns `N` random bytes as hexadecimal digits.
pub(crate) fn random_hex<const N: usize>() -> Result<String, NoRandomBytes> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| NoRandomBytes)?;
    Ok(hex(&bytes))
}

/// Returns a new secret.
pub(crate) fn random_secret() -> Result<String, NoRandomBytes> {
    random_hex::<{ SECRET_LENGTH / 2 }>()
}

/// Returns what is stored of a secret.
pub(crate) fn hash(secret: &str) -> String {
    hex(&Sha256::digest(secret))
}

/// Returns whether a secret has this hash, in constant time.
pub(crate) fn has_hash(secret: &str, expected: &str) -> bool {
    bool::from(expected.as_bytes().ct_eq(hash(secret).as_bytes()))
}

/// Joins the parts of a text.
pub(crate) fn join(prefix: &str, id: &str, secret: &str) -> SecretString {
    format!("{prefix}_{id}_{secret}").into()
}

/// Splits a text into its ID, which has `id_length` hexadecimal digits, and its secret.
pub(crate) fn split<'a>(text: &'a str, prefix: &str, id_length: usize) -> Option<(&'a str, &'a str)> {
    let (id, secret) = text.strip_prefix(prefix)?.strip_prefix('_')?.split_once('_')?;
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    (id.len() == id_length && secret.len() == SECRET_LENGTH && is_hex(id) && is_hex(secret))
        .then_some((id, secret))
}
