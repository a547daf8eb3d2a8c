//! Redacts an upload link in a server's text, however it is spelled.
//!
//! A link is a capability: its holder can write to the upload. Servers and proxies repeat it in error pages: as a
//! whole, without its host, with `&amp;` for `&`, percent-encoded, with escaped slashes, or cut off.

use std::collections::HashSet;

use url::Url;

/// The replacement of the link.
const REDACTED: &str = "[REDACTED]";

/// This many alphanumeric characters in a row, found in text and link, count as a part of the link.
const MIN_SHARED_RUN: usize = 8;

/// The minimum length of a word of the link. Words shorter than `MIN_SHARED_RUN` are redacted only as whole words.
const MIN_WORD_LEN: usize = 4;

/// The maximum number of encodings to undo.
const MAX_DECODE_PASSES: usize = 3;

/// Returns `text` without the secret parts of `link`: its user, path, query and fragment.
///
/// If the text has to be decoded to find the link, returns the decoded text.
pub(crate) fn without_link(text: &str, link: &str) -> String {
    let words = secret_words(link);
    let plain = redact(text, &words);
    let mut decoded = text.to_owned();
    for _ in 0..MAX_DECODE_PASSES {
        let next = decode(&decoded);
        if next == decoded {
            break;
        }
        decoded = next;
    }
    let of_decoded = redact(&decoded, &words);
    // The original text is enough if decoding reveals nothing.
    if of_decoded == decoded { plain } else { of_decoded }
}

