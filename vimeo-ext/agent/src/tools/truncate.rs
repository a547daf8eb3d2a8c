//! Answers that fit: what goes over the wire is counted, in every copy, and cut where it would be too much.

use serde_json::{Map, Value, json};

/// How many copies of an answer go over the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OutputDuplication {
    /// As text alone.
    Text,
    /// As text and as structured content, as MCP has it.
    Both,
}

/// What an answer may take on the wire, envelope included: where less detail is asked for, and at the very most.
pub(crate) const DEFAULT_BYTES: usize = 20_000;
pub(crate) const MAX_BYTES: usize = 60_000;

/// What goes around an answer.
const ENVELOPE: usize = 400;

/// The bytes that an answer takes on the wire.
pub(crate) fn on_the_wire(value: &Value, copies: OutputDuplication) -> usize {
    let text = value.to_string();
    // As a string inside JSON each quote and backslash takes one byte more; compact JSON has no other characters that
    // are escaped.
    let quoted = text.len() + text.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count() + 2;
    let structured = if copies == OutputDuplication::Both { text.len() } else { 0 };
    quoted + structured + ENVELOPE
}

/// Cuts an answer until it fits into `limit` bytes on the wire. `cursor` gives the cursor behind so many items.
pub(crate) fn fit(
    value: &mut Value,
    untrusted: &[String],
    copies: OutputDuplication,
    limit: usize,
    cursor: impl Fn(usize) -> Option<String>,
) {
    if on_the_wire(value, copies) <= limit {
        return;
    }
    if value.get("items").is_some_and(Value::is_array) {
        drop_items(value, copies, limit, cursor);
    }
    shorten(value, untrusted, copies, limit);
}

/// Keeps as many items as fit, at least one.
fn drop_items(
    value: &mut Value,
    copies: OutputDuplication,
    limit: usize,
    cursor: impl Fn(usize) -> Option<String>,
) {
    let Value::Object(fields) = value else { return };
    let Some(Value::Array(items)) = fields.remove("items") else { return };
    let all = items.len();
    let mut cut = fields.clone();
    // The longest that these can become.
    mark(&mut cut, all, cursor(all));
    cut.insert("items".to_owned(), json!([]));
    let mut size = on_the_wire(&Value::Object(cut), copies);
    let mut kept = Vec::new();
    for item in items {
        // An item of its own pays no envelope but a comma in each copy.
        let more = on_the_wire(&item, copies) - ENVELOPE + 2;
        if !kept.is_empty() && size + more > limit {
            break;
        }
        size += more;
        kept.push(item);
    }
    if kept.len() < all {
        let cursor = cursor(kept.len());
        mark(fields, all - kept.len(), cursor);
    }
    fields.insert("items".to_owned(), Value::Array(kept));
}

fn mark(fields: &mut Map<String, Value>, left: usize, cursor: Option<String>) {
    let how = "cut to fit: go on with next_cursor, or ask for less with detail brief or a smaller per_page";
    fields.insert("truncated".to_owned(), json!(true));
    fields.insert("left_on_page".to_owned(), json!(left));
    fields.insert("how_to_get_them".to_owned(), json!(how));
    fields.insert("has_more".to_owned(), json!(true));
    match cursor {
        Some(cursor) => fields.insert("next_cursor".to_owned(), json!(cursor)),
        None => fields.remove("next_cursor"),
    };
}

/// Halves the longest texts of others until all fits.
fn shorten(value: &mut Value, untrusted: &[String], copies: OutputDuplication, limit: usize) {
    let mut longest = 8_192;
    while longest >= 32 && on_the_wire(value, copies) > limit {
        longest /= 2;
        if cut_texts(value, untrusted, longest, false)
            && let Value::Object(fields) = value
        {
            fields.insert("truncated".to_owned(), json!(true));
        }
    }
}

/// Cuts the texts that people wrote to so many characters; the marks around them stay. Answers whether it cut any.
fn cut_texts(value: &mut Value, untrusted: &[String], longest: usize, inside: bool) -> bool {
    match value {
        Value::String(text) if inside && text.chars().count() > longest + 64 => {
            let close = text.rfind("</").and_then(|at| text.get(at..)).unwrap_or_default().to_owned();
            let kept: String = text.chars().take(longest).collect();
            *text = format!("{kept}… [cut]{close}");
            true
        }
        Value::Array(items) => {
            let cut = |item: &mut Value| cut_texts(item, untrusted, longest, inside).then_some(());
            items.iter_mut().filter_map(cut).count() > 0
        }
        Value::Object(fields) => fields.iter_mut().fold(false, |any, (name, value)| {
            cut_texts(value, untrusted, longest, inside || untrusted.contains(name)) || any
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        vec!["name".to_owned()]
    }

    fn list(items: usize, text: usize) -> Value {
        let item = |id: usize| json!({"id": id.to_string(), "name": "\"x\"".repeat(text / 3)});
        json!({"items": (0..items).map(item).collect::<Vec<_>>(), "has_more": false, "total": items})
    }

    #[test]
    fn the_count_is_what_goes_over_the_wire() {
        let value = list(3, 100);
        let text = value.to_string();
        let message =
            json!({"content": [{"type": "text", "text": text}], "structuredContent": value}).to_string();
        let around =
            json!({"content": [{"type": "text", "text": ""}], "structuredContent": null}).to_string().len()
                - 6;
        assert_eq!(on_the_wire(&value, OutputDuplication::Both) - ENVELOPE, message.len() - around);
    }

    #[test]
    fn lists_are_cut_where_they_would_be_too_much_and_say_how_to_go_on() {
        for (items, text, limit) in [
            (100, 300, DEFAULT_BYTES),
            (100, 3000, DEFAULT_BYTES),
            (100, 300, MAX_BYTES),
            (5, 30, DEFAULT_BYTES),
        ] {
            let mut value = list(items, text);
            fit(&mut value, &names(), OutputDuplication::Both, limit, |taken| {
                Some(format!("cursor-{taken}-{}", "x".repeat(300)))
            });
            let size = on_the_wire(&value, OutputDuplication::Both);
            assert!(size <= limit, "{size}");
            let kept = value["items"].as_array().unwrap().len();
            if kept < items {
                assert!(size > limit * 2 / 3 || kept == 1, "{kept} items, {size} bytes");
                assert_eq!(value["left_on_page"], items - kept);
                assert!(value["next_cursor"].as_str().unwrap().starts_with(&format!("cursor-{kept}-")));
                assert_eq!((&value["truncated"], &value["has_more"]), (&json!(true), &json!(true)));
            } else {
                assert_eq!(value, list(items, text));
            }
        }
    }

    #[test]
    fn one_item_that_is_too_long_loses_text_and_keeps_its_marks() {
        let mut value = json!({"id": "1", "name": format!("<k>{}</k>", "é".repeat(50_000))});
        fit(&mut value, &names(), OutputDuplication::Both, DEFAULT_BYTES, |_| None);
        assert!(on_the_wire(&value, OutputDuplication::Both) <= DEFAULT_BYTES);
        let text = value["name"].as_str().unwrap();
        assert!(text.starts_with("<k>é") && text.ends_with("é… [cut]</k>"));
        assert_eq!(value["truncated"], true);
    }
}
