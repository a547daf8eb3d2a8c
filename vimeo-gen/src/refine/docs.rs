//! Cleans documentation texts for rustdoc.

use super::collect::{Api, Kind};
use heck::ToSnakeCase;

/// Cleans the texts of the description and adds a line to items without text.
pub(super) fn complete(api: &mut Api) {
    for ty in api.types.values_mut() {
        // progenitor appends the JSON schema to the text.
        let text = ty.doc.split("<details>").next().unwrap_or_default();
        ty.doc = clean(text.trim().trim_matches('`'));
        if ty.doc.is_empty() || ty.doc == ty.name {
            ty.doc = sentence(&ty.name);
        }
        if let Kind::Struct(fields) = &mut ty.kind {
            for field in fields {
                field.doc = clean(&field.doc);
                if field.doc.is_empty() {
                    field.doc = sentence(&field.wire);
                }
            }
        }
    }
    for area in &mut api.areas {
        area.about = clean(&area.about);
    }
    for call in &mut api.calls {
        call.summary = clean(&call.summary);
        call.doc = clean(&call.doc);
        call.response_doc = clean(&call.response_doc);
        if call.summary.is_empty() {
            call.summary = sentence(&call.id).trim_end_matches('.').to_owned();
        }
        for parameter in call.path_parameters.iter_mut().chain(&mut call.query) {
            parameter.doc = clean(&parameter.doc);
            if parameter.doc.is_empty() {
                parameter.doc = sentence(&parameter.wire);
            }
        }
    }
}

/// Turns a name into a sentence: `created_time` becomes "Created time."
pub(crate) fn sentence(name: &str) -> String {
    let words = name.to_snake_case().replace('_', " ");
    let mut letters = words.chars();
    letters.next().map(|first| format!("{}{}.", first.to_uppercase(), letters.as_str())).unwrap_or_default()
}

/// Escapes brackets, which rustdoc reads as links and tags, and wraps bare URLs, outside code spans.
fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    for (index, part) in text.split('`').enumerate() {
        if index > 0 {
            cleaned.push('`');
        }
        if index % 2 == 1 {
            cleaned.push_str(part);
            continue;
        }
        for word in part.split_inclusive(char::is_whitespace) {
            let link = word.trim_end();
            if link.starts_with("https://") || link.starts_with("http://") {
                let bare = link.trim_end_matches(['.', ',', ')', ';']);
                cleaned.push_str(&format!("<{bare}>{}", word.get(bare.len()..).unwrap_or_default()));
            } else {
                for sign in word.chars() {
                    if matches!(sign, '[' | ']' | '<' | '>' | '*') {
                        cleaned.push('\\');
                    }
                    cleaned.push(sign);
                }
            }
        }
    }
    cleaned.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_text_for_rustdoc() {
        let cases = [
            ("A [b] <c> `d[0]`.", r"A \[b\] \<c\> `d[0]`."),
            ("See https://a.example/b. Then c", "See <https://a.example/b>. Then c"),
            ("  plain ", "plain"),
        ];
        for (text, cleaned) in cases {
            assert_eq!(clean(text), cleaned);
        }
    }

    #[test]
    fn turns_names_into_sentences() {
        assert_eq!(sentence("created_time"), "Created time.");
        assert_eq!(sentence("VideoPrivacy"), "Video privacy.");
        assert_eq!(sentence(""), "");
    }
}
