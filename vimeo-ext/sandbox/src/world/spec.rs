//! The specification of a world.

use serde::{Deserialize, Serialize};

use crate::clock::Mode;
use crate::config::scopes::Scopes;

/// What a world is created from and reset to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct WorldSpec {
    pub(crate) seed: u64,
    pub(crate) clock: Mode,
    /// The first user's tokens; there is always at least one.
    pub(crate) tokens: Vec<(String, Scopes)>,
    /// The port that leads to this world only, if it has one; 0 for a free port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) port: Option<u16>,
}

impl WorldSpec {
    pub(crate) fn new(seed: u64, clock: Mode, tokens: Vec<(String, Scopes)>) -> Self {
        Self { seed, clock, tokens, port: None }
    }

    /// Returns this specification for a world with its own port.
    pub(crate) fn on_port(self, port: u16) -> Self {
        Self { port: Some(port), ..self }
    }

    /// Returns the first user's first token.
    pub(crate) fn token(&self) -> &str {
        self.tokens.first().map_or("", |(text, _)| text)
    }
}
