//! Where a walk over a list stands.

use serde::{Deserialize, Serialize};

/// Where a walk over a list stands: save it, and go on with the same call in another process.
///
/// It is a link of Vimeo's paging, without host and without token, and how many items of its page were taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    pub(super) link: String,
    #[serde(default)]
    pub(super) taken: usize,
}

impl Position {
    /// At the beginning of the page that this link leads to, such as `paging.next` of an answer.
    pub fn at(link: impl Into<String>) -> Self {
        Self { link: link.into(), taken: 0 }
    }

    /// The same, with this many items more of its page taken.
    #[must_use]
    pub fn after(mut self, items: usize) -> Self {
        self.taken = self.taken.saturating_add(items);
        self
    }

    /// The link to the page.
    pub fn link(&self) -> &str {
        &self.link
    }

    /// How many items of that page have been taken.
    pub fn taken(&self) -> usize {
        self.taken
    }
}
