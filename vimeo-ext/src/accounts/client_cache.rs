//! The cache of account clients, which saves reading the store for every call.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use lru::LruCache;

use super::AccountId;
use crate::auth::{RefreshError, Session};
use crate::{AccessToken, Vimeo};

/// Caches the most recently used clients by account. Also tracks the sessions of evicted clients that the program still
/// holds, so that those clients can be stopped too.
pub(super) struct ClientCache {
    state: Mutex<State>,
}

struct State {
    clients: LruCache<AccountId, Vimeo>,
    evicted: HashMap<AccountId, Vec<Weak<Session>>>,
    /// The number of evicted accounts from which dropped sessions are removed.
    sweep_at: usize,
}

/// The smallest number of evicted accounts that triggers a sweep.
const MIN_SWEEP_SIZE: usize = 64;

impl ClientCache {
    pub(super) fn new(capacity: NonZeroUsize) -> Self {
        // `LruCache::new` would allocate the full capacity at once, which fails for `usize::MAX`.
        let mut clients = LruCache::unbounded();
        clients.resize(capacity);
        let state = State { clients, evicted: HashMap::new(), sweep_at: MIN_SWEEP_SIZE };
        Self { state: Mutex::new(state) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Both maps stay consistent even if a thread panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the cached client of an account. Evicts a client whose calls were stopped, so that the caller reads the
    /// account's status and token from the store.
    pub(super) fn get(&self, id: &AccountId) -> Option<Vimeo> {
        let mut state = self.lock();
        if !state.clients.get(id)?.session().is_stopped() {
            return state.clients.get(id).cloned();
        }
        let client = state.clients.pop(id)?;
        state.track_evicted(id.clone(), client);
        None
    }

    /// Caches a client and returns it. If another task has cached one for the account in the meantime, returns that one.
    pub(super) fn insert(&self, id: &AccountId, client: Vimeo) -> Vimeo {
        let mut state = self.lock();
        if let Some(first) = state.clients.get(id).filter(|first| !first.session().is_stopped()) {
            return first.clone();
        }
        if let Some((old, evicted)) = state.clients.push(id.clone(), client.clone()) {
            state.track_evicted(old, evicted);
        }
        client
    }

    /// Makes the calls of all of the account's clients fail with this error, and removes them from the cache.
    pub(super) fn stop(&self, id: &AccountId, error: impl Fn() -> RefreshError) {
        let mut state = self.lock();
        if let Some(client) = state.clients.pop(id) {
            let session = client.session();
            session.stop(error());
            state.track_evicted(id.clone(), client);
        }
        for session in state.evicted.get(id).into_iter().flatten().filter_map(Weak::upgrade) {
            session.stop(error());
        }
    }

    /// Lets the calls of the account's clients continue with this token.
    pub(super) fn resume(&self, id: &AccountId, token: &AccessToken) {
        let mut state = self.lock();
        let cached = state.clients.get(id).map(|client| Arc::clone(client.session()));
        let evicted = state.evicted.get(id).into_iter().flatten().filter_map(Weak::upgrade);
        for session in evicted.chain(cached) {
            // Not expected: a token that no header can carry is rejected before it is stored.
            if let Err(reason) = session.resume(token.clone()) {
                tracing::warn!(account = %id, reason, "invalid access token in the account store");
            }
        }
    }

    pub(super) fn contains(&self, id: &AccountId) -> bool {
        let state = self.lock();
        state.clients.contains(id) || state.evicted.contains_key(id)
    }

    pub(super) fn len(&self) -> usize {
        self.lock().clients.len()
    }
}

impl State {
    /// Tracks the session of an evicted client if the program still holds a clone of the client.
    fn track_evicted(&mut self, id: AccountId, client: Vimeo) {
        let session = Arc::downgrade(client.session());
        drop(client);
        if session.strong_count() == 0 {
            return;
        }
        if self.evicted.len() >= self.sweep_at {
            self.evicted.retain(|_, sessions| {
                sessions.retain(|session| session.strong_count() > 0);
                !sessions.is_empty()
            });
            self.sweep_at = self.evicted.len().saturating_mul(2).max(MIN_SWEEP_SIZE);
        }
        self.evicted.entry(id).or_default().push(session);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cache_respects_its_capacity() {
        let app = Vimeo::builder().access_token("a").build().unwrap();
        for (capacity, cached) in [(NonZeroUsize::MIN, 1), (NonZeroUsize::MAX, 3)] {
            let clients = ClientCache::new(capacity);
            for id in ["a", "b", "c"] {
                clients.insert(&AccountId::new(id).unwrap(), app.clone());
            }
            assert_eq!(clients.len(), cached);
            assert!(clients.get(&AccountId::new("c").unwrap()).is_some(), "the most recent one stays");
        }
    }
}
