//! Key rotation: re-encrypting secrets with the current key.

use std::fmt;
use std::sync::Arc;

use futures_util::{StreamExt, stream};

use super::keys::Owner;
use super::{
    AccountQuery, AccountRecord, AccountStore, Accounts, AccountsError, ConnectionRecord, KeyError, KeyRing,
    StoreError,
};

/// Re-encrypts a store's secrets with the current key of a key ring. Needs only the store and the keys, so that a key
/// administrator can run it; [`Accounts::rotate_keys`] does the same for running accounts.
///
/// Other processes can use the store in the meantime, provided that they all write with the new key. Records are re-encrypted
/// one by one: if the rotation is interrupted, run it again to continue.
///
/// ```no_run
/// use std::sync::Arc;
/// use vimeo_ext::accounts::{AccountStore, Key, KeyRing, KeyRotation};
/// # async fn demo(store: Arc<dyn AccountStore>, old: Key, new: Key) -> Result<(), vimeo_ext::Error> {
/// let report = KeyRotation::new(store, KeyRing::new(new).with_old(old)).run().await?;
/// if report.is_complete() && report.pending_logins == 0 {
///     tracing::info!("the old key is no longer needed");
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is encrypted until run() is called"]
pub struct KeyRotation {
    store: Arc<dyn AccountStore>,
    keys: KeyRing,
    progress: Box<dyn Fn(u64, u64) + Send + Sync>,
}

/// The result of a [`KeyRotation`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[must_use = "damaged and remaining records still need the old key"]
#[non_exhaustive]
pub struct RotationReport {
    /// The number of accounts that were re-encrypted.
    pub accounts: u64,
    /// The number of connections that were re-encrypted.
    pub connections: u64,
    /// The number of accounts and connections that used the current key before the rotation.
    pub already_current: u64,
    /// The accounts and connections that cannot be decrypted, for example `account user 7`. They are unchanged.
    pub damaged: Vec<String>,
    /// The number of accounts and connections that were encrypted with an older key during the rotation: a process still writes
    /// with that key.
    pub remaining: u64,
    /// The number of pending logins that are encrypted with an older key. The old key is needed until they expire.
    pub pending_logins: u64,
}

impl RotationReport {
    /// Returns whether every account and connection now uses the current key.
    pub fn is_complete(&self) -> bool {
        self.damaged.is_empty() && self.remaining == 0
    }
}

/// How many records are read at once.
const PAGE_SIZE: u32 = 200;
/// How many records are written concurrently.
const CONCURRENCY: usize = 8;

impl KeyRotation {
    /// Prepares a rotation to the current key of `keys`, which must also contain the older keys.
    pub fn new(store: Arc<dyn AccountStore>, keys: KeyRing) -> Self {
        Self { store, keys, progress: Box::new(|_, _| {}) }
    }

    /// Sets a callback that receives the number of processed records and their total, after each batch.
    pub fn on_progress(mut self, progress: impl Fn(u64, u64) + Send + Sync + 'static) -> Self {
        self.progress = Box::new(progress);
        self
    }

    /// Re-encrypts all records that use an older key.
    ///
    /// # Errors
    ///
    /// [`AccountsError::Key`] with [`KeyError::UnknownKey`] if a record is encrypted with a key that is not in the key ring:
    /// nothing is written then. [`AccountsError::Store`] if the store fails: records that were re-encrypted by then stay so.
    pub async fn run(self) -> Result<RotationReport, AccountsError> {
        let mut report = RotationReport::default();
        let mut total = 0;
        for used in self.store.keys_in_use().await? {
            let records = used.accounts + used.connections;
            if records == 0 {
                continue;
            }
            self.keys.require(&used.key)?;
            match used.key == *self.keys.current() {
                true => report.already_current += records,
                false => total += records,
            }
        }
        let mut done = 0;
        self.rotate_accounts(&mut report, &mut done, total).await?;
        self.rotate_connections(&mut report, &mut done, total).await?;
        for used in self.store.keys_in_use().await? {
            if used.key != *self.keys.current() {
                report.remaining += used.accounts + used.connections;
                report.pending_logins += used.logins;
            }
        }
        report.remaining = report.remaining.saturating_sub(report.damaged.len() as u64);
        Ok(report)
    }

