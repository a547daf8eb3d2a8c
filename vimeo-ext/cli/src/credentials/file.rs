//! Unencrypted token files, for `--insecure-storage`.

use std::io;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::{SecretStore, SecretStoreError};
use crate::config;

/// One file per token, readable only by its owner.
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

    fn failed(&self, action: &str, name: &str, error: &io::Error) -> SecretStoreError {
        SecretStoreError::File(format!(
            "cannot {action} {}: {}",
            self.path(name).display(),
            crate::exit::reason(error)
        ))
    }
}

impl SecretStore for InsecureFiles {
    fn get(&self, name: &str) -> Result<Option<SecretString>, SecretStoreError> {
        match config::read_text(&self.path(name)) {
            Ok(text) => Ok(Some(text.trim().into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed("read", name, &error)),
        }
    }

    fn set(&self, name: &str, secret: &SecretString) -> Result<(), SecretStoreError> {
        config::replace(&self.path(name), secret.expose_secret().as_bytes())
            .map_err(|failure| SecretStoreError::File(failure.to_string()))
    }

    fn delete(&self, name: &str) -> Result<(), SecretStoreError> {
        config::remove(&self.path(name)).map_err(|error| self.failed("remove", name, &error))
    }
}
