//! Names as Rust wants them.

use heck::{ToSnakeCase, ToUpperCamelCase};

/// A function, field or module name; words that Rust keeps get a trailing `_`.
pub(crate) fn snake(text: &str) -> String {
    let name = spelled(text).to_snake_case();
    let name = if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
        format!("_{name}")
    } else {
        name
    };
    if KEPT.contains(&name.as_str()) { format!("{name}_") } else { name }
}

/// A type or variant name.
pub(crate) fn pascal(text: &str) -> String {
    let name = spelled(text).to_upper_camel_case();
    if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
        format!("N{name}")
    } else {
        name
    }
}

/// A static's name.
pub(crate) fn screaming_snake_case(text: &str) -> String {
    spelled(text).to_snake_case().to_ascii_uppercase()
}

/// Signs that carry the whole difference between two names, in words: `+1` and `-1`, `1080p+`.
fn spelled(text: &str) -> String {
    let text = text.trim();
    let mut spelled = String::with_capacity(text.len());
    for (index, sign) in text.char_indices() {
        match sign {
            '+' => spelled.push_str(" plus "),
            '-' if index == 0 => spelled.push_str("minus "),
            '\'' => {}
            sign if sign.is_ascii_alphanumeric() => spelled.push(sign),
            _ => spelled.push(' '),
        }
    }
    spelled
}

const KEPT: &[&str] = &[
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
    fn names_are_spelled_out() {
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
