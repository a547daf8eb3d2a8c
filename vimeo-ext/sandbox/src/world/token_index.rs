//! Which world a token or a client id belongs to.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use super::user::TokenKey;

/// Names that decide a world: tokens and client ids.
#[derive(Debug, Default)]
pub(crate) struct TokenIndex {
    names: RwLock<HashMap<TokenKey, u64>>,
}

impl TokenIndex {
    /// Gives `name` to `world`; `false` when it is taken.
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

    /// Takes back all that belongs to a world.
    pub(crate) fn release_all(&self, world: u64) {
        self.names.write().unwrap_or_else(PoisonError::into_inner).retain(|_, owner| *owner != world);
    }

    /// The world that a token or a client id belongs to.
    pub(crate) fn of(&self, name: &str) -> Option<u64> {
        self.names.read().unwrap_or_else(PoisonError::into_inner).get(&TokenKey::of(name)).copied()
    }
}
