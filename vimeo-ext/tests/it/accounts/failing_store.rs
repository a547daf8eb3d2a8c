//! A store that fails on demand.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use chrono::{DateTime, Utc};
use vimeo_ext::accounts::{
    AccountId, AccountQuery, AccountRecord, AccountStore, ConnectionId, ConnectionRecord, KeyUsage,
    LoginRecord, MemoryStore, StatusEvent, StoreError, StoreFuture,
};
use vimeo_ext::rate_limit::{LeaseRequest, QuotaLease};

/// How the store behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Works,
    /// Replacing an account fails; everything else works.
    RejectsUpdates,
    /// Replacing an account succeeds, but returns an error.
    LosesConfirmations,
    /// Calls never return.
    Hangs,
    Fails,
}

const MODES: [Mode; 5] =
    [Mode::Works, Mode::RejectsUpdates, Mode::LosesConfirmations, Mode::Hangs, Mode::Fails];

/// An in-memory store that fails on demand.
#[derive(Clone, Default)]
pub(super) struct FailingStore {
    store: Arc<MemoryStore>,
    mode: Arc<AtomicU8>,
}

impl FailingStore {
    pub(super) fn set(&self, mode: Mode) {
        let number = MODES.iter().position(|other| *other == mode).unwrap();
        self.mode.store(number as u8, Ordering::SeqCst);
    }

    fn mode(&self) -> Mode {
        MODES[self.mode.load(Ordering::SeqCst) as usize]
    }

    async fn check(&self) -> Result<(), StoreError> {
        match self.mode() {
            Mode::Hangs => std::future::pending().await,
            Mode::Fails => Err(unavailable()),
            _ => Ok(()),
        }
    }
}

fn unavailable() -> StoreError {
    StoreError::unavailable("offline")
}

impl AccountStore for FailingStore {
    fn replace_account<'a>(
        &'a self,
        record: &'a AccountRecord,
        event: Option<&'a StatusEvent>,
    ) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.check().await?;
            if self.mode() == Mode::RejectsUpdates {
                return Err(unavailable());
            }
            self.store.replace_account(record, event).await?;
            if self.mode() == Mode::LosesConfirmations { Err(unavailable()) } else { Ok(()) }
        })
    }

    fn insert_account<'a>(
        &'a self,
        new: &'a AccountRecord,
        event: &'a StatusEvent,
    ) -> StoreFuture<'a, (AccountRecord, bool)> {
        Box::pin(async move {
            self.check().await?;
            self.store.insert_account(new, event).await
        })
    }

    fn account<'a>(&'a self, id: &'a AccountId) -> StoreFuture<'a, Option<AccountRecord>> {
        Box::pin(async move {
            self.check().await?;
            self.store.account(id).await
        })
    }

    fn remove_account<'a>(
        &'a self,
        id: &'a AccountId,
        version: u64,
        event: &'a StatusEvent,
    ) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.check().await?;
            self.store.remove_account(id, version, event).await
        })
    }

    fn accounts<'a>(&'a self, query: &'a AccountQuery) -> StoreFuture<'a, Vec<AccountRecord>> {
        Box::pin(async move {
            self.check().await?;
            self.store.accounts(query).await
        })
    }

    fn events<'a>(&'a self, after: u64, limit: u32) -> StoreFuture<'a, Vec<StatusEvent>> {
        Box::pin(async move {
            self.check().await?;
            self.store.events(after, limit).await
        })
    }

    fn last_event<'a>(&'a self) -> StoreFuture<'a, u64> {
        Box::pin(async move {
            self.check().await?;
            self.store.last_event().await
        })
    }

    fn put_login<'a>(&'a self, login: &'a LoginRecord, now: DateTime<Utc>) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.check().await?;
            self.store.put_login(login, now).await
        })
    }

    fn take_login<'a>(&'a self, key: &'a str, now: DateTime<Utc>) -> StoreFuture<'a, Option<LoginRecord>> {
        Box::pin(async move {
            self.check().await?;
            self.store.take_login(key, now).await
        })
    }

    fn acquire_lease<'a>(
        &'a self,
        name: &'a str,
        holder: &'a str,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            self.check().await?;
            self.store.acquire_lease(name, holder, now, until).await
        })
    }

    fn release_lease<'a>(&'a self, name: &'a str, holder: &'a str) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.check().await?;
            self.store.release_lease(name, holder).await
        })
    }

    fn insert_connection<'a>(&'a self, new: &'a ConnectionRecord) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.check().await?;
            self.store.insert_connection(new).await
        })
    }

    fn connection<'a>(&'a self, id: &'a ConnectionId) -> StoreFuture<'a, Option<ConnectionRecord>> {
        Box::pin(async move {
            self.check().await?;
            self.store.connection(id).await
        })
    }

    fn connection_by_name<'a>(&'a self, name: &'a str) -> StoreFuture<'a, Option<ConnectionRecord>> {
        Box::pin(async move {
            self.check().await?;
            self.store.connection_by_name(name).await
        })
    }

    fn replace_connection<'a>(&'a self, record: &'a ConnectionRecord) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.check().await?;
            self.store.replace_connection(record).await
        })
    }

    fn remove_connection<'a>(&'a self, id: &'a ConnectionId, version: u64) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.check().await?;
            self.store.remove_connection(id, version).await
        })
    }

    fn connections<'a>(
        &'a self,
        after: Option<&'a str>,
        limit: u32,
    ) -> StoreFuture<'a, Vec<ConnectionRecord>> {
        Box::pin(async move {
            self.check().await?;
            self.store.connections(after, limit).await
        })
    }

    fn keys_in_use<'a>(&'a self) -> StoreFuture<'a, Vec<KeyUsage>> {
        Box::pin(async move {
            self.check().await?;
            self.store.keys_in_use().await
        })
    }

    fn lease_quotas<'a>(&'a self, requests: &'a [LeaseRequest]) -> StoreFuture<'a, Vec<QuotaLease>> {
        Box::pin(async move {
            self.check().await?;
            self.store.lease_quotas(requests).await
        })
    }

    fn sweep<'a>(&'a self, now: DateTime<Utc>, events_before: DateTime<Utc>) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.check().await?;
            self.store.sweep(now, events_before).await
        })
    }
}
