//! A store in memory.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use super::{AccountStore, Document, DocumentStore, KeyUsage, LoginRecord, StoreError, StoreFuture};
use crate::accounts::{
    AccountId, AccountQuery, AccountRecord, ConnectionId, ConnectionRecord, KeyId, StatusEvent,
};
use crate::rate_limit::{LeaseRequest, QuotaLease, QuotaPool};

/// Keeps accounts in memory, for tests and for programs that connect their accounts at each start. Everything is lost when the
/// process ends.
///
/// ```
/// use vimeo_ext::accounts::MemoryStore;
/// let store = MemoryStore::default();
/// ```
#[derive(Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    accounts: BTreeMap<AccountId, AccountRecord>,
    connections: BTreeMap<String, ConnectionRecord>,
    logins: HashMap<String, LoginRecord>,
    leases: HashMap<String, Lease>,
    events: Vec<StatusEvent>,
    last_event: u64,
    quotas: HashMap<String, QuotaPool>,
    documents: BTreeMap<(String, String), Document>,
}

struct Lease {
    holder: String,
    until: DateTime<Utc>,
}

impl State {
    fn record_event(&mut self, event: &StatusEvent) {
        self.last_event += 1;
        self.events.push(StatusEvent { number: self.last_event, ..event.clone() });
    }

    fn connection(&self, id: &ConnectionId) -> Option<&ConnectionRecord> {
        self.connections.values().find(|record| record.connection.id == *id)
    }
}

/// Checks that a record is at the version that an update was made against.
fn check_version(found: Option<u64>, expected: u64) -> Result<(), StoreError> {
    match found {
        None => Err(StoreError::Missing),
        Some(found) if found != expected => Err(StoreError::Stale { found }),
        Some(_) => Ok(()),
    }
}

