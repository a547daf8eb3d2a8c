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

pub(crate) use bounded::Bounded;
pub(crate) use command::run_token_command;
pub(crate) use file::InsecureFiles;
pub(crate) use keyring::Keyring;

/// A place that keeps secrets by name.
pub(crate) trait Vault: Send + Sync + 'static {
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
