//! The point at which the walk over a list stopped.

use serde::{Deserialize, Serialize};

/// A point in a list. Save it to resume the same list later, in another process if need be.
///
/// Holds a paging link of Vimeo's (without host and access token) and the number of items of that page that were already
/// returned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageToken {
    pub(super) link: String,
    #[serde(rename = "taken", default)]
    pub(super) offset: usize,
}

impl PageToken {
    /// Points to the start of the page at `link`, such as the `paging.next` of a response.
    pub fn at(link: impl Into<String>) -> Self {
        Self { link: link.into(), offset: 0 }
    }

    /// Moves the token forward by this many items of its page.
    #[must_use]
    pub fn after(mut self, items: usize) -> Self {
        self.offset = self.offset.saturating_add(items);
        self
    }

    /// Returns the link to the page.
    pub fn link(&self) -> &str {
        &self.link
    }

    /// Returns the number of items of that page that come before this point.
    pub fn offset(&self) -> usize {
        self.offset
    }
}
