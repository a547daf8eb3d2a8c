//! Stands in for the system's keyring in a build without it.

use secrecy::SecretString;

use super::{SecretStore, VaultError};

/// A keyring that is never there.
pub(crate) struct Keyring;

fn absent() -> VaultError {
    VaultError::Absent("this build of the command has no support for keyrings (feature `keyring`)".to_owned())
}

impl SecretStore for Keyring {
    fn get(&self, _name: &str) -> Result<Option<SecretString>, VaultError> {
        Err(absent())
    }

    fn set(&self, _name: &str, _secret: &SecretString) -> Result<(), VaultError> {
        Err(absent())
    }

    fn delete(&self, _name: &str) -> Result<(), VaultError> {
        Err(absent())
    }
}
