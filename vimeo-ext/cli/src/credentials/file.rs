//! Tokens in clear, for those who asked for it by name.

use std::io;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::{SecretStore, VaultError};
use crate::config;

/// A file for each token, which only its owner can read.
pub(crate) struct InsecureFiles {
    folder: PathBuf,
}

impl InsecureFiles {
    pub(crate) fn in_folder(config: &Path) -> Self {
        Self { folder: config.join("tokens") }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn failed(&self, action: &str, name: &str, error: &io::Error) -> VaultError {
        VaultError::File(format!(
            "cannot {action} {}: {}",
            self.path(name).display(),
            crate::exit::reason(error)
        ))
    }
}

impl SecretStore for InsecureFiles {
    fn get(&self, name: &str) -> Result<Option<SecretString>, VaultError> {
        match config::read_text(&self.path(name)) {
            Ok(text) => Ok(Some(text.trim().into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed("read", name, &error)),
        }
    }

    fn set(&self, name: &str, secret: &SecretString) -> Result<(), VaultError> {
        config::replace(&self.path(name), secret.expose_secret().as_bytes())
            .map_err(|failure| VaultError::File(failure.to_string()))
    }

    fn delete(&self, name: &str) -> Result<(), VaultError> {
        config::remove(&self.path(name)).map_err(|error| self.failed("remove", name, &error))
    }
}
