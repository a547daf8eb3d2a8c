//! Pagination by page.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::{Call, Error, Page, Response, ResponseFuture};
use futures_core::Stream;
use serde::de::DeserializeOwned;
use url::form_urlencoded;

use super::{Items, PageToken};

/// The pages of a list, as a [`Stream`].
///
/// Follows `paging.next` and retains the `fields` and `per_page` of the call. Requests 100 items per page if the operation
/// supports `per_page` and the call does not set it. The list ends at a page without `next` or at Vimeo's error 2286 (no such
/// page); an empty page does not end it. It fails with [`Error::Paging`] if `next` repeats or leads to another host, after
/// 100 empty pages in a row, and after 100,000 pages in all. If a call fails, the list ends with its error, and
/// [`page_token`](Self::page_token) returns where to resume.
#[must_use = "a list sends no request until its pages are awaited"]
pub struct Pages<T> {
    call: Call<Page<T>>,
    /// The requested pages, in order.
    in_flight: VecDeque<PageRequest<T>>,
    /// The page after those in flight, if known.
    next: Next,
    /// The links that were followed, to detect a cycle.
    seen: HashSet<String>,
    concurrency: usize,
    total: Option<u64>,
    pages: u64,
    /// The number of consecutive empty pages, up to the last one.
    empty_pages: u32,
    /// Why the list cannot continue after the last page.
    paging_error: Option<Error>,
    /// The link to the page whose call failed, where the list can be resumed.
    failed: Option<String>,
    finished: bool,
}

/// A page and the link to it.
pub(super) struct FetchedPage<T> {
    pub(super) page: Response<Page<T>>,
    pub(super) link: String,
}

struct PageRequest<T> {
    link: String,
    pending: ResponseFuture<Page<T>>,
    response: Option<Result<Response<Page<T>>, Error>>,
    /// Requested by its number, before the pages before it have arrived.
    by_number: bool,
}

enum Next {
    /// Known.
    Link(String),
    /// Reported by the pending response.
    Awaited,
    /// Known by number: a link, the next page number and the last.
    Numbered { link: String, page: u64, last: u64 },
    /// The end of the list.
    None,
}

