//! Pagination by item.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::collections::HashSet;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::vec;

use crate::{Error, Page};
use futures_core::Stream;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::pages::FetchedPage;
use super::{PageToken, Pages};

/// The items of all pages of a list, as a [`Stream`]. See [`Pages`] for how pages are requested.
#[must_use = "a list sends no request until its items are awaited"]
pub struct Items<T> {
    pages: Pages<T>,
    /// The remaining items of the current page, each with its URI if `dedup_by_uri` is set.
    page: vec::IntoIter<(T, Option<String>)>,
    /// The link to the current page.
    link: Option<String>,
    /// The number of items of the current page that were returned.
    returned: usize,
    /// The number of items to skip on the first page, after a resume.
    skip: usize,
    seen: Option<HashSet<String>>,
    limit: Option<u64>,
}

impl<T: DeserializeOwned + Send + 'static> Items<T> {
    pub(in crate::runtime) fn new(pages: Pages<T>) -> Self {
        Self {
            pages,
            page: Vec::new().into_iter(),
            link: None,
            returned: 0,
            skip: 0,
            seen: None,
            limit: None,
        }
    }

    /// Sets how many pages are requested at a time; see [`Pages::concurrency`].
    pub fn concurrency(mut self, n: usize) -> Self {
        self.pages = self.pages.concurrency(n);
        self
    }

    /// Drops items with the `uri` of an earlier item. A list that grows while it is read returns some items twice.
    ///
    /// Requires `uri` among the requested fields; items without `uri` are returned. Stores every URI in memory.
    pub fn dedup_by_uri(mut self) -> Self {
        self.seen = Some(HashSet::new());
        self
    }

    /// Ends the list after this many items.
    pub fn limit(mut self, items: u64) -> Self {
        self.limit = Some(items);
        self
    }

    /// Resumes at the token of an earlier list with the same call.
    pub fn resume(mut self, page_token: &PageToken) -> Self {
        self.pages = self.pages.resume(page_token);
        self.skip = page_token.offset;
        self
    }

    /// Returns the token of the next item; `None` at the end. After a failed call, it points to the failed page.
    ///
    /// ```no_run
    /// # #[cfg(feature = "videos")]
    /// # async fn demo(client: vimeo_api::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let list = || client.videos().list_my_videos().fields("uri");
    /// let mut first = list().items();
    /// first.next().await;
    /// let saved = serde_json::to_string(&first.page_token())?;
    /// // In another process:
    /// if let Some(page_token) = serde_json::from_str(&saved)? {
    ///     let rest = list().items().resume(&page_token).collect().await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn page_token(&self) -> Option<PageToken> {
        if self.page.len() > 0
            && let Some(link) = &self.link
        {
            return Some(PageToken { link: link.clone(), offset: self.returned });
        }
        let mut page_token = self.pages.page_token()?;
        page_token.offset = self.skip;
        Some(page_token)
    }

    /// Returns the total number of items in the list, as reported by the last response; `None` before the first response.
    pub fn total(&self) -> Option<u64> {
        self.pages.total()
    }

    /// Returns the next item.
    pub async fn next(&mut self) -> Option<Result<T, Error>> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// Collects all remaining items.
    ///
    /// # Errors
    ///
    /// The first error of a page; earlier items are dropped. Use [`next`](Self::next) to retain them.
    pub async fn collect(mut self) -> Result<Vec<T>, Error> {
        let mut items = Vec::new();
        while let Some(item) = self.next().await {
            items.push(item?);
        }
        Ok(items)
    }

    fn start_page(&mut self, fetched: FetchedPage<T>) {
        let uris = if self.seen.is_some() { uris(fetched.page.bytes()) } else { Vec::new() };
        let items = fetched.page.into_inner().data.unwrap_or_default();
        // If decoding dropped an item, the lengths differ.
        let uris = if uris.len() == items.len() { uris } else { Vec::new() };
        let mut uris = uris.into_iter().chain(std::iter::repeat(None));
        let items: Vec<_> = items.into_iter().map(|item| (item, uris.next().flatten())).collect();
        self.page = items.into_iter();
        self.link = Some(fetched.link);
        self.returned = std::mem::take(&mut self.skip);
        if let Some(last) = self.returned.checked_sub(1) {
            self.page.nth(last);
        }
    }
}

/// Reads the URIs of a page from the raw body, because the item type may have no `uri` field.
fn uris(page: &[u8]) -> Vec<Option<String>> {
    #[derive(Deserialize)]
    struct WithUri {
        #[serde(default)]
        uri: Option<String>,
    }
    serde_json::from_slice::<Page<WithUri>>(page)
        .ok()
        .and_then(|page| page.data)
        .map_or_else(Vec::new, |items| items.into_iter().map(|item| item.uri).collect())
}

impl<T: DeserializeOwned + Send + 'static> Stream for Items<T> {
    type Item = Result<T, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.limit == Some(0) {
            return Poll::Ready(None);
        }
        loop {
            for (item, uri) in this.page.by_ref() {
                this.returned = this.returned.saturating_add(1);
                if let (Some(seen), Some(uri)) = (&mut this.seen, uri)
                    && !seen.insert(uri)
                {
                    continue;
                }
                if let Some(limit) = &mut this.limit {
                    *limit = limit.saturating_sub(1);
                }
                return Poll::Ready(Some(Ok(item)));
            }
            match std::task::ready!(this.pages.poll_page(context)) {
                Some(Ok(fetched)) => this.start_page(fetched),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl<T> Unpin for Items<T> {}

impl<T> fmt::Debug for Items<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items")
            .field("pages", &self.pages)
            .field("returned", &self.returned)
            .finish_non_exhaustive()
    }
}