/// Returns the alphanumeric words of the link except its host: encodings do not change these.
fn secret_words(link: &str) -> Vec<Vec<u8>> {
    let rest = match Url::parse(link) {
        Ok(url) => {
            let parts = [
                url.username(),
                url.password().unwrap_or_default(),
                url.path(),
                url.query().unwrap_or_default(),
            ];
            format!("{} {}", parts.join(" "), url.fragment().unwrap_or_default())
        }
        Err(_) => link.to_owned(),
    };
    // The host is not secret, so what it has in common with the rest is not either.
    let host =
        Url::parse(link).ok().and_then(|url| Some(url.host_str()?.to_ascii_lowercase())).unwrap_or_default();
    let decoded = decode(&rest);
    let words = rest.split(|c: char| !c.is_ascii_alphanumeric());
    let mut words: Vec<Vec<u8>> = words
        .chain(decoded.split(|c: char| !c.is_ascii_alphanumeric()))
        .filter(|word| word.len() >= MIN_WORD_LEN)
        .map(str::to_ascii_lowercase)
        .filter(|word| !host.split(|c: char| !c.is_ascii_alphanumeric()).any(|label| label == word))
        .map(String::into_bytes)
        .collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// Replaces what the text shares with the words.
fn redact(text: &str, words: &[Vec<u8>]) -> String {
    let lower = text.to_ascii_lowercase().into_bytes();
    let mut hidden = vec![false; lower.len()];
    let mut hide = |from: usize, length: usize| {
        for place in hidden.iter_mut().skip(from).take(length) {
            *place = true;
        }
    };
    // Sets, because link and text are untrusted: the running time must grow with the sum of their lengths only.
    let long: HashSet<&[u8]> = words.iter().flat_map(|word| word.windows(MIN_SHARED_RUN)).collect();
    for (at, part) in lower.windows(MIN_SHARED_RUN).enumerate() {
        if long.contains(part) {
            hide(at, MIN_SHARED_RUN);
        }
    }
    for length in MIN_WORD_LEN..MIN_SHARED_RUN {
        let whole: HashSet<&[u8]> =
            words.iter().filter(|word| word.len() == length).map(Vec::as_slice).collect();
        for (at, part) in lower.windows(length).enumerate() {
            if whole.contains(part) && stands_alone(&lower, at, length) {
                hide(at, length);
            }
        }
        // A text that was cut off within a word.
        let begun: HashSet<&[u8]> = words.iter().filter_map(|word| word.get(..length)).collect();
        let at = lower.len().saturating_sub(length);
        if lower.get(at..).is_some_and(|end| end.len() == length && begun.contains(end)) {
            hide(at, length);
        }
    }
    // Only ASCII bytes are redacted, so the rest is still valid UTF-8.
    let mut kept = Vec::with_capacity(text.len());
    let mut before = false;
    for (byte, hidden) in text.bytes().zip(hidden) {
        match (hidden, before) {
            (false, _) => kept.push(byte),
            (true, false) => kept.extend_from_slice(REDACTED.as_bytes()),
            (true, true) => {}
        }
        before = hidden;
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// Whether the word is not part of a longer word.
fn stands_alone(text: &[u8], at: usize, length: usize) -> bool {
    let is_word =
        |place: Option<usize>| place.and_then(|place| text.get(place)).is_some_and(u8::is_ascii_alphanumeric);
    !is_word(at.checked_sub(1)) && !is_word(at.checked_add(length))
}

/// Undoes one layer of percent-encoding, HTML character references and JSON escapes.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        match escape(rest) {
            Some((character, length)) => {
                let mut buffer = [0; 4];
                decoded.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
                rest = rest.get(length..).unwrap_or_default();
            }
            None => {
                decoded.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// Returns the character of an escape at the start of `text`, and the length of the escape.
fn escape(text: &[u8]) -> Option<(char, usize)> {
    let hexadecimal =
        |digits: Option<&[u8]>| u32::from_str_radix(std::str::from_utf8(digits?).ok()?, 16).ok();
    match text {
        [b'%', ..] => Some((char::from_u32(hexadecimal(text.get(1..3))?).filter(char::is_ascii)?, 3)),
        [b'\\', b'u', ..] => Some((char::from_u32(hexadecimal(text.get(2..6))?)?, 6)),
        [b'\\', b'/', ..] => Some(('/', 2)),
        [b'&', ..] => {
            // `&amp;`, `&#38;`, `&#x26;`: no relevant reference is longer.
            let end = text.iter().take(10).position(|byte| *byte == b';')?;
            let name = std::str::from_utf8(text.get(1..end)?).ok()?;
            let character = match name {
                "amp" => '&',
                "quot" => '"',
                "apos" => '\'',
                "lt" => '<',
                "gt" => '>',
                "sol" => '/',
                "equals" => '=',
                _ => {
                    let number = name.strip_prefix('#')?;
                    let code = match number.strip_prefix(['x', 'X']) {
                        Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                        None => number.parse().ok()?,
                    };
                    char::from_u32(code)?
                }
            };
            Some((character, end.saturating_add(1)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str =
        "https://eu.files.example/files/vimeo-prod/7Zq9_ABCdef0123456789?expires=1700000000&sig=s3cret%2BK";

    #[test]
    fn redacts_every_spelling_of_the_link() {
        let encoded: String = LINK.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let twice = LINK.replace('/', "%252F").replace('&', "%2526").replace('=', "%253D");
        let references: String = LINK.chars().map(|c| format!("&#{};", u32::from(c))).collect();
        let escaped: String = LINK.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
        let texts = [
            LINK.to_owned(),
            "Cannot PATCH /files/vimeo-prod/7Zq9_ABCdef0123456789".to_owned(),
            "no route for expires=1700000000&sig=s3cret%2BK".to_owned(),
            LINK.replace('&', "&amp;"),
            LINK.replace('&', "&#38;"),
            LINK.replace('/', "\\/"),
            LINK.replace(':', "%3A").replace('/', "%2F").replace('&', "%26").replace('=', "%3D"),
            LINK.to_ascii_uppercase(),
            encoded,
            twice,
            references,
            escaped,
            // Cut off on either side.
            "…/files/vimeo-prod/7Zq9_ABCdef0123".to_owned(),
            "…f0123456789?expires=17000".to_owned(),
            "…expires=1700000000&sig=s3cre".to_owned(),
        ];
        for text in texts {
            let shown = without_link(&text, LINK);
            let looked_at = shown.to_ascii_lowercase();
            for secret in ["abcdef", "s3cre", "0123456", "170000"] {
                assert!(!looked_at.contains(secret), "{secret} of {text} is in {shown}");
            }
            let again = decode(&decode(&shown)).to_ascii_lowercase();
            assert!(!again.contains("s3cret") && !again.contains("abcdef"), "{text}: {shown}");
        }
    }

    #[test]
    fn keeps_other_text() {
        for text in [
            "Invalid bucket",
            "",
            "413 Request Entity Too Large: at most 10 MiB, 100 % sure",
            "größer als erlaubt & abgelehnt",
            "https://eu.files.example/ is down",
        ] {
            assert_eq!(without_link(text, LINK), text);
        }
        assert_eq!(
            without_link("Cannot PATCH /files/vimeo-prod/7Zq9: gone", "https://h/7Zq9"),
            "Cannot PATCH /files/vimeo-prod/[REDACTED]: gone"
        );
    }
}
