//! Where tokens are kept: the system's keyring, unless somebody asks for less.

mod bounded;
mod command;
mod file;
#[cfg(feature = "keyring")]
mod keyring;
#[cfg(not(feature = "keyring"))]
#[path = "no_keyring.rs"]
mod keyring;

use secrecy::SecretString;

pub(crate) use bounded::TimeoutStore;
pub(crate) use command::run_token_command;
pub(crate) use file::InsecureFiles;
pub(crate) use keyring::Keyring;

/// A token as people paste it: without what stands around it, also the word that goes before it in a header; `None` when
/// nothing is left.
pub(crate) fn token(text: &str) -> Option<SecretString> {
    let text = text.trim();
    let bare = match text.split_once(char::is_whitespace) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim_start(),
        _ => text,
    };
    (!bare.is_empty()).then(|| bare.into())
}

/// A place that keeps secrets by name.
pub(crate) trait SecretStore: Send + Sync + 'static {
    /// `None` when there is none of that name.
    fn get(&self, name: &str) -> Result<Option<SecretString>, VaultError>;
    fn set(&self, name: &str, secret: &SecretString) -> Result<(), VaultError>;
    /// That there is none of that name is no error.
    fn delete(&self, name: &str) -> Result<(), VaultError>;
}

/// Why a vault does not give or take a secret. Never holds one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum VaultError {
    #[error("there is no keyring: {0}")]
    Absent(String),
    #[error("the keyring is locked or refuses: {0}")]
    Refused(String),
    #[error("the keyring does not answer within {0} s")]
    Hanging(u64),
    #[error("{0}")]
    File(String),
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_token_is_taken_without_what_stands_around_it() {
        for (text, bare) in [
            ("t0ken", Some("t0ken")),
            (" t0ken\r\n", Some("t0ken")),
            ("Bearer t0ken", Some("t0ken")),
            ("bearer  t0ken\n", Some("t0ken")),
            ("bearer", Some("bearer")),
            ("two words", Some("two words")),
            ("", None),
            ("\n", None),
        ] {
            let token = token(text);
            assert_eq!(token.as_ref().map(|token| token.expose_secret()), bare, "{text:?}");
        }
    }
}
