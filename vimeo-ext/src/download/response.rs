//! What a response of a file host means for a download. Pure: status and headers in, decision out.

use std::time::Duration;

use http::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, LAST_MODIFIED, RETRY_AFTER};
use http::{HeaderMap, HeaderName};

use crate::error::TransferFailure;

/// The meaning of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The body continues the file from the requested offset.
    Continues { total: u64 },
    /// The body is the file from its start. The size is known if the response has it.
    Whole { total: Option<u64> },
    /// The file ends where the download has arrived.
    Complete,
    /// The link is no longer valid.
    LinkExpired(u16),
    /// The file is another one than before: what was received does not count.
    Changed,
    /// Another attempt may succeed.
    Failed(TransferFailure, Option<Duration>),
    /// No attempt will succeed.
    Refused(u16),
}

/// Decides what a response to a request for the bytes from `offset` means. `total` is the file's size as far as it is known.
pub(super) fn meaning(status: u16, headers: &HeaderMap, offset: u64, total: Option<u64>) -> Meaning {
    let retry_after = || number(headers, &RETRY_AFTER).map(Duration::from_secs);
    match status {
        200 | 206 if is_web_page(headers) => Meaning::Failed(TransferFailure::WebPage(status), None),
        200 => Meaning::Whole { total: number(headers, &CONTENT_LENGTH) },
        206 => match content_range(headers) {
            Some((start, found)) if start == offset && total.is_none_or(|total| total == found) => {
                Meaning::Continues { total: found }
            }
            _ => Meaning::Changed,
        },
        // The offset is not below the file's size.
        416 => match unsatisfied_range(headers) {
            Some(found) if found == offset && total.is_none_or(|total| total == found) => Meaning::Complete,
            _ => Meaning::Changed,
        },
        403 | 404 | 410 => Meaning::LinkExpired(status),
        429 => Meaning::Failed(TransferFailure::RateLimited, retry_after()),
        408 | 500..=599 => Meaning::Failed(TransferFailure::Server(status), retry_after()),
        _ => Meaning::Refused(status),
    }
}

/// Returns what identifies the version of the file: a strong entity tag, or the time of its last change.
pub(super) fn validator(headers: &HeaderMap) -> Option<String> {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    text(&ETAG)
        .filter(|tag| tag.starts_with('"'))
        .or_else(|| text(&LAST_MODIFIED))
        .filter(|validator| validator.len() <= MAX_VALIDATOR_LEN)
        .map(str::to_owned)
}

/// The longest validator that is kept.
const MAX_VALIDATOR_LEN: usize = 1024;

fn is_web_page(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    media_type.is_some_and(|media_type| media_type.trim_start().to_ascii_lowercase().starts_with("text/html"))
}

fn number(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// Reads `bytes START-END/TOTAL`, if it ends where the file does.
fn content_range(headers: &HeaderMap) -> Option<(u64, u64)> {
    let (range, total) = range_and_total(headers)?;
    let (start, end) = range.split_once('-')?;
    let (start, end): (u64, u64) = (start.trim().parse().ok()?, end.trim().parse().ok()?);
    (start <= end && end.checked_add(1) == Some(total)).then_some((start, total))
}

/// Reads `bytes */TOTAL`.
fn unsatisfied_range(headers: &HeaderMap) -> Option<u64> {
    range_and_total(headers).filter(|(range, _)| *range == "*").map(|(_, total)| total)
}

fn range_and_total(headers: &HeaderMap) -> Option<(&str, u64)> {
    let text = headers.get(CONTENT_RANGE)?.to_str().ok()?.trim();
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    Some((range.trim(), total.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn responses_mean_what_their_status_and_range_say() {
        let range = |value| headers(&[("content-range", value)]);
        let failed = |failure| Meaning::Failed(failure, None);
        // (status, headers, offset, known size, meaning)
        let table = [
            (200, headers(&[("content-length", "9")]), 0, None, Meaning::Whole { total: Some(9) }),
            (200, headers(&[]), 5, Some(9), Meaning::Whole { total: None }),
            (206, range("bytes 5-8/9"), 5, Some(9), Meaning::Continues { total: 9 }),
            (206, range("bytes 5-8/9"), 5, None, Meaning::Continues { total: 9 }),
            (206, range("bytes 5-8/9"), 5, Some(10), Meaning::Changed),
            (206, range("bytes 4-8/9"), 5, Some(9), Meaning::Changed),
            (206, range("bytes 5-7/9"), 5, Some(9), Meaning::Changed),
            (206, range("bytes 5-8/*"), 5, Some(9), Meaning::Changed),
            (206, headers(&[]), 5, Some(9), Meaning::Changed),
            (206, range("bytes 0-18446744073709551615/18446744073709551615"), 0, None, Meaning::Changed),
            (416, range("bytes */9"), 9, Some(9), Meaning::Complete),
            (416, range("bytes */9"), 9, None, Meaning::Complete),
            (416, range("bytes */8"), 9, Some(9), Meaning::Changed),
            (416, headers(&[]), 9, Some(9), Meaning::Changed),
            (
                200,
                headers(&[("content-type", "Text/HTML; charset=x")]),
                0,
                None,
                failed(TransferFailure::WebPage(200)),
            ),
            (403, headers(&[]), 0, None, Meaning::LinkExpired(403)),
            (410, headers(&[]), 0, None, Meaning::LinkExpired(410)),
            (
                429,
                headers(&[("retry-after", "7")]),
                0,
                None,
                Meaning::Failed(TransferFailure::RateLimited, Some(Duration::from_secs(7))),
            ),
            (503, headers(&[]), 0, None, failed(TransferFailure::Server(503))),
            (408, headers(&[]), 0, None, failed(TransferFailure::Server(408))),
            (400, headers(&[]), 0, None, Meaning::Refused(400)),
            (204, headers(&[]), 0, None, Meaning::Refused(204)),
        ];
        for (status, headers, offset, total, expected) in table {
            assert_eq!(
                meaning(status, &headers, offset, total),
                expected,
                "{status} {headers:?} at {offset} of {total:?}"
            );
        }
    }

    #[test]
    fn only_strong_tags_and_times_validate() {
        for (pairs, expected) in [
            (&[("etag", "\"a\""), ("last-modified", "t")][..], Some("\"a\"")),
            (&[("etag", "W/\"a\""), ("last-modified", "t")], Some("t")),
            (&[("etag", "W/\"a\"")], None),
            (&[], None),
        ] {
            assert_eq!(validator(&headers(pairs)).as_deref(), expected, "{pairs:?}");
        }
    }
}
