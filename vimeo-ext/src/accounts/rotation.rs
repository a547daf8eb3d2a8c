//! Encrypting anew what older keys have encrypted.

use super::{AccountQuery, Accounts, AccountsError, Tokens};

/// How many secrets [`Accounts::rotate_keys`] encrypted anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Rotation {
    /// Of accounts.
    pub accounts: u64,
    /// Of connections.
    pub connections: u64,
}

impl Accounts {
    /// Encrypts everything anew that is not encrypted with the ring's current key. It may run while others work, and may be
    /// ended and begun again.
    ///
    /// # Errors
    ///
    /// [`AccountsError::Key`] at the first secret that no key of the ring opens; it is left as it is.
    pub async fn rotate_keys(&self) -> Result<Rotation, AccountsError> {
        let core = self.core();
        let mut rotation = Rotation::default();
        let mut query = AccountQuery::default().sealed_without(core.keys.current().clone()).limit(200);
        loop {
            let page = self.list(query).await?;
            for account in page.accounts {
                let resealed = core
                    .update(&account.id, |record| {
                        let old =
                            record.secrets.as_ref().is_some_and(|sealed| sealed.key != *core.keys.current());
                        if let Some(tokens) = Tokens::open(&core.keys, record)?.filter(|_| old) {
                            record.secrets = Some(tokens.seal(&core.keys, record.account.id.as_str())?);
                        }
                        Ok(old)
                    })
                    .await;
                match resealed {
                    Ok(_) => rotation.accounts += 1,
                    // Forgotten meanwhile.
                    Err(AccountsError::UnknownAccount { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            match page.next {
                Some(next) => query = next,
                None => break,
            }
        }
        rotation.connections = self.connections().rotate_keys().await?;
        Ok(rotation)
    }
}