impl<T: DeserializeOwned + Send + 'static> Pages<T> {
    pub(in crate::runtime) fn new(mut call: Call<Page<T>>) -> Self {
        let supports_per_page = call
            .operation()
            .is_some_and(|operation| operation.query.iter().any(|parameter| parameter.name == "per_page"));
        if supports_per_page && call.query_value("per_page").is_none() {
            call = call.query("per_page", 100);
        }
        let next = Next::Link(call.path_and_query());
        Self {
            call,
            in_flight: VecDeque::new(),
            next,
            seen: HashSet::new(),
            concurrency: 1,
            total: None,
            pages: 0,
            empty_pages: 0,
            paging_error: None,
            failed: None,
            finished: false,
        }
    }

    /// Sets how many pages are requested at a time, once the first page has reported the total. Default: 1.
    ///
    /// Pages are returned in order, and at most `n` are held in memory.
    pub fn concurrency(mut self, n: usize) -> Self {
        self.concurrency = n.max(1);
        self
    }

    /// Resumes at the token of an earlier list with the same call. Starts at the beginning of that page, even if some of its
    /// items were returned; [`Items::resume`] skips these.
    pub fn resume(mut self, page_token: &PageToken) -> Self {
        self.next = Next::Link(page_token.link.clone());
        self
    }

    /// Returns the total number of items in the list, as reported by the last response; `None` before the first response.
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    /// Returns the token of the next page, or of the page whose call failed; `None` at the end.
    pub fn page_token(&self) -> Option<PageToken> {
        if let Some(link) = &self.failed {
            return Some(PageToken::at(link.clone()));
        }
        if self.finished {
            return None;
        }
        if let Some(request) = self.in_flight.front() {
            return Some(PageToken::at(request.link.clone()));
        }
        match &self.next {
            Next::Link(link) => Some(PageToken::at(link.clone())),
            Next::Numbered { link, page, .. } => Some(PageToken::at(with_page(link, *page))),
            Next::Awaited | Next::None => None,
        }
    }

    /// Lists the items of the remaining pages.
    pub fn items(self) -> Items<T> {
        Items::new(self)
    }

    /// Returns the next page.
    pub async fn next(&mut self) -> Option<Result<Response<Page<T>>, Error>> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    fn name(&self) -> String {
        self.call.operation().map_or_else(|| "list".to_owned(), |operation| operation.id.to_owned())
    }

    /// Returns the call for a paging link.
    fn call_for(&self, link: &str) -> Call<Page<T>> {
        let mut call = self.call.clone().follow(link);
        // Vimeo's links include the parameters of the call; add those that are missing.
        for name in ["fields", "per_page"] {
            if let Some(value) = self.call.query_value(name)
                && call.query_value(name).is_none()
            {
                let value = value.to_owned();
                call = call.query(name, value);
            }
        }
        call
    }

    fn request(&mut self, link: String, by_number: bool) {
        let call = self.call_for(&link);
        self.in_flight.push_back(PageRequest { link, pending: call.send(), response: None, by_number });
    }

    /// Requests pages until the concurrency is reached.
    fn prefetch(&mut self) {
        while self.in_flight.len() < self.concurrency {
            match std::mem::replace(&mut self.next, Next::Awaited) {
                Next::Link(link) => self.request(link, false),
                Next::Numbered { link, page, last } => {
                    self.request(with_page(&link, page), true);
                    // The response to the last page reports whether there is another.
                    self.next = if page < last {
                        Next::Numbered { link, page: page.saturating_add(1), last }
                    } else {
                        Next::Awaited
                    };
                }
                other => {
                    self.next = other;
                    break;
                }
            }
        }
    }

    /// Updates the state after a page and determines the next one.
    fn record_page(&mut self, request: &str, page: &Page<T>) -> Result<(), Error> {
        self.pages = self.pages.saturating_add(1);
        self.total = page.total.or(self.total);
        self.empty_pages = if page.items().is_empty() { self.empty_pages.saturating_add(1) } else { 0 };
        self.seen.insert(canonical_link(&self.call_for(request).path_and_query()));
        // While numbered pages are in flight, only the last one determines what follows.
        if !matches!(self.next, Next::Awaited) || !self.in_flight.is_empty() {
            return Ok(());
        }
        let Some(next) = page.next() else {
            self.next = Next::None;
            return Ok(());
        };
        self.check(next)?;
        self.suggest_fields();
        self.next = self.numbered_pages(page, next).unwrap_or_else(|| Next::Link(next.to_owned()));
        Ok(())
    }

    fn check(&self, next: &str) -> Result<(), Error> {
        let fail = |reason: String| Err(Error::Paging { operation: self.name(), reason });
        let call = self.call_for(next);
        let link = canonical_link(&call.path_and_query());
        if let Err(error) = call.into_request() {
            return fail(format!("the link to the next page is invalid ({error})"));
        }
        if self.seen.contains(&link) {
            return fail("the link to the next page leads to an earlier page".to_owned());
        }
        if self.empty_pages >= MAX_EMPTY_PAGES {
            return fail(format!("{MAX_EMPTY_PAGES} consecutive pages were empty but had a next page"));
        }
        if self.pages >= MAX_PAGES {
            return fail(format!("there are more than {MAX_PAGES} pages"));
        }
        Ok(())
    }

    /// Returns the remaining pages by number, if several may be requested at once and the last number is known.
    fn numbered_pages(&self, page: &Page<T>, next: &str) -> Option<Next> {
        let (total, per_page, number) =
            (page.total?, page.per_page.filter(|per_page| *per_page > 0)?, page.page?);
        let last = total.div_ceil(per_page);
        let following = number.checked_add(1)?;
        (self.concurrency > 1 && last >= following && page_number(next) == Some(following))
            .then(|| Next::Numbered { link: next.to_owned(), page: following, last })
    }

    /// Logs, once per list, that setting `fields` would save time and calls.
    fn suggest_fields(&self) {
        if self.pages == 1 && self.call.query_value("fields").is_none() {
            tracing::info!(
                operation = self.name(),
                "listing without `fields`; setting the fields that you use is faster and has a higher rate limit"
            );
        }
    }

    fn finish(&mut self) {
        self.finished = true;
        self.in_flight.clear();
        self.next = Next::None;
    }

    pub(super) fn poll_page(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<FetchedPage<T>, Error>>> {
        if self.finished {
            return Poll::Ready(None);
        }
        if let Some(error) = self.paging_error.take() {
            self.finish();
            return Poll::Ready(Some(Err(error)));
        }
        self.prefetch();
        for request in &mut self.in_flight {
            if request.response.is_none()
                && let Poll::Ready(response) = request.pending.as_mut().poll(context)
            {
                request.response = Some(response);
            }
        }
        if self.in_flight.front().is_some_and(|request| request.response.is_none()) {
            return Poll::Pending;
        }
        let Some(PageRequest { link, response: Some(response), by_number, .. }) = self.in_flight.pop_front()
        else {
            self.finish();
            return Poll::Ready(None);
        };
        let page = match response {
            Ok(page) => page,
            // The list ended or became shorter.
            Err(error) if error.error_code() == Some(NO_SUCH_PAGE) && (by_number || self.pages > 0) => {
                self.finish();
                return Poll::Ready(None);
            }
            Err(error) => {
                self.finish();
                self.failed = Some(link);
                return Poll::Ready(Some(Err(error)));
            }
        };
        // The page itself is valid; a paging error is returned after it.
        self.paging_error = self.record_page(&link, &page).err();
        if self.paging_error.is_none() && matches!(self.next, Next::None) && self.in_flight.is_empty() {
            self.finished = true;
        }
        Poll::Ready(Some(Ok(FetchedPage { page, link })))
    }
}

