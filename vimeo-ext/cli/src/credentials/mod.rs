//! Token storage: the system keyring, an unencrypted file or a command.

mod command;
mod file;
#[cfg(feature = "keyring")]
mod keyring;
#[cfg(not(feature = "keyring"))]
#[path = "no_keyring.rs"]
mod keyring;
mod timeout;

use secrecy::SecretString;

pub(crate) use command::run_token_command;
pub(crate) use file::InsecureFiles;
pub(crate) use keyring::Keyring;
pub(crate) use timeout::TimeoutStore;

/// Parses a pasted token: removes surrounding whitespace and a leading `Bearer`. `None` if nothing is left.
pub(crate) fn parse_token(text: &str) -> Option<SecretString> {
    let text = text.trim();
    let bare = match text.split_once(char::is_whitespace) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim_start(),
        _ => text,
    };
    (!bare.is_empty()).then(|| bare.into())
}

/// Stores secrets by name.
pub(crate) trait SecretStore: Send + Sync + 'static {
    /// Returns `None` if there is no secret with this name.
    fn get(&self, name: &str) -> Result<Option<SecretString>, SecretStoreError>;
    fn set(&self, name: &str, secret: &SecretString) -> Result<(), SecretStoreError>;
    /// Succeeds if there is no secret with this name.
    fn delete(&self, name: &str) -> Result<(), SecretStoreError>;
}

/// Why a secret store failed. Never contains a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SecretStoreError {
    #[error("no keyring available: {0}")]
    Unavailable(String),
    #[error("the keyring is locked or refused access: {0}")]
    Refused(String),
    #[error("the keyring did not respond within {0} s")]
    Timeout(u64),
    #[error("{0}")]
    File(String),
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn strips_whitespace_and_bearer_prefix() {
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
            let token = parse_token(text);
            assert_eq!(token.as_ref().map(|token| token.expose_secret()), bare, "{text:?}");
        }
    }
}
