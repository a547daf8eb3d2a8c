//! Replaces the system keyring in builds without the `keyring` feature.

use secrecy::SecretString;

use super::{SecretStore, SecretStoreError};

/// A keyring that is never available.
pub(crate) struct Keyring;

fn absent() -> SecretStoreError {
    SecretStoreError::Unavailable("this build has no keyring support (feature `keyring`)".to_owned())
}

impl SecretStore for Keyring {
    fn get(&self, _name: &str) -> Result<Option<SecretString>, SecretStoreError> {
        Err(absent())
    }

    fn set(&self, _name: &str, _secret: &SecretString) -> Result<(), SecretStoreError> {
        Err(absent())
    }

    fn delete(&self, _name: &str) -> Result<(), SecretStoreError> {
        Err(absent())
    }
}