impl MemoryStore {
    fn lock(&self) -> MutexGuard<'_, State> {
        // The state stays consistent even if a thread panics: each method checks first and then writes.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AccountStore for MemoryStore {
    fn insert_account<'a>(
        &'a self,
        new: &'a AccountRecord,
        event: &'a StatusEvent,
    ) -> StoreFuture<'a, (AccountRecord, bool)> {
        Box::pin(async {
            let mut state = self.lock();
            if let Some(present) = state.accounts.get(&new.account.id) {
                return Ok((present.clone(), false));
            }
            state.accounts.insert(new.account.id.clone(), new.clone());
            state.record_event(event);
            Ok((new.clone(), true))
        })
    }

    fn account<'a>(&'a self, id: &'a AccountId) -> StoreFuture<'a, Option<AccountRecord>> {
        Box::pin(async { Ok(self.lock().accounts.get(id).cloned()) })
    }

    fn replace_account<'a>(
        &'a self,
        record: &'a AccountRecord,
        event: Option<&'a StatusEvent>,
    ) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut state = self.lock();
            let found = state.accounts.get(&record.account.id).map(|present| present.account.version);
            check_version(found, record.account.version.saturating_sub(1))?;
            state.accounts.insert(record.account.id.clone(), record.clone());
            if let Some(event) = event {
                state.record_event(event);
            }
            Ok(())
        })
    }

    fn remove_account<'a>(
        &'a self,
        id: &'a AccountId,
        version: u64,
        event: &'a StatusEvent,
    ) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut state = self.lock();
            check_version(state.accounts.get(id).map(|present| present.account.version), version)?;
            state.accounts.remove(id);
            state.logins.retain(|_, login| login.account != *id);
            state.events.retain(|event| event.account != *id);
            state.record_event(event);
            Ok(())
        })
    }

    fn accounts<'a>(&'a self, query: &'a AccountQuery) -> StoreFuture<'a, Vec<AccountRecord>> {
        Box::pin(async {
            let state = self.lock();
            let after = query.after.clone().map_or(Bound::Unbounded, Bound::Excluded);
            let records = state.accounts.range((after, Bound::Unbounded)).map(|(_, record)| record);
            Ok(records.filter(|record| matches(query, record)).take(query.limit as usize).cloned().collect())
        })
    }

    fn events(&self, after: u64, limit: u32) -> StoreFuture<'_, Vec<StatusEvent>> {
        Box::pin(async move {
            let state = self.lock();
            let start = state.events.partition_point(|event| event.number <= after);
            Ok(state.events.iter().skip(start).take(limit as usize).cloned().collect())
        })
    }

    fn last_event(&self) -> StoreFuture<'_, u64> {
        Box::pin(async { Ok(self.lock().last_event) })
    }

    fn put_login<'a>(&'a self, login: &'a LoginRecord, now: DateTime<Utc>) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut state = self.lock();
            state.logins.insert(login.key.clone(), login.clone());
            let mut pending: Vec<_> = state
                .logins
                .values()
                .filter(|other| other.account == login.account)
                .map(|other| (other.expires, other.key.clone()))
                .collect();
            pending.sort_unstable();
            let surplus = pending.len().saturating_sub(LoginRecord::MAX_PENDING as usize);
            let expired = pending.partition_point(|(expires, _)| *expires <= now);
            for (_, key) in pending.drain(..expired.max(surplus)) {
                state.logins.remove(&key);
            }
            Ok(())
        })
    }

    fn take_login<'a>(&'a self, key: &'a str, now: DateTime<Utc>) -> StoreFuture<'a, Option<LoginRecord>> {
        Box::pin(async move { Ok(self.lock().logins.remove(key).filter(|login| login.expires > now)) })
    }

    fn acquire_lease<'a>(
        &'a self,
        name: &'a str,
        holder: &'a str,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let mut state = self.lock();
            if state.leases.get(name).is_some_and(|lease| lease.holder != holder && lease.until > now) {
                return Ok(false);
            }
            state.leases.insert(name.to_owned(), Lease { holder: holder.to_owned(), until });
            Ok(true)
        })
    }

    fn release_lease<'a>(&'a self, name: &'a str, holder: &'a str) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut state = self.lock();
            if state.leases.get(name).is_some_and(|lease| lease.holder == holder) {
                state.leases.remove(name);
            }
            Ok(())
        })
    }

    fn insert_connection<'a>(&'a self, new: &'a ConnectionRecord) -> StoreFuture<'a, ()> {
        Box::pin(async {
            let mut state = self.lock();
            let name = &new.connection.name;
            if state.connections.contains_key(name) || state.connection(&new.connection.id).is_some() {
                return Err(StoreError::DuplicateName);
            }
            state.connections.insert(name.clone(), new.clone());
            Ok(())
        })
    }

    fn connection<'a>(&'a self, id: &'a ConnectionId) -> StoreFuture<'a, Option<ConnectionRecord>> {
        Box::pin(async { Ok(self.lock().connection(id).cloned()) })
    }

    fn connection_by_name<'a>(&'a self, name: &'a str) -> StoreFuture<'a, Option<ConnectionRecord>> {
        Box::pin(async move { Ok(self.lock().connections.get(name).cloned()) })
    }

    fn replace_connection<'a>(&'a self, record: &'a ConnectionRecord) -> StoreFuture<'a, ()> {
        Box::pin(async {
            let mut state = self.lock();
            let (id, name) = (&record.connection.id, &record.connection.name);
            let present = state.connection(id).map(|present| present.connection.clone());
            let version = present.as_ref().map(|present| present.version);
            check_version(version, record.connection.version.saturating_sub(1))?;
            if state.connections.get(name).is_some_and(|other| other.connection.id != *id) {
                return Err(StoreError::DuplicateName);
            }
            if let Some(present) = present {
                state.connections.remove(&present.name);
            }
            state.connections.insert(name.clone(), record.clone());
            Ok(())
        })
    }

    fn remove_connection<'a>(&'a self, id: &'a ConnectionId, version: u64) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut state = self.lock();
            check_version(state.connection(id).map(|present| present.connection.version), version)?;
            state.connections.retain(|_, record| record.connection.id != *id);
            Ok(())
        })
    }

    fn connections<'a>(
        &'a self,
        after: Option<&'a str>,
        limit: u32,
    ) -> StoreFuture<'a, Vec<ConnectionRecord>> {
        Box::pin(async move {
            let after = after.map_or(Bound::Unbounded, Bound::Excluded);
            let state = self.lock();
            let records = state.connections.range::<str, _>((after, Bound::Unbounded));
            Ok(records.take(limit as usize).map(|(_, record)| record.clone()).collect())
        })
    }

    fn keys_in_use(&self) -> StoreFuture<'_, Vec<KeyUsage>> {
        Box::pin(async {
            fn usage<'a>(used: &'a mut BTreeMap<KeyId, KeyUsage>, key: &KeyId) -> &'a mut KeyUsage {
                used.entry(key.clone()).or_insert_with(|| KeyUsage::unused(key.clone()))
            }
            let state = self.lock();
            let mut used = BTreeMap::new();
            for sealed in state.accounts.values().filter_map(|record| record.secrets.as_ref()) {
                usage(&mut used, &sealed.key).accounts += 1;
            }
            for record in state.connections.values() {
                usage(&mut used, &record.secrets.key).connections += 1;
            }
            for login in state.logins.values() {
                usage(&mut used, &login.secrets.key).logins += 1;
            }
            Ok(used.into_values().collect())
        })
    }

    fn lease_quotas<'a>(&'a self, requests: &'a [LeaseRequest]) -> StoreFuture<'a, Vec<QuotaLease>> {
        Box::pin(async move {
            let quotas = &mut self.lock().quotas;
            let lease = |LeaseRequest { name, report, .. }: &_| {
                quotas.entry(name.to_owned()).or_default().lease(report)
            };
            Ok(requests.iter().map(lease).collect())
        })
    }

    fn sweep(&self, now: DateTime<Utc>, events_before: DateTime<Utc>) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            let mut state = self.lock();
            state.logins.retain(|_, login| login.expires > now);
            state.leases.retain(|_, lease| lease.until > now);
            let last = state.last_event;
            state.events.retain(|event| event.number == last || event.at >= events_before);
            Ok(())
        })
    }
}

