//! Secrets in the documents of a service, which the store does not encrypt.

use secrecy::SecretString;

use super::keys::{Ciphertext, Owner};
use super::{Accounts, AccountsError, KeyError, KeyId};

impl Accounts {
    /// Encrypts a secret that belongs in the document with this ID, with the current key.
    ///
    /// # Errors
    ///
    /// [`AccountsError::Key`] if the secret is too long.
    #[doc(hidden)]
    pub fn encrypt_for_document(&self, id: &str, secret: &str) -> Result<Ciphertext, AccountsError> {
        Ok(self.service().keys.encrypt(&Owner::Document(id), secret.as_bytes())?)
    }

    /// Decrypts a secret of the document with this ID.
    ///
    /// # Errors
    ///
    /// [`AccountsError::Key`] if the key is not in the key ring, or the secret is damaged or belongs to another document.
    #[doc(hidden)]
    pub fn decrypt_for_document(
        &self,
        id: &str,
        ciphertext: &Ciphertext,
    ) -> Result<SecretString, AccountsError> {
        let owner = Owner::Document(id);
        let plain = self.service().keys.decrypt(&owner, ciphertext)?;
        let text = std::str::from_utf8(&plain).map_err(|_| KeyError::Damaged { owner: owner.to_string() })?;
        Ok(text.into())
    }

    /// Returns the ID of the key that encrypts.
    #[doc(hidden)]
    pub fn current_key(&self) -> &KeyId {
        self.service().keys.current()
    }
}
