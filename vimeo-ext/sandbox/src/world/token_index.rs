//! Which world a token or a client ID belongs to.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use super::user::TokenKey;

/// The worlds of tokens and client IDs.
#[derive(Debug, Default)]
pub(crate) struct TokenIndex {
    names: RwLock<HashMap<TokenKey, u64>>,
}

impl TokenIndex {
    /// Assigns a token or client ID to `world`; returns `false` if it is already assigned.
    pub(crate) fn claim(&self, name: &TokenKey, world: u64) -> bool {
        let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
        if names.contains_key(name) {
            return false;
        }
        names.insert(name.clone(), world);
        true
    }

    pub(crate) fn release(&self, name: &TokenKey) {
        self.names.write().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    /// Releases everything assigned to a world.
    pub(crate) fn release_all(&self, world: u64) {
        self.names.write().unwrap_or_else(PoisonError::into_inner).retain(|_, owner| *owner != world);
    }

    /// Returns the world of a token or a client ID.
    pub(crate) fn of(&self, name: &str) -> Option<u64> {
        self.names.read().unwrap_or_else(PoisonError::into_inner).get(&TokenKey::of(name)).copied()
    }
}
