//! The headers and bodies of an exchange, without their secrets, for people who look at it.

use std::collections::BTreeMap;

use http::{HeaderMap, header};
use serde::Serialize;

use super::{is_secret_name, redact, redact_urls, visible_headers};

/// How much of a body is stored.
const MAX_BODY_EXCERPT: usize = 4 * 1024;

/// Members of JSON bodies that hold capability links.
const CAPABILITY_LINKS: [&str; 2] = ["complete_uri", "upload_link"];

/// What people see of an exchange besides the entry's own members.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Details {
    #[serde(skip_serializing_if = "Option::is_none")]
    request_body: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    response_headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_body: Option<String>,
}

impl Details {
    pub(super) fn set_request_body(&mut self, headers: &HeaderMap, body: &[u8]) {
        self.request_body = excerpt(headers, body);
    }

    pub(super) fn set_response(&mut self, headers: &HeaderMap, body: &[u8]) {
        self.response_headers = visible_headers(headers);
        self.response_body = excerpt(headers, body);
    }

    pub(super) fn text_bytes(&self) -> usize {
        let headers = self.response_headers.iter().map(|(name, value)| name.len() + value.len());
        let bodies = [&self.request_body, &self.response_body];
        headers.sum::<usize>() + bodies.into_iter().flatten().map(String::len).sum::<usize>()
    }
}

/// The beginning of a body that is text, with its secrets redacted; `None` for other media types.
fn excerpt(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    if body.is_empty() {
        return None;
    }
    let media_type =
        headers.get(header::CONTENT_TYPE).and_then(|media_type| media_type.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_json = essence == "application/json" || essence.ends_with("+json");
    let is_form = essence == "application/x-www-form-urlencoded";
    if !is_json && !is_form && !essence.starts_with("text/") {
        return None;
    }
    let start = body.get(..MAX_BODY_EXCERPT).unwrap_or(body);
    let text = String::from_utf8_lossy(start);
    let mut redacted = match (is_json, is_form) {
        (true, _) => redact_urls(&redact_json(&text)),
        (_, true) => redact(&text),
        _ => redact_urls(&redact_inputs(&text)),
    };
    if start.len() < body.len() {
        redacted.push('…');
    }
    Some(redacted)
}

/// Replaces the text of secret members with `REDACTED`. The JSON can be cut off.
fn redact_json(json: &str) -> String {
    let mut redacted = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(quote) = rest.find('"') {
        let (before, from_quote) = rest.split_at(quote);
        redacted.push_str(before);
        let (name, after) = split_string(from_quote);
        redacted.push_str(name);
        rest = after;
        let value = after.trim_start();
        let Some(value) = value.strip_prefix(':').map(str::trim_start) else { continue };
        if !is_secret_member(name) || !value.starts_with('"') {
            continue;
        }
        let (_, after_value) = split_string(value);
        redacted.push_str(": \"REDACTED\"");
        rest = after_value;
    }
    redacted.push_str(rest);
    redacted
}

/// Replaces the values of secret inputs in HTML, as the sandbox's own pages write them, with `REDACTED`.
fn redact_inputs(html: &str) -> String {
    const NAME: &str = "name=\"";
    const VALUE: &str = "\" value=\"";
    let mut redacted = String::with_capacity(html.len());
    let mut rest = html;
    while let Some((before, from_name)) = rest.split_once(NAME) {
        redacted.push_str(before);
        redacted.push_str(NAME);
        rest = from_name;
        let Some((name, value)) = from_name.split_once(VALUE) else { continue };
        if name.contains('"') || !is_secret_name(name) {
            continue;
        }
        redacted.push_str(name);
        redacted.push_str(VALUE);
        redacted.push_str("REDACTED");
        rest = value.split_at(value.find('"').unwrap_or(value.len())).1;
    }
    redacted.push_str(rest);
    redacted
}

fn is_secret_member(quoted: &str) -> bool {
    let name = quoted.trim_matches('"');
    is_secret_name(name) || CAPABILITY_LINKS.contains(&name)
}

/// Splits a text that starts with a JSON string behind that string; an unfinished one is everything.
fn split_string(text: &str) -> (&str, &str) {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return text.split_at_checked(at + 1).unwrap_or((text, "")),
            _ => {}
        }
    }
    (text, "")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn secrets_in_json_are_redacted() {
        for (json, redacted) in [
            (r#"{"name":"A","password":"p"}"#, r#"{"name":"A","password": "REDACTED"}"#),
            (
                r#"{"access_token" : "t\"x", "scope":"public"}"#,
                r#"{"access_token": "REDACTED", "scope":"public"}"#,
            ),
            (
                r#"{"upload":{"upload_link":"http://x","size":1}}"#,
                r#"{"upload":{"upload_link": "REDACTED","size":1}}"#,
            ),
            (r#"{"token":{"name":"A"},"key":null}"#, r#"{"token":{"name":"A"},"key":null}"#),
            (r#"["password","p"]"#, r#"["password","p"]"#),
            (
                r#"{"name":"say \"hi\"","client_secret":"s"#,
                r#"{"name":"say \"hi\"","client_secret": "REDACTED""#,
            ),
            (r#"{"passw"#, r#"{"passw"#),
            ("[1, 2]", "[1, 2]"),
            ("", ""),
        ] {
            assert_eq!(redact_json(json), redacted);
        }
    }

    #[test]
    fn stores_the_start_of_text_bodies() {
        let headers = |media_type: &'static str| {
            HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(media_type))])
        };
        for (media_type, body, stored) in [
            ("application/vnd.vimeo.video+json", "{}", Some("{}")),
            ("application/json; charset=utf-8", "{}", Some("{}")),
            ("application/x-www-form-urlencoded", "grant_type=x&code=y", Some("grant_type=x&code=REDACTED")),
            ("text/html", "<p>", Some("<p>")),
            (
                "text/html; charset=utf-8",
                r#"<input name="scope" value="public"><input type="hidden" name="state" value="x y"><p>"#,
                Some(
                    r#"<input name="scope" value="public"><input type="hidden" name="state" value="REDACTED"><p>"#,
                ),
            ),
            (
                "application/json",
                r#"{"link":"http://u/pictures/1/2?expires=3&sig=f","form":"<form action=\"http://u/forms/1/a?expires=3&amp;sig=f\">"}"#,
                Some(
                    r#"{"link":"http://u/pictures/1/2?expires=3&sig=REDACTED","form":"<form action=\"http://u/forms/1/a?expires=3&amp;sig=REDACTED\">"}"#,
                ),
            ),
            ("video/mp4", "....", None),
            ("", "....", None),
            ("application/json", "", None),
        ] {
            assert_eq!(
                excerpt(&headers(media_type), body.as_bytes()).as_deref(),
                stored,
                "{media_type} {body}"
            );
        }
        let long = "é".repeat(MAX_BODY_EXCERPT);
        let stored = excerpt(&headers("text/plain"), long.as_bytes()).unwrap();
        assert!(stored.ends_with('…') && stored.len() <= MAX_BODY_EXCERPT + 4, "{}", stored.len());
    }
}
