//! The headers and bodies of an exchange: stored as they are, and shown without their secrets.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use serde::Serialize;

use super::headers::StoredHeaders;
use super::redaction::{is_secret_name, redact, redact_urls};

/// How much of a body is stored.
const MAX_BODY_EXCERPT: usize = 4 * 1024;

/// Members of JSON bodies that hold capability links.
const CAPABILITY_LINKS: [&str; 2] = ["complete_uri", "upload_link"];

/// What people see of an exchange besides the entry's own members, without its secrets.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Details {
    #[serde(skip_serializing_if = "Option::is_none")]
    request_body: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    response_headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_body: Option<String>,
}

/// What becomes [`Details`].
#[derive(Clone, Default)]
pub(super) struct StoredDetails {
    request_body: Option<Excerpt>,
    response_headers: StoredHeaders,
    response_body: Option<Excerpt>,
}

impl fmt::Debug for StoredDetails {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.show().fmt(formatter)
    }
}

impl StoredDetails {
    /// Returns whether there is anything to store.
    pub(super) fn set_request_body(&mut self, headers: &HeaderMap, body: &Bytes) -> bool {
        self.request_body = Excerpt::of(headers, body);
        self.request_body.is_some()
    }

    /// Returns whether there is anything to store.
    pub(super) fn set_response(&mut self, headers: &HeaderMap, body: &Bytes) -> bool {
        self.response_headers = StoredHeaders::of(headers);
        self.response_body = Excerpt::of(headers, body);
        true
    }

    pub(super) fn text_bytes(&self) -> usize {
        let bodies = [&self.request_body, &self.response_body];
        let bodies = bodies.into_iter().flatten().map(|body| body.start.len());
        self.response_headers.text_bytes() + bodies.sum::<usize>()
    }

    pub(super) fn show(&self) -> Details {
        Details {
            request_body: self.request_body.as_ref().map(Excerpt::show),
            response_headers: self.response_headers.show(),
            response_body: self.response_body.as_ref().map(Excerpt::show),
        }
    }
}

/// The beginning of a body that is text.
#[derive(Clone)]
struct Excerpt {
    kind: TextKind,
    start: Bytes,
    is_cut: bool,
}

#[derive(Clone, Copy)]
enum TextKind {
    Json,
    Form,
    Other,
}

impl TextKind {
    /// `None` for media types that are not text.
    fn of(media_type: &HeaderValue) -> Option<Self> {
        let essence = media_type.to_str().ok()?.split(';').next().unwrap_or_default().trim();
        let ends_with = |end: &str| {
            let start = essence.len().checked_sub(end.len());
            start.and_then(|start| essence.get(start..)).is_some_and(|text| text.eq_ignore_ascii_case(end))
        };
        let starts_with =
            |start: &str| essence.get(..start.len()).is_some_and(|text| text.eq_ignore_ascii_case(start));
        if essence.eq_ignore_ascii_case("application/json") || ends_with("+json") {
            Some(Self::Json)
        } else if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            Some(Self::Form)
        } else {
            starts_with("text/").then_some(Self::Other)
        }
    }
}

impl Excerpt {
    fn of(headers: &HeaderMap, body: &Bytes) -> Option<Self> {
        if body.is_empty() {
            return None;
        }
        let kind = TextKind::of(headers.get(header::CONTENT_TYPE)?)?;
        // The beginning of a large body is copied, so that the rest is freed.
        let start = body.get(..MAX_BODY_EXCERPT).map(Bytes::copy_from_slice);
        let is_cut = body.len() > MAX_BODY_EXCERPT;
        Some(Self { kind, start: start.unwrap_or_else(|| body.clone()), is_cut })
    }

    /// The text without its secrets.
    fn show(&self) -> String {
        // Some clients send JSON as a form or as plain text unless told otherwise.
        let text = redact_json(&String::from_utf8_lossy(&self.start));
        let mut redacted = match self.kind {
            TextKind::Json => redact_urls(&text),
            TextKind::Form => redact(&text),
            TextKind::Other => redact_urls(&redact_inputs(&text)),
        };
        if self.is_cut {
            redacted.push('…');
        }
        redacted
    }
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
            (
                "application/x-www-form-urlencoded",
                r#"{"name":"A","password":"p=&"}"#,
                Some(r#"{"name":"A","password": "REDACTED"}"#),
            ),
            (
                "text/plain;charset=UTF-8",
                r#"{"password":"p","link":"http://u/files/1?sig=f"}"#,
                Some(r#"{"password": "REDACTED","link":"http://u/files/1?sig=REDACTED"}"#),
            ),
            ("video/mp4", "....", None),
            ("", "....", None),
            ("application/json", "", None),
        ] {
            let excerpt = Excerpt::of(&headers(media_type), &Bytes::from(body));
            let shown = excerpt.map(|excerpt| excerpt.show());
            assert_eq!(shown.as_deref(), stored, "{media_type} {body}");
        }
        let long = "é".repeat(MAX_BODY_EXCERPT);
        let stored = Excerpt::of(&headers("text/plain"), &Bytes::from(long)).unwrap().show();
        assert!(stored.ends_with('…') && stored.len() <= MAX_BODY_EXCERPT + 4, "{}", stored.len());
    }
}
