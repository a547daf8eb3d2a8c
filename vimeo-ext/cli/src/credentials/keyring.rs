//! The keyring of the system: Keychain, Credential Manager, Secret Service.

use keyring::{Entry, Error};
use secrecy::{ExposeSecret, SecretString};

use super::{SecretStore, VaultError};

/// Without a space: some keyrings do not find a service whose name has one.
const SERVICE: &str = "vimeo-cli";

/// The system's keyring, under the service `vimeo-cli`.
pub(crate) struct Keyring;

impl Keyring {
    fn entry(name: &str) -> Result<Entry, VaultError> {
        if let Err(error) = Entry::store_status() {
            return Err(VaultError::Absent(error.to_string()));
        }
        Entry::new(SERVICE, name).map_err(|error| refused(&error))
    }
}

impl SecretStore for Keyring {
    fn get(&self, name: &str) -> Result<Option<SecretString>, VaultError> {
        match Self::entry(name)?.get_password() {
            Ok(secret) => Ok(Some(secret.into())),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(refused(&error)),
        }
    }

    fn set(&self, name: &str, secret: &SecretString) -> Result<(), VaultError> {
        Self::entry(name)?.set_password(secret.expose_secret()).map_err(|error| refused(&error))
    }

    fn delete(&self, name: &str) -> Result<(), VaultError> {
        match Self::entry(name)?.delete_credential() {
            Ok(()) | Err(Error::NoEntry) => Ok(()),
            Err(error) => Err(refused(&error)),
        }
    }
}

/// The keyring's own words, but for those that would carry what is stored.
fn refused(error: &Error) -> VaultError {
    VaultError::Refused(match error {
        Error::BadEncoding(_) | Error::BadDataFormat(..) => "what it holds is no text".to_owned(),
        other => other.to_string(),
    })
}
