//! What an answer is that is no JSON.

use http::{HeaderMap, header};

/// Says in a few words what a body is; `None` for JSON.
pub(crate) fn describe(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
    let error = serde_json::from_slice::<serde_json::Value>(body).err()?;
    let text = |name| headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
    let kind = text(header::CONTENT_TYPE).and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    let begins = |word: &[u8]| {
        let start = body.trim_ascii_start();
        start.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    Some(if body.starts_with(&[0x1f, 0x8b]) {
        "compressed (gzip), which was not asked for".to_owned()
    } else if let Some(coding) = text(header::CONTENT_ENCODING).filter(|coding| *coding != "identity") {
        format!("coded as {coding}, which was not asked for")
    } else if begins(b"<!doctype html") || begins(b"<html") || kind.eq_ignore_ascii_case("text/html") {
        "a web page, as a proxy or a login page of the network sends it".to_owned()
    } else if let Some(json) = body.strip_prefix(BYTE_ORDER_MARK) {
        match describe(headers, json) {
            Some(what) => what,
            None => "JSON behind a byte order mark".to_owned(),
        }
    } else if std::str::from_utf8(body).is_err() {
        "no text in UTF-8".to_owned()
    } else if kind.is_empty() || kind.contains("json") {
        format!("no JSON: {error}")
    } else {
        format!("of the type {kind}, not JSON")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_told_as_what_it_is() {
        for (kind, body, says) in [
            ("application/json", &b"{\"a\": 1}"[..], None),
            ("text/html", b"{}", None),
            ("text/html; charset=utf-8", b"Sign in to the network", Some("a web page")),
            ("application/json", b"\n <!DOCTYPE html><title>x", Some("a web page")),
            ("application/json", b"\xef\xbb\xbf{}", Some("JSON behind a byte order mark")),
            ("application/json", b"\x1f\x8b\x08rest", Some("compressed (gzip)")),
            ("application/json", b"{\"name\": \"caf\xe9\"}", Some("no text in UTF-8")),
            ("text/plain", b"upstream connect error", Some("of the type text/plain")),
            ("application/json", b"{\"duration\": 1e400}", Some("no JSON: number out of range")),
            ("application/json", b"{\"name\": ", Some("no JSON: EOF")),
            ("", b"busy", Some("no JSON: expected value")),
        ] {
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, kind.parse().unwrap())]);
            let described = describe(&headers, body);
            assert_eq!(described.is_some(), says.is_some(), "{described:?}");
            assert!(described.unwrap_or_default().starts_with(says.unwrap_or_default()), "{says:?}");
        }
        let coded = HeaderMap::from_iter([(header::CONTENT_ENCODING, "br".parse().unwrap())]);
        assert!(describe(&coded, b"\x0b\x02").unwrap().starts_with("coded as br"));
    }
}
