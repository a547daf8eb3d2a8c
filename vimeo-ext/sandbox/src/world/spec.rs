//! What a world began as.

use serde::{Deserialize, Serialize};

use crate::clock::Mode;
use crate::config::scopes::Scopes;

/// What a world began as, and is again after a reset.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct WorldSpec {
    pub(crate) seed: u64,
    pub(crate) clock: Mode,
    /// The first user's tokens; there is always one.
    pub(crate) tokens: Vec<(String, Scopes)>,
    /// The port that leads to this world alone, where it has one; 0 for any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) port: Option<u16>,
}

impl WorldSpec {
    pub(crate) fn new(seed: u64, clock: Mode, tokens: Vec<(String, Scopes)>) -> Self {
        Self { seed, clock, tokens, port: None }
    }

    /// The same for a world that is reached by a port of its own.
    pub(crate) fn on_port(self, port: u16) -> Self {
        Self { port: Some(port), ..self }
    }

    /// The first user's first token.
    pub(crate) fn token(&self) -> &str {
        self.tokens.first().map_or("", |(text, _)| text)
    }
}
