//! Rust names.

use heck::{ToSnakeCase, ToUpperCamelCase};

/// Returns a function, field or module name. Keywords get a trailing `_`.
pub(crate) fn snake(text: &str) -> String {
    let name = spelled_out(text).to_snake_case();
    let name = if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
        format!("_{name}")
    } else {
        name
    };
    if KEYWORDS.contains(&name.as_str()) { format!("{name}_") } else { name }
}

/// Returns a type or variant name.
pub(crate) fn pascal(text: &str) -> String {
    let name = spelled_out(text).to_upper_camel_case();
    if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
        format!("N{name}")
    } else {
        name
    }
}

/// Returns the name of a static.
pub(crate) fn screaming_snake_case(text: &str) -> String {
    spelled_out(text).to_snake_case().to_ascii_uppercase()
}

/// Spells out signs that distinguish names: `+1` and `-1`, `1080p+`.
fn spelled_out(text: &str) -> String {
    let text = text.trim();
    let mut spelled_out = String::with_capacity(text.len());
    for (index, sign) in text.char_indices() {
        match sign {
            '+' => spelled_out.push_str(" plus "),
            '-' if index == 0 => spelled_out.push_str("minus "),
            '\'' => {}
            sign if sign.is_ascii_alphanumeric() => spelled_out.push(sign),
            _ => spelled_out.push(' '),
        }
    }
    spelled_out
}

const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop",
    "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static",
    "struct", "super", "trait", "true", "try", "type", "typeof", "union", "unsafe", "unsized", "use",
    "virtual", "where", "while", "yield",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn converts_names() {
        let cases = [
            ("video_id", "video_id", "VideoId"),
            ("type", "type_", "Type"),
            ("by-nc-nd", "by_nc_nd", "ByNcNd"),
            ("Watch Later", "watch_later", "WatchLater"),
            ("1080p", "_1080p", "N1080p"),
            ("+1", "plus_1", "Plus1"),
            ("-1", "minus_1", "Minus1"),
            ("", "_", "N"),
        ];
        for (text, function, kind) in cases {
            assert_eq!((snake(text).as_str(), pascal(text).as_str()), (function, kind), "{text}");
        }
    }
}