/// Vimeo's error code for a page after the last one.
const NO_SUCH_PAGE: i64 = 2286;

/// The maximum number of consecutive empty pages. An endless chain of them would use up the account's rate limit.
const MAX_EMPTY_PAGES: u32 = 100;

/// The maximum number of pages of a list. No list of Vimeo's is as long; a list whose pages always have a next page would
/// never end.
const MAX_PAGES: u64 = 100_000;

fn query_of(link: &str) -> &str {
    link.split_once('?').map_or("", |(_, query)| query)
}

fn page_number(link: &str) -> Option<u64> {
    form_urlencoded::parse(query_of(link).as_bytes()).find(|(name, _)| name == "page")?.1.parse().ok()
}

/// Normalizes a link: sorts the parameters and removes `page=1`.
fn canonical_link(link: &str) -> String {
    let path = link.split('?').next().unwrap_or_default();
    let query = form_urlencoded::parse(query_of(link).as_bytes());
    let mut pairs: Vec<_> = query.filter(|(name, value)| !(name == "page" && value == "1")).collect();
    pairs.sort();
    format!("{path}?{}", form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish())
}

/// Replaces the page number of a link.
fn with_page(link: &str, page: u64) -> String {
    let path = link.split('?').next().unwrap_or_default();
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(query_of(link).as_bytes()) {
        match &*name {
            "page" => query.append_pair("page", &page.to_string()),
            _ => query.append_pair(&name, &value),
        };
    }
    format!("{path}?{}", query.finish())
}

impl<T: DeserializeOwned + Send + 'static> Stream for Pages<T> {
    type Item = Result<Response<Page<T>>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_page(context).map(|fetched| fetched.map(|fetched| fetched.map(|fetched| fetched.page)))
    }
}

impl<T> Unpin for Pages<T> {}

impl<T> fmt::Debug for Pages<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages")
            .field("call", &self.call)
            .field("pages", &self.pages)
            .field("total", &self.total)
            .field("finished", &self.finished)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_replaces_page_numbers() {
        assert_eq!(page_number("/me/videos?per_page=2&page=17&fields=uri"), Some(17));
        assert_eq!(page_number("/me/videos?after=abc"), None);
        assert_eq!(canonical_link("/me/videos?page=1&b=2&a=1"), canonical_link("/me/videos?a=1&b=2"));
        assert_ne!(canonical_link("/me/videos?page=2"), canonical_link("/me/videos"));
        assert_eq!(
            with_page("/me/videos?per_page=2&page=2&fields=uri%2Cname", 9),
            "/me/videos?per_page=2&page=9&fields=uri%2Cname"
        );
    }
}