    async fn rotate_accounts(
        &self,
        report: &mut RotationReport,
        done: &mut u64,
        total: u64,
    ) -> Result<(), AccountsError> {
        let mut query =
            AccountQuery::default().not_encrypted_with(self.keys.current().clone()).limit(PAGE_SIZE);
        loop {
            let page = self.store.accounts(&query).await?;
            let Some(last) = page.last() else { return Ok(()) };
            query = query.after(last.account.id.clone());
            let mut outcomes =
                stream::iter(page).map(|record| self.rotate_account(record)).buffer_unordered(CONCURRENCY);
            while let Some(outcome) = outcomes.next().await {
                report.accounts += u64::from(report.record(outcome)?);
                *done += 1;
            }
            (self.progress)(*done, total.max(*done));
        }
    }

    async fn rotate_connections(
        &self,
        report: &mut RotationReport,
        done: &mut u64,
        total: u64,
    ) -> Result<(), AccountsError> {
        let mut after = None;
        loop {
            let page = self.store.connections(after.as_deref(), PAGE_SIZE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.connection.name.clone());
            let old = page.into_iter().filter(|record| record.secrets.key != *self.keys.current());
            let mut outcomes =
                stream::iter(old).map(|record| self.rotate_connection(record)).buffer_unordered(CONCURRENCY);
            while let Some(outcome) = outcomes.next().await {
                report.connections += u64::from(report.record(outcome)?);
                *done += 1;
            }
            (self.progress)(*done, total.max(*done));
        }
    }

    /// Re-encrypts an account if it uses an older key, and returns whether it did. The account's version increases, so that a
    /// concurrent update that was read before cannot restore the old ciphertext.
    async fn rotate_account(&self, mut record: AccountRecord) -> Result<bool, AccountsError> {
        let id = record.account.id.clone();
        loop {
            let Some(ciphertext) = record.secrets.filter(|ciphertext| ciphertext.key != *self.keys.current())
            else {
                return Ok(false);
            };
            record.secrets = Some(self.keys.reencrypt(&Owner::Account(id.as_str()), &ciphertext)?);
            record.account.version += 1;
            match self.store.replace_account(&record, None).await {
                Ok(()) => return Ok(true),
                Err(StoreError::Stale { .. }) => match self.store.account(&id).await? {
                    Some(latest) => record = latest,
                    None => return Ok(false),
                },
                // Disconnected in the meantime.
                Err(StoreError::Missing) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Re-encrypts a connection, as [`rotate_account`](Self::rotate_account) does an account.
    async fn rotate_connection(&self, mut record: ConnectionRecord) -> Result<bool, AccountsError> {
        let id = record.connection.id.clone();
        loop {
            if record.secrets.key == *self.keys.current() {
                return Ok(false);
            }
            record.secrets = self.keys.reencrypt(&Owner::Connection(id.as_str()), &record.secrets)?;
            record.connection.version += 1;
            match self.store.replace_connection(&record).await {
                Ok(()) => return Ok(true),
                Err(StoreError::Stale { .. }) => match self.store.connection(&id).await? {
                    Some(latest) => record = latest,
                    None => return Ok(false),
                },
                Err(StoreError::Missing) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl RotationReport {
    /// Returns whether a record was re-encrypted. A record that cannot be decrypted is reported and does not stop the rotation.
    fn record(&mut self, outcome: Result<bool, AccountsError>) -> Result<bool, AccountsError> {
        match outcome {
            Err(AccountsError::Key(KeyError::Damaged { owner })) => {
                tracing::warn!(owner, "could not decrypt a secret during key rotation; leaving it unchanged");
                self.damaged.push(owner);
                Ok(false)
            }
            outcome => outcome,
        }
    }
}

impl fmt::Debug for KeyRotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRotation").field("keys", &self.keys).finish_non_exhaustive()
    }
}

impl Accounts {
    /// Re-encrypts all secrets in the store with the current key: runs a [`KeyRotation`] with these accounts' store and keys.
    ///
    /// # Errors
    ///
    /// As [`KeyRotation::run`].
    pub async fn rotate_keys(&self) -> Result<RotationReport, AccountsError> {
        let service = self.service();
        KeyRotation::new(Arc::clone(&service.store), service.keys.clone()).run().await
    }
}
