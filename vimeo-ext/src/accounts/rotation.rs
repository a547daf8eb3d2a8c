//! Encrypting anew what older keys have encrypted.

use std::fmt;
use std::sync::Arc;

use futures_util::{StreamExt, stream};

use super::keys::Owner;
use super::{
    AccountQuery, AccountRecord, AccountStore, Accounts, AccountsError, ConnectionRecord, KeyError, KeyRing,
    StoreError,
};

/// Encrypts with the current key of a ring what a store keeps under older ones. It needs the store and the keys alone, so
/// that it can be done by whoever looks after the keys; [`Accounts::rotate_keys`] is the same for accounts that are set up.
///
/// Others may work on the store meanwhile, once they all write with the new key. Each record is changed by itself: ended at
/// any moment, it goes on when it is run again.
///
/// ```no_run
/// use std::sync::Arc;
/// use vimeo_ext::accounts::{AccountStore, Key, KeyRing, KeyRotation};
/// # async fn demo(store: Arc<dyn AccountStore>, old: Key, new: Key) -> Result<(), vimeo_ext::Error> {
/// let rotation = KeyRotation::new(store, KeyRing::new(new).with_old(old)).run().await?;
/// if rotation.is_complete() && rotation.logins == 0 {
///     tracing::info!("nothing needs the old key any more");
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

/// What a [`KeyRotation`] came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[must_use = "records that are damaged or left still need the old key"]
#[non_exhaustive]
pub struct RotationReport {
    /// Accounts that were encrypted anew.
    pub accounts: u64,
    /// Connections that were encrypted anew.
    pub connections: u64,
    /// Accounts and connections that were under the current key before it began.
    pub already: u64,
    /// Accounts and connections that their key does not open, as `account user 7`. They are left as they are.
    pub damaged: Vec<String>,
    /// Accounts and connections that came under an older key while it ran: a process still writes with it.
    pub left: u64,
    /// Logins that wait for their users under an older key. They end by themselves; until then the old key is needed.
    pub logins: u64,
}

impl RotationReport {
    /// Whether every account and connection is under the current key now.
    pub fn is_complete(&self) -> bool {
        self.damaged.is_empty() && self.left == 0
    }
}

/// So many records are read at once.
const PAGE: u32 = 200;
/// So many are written side by side.
const CONCURRENCY: usize = 8;

impl KeyRotation {
    /// A rotation to the ring's current key.
    pub fn new(store: Arc<dyn AccountStore>, keys: KeyRing) -> Self {
        Self { store, keys, progress: Box::new(|_, _| {}) }
    }

    /// Is told how many records are done, and of how many, each time some are.
    pub fn on_progress(mut self, progress: impl Fn(u64, u64) + Send + Sync + 'static) -> Self {
        self.progress = Box::new(progress);
        self
    }

    /// Does it.
    ///
    /// # Errors
    ///
    /// [`AccountsError::Key`] with [`KeyError::UnknownKey`] when a record is under a key that is not in the ring: before
    /// anything is written. [`AccountsError::Store`] when the store fails; what is done by then stays done.
    pub async fn run(self) -> Result<RotationReport, AccountsError> {
        let mut rotation = RotationReport::default();
        let mut total = 0;
        for used in self.store.keys_in_use().await? {
            let records = used.accounts + used.connections;
            if records == 0 {
                continue;
            }
            self.keys.knows(&used.key)?;
            match used.key == *self.keys.current() {
                true => rotation.already += records,
                false => total += records,
            }
        }
        let mut done = 0;
        self.accounts(&mut rotation, &mut done, total).await?;
        self.connections(&mut rotation, &mut done, total).await?;
        for used in self.store.keys_in_use().await? {
            if used.key != *self.keys.current() {
                rotation.left += used.accounts + used.connections;
                rotation.logins += used.logins;
            }
        }
        rotation.left = rotation.left.saturating_sub(rotation.damaged.len() as u64);
        Ok(rotation)
    }

    async fn accounts(
        &self,
        rotation: &mut RotationReport,
        done: &mut u64,
        total: u64,
    ) -> Result<(), AccountsError> {
        let mut query = AccountQuery::default().sealed_without(self.keys.current().clone()).limit(PAGE);
        loop {
            let page = self.store.accounts(&query).await?;
            let Some(last) = page.last() else { return Ok(()) };
            query = query.after(last.account.id.clone());
            let mut outcomes =
                stream::iter(page).map(|record| self.account(record)).buffer_unordered(CONCURRENCY);
            while let Some(outcome) = outcomes.next().await {
                rotation.accounts += u64::from(rotation.note(outcome)?);
                *done += 1;
            }
            (self.progress)(*done, total.max(*done));
        }
    }

    async fn connections(
        &self,
        rotation: &mut RotationReport,
        done: &mut u64,
        total: u64,
    ) -> Result<(), AccountsError> {
        let mut after = None;
        loop {
            let page = self.store.connections(after.as_deref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.connection.name.clone());
            let old = page.into_iter().filter(|record| record.secrets.key != *self.keys.current());
            let mut outcomes =
                stream::iter(old).map(|record| self.connection(record)).buffer_unordered(CONCURRENCY);
            while let Some(outcome) = outcomes.next().await {
                rotation.connections += u64::from(rotation.note(outcome)?);
                *done += 1;
            }
            (self.progress)(*done, total.max(*done));
        }
    }

    /// Whether an account had to be encrypted anew. Its version counts on, so that a change that was read before cannot
    /// bring the old ciphertext back.
    async fn account(&self, mut record: AccountRecord) -> Result<bool, AccountsError> {
        let id = record.account.id.clone();
        loop {
            let Some(sealed) = record.secrets.filter(|sealed| sealed.key != *self.keys.current()) else {
                return Ok(false);
            };
            record.secrets = Some(self.keys.reseal(&Owner::Account(id.as_str()), &sealed)?);
            record.account.version += 1;
            match self.store.replace_account(&record, None).await {
                Ok(()) => return Ok(true),
                Err(StoreError::Stale { .. }) => match self.store.account(&id).await? {
                    Some(latest) => record = latest,
                    None => return Ok(false),
                },
                // Forgotten meanwhile.
                Err(StoreError::Missing) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// As [`account`](Self::account).
    async fn connection(&self, mut record: ConnectionRecord) -> Result<bool, AccountsError> {
        let id = record.connection.id.clone();
        loop {
            if record.secrets.key == *self.keys.current() {
                return Ok(false);
            }
            record.secrets = self.keys.reseal(&Owner::Connection(id.as_str()), &record.secrets)?;
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
    /// One record that cannot be opened does not keep the others under a key that is to go.
    fn note(&mut self, outcome: Result<bool, AccountsError>) -> Result<bool, AccountsError> {
        match outcome {
            Err(AccountsError::Key(KeyError::Damaged { owner })) => {
                tracing::warn!(owner, "cannot be decrypted, and is left as it is");
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
    /// Encrypts everything anew that is not encrypted with the ring's current key: a [`KeyRotation`] of these accounts'
    /// store.
    ///
    /// # Errors
    ///
    /// As [`KeyRotation::run`].
    pub async fn rotate_keys(&self) -> Result<RotationReport, AccountsError> {
        let core = self.core();
        KeyRotation::new(Arc::clone(&core.store), core.keys.clone()).run().await
    }
}
