//! The system keyring: macOS Keychain, Windows Credential Manager, Secret Service.

use keyring::{Entry, Error};
use secrecy::{ExposeSecret, SecretString};

use super::{SecretStore, SecretStoreError};

/// No space in the name: some keyrings cannot find such a service.
const SERVICE: &str = "vimeo-cli";

/// The system keyring, service `vimeo-cli`.
pub(crate) struct Keyring;

impl Keyring {
    fn entry(name: &str) -> Result<Entry, SecretStoreError> {
        if let Err(error) = Entry::store_status() {
            return Err(SecretStoreError::Unavailable(error.to_string()));
        }
        Entry::new(SERVICE, name).map_err(|error| refused(&error))
    }
}

impl SecretStore for Keyring {
    fn get(&self, name: &str) -> Result<Option<SecretString>, SecretStoreError> {
        match Self::entry(name)?.get_password() {
            Ok(secret) => Ok(Some(secret.into())),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(refused(&error)),
        }
    }

    fn set(&self, name: &str, secret: &SecretString) -> Result<(), SecretStoreError> {
        Self::entry(name)?.set_password(secret.expose_secret()).map_err(|error| refused(&error))
    }

    fn delete(&self, name: &str) -> Result<(), SecretStoreError> {
        match Self::entry(name)?.delete_credential() {
            Ok(()) | Err(Error::NoEntry) => Ok(()),
            Err(error) => Err(refused(&error)),
        }
    }
}

/// Converts a keyring error. Messages that can contain the stored secret are replaced.
fn refused(error: &Error) -> SecretStoreError {
    SecretStoreError::Refused(match error {
        Error::BadEncoding(_) | Error::BadDataFormat(..) => "the stored secret is not text".to_owned(),
        other => other.to_string(),
    })
}
