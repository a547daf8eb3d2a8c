//! Paging: `page` and `per_page`, and the envelope of list responses.

use std::ops::Range;

use serde_json::{Value, json};

use crate::protocol::error::ApiError;
use crate::protocol::query::Query;

/// Vimeo's default for `per_page`.
const DEFAULT_PER_PAGE: u64 = 25;
/// Vimeo's limit for `per_page`.
pub(crate) const MAX_PER_PAGE: u64 = 100;

/// The requested part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) number: u64,
    pub(crate) per_page: u64,
    pub(crate) total: u64,
}

impl Page {
    /// Reads `page` and `per_page`; rejects invalid numbers and pages beyond the end.
    pub(crate) fn parse(query: &Query, total: usize) -> Result<Self, ApiError> {
        let total = u64::try_from(total).unwrap_or(u64::MAX);
        let number = read(query, "page", 1, u64::MAX)?;
        let per_page = read(query, "per_page", DEFAULT_PER_PAGE, MAX_PER_PAGE)?;
        let page = Self { number, per_page, total };
        if number > page.last() {
            return Err(ApiError::page_out_of_range());
        }
        Ok(page)
    }

    /// The page of the same size that contains the item at `index`.
    pub(crate) fn containing(self, index: usize) -> Self {
        let index = u64::try_from(index).unwrap_or(u64::MAX);
        Self { number: index / self.per_page + 1, ..self }
    }

    /// The number of the last page; an empty list has one empty page.
    fn last(&self) -> u64 {
        self.total.div_ceil(self.per_page).max(1)
    }

    /// The indices of this page's items in the whole list.
    pub(crate) fn range(&self) -> Range<usize> {
        let start = (self.number - 1).saturating_mul(self.per_page).min(self.total);
        let end = start.saturating_add(self.per_page).min(self.total);
        // Both are indices of a list in memory.
        Range {
            start: usize::try_from(start).unwrap_or(usize::MAX),
            end: usize::try_from(end).unwrap_or(usize::MAX),
        }
    }

    /// Builds Vimeo's list response as text. Each item is written before the next one is made: the values of a full page
    /// would need several megabytes, and most of the time would be spent on allocating and freeing them.
    pub(crate) fn envelope_text(
        &self,
        path: &str,
        query: &Query,
        items: impl ExactSizeIterator<Item = Value>,
    ) -> Vec<u8> {
        const END: &[u8] = b"]}";
        let mut text = serde_json::to_vec(&self.envelope(path, query, Vec::new())).unwrap_or_default();
        debug_assert!(text.ends_with(br#""data":[]}"#), "the items are last");
        text.truncate(text.len().saturating_sub(END.len()));
        let (start, count) = (text.len(), items.len());
        for (at, item) in items.enumerate() {
            if at > 0 {
                text.push(b',');
            }
            // Writing to memory does not fail.
            let _ = serde_json::to_writer(&mut text, &item);
            if at == 0 {
                // The others are about as long.
                text.reserve((text.len() - start).saturating_mul(count));
            }
        }
        text.extend_from_slice(END);
        text
    }

    /// Builds Vimeo's list response; `path` is the list's path as requested.
    pub(crate) fn envelope(&self, path: &str, query: &Query, data: Vec<Value>) -> Value {
        let link = |page: u64| Value::String(format!("{path}?{}", query.with_page(page)));
        let next = if self.number < self.last() { link(self.number + 1) } else { Value::Null };
        let previous = if self.number > 1 { link(self.number - 1) } else { Value::Null };
        json!({
            "total": self.total,
            "page": self.number,
            "per_page": self.per_page,
            "paging": {
                "next": next,
                "previous": previous,
                "first": link(1),
                "last": link(self.last()),
            },
            "data": data,
        })
    }
}

fn read(query: &Query, name: &str, default: u64, max: u64) -> Result<u64, ApiError> {
    let Some(text) = query.get(name) else { return Ok(default) };
    match text.parse::<u64>() {
        Ok(number) if (1..=max).contains(&number) => Ok(number),
        _ if max == u64::MAX => Err(ApiError::invalid_field(name, "must be an integer from 1")),
        _ => Err(ApiError::invalid_field(name, format!("must be an integer from 1 to {max}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn computes_page_ranges() {
        for (query, total, expected) in [
            ("", 0, Some(0..0)),
            ("", 3, Some(0..3)),
            ("", 26, Some(0..25)),
            ("page=2", 26, Some(25..26)),
            ("page=2", 25, None),
            ("page=2", 0, None),
            ("page=3&per_page=10", 30, Some(20..30)),
            ("page=4&per_page=10", 30, None),
            ("per_page=100", 1000, Some(0..100)),
            ("per_page=101", 1000, None),
            ("per_page=0", 1000, None),
            ("page=0", 1000, None),
            ("page=-1", 1000, None),
            ("page=1.0", 1000, None),
            ("page=18446744073709551615", 1000, None),
        ] {
            let page = Page::parse(&Query::parse(query), total);
            assert_eq!(page.ok().map(|page| page.range()), expected, "{query} of {total}");
        }
    }

    #[test]
    fn paging_links_keep_parameters() {
        let query = Query::parse("fields=uri%2Cname&per_page=2");
        let page = Page::parse(&query, 5).unwrap().envelope("/me/videos", &query, Vec::new());
        assert_eq!(page["paging"]["next"], "/me/videos?fields=uri%2Cname&per_page=2&page=2");
        assert_eq!(page["paging"]["previous"], Value::Null);
        assert_eq!(page["paging"]["last"], "/me/videos?fields=uri%2Cname&per_page=2&page=3");

        let query = Query::parse("page=3&per_page=2");
        let page = Page::parse(&query, 5).unwrap().envelope("/me/videos", &query, Vec::new());
        assert_eq!(page["paging"]["next"], Value::Null);
        assert_eq!(page["paging"]["previous"], "/me/videos?page=2&per_page=2");
        assert_eq!(page["paging"]["first"], "/me/videos?page=1&per_page=2");
    }

    #[test]
    fn text_is_the_envelope() {
        let query = Query::parse("per_page=3&fields=uri");
        for items in
            [vec![], vec![json!({"uri": "/videos/1"})], vec![json!({"a": "\"\n"}), json!(null), json!([1])]]
        {
            let page = Page::parse(&query, 9).unwrap();
            let text = page.envelope_text("/me/videos", &query, items.clone().into_iter());
            let value = page.envelope("/me/videos", &query, items);
            assert_eq!(String::from_utf8(text).unwrap(), value.to_string());
        }
    }
}
