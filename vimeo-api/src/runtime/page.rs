//! One page of a list.

use serde::{Deserialize, Serialize};

/// One page of a list, as every list of Vimeo arrives.
///
/// With `fields` the envelope stays, and the items hold the named fields alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Page<T> {
    /// How many items the whole list has, not how many pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// The number of this page, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u64>,
    /// How many items a page holds at the most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_page: Option<u64>,
    /// Where the other pages are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paging: Option<Paging>,
    /// The items; absent only when `fields` left them out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Vec<T>>,
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self { total: None, page: None, per_page: None, paging: None, data: None }
    }
}

impl<T> Page<T> {
    /// The items of this page, an empty slice when there are none.
    pub fn items(&self) -> &[T] {
        self.data.as_deref().unwrap_or_default()
    }

    /// The link to the next page, a path on the API host; `None` on the last page.
    pub fn next(&self) -> Option<&str> {
        self.paging.as_ref()?.next.as_deref()
    }
}

/// Links to the other pages of a list: paths on the API host with all parameters of the first call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paging {
    /// The page after this one; `None` on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The page before this one; `None` on the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
    /// The first page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<String>,
    /// The last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
}
