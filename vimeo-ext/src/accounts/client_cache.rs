//! The clients that are kept, so that an account's next call costs no look into the store.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use lru::LruCache;

use super::AccountId;
use crate::auth::{RefreshError, Session};
use crate::{AccessToken, Vimeo};

/// Clients by account, the latest used; and the sessions of older ones that someone still holds, so that they too can be
/// stopped.
pub(super) struct ClientCache {
    state: Mutex<State>,
}

struct State {
    clients: LruCache<AccountId, Vimeo>,
    held: HashMap<AccountId, Vec<Weak<Session>>>,
    /// Beyond so many the held ones are looked through for those that are gone.
    sweep_at: usize,
}

const MIN_SWEEP_SIZE: usize = 64;

impl ClientCache {
    pub(super) fn new(size: NonZeroUsize) -> Self {
        // Made with its size it would have room for as many at once, and none for `usize::MAX`.
        let mut clients = LruCache::unbounded();
        clients.resize(size);
        let state = State { clients, held: HashMap::new(), sweep_at: MIN_SWEEP_SIZE };
        Self { state: Mutex::new(state) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change leaves both maps whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The client that is kept. One whose token was lost is kept no longer: whether the account has another is for the
    /// store to say.
    pub(super) fn get(&self, id: &AccountId) -> Option<Vimeo> {
        let mut state = self.lock();
        if !state.clients.get(id)?.session().is_stopped() {
            return state.clients.get(id).cloned();
        }
        let client = state.clients.pop(id)?;
        state.retire(id.clone(), client);
        None
    }

    /// Keeps a client; of two that were made at once the first stays.
    pub(super) fn put(&self, id: &AccountId, client: Vimeo) -> Vimeo {
        let mut state = self.lock();
        if let Some(first) = state.clients.get(id).filter(|first| !first.session().is_stopped()) {
            return first.clone();
        }
        if let Some((old, evicted)) = state.clients.push(id.clone(), client.clone()) {
            state.retire(old, evicted);
        }
        client
    }

    /// Lets no client of the account make another call, and forgets them.
    pub(super) fn stop(&self, id: &AccountId, error: impl Fn() -> RefreshError) {
        let mut state = self.lock();
        if let Some(client) = state.clients.pop(id) {
            let session = client.session();
            session.stop(error());
            state.retire(id.clone(), client);
        }
        for session in state.held.get(id).into_iter().flatten().filter_map(Weak::upgrade) {
            session.stop(error());
        }
    }

    /// Lets the account's clients go on with another token.
    pub(super) fn resume(&self, id: &AccountId, token: &AccessToken) {
        let mut state = self.lock();
        let kept = state.clients.get(id).map(|client| Arc::clone(client.session()));
        let held = state.held.get(id).into_iter().flatten().filter_map(Weak::upgrade);
        for session in held.chain(kept) {
            // A token that no header can hold was refused when it was first looked at.
            if let Err(reason) = session.resume(token.clone()) {
                tracing::warn!(account = %id, reason, "the access token cannot be used");
            }
        }
    }

    pub(super) fn knows(&self, id: &AccountId) -> bool {
        let state = self.lock();
        state.clients.contains(id) || state.held.contains_key(id)
    }

    pub(super) fn len(&self) -> usize {
        self.lock().clients.len()
    }
}

impl State {
    /// Keeps hold of the session of a client that leaves, if someone else does.
    fn retire(&mut self, id: AccountId, client: Vimeo) {
        let session = Arc::downgrade(client.session());
        drop(client);
        if session.strong_count() == 0 {
            return;
        }
        if self.held.len() >= self.sweep_at {
            self.held.retain(|_, sessions| {
                sessions.retain(|session| session.strong_count() > 0);
                !sessions.is_empty()
            });
            self.sweep_at = self.held.len().saturating_mul(2).max(MIN_SWEEP_SIZE);
        }
        self.held.entry(id).or_default().push(session);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_size_is_taken_and_kept_to() {
        let app = Vimeo::builder().access_token("a").build().unwrap();
        for (size, kept) in [(NonZeroUsize::MIN, 1), (NonZeroUsize::MAX, 3)] {
            let warm = ClientCache::new(size);
            for id in ["a", "b", "c"] {
                warm.put(&AccountId::new(id).unwrap(), app.clone());
            }
            assert_eq!(warm.len(), kept);
            assert!(warm.get(&AccountId::new("c").unwrap()).is_some(), "the latest stays");
        }
    }
}