fn matches(query: &AccountQuery, record: &AccountRecord) -> bool {
    let account = &record.account;
    query.status.is_none_or(|status| account.status == status)
        && (query.user.is_none() || query.user == account.user)
        && query.expires_before.is_none_or(|time| account.expires.is_some_and(|expires| expires < time))
        && query
            .not_encrypted_with
            .as_ref()
            .is_none_or(|key| record.secrets.as_ref().is_some_and(|sealed| sealed.key != *key))
}

impl DocumentStore for MemoryStore {
    fn insert_document<'a>(
        &'a self,
        collection: &'a str,
        document: &'a Document,
        now: DateTime<Utc>,
    ) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let key = (collection.to_owned(), document.id.clone());
            let mut state = self.lock();
            if state.documents.get(&key).is_some_and(|present| is_current(present, now)) {
                return Err(StoreError::DuplicateName);
            }
            state.documents.insert(key, document.clone());
            Ok(())
        })
    }

    fn document<'a>(
        &'a self,
        collection: &'a str,
        id: &'a str,
        now: DateTime<Utc>,
    ) -> StoreFuture<'a, Option<Document>> {
        Box::pin(async move {
            let key = (collection.to_owned(), id.to_owned());
            Ok(self.lock().documents.get(&key).filter(|document| is_current(document, now)).cloned())
        })
    }

    fn documents<'a>(
        &'a self,
        collection: &'a str,
        after: &'a str,
        limit: u32,
        now: DateTime<Utc>,
    ) -> StoreFuture<'a, Vec<Document>> {
        Box::pin(async move {
            let start = Bound::Excluded((collection.to_owned(), after.to_owned()));
            let state = self.lock();
            let found = state.documents.range((start, Bound::Unbounded));
            let found = found.take_while(|((name, _), _)| name == collection).map(|(_, document)| document);
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            Ok(found.filter(|document| is_current(document, now)).take(limit).cloned().collect())
        })
    }

    fn replace_document<'a>(&'a self, collection: &'a str, document: &'a Document) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let key = (collection.to_owned(), document.id.clone());
            let mut state = self.lock();
            let found = state.documents.get(&key).map(|present| present.version);
            check_version(found, document.version.saturating_sub(1))?;
            state.documents.insert(key, document.clone());
            Ok(())
        })
    }

    fn take_document<'a>(
        &'a self,
        collection: &'a str,
        id: &'a str,
        now: DateTime<Utc>,
    ) -> StoreFuture<'a, Option<Document>> {
        Box::pin(async move {
            let taken = self.lock().documents.remove(&(collection.to_owned(), id.to_owned()));
            Ok(taken.filter(|document| is_current(document, now)))
        })
    }

    fn sweep_documents(&self, now: DateTime<Utc>) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            self.lock().documents.retain(|_, document| is_current(document, now));
            Ok(())
        })
    }
}

fn is_current(document: &Document, now: DateTime<Utc>) -> bool {
    document.expires.is_none_or(|expires| expires > now)
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("MemoryStore")
            .field("accounts", &state.accounts.len())
            .field("connections", &state.connections.len())
            .finish_non_exhaustive()
    }
}
