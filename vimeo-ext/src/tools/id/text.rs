//! Takes the text of an id apart, before anything is known of its kind.

use url::{Host, Url};

/// A text, read as far as its form goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `123`, or `123:abc` with the hash of an unlisted video.
    Number(u64, Option<String>),
    /// `/videos/123` or the same behind the API's host: the segments.
    Uri(Vec<String>),
    /// A link of vimeo.com: the segments, and the hash in `?h=`.
    Page(Vec<String>, Option<String>),
    /// A link of player.vimeo.com: the same.
    Player(Vec<String>, Option<String>),
    /// One word without a slash: a channel's name, if anything.
    Word(String),
}

/// `None` when the text has none of the forms.
pub(super) fn read(text: &str) -> Option<Form> {
    let text = text.trim();
    if text.is_empty() || text.len() > 300 || text.contains(|c: char| c.is_control() || c.is_whitespace()) {
        return None;
    }
    if let Some((number, hash)) = number(text) {
        return Some(Form::Number(number, hash));
    }
    if text.starts_with('/') {
        return segments(text.get(1..)?).map(Form::Uri);
    }
    if text.starts_with("https://") || text.starts_with("http://") {
        return link(text);
    }
    let host = text.split('/').next().unwrap_or_default();
    if matches!(host, "vimeo.com" | "www.vimeo.com" | "player.vimeo.com") {
        return link(&format!("https://{text}"));
    }
    word(text).then(|| Form::Word(text.to_owned()))
}

fn link(text: &str) -> Option<Form> {
    // The parser would take `..` and backslashes out of the path; what has them is no link that Vimeo shows.
    if text.contains("/..") || text.contains("/./") || text.contains('\\') {
        return None;
    }
    let url = Url::parse(text).ok()?;
    if !url.username().is_empty() || url.password().is_some() || url.port().is_some() {
        return None;
    }
    let Host::Domain(host) = url.host()? else { return None };
    let path = segments(url.path().trim_start_matches('/'))?;
    let mut hash = None;
    for (name, value) in url.query_pairs() {
        if name == "h" {
            // An unreadable hash must not become a link without one.
            hash = Some(value.into_owned()).filter(|value| is_hash(value));
            hash.as_ref()?;
        }
    }
    match host {
        "vimeo.com" | "www.vimeo.com" => Some(Form::Page(path, hash)),
        "player.vimeo.com" => Some(Form::Player(path, hash)),
        "api.vimeo.com" => Some(Form::Uri(path)),
        _ => None,
    }
}

/// The segments of a path, each of plain characters; one slash at the end is forgiven.
fn segments(path: &str) -> Option<Vec<String>> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let segments: Vec<String> = path.split('/').map(str::to_owned).collect();
    let plain = |segment: &String| {
        let (word_part, hash) = segment.split_once(':').unwrap_or((segment, "0"));
        word(word_part) && is_hash(hash)
    };
    segments.iter().all(plain).then_some(segments)
}

/// `123` or `123:abc`.
pub(super) fn number(text: &str) -> Option<(u64, Option<String>)> {
    let (digits, hash) = match text.split_once(':') {
        Some((digits, hash)) if is_hash(hash) => (digits, Some(hash.to_owned())),
        Some(_) => return None,
        None => (text, None),
    };
    if digits.is_empty() || digits.starts_with('0') || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((digits.parse().ok()?, hash))
}

/// The letters and digits that stand behind the id of an unlisted video.
pub(super) fn is_hash(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// A name as it stands in a link.
fn word(text: &str) -> bool {
    (1..=100).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
