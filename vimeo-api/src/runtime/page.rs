//! A page of a list.

use serde::{Deserialize, Serialize};

/// A page of a list, the response of every list operation.
///
/// `fields` names fields of the items, and the page keeps its own. Vimeo guarantees none of them: whatever a response leaves
/// out is `None`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The total number of items in the list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// The number of this page, starting at 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u64>,
    /// The maximum number of items per page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_page: Option<u64>,
    /// Links to the other pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paging: Option<Paging>,
    /// The items.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Vec<T>>,
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self { total: None, page: None, per_page: None, paging: None, data: None }
    }
}

impl<T> Page<T> {
    /// Returns the items of this page; empty if there are none.
    pub fn items(&self) -> &[T] {
        self.data.as_deref().unwrap_or_default()
    }

    /// Returns the link to the next page, a path on the API host; `None` on the last page.
    pub fn next(&self) -> Option<&str> {
        self.paging.as_ref()?.next.as_deref()
    }
}

/// Links to the other pages of a list: paths on the API host, with all parameters of the first call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paging {
    /// The next page; `None` on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The previous page; `None` on the first page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
    /// The first page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<String>,
    /// The last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
}
