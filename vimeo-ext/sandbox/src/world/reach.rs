//! Which worlds a request can get to: all of them by token, or the one whose port it came by.

use std::sync::Arc;

use super::registry::{WorldHandle, Worlds};
use crate::config::Config;
use crate::protocol::error::ApiError;

/// The worlds that a request can get to.
#[derive(Debug, Clone)]
pub(crate) struct WorldResolver<'a> {
    worlds: &'a Worlds,
    within: Within,
}

#[derive(Debug, Clone)]
enum Within {
    /// All that share their names.
    All,
    /// One alone; `None` when it has ended meanwhile.
    One(Option<Arc<WorldHandle>>),
}

impl<'a> WorldResolver<'a> {
    pub(crate) fn all(worlds: &'a Worlds) -> Self {
        Self { worlds, within: Within::All }
    }

    pub(crate) fn only(worlds: &'a Worlds, cell: Option<Arc<WorldHandle>>) -> Self {
        Self { worlds, within: Within::One(cell) }
    }

    pub(crate) fn config(&self) -> &Config {
        &self.worlds.config
    }

    /// The world that a token or a client id belongs to.
    pub(crate) fn of(&self, name: &str) -> Option<Arc<WorldHandle>> {
        match &self.within {
            Within::All => self.worlds.of(name),
            Within::One(cell) => cell.clone().filter(|cell| cell.is_called(name)),
        }
    }

    pub(crate) fn get(&self, id: u64) -> Option<Arc<WorldHandle>> {
        match &self.within {
            Within::All => self.worlds.get(id),
            Within::One(cell) => cell.clone().filter(|cell| cell.id == id),
        }
    }

    /// The world that is meant where nothing tells which.
    pub(crate) fn first(&self) -> Result<Arc<WorldHandle>, ApiError> {
        match &self.within {
            Within::All => self.worlds.first(),
            Within::One(cell) => cell.clone().ok_or_else(|| ApiError::not_found("world")),
        }
    }
}
