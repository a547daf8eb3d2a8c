//! Describes response bodies that are not JSON.

use http::{HeaderMap, header};

/// Describes a body in a few words; `None` if it is JSON.
pub(crate) fn describe(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
    let error = serde_json::from_slice::<serde_json::Value>(body).err()?;
    let text = |name| headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
    let kind = text(header::CONTENT_TYPE).and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    let starts_with = |word: &[u8]| {
        let start = body.trim_ascii_start();
        start.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    Some(if body.starts_with(&[0x1f, 0x8b]) {
        "compressed (gzip) although no compression was requested".to_owned()
    } else if let Some(coding) = text(header::CONTENT_ENCODING).filter(|coding| *coding != "identity") {
        format!("encoded as {coding} although no encoding was requested")
    } else if starts_with(b"<!doctype html")
        || starts_with(b"<html")
        || kind.eq_ignore_ascii_case("text/html")
    {
        "a web page, probably from a proxy or a network's login page".to_owned()
    } else if let Some(json) = body.strip_prefix(BYTE_ORDER_MARK) {
        match describe(headers, json) {
            Some(what) => what,
            None => "JSON with a byte order mark".to_owned(),
        }
    } else if std::str::from_utf8(body).is_err() {
        "not valid UTF-8".to_owned()
    } else if kind.is_empty() || kind.contains("json") {
        format!("invalid JSON: {error}")
    } else {
        format!("of type {kind}, not JSON")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn describes_bodies_that_are_not_json() {
        for (kind, body, expected) in [
            ("application/json", &b"{\"a\": 1}"[..], None),
            ("text/html", b"{}", None),
            ("text/html; charset=utf-8", b"Sign in to the network", Some("a web page")),
            ("application/json", b"\n <!DOCTYPE html><title>x", Some("a web page")),
            ("application/json", b"\xef\xbb\xbf{}", Some("JSON with a byte order mark")),
            ("application/json", b"\x1f\x8b\x08rest", Some("compressed (gzip)")),
            ("application/json", b"{\"name\": \"caf\xe9\"}", Some("not valid UTF-8")),
            ("text/plain", b"upstream connect error", Some("of type text/plain")),
            ("application/json", b"{\"duration\": 1e400}", Some("invalid JSON: number out of range")),
            ("application/json", b"{\"name\": ", Some("invalid JSON: EOF")),
            ("", b"busy", Some("invalid JSON: expected value")),
        ] {
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, kind.parse().unwrap())]);
            let described = describe(&headers, body);
            assert_eq!(described.is_some(), expected.is_some(), "{described:?}");
            assert!(described.unwrap_or_default().starts_with(expected.unwrap_or_default()), "{expected:?}");
        }
        let coded = HeaderMap::from_iter([(header::CONTENT_ENCODING, "br".parse().unwrap())]);
        assert!(describe(&coded, b"\x0b\x02").unwrap().starts_with("encoded as br"));
    }
}
