//! Which worlds a request can get to: all of them by token, or the one whose port it came by.

use std::sync::Arc;

use super::registry::{WorldHandle, Worlds};
use crate::config::Config;
use crate::protocol::error::ApiError;

/// The worlds that a request can get to.
#[derive(Debug, Clone)]
pub(crate) struct WorldResolver<'a> {
    worlds: &'a Worlds,
    within: WorldScope,
}

#[derive(Debug, Clone)]
enum WorldScope {
    /// All that share their names.
    All,
    /// One alone; `None` when it has ended meanwhile.
    One(Option<Arc<WorldHandle>>),
}

impl<'a> WorldResolver<'a> {
    pub(crate) fn all(worlds: &'a Worlds) -> Self {
        Self { worlds, within: WorldScope::All }
    }

    pub(crate) fn only(worlds: &'a Worlds, handle: Option<Arc<WorldHandle>>) -> Self {
        Self { worlds, within: WorldScope::One(handle) }
    }

    pub(crate) fn config(&self) -> &Config {
        &self.worlds.config
    }

    /// The world that a token or a client id belongs to.
    pub(crate) fn of(&self, name: &str) -> Option<Arc<WorldHandle>> {
        match &self.within {
            WorldScope::All => self.worlds.of(name),
            WorldScope::One(handle) => handle.clone().filter(|handle| handle.is_called(name)),
        }
    }

    pub(crate) fn get(&self, id: u64) -> Option<Arc<WorldHandle>> {
        match &self.within {
            WorldScope::All => self.worlds.get(id),
            WorldScope::One(handle) => handle.clone().filter(|handle| handle.id == id),
        }
    }

    /// The world that is meant where nothing tells which.
    pub(crate) fn first(&self) -> Result<Arc<WorldHandle>, ApiError> {
        match &self.within {
            WorldScope::All => self.worlds.first(),
            WorldScope::One(handle) => handle.clone().ok_or_else(|| ApiError::not_found("world")),
        }
    }
}
