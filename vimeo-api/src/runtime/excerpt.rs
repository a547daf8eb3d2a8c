//! Content type and excerpt of bodies that are not JSON of the API.

use std::fmt;

/// The maximum number of bytes that are searched for an excerpt.
const MAX_SCANNED_BYTES: usize = 8 * 1024;
/// The maximum length of an excerpt.
const MAX_EXCERPT_CHARS: usize = 200;
/// Longer words may be tokens; words of sentences are shorter.
const MAX_WORD_CHARS: usize = 30;

/// The content type of a body, detected from its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ContentKind {
    Empty,
    /// The start of an object or array, which may be truncated.
    Json,
    Html,
    Gzip,
    Text,
}

impl ContentKind {
    pub(super) fn of(body: &[u8]) -> Self {
        let start = without_bom(body).trim_ascii_start();
        match start {
            [] => Self::Empty,
            [b'{' | b'[', ..] => Self::Json,
            [b'<', ..] => Self::Html,
            [0x1f, 0x8b, ..] => Self::Gzip,
            _ => Self::Text,
        }
    }
}

impl fmt::Display for ContentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "no body",
            Self::Json => "JSON",
            Self::Html => "an HTML page",
            Self::Gzip => "compressed data (gzip)",
            Self::Text => "text",
        })
    }
}

/// Removes the byte order mark that some proxies add.
pub(super) fn without_bom(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

/// Returns the title or heading of a page, or the start of a text: one line of at most 200 characters, without control
/// characters and without possible tokens.
pub(super) fn excerpt(body: &[u8]) -> Option<String> {
    let body = without_bom(body);
    let body = String::from_utf8_lossy(body.get(..MAX_SCANNED_BYTES).unwrap_or(body));
    let words = match ContentKind::of(body.as_bytes()) {
        ContentKind::Empty | ContentKind::Gzip => return None,
        ContentKind::Html => ["title", "h1"]
            .into_iter()
            .find_map(|tag| element(&body, tag))
            .unwrap_or_else(|| without_tags(&body)),
        ContentKind::Json | ContentKind::Text => body.into_owned(),
    };
    let text = cleaned(&words);
    (!text.is_empty()).then_some(text)
}

/// Returns the text of the first element of this name that is not empty.
fn element(page: &str, name: &str) -> Option<String> {
    let lower = page.to_ascii_lowercase();
    let mut from = 0;
    while let Some(found) = lower.get(from..).and_then(|rest| rest.find(&format!("<{name}"))) {
        from = from.saturating_add(found).saturating_add(name.len()).saturating_add(1);
        let rest = page.get(from..)?;
        // The name of another element can have the same prefix.
        if !rest.starts_with(['>', ' ', '\t', '\r', '\n']) {
            continue;
        }
        let (_, content) = rest.split_once('>')?;
        let content = content.split('<').next().unwrap_or_default();
        if !content.trim().is_empty() {
            return Some(unescaped(content));
        }
    }
    None
}

/// Returns the text of a page that has neither a title nor a heading.
fn without_tags(page: &str) -> String {
    let mut text = String::new();
    let mut rest = page;
    while let Some((before, tag)) = rest.split_once('<') {
        text.push_str(before);
        text.push(' ');
        let name = tag.get(..6).unwrap_or(tag).to_ascii_lowercase();
        let end = match &*name {
            "script" => "</script>",
            name if name.starts_with("style") => "</style>",
            name if name.starts_with("!--") => "-->",
            _ => ">",
        };
        rest = tag.split_once(end).map_or("", |(_, rest)| rest);
    }
    text.push_str(rest);
    unescaped(&text)
}

fn unescaped(text: &str) -> String {
    const ENTITIES: [(&str, &str); 6] =
        [("&nbsp;", " "), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    ENTITIES.iter().fold(text.to_owned(), |text, (entity, letter)| text.replace(entity, letter))
}

/// Returns one line without control characters and without words that may be secrets.
fn cleaned(text: &str) -> String {
    let plain: String =
        text.chars().map(|c| if c.is_control() || is_invisible(c) { ' ' } else { c }).collect();
    let words = plain.split_whitespace().map(|word| {
        let secret = word.chars().count() > MAX_WORD_CHARS || word.contains(['=', '?']) && word.len() > 8;
        if secret { "…" } else { word }
    });
    words.collect::<Vec<_>>().join(" ").chars().take(MAX_EXCERPT_CHARS).collect()
}

/// Whether a character reorders or hides the text around it.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Truncates a message of the API that is longer than expected.
pub(super) fn truncated(text: &str) -> &str {
    const MAX_CHARS: usize = 1000;
    text.char_indices().nth(MAX_CHARS).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detects_content_type_from_first_bytes() {
        let table: [(&[u8], ContentKind); 9] = [
            (b"", ContentKind::Empty),
            (b" \r\n", ContentKind::Empty),
            (b"\xef\xbb\xbf {}", ContentKind::Json),
            (b"[1", ContentKind::Json),
            (b"\n<!DOCTYPE html>", ContentKind::Html),
            (b"<html>", ContentKind::Html),
            (b"\x1f\x8b\x08", ContentKind::Gzip),
            (b"no healthy upstream", ContentKind::Text),
            (b"null", ContentKind::Text),
        ];
        for (body, form) in table {
            assert_eq!(ContentKind::of(body), form, "{body:?}");
        }
    }

    #[test]
    fn excerpt_is_one_clean_short_line() {
        let secret = "0123456789abcdef0123456789abcdef";
        let long = "word ".repeat(1000);
        let table = [
            ("<html><head><TITLE>502 Bad\n Gateway</TITLE></head>", Some("502 Bad Gateway".to_owned())),
            ("<title lang=\"en\">Airport &amp; WiFi</title>", Some("Airport & WiFi".to_owned())),
            ("<titled>x</titled><h1>Access denied</h1>", Some("Access denied".to_owned())),
            ("<title> </title><h1 id=1>Blocked</h1>", Some("Blocked".to_owned())),
            (
                "<body><script>if (a < b) {}</script><style>p {}</style><p>Please <b>sign in</b></p>",
                Some("Please sign in".to_owned()),
            ),
            ("<html></html>", None),
            ("", None),
            (
                "no\x1b]52;c;AAAA\x07 healthy\u{202e} upstream",
                Some("no ]52;c;AAAA healthy upstream".to_owned()),
            ),
            (&format!("token {secret} was given"), Some("token … was given".to_owned())),
            ("access_token=abc&scope=public", Some("…".to_owned())),
            (&long, Some(long.chars().take(200).collect())),
        ];
        for (body, text) in table {
            assert_eq!(excerpt(body.as_bytes()), text, "{body}");
        }
        assert_eq!(excerpt(b"caf\xe9 closed").as_deref(), Some("caf\u{fffd} closed"), "no UTF-8");
    }

    #[test]
    fn truncates_long_messages() {
        assert_eq!(truncated("short"), "short");
        assert_eq!(truncated(&"é".repeat(5000)).chars().count(), 1000);
    }
}
