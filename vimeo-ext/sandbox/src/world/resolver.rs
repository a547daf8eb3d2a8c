//! Which worlds a request can reach: all of them by token, or the one whose port it used.

use std::sync::Arc;

use super::registry::{WorldHandle, Worlds};
use crate::config::Config;
use crate::protocol::error::ApiError;

/// The worlds that a request can reach.
#[derive(Debug, Clone)]
pub(crate) struct WorldResolver<'a> {
    worlds: &'a Worlds,
    scope: WorldScope,
}

#[derive(Debug, Clone)]
enum WorldScope {
    /// All worlds that share the token index.
    All,
    /// One world; `None` if it was removed meanwhile.
    One(Option<Arc<WorldHandle>>),
}

impl<'a> WorldResolver<'a> {
    pub(crate) fn all(worlds: &'a Worlds) -> Self {
        Self { worlds, scope: WorldScope::All }
    }

    pub(crate) fn only(worlds: &'a Worlds, handle: Option<Arc<WorldHandle>>) -> Self {
        Self { worlds, scope: WorldScope::One(handle) }
    }

    pub(crate) fn config(&self) -> &Config {
        &self.worlds.config
    }

    /// Returns the world of a token or a client ID.
    pub(crate) fn of(&self, name: &str) -> Option<Arc<WorldHandle>> {
        match &self.scope {
            WorldScope::All => self.worlds.of(name),
            WorldScope::One(handle) => handle.clone().filter(|handle| handle.owns_token(name)),
        }
    }

    pub(crate) fn get(&self, id: u64) -> Option<Arc<WorldHandle>> {
        match &self.scope {
            WorldScope::All => self.worlds.get(id),
            WorldScope::One(handle) => handle.clone().filter(|handle| handle.id == id),
        }
    }

    /// Returns the default world: the first one, or the world of the port.
    pub(crate) fn first(&self) -> Result<Arc<WorldHandle>, ApiError> {
        match &self.scope {
            WorldScope::All => self.worlds.first(),
            WorldScope::One(handle) => handle.clone().ok_or_else(|| ApiError::not_found("world")),
        }
    }
}
