//! Escapes untrusted text for terminals.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a character controls the terminal or the text direction. Newlines and tabs are harmless.
pub(crate) fn is_control(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t'))
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Escapes control characters as `\u001b`, which is also valid in JSON strings. All other text is unchanged.
pub(crate) fn escape_controls(text: &str) -> Cow<'_, str> {
    escape(text, |_| None)
}

/// Like [`escape_controls`], but keeps color codes: for lines that this program composed.
pub(crate) fn escape_controls_except_colors(text: &str) -> Cow<'_, str> {
    escape(text, color_code_len)
}

fn escape(text: &str, keep_len: impl Fn(&str) -> Option<usize>) -> Cow<'_, str> {
    if !text.contains(is_control) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(at) = rest.find(is_control) {
        let (before, from) = rest.split_at(at);
        shown.push_str(before);
        let length = match keep_len(from) {
            Some(length) => {
                shown.push_str(from.get(..length).unwrap_or_default());
                length
            }
            None if from.starts_with("\r\n") => {
                shown.push('\n');
                2
            }
            None => {
                let c = from.chars().next().unwrap_or_default();
                // Writing to a string cannot fail.
                let _ = write!(shown, "\\u{:04x}", u32::from(c));
                c.len_utf8()
            }
        };
        rest = from.get(length..).unwrap_or_default();
    }
    shown.push_str(rest);
    shown.into()
}

/// Returns the length of the color code at the start of the text, if there is one.
fn color_code_len(text: &str) -> Option<usize> {
    let codes = text.strip_prefix("\u{1b}[")?;
    let end = codes.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    codes.get(end..)?.starts_with('m').then_some(2 + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_control_characters() {
        for (text, shown) in [
            ("Surf, naïve 日本 🏄🏽\n\tend", "Surf, naïve 日本 🏄🏽\n\tend"),
            ("a\u{1b}]52;c;eA==\u{7}b", r"a\u001b]52;c;eA==\u0007b"),
            ("\u{1b}[31mred\u{1b}[0m", r"\u001b[31mred\u001b[0m"),
            ("\u{9b}31m \u{202e}gnp\u{2069}\u{61c}\u{200f}", r"\u009b31m \u202egnp\u2069\u061c\u200f"),
            ("over\rwritten\u{8}\u{7f}", r"over\u000dwritten\u0008\u007f"),
            ("two\r\nlines", "two\nlines"),
        ] {
            assert_eq!(escape_controls(text), shown, "{text:?}");
        }
        let json = serde_json::json!({"name": "\u{1b}\u{9b}\u{202e}\u{7f}"}).to_string();
        let shown = escape_controls(&json);
        assert!(!shown.contains(is_control), "{shown}");
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&shown).unwrap()["name"],
            "\u{1b}\u{9b}\u{202e}\u{7f}"
        );
    }

    #[test]
    fn keeps_color_codes() {
        for (text, shown) in [
            ("\u{1b}[1mb\u{1b}[0m", "\u{1b}[1mb\u{1b}[0m"),
            ("\u{1b}[1;31mb", "\u{1b}[1;31mb"),
            ("\u{1b}[2J\u{1b}[m", "\\u001b[2J\u{1b}[m"),
            ("\u{1b}[1", r"\u001b[1"),
            ("\u{1b}", r"\u001b"),
        ] {
            assert_eq!(escape_controls_except_colors(text), shown, "{text:?}");
        }
    }
}
