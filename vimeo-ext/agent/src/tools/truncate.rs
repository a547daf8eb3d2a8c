//! Cuts results to size. The size is that of the message on the wire, with all copies of the result.

use serde_json::{Map, Value, json};

/// How many copies of a result a message contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OutputDuplication {
    /// Text only.
    Text,
    /// Text and structured content, as in MCP.
    Both,
}

/// The size limit of a message with brief detail, envelope included.
pub(crate) const MAX_BRIEF_BYTES: usize = 20_000;
/// The size limit of a message with full detail, envelope included.
pub(crate) const MAX_FULL_BYTES: usize = 60_000;

/// The bytes of a message around its result.
const ENVELOPE_BYTES: usize = 400;

/// Returns the size of a message with this result.
fn message_size(value: &Value, copies: OutputDuplication) -> usize {
    let text = value.to_string();
    // In a JSON string, each quote and backslash takes one more byte. Compact JSON has no other characters to escape.
    let quoted = text.len() + text.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count() + 2;
    let structured = if copies == OutputDuplication::Both { text.len() } else { 0 };
    quoted + structured + ENVELOPE_BYTES
}

/// Cuts a result until its message has at most `limit` bytes. `cursor` returns the cursor after a number of items.
pub(crate) fn fit(
    value: &mut Value,
    untrusted: &[String],
    copies: OutputDuplication,
    limit: usize,
    cursor: impl Fn(usize) -> Option<String>,
) {
    if message_size(value, copies) <= limit {
        return;
    }
    if value.get("items").is_some_and(Value::is_array) {
        drop_items(value, copies, limit, cursor);
    }
    shorten(value, untrusted, copies, limit);
}

/// Keeps as many items as fit, but at least one.
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
    // These members at their longest.
    note_truncation(&mut cut, all, cursor(all));
    cut.insert("items".to_owned(), json!([]));
    let mut size = message_size(&Value::Object(cut), copies);
    let mut kept = Vec::new();
    for item in items {
        // An item has no envelope, but a comma in each copy.
        let more = message_size(&item, copies) - ENVELOPE_BYTES + 2;
        if !kept.is_empty() && size + more > limit {
            break;
        }
        size += more;
        kept.push(item);
    }
    if kept.len() < all {
        let cursor = cursor(kept.len());
        note_truncation(fields, all - kept.len(), cursor);
    }
    fields.insert("items".to_owned(), Value::Array(kept));
}

fn note_truncation(fields: &mut Map<String, Value>, left: usize, cursor: Option<String>) {
    let how =
        "cut to fit: continue with next_cursor, or request less with detail brief or a smaller per_page";
    fields.insert("truncated".to_owned(), json!(true));
    fields.insert("left_on_page".to_owned(), json!(left));
    fields.insert("how_to_get_them".to_owned(), json!(how));
    fields.insert("has_more".to_owned(), json!(true));
    match cursor {
        Some(cursor) => fields.insert("next_cursor".to_owned(), json!(cursor)),
        None => fields.remove("next_cursor"),
    };
}

/// Halves the longest untrusted texts until everything fits.
fn shorten(value: &mut Value, untrusted: &[String], copies: OutputDuplication, limit: usize) {
    let mut max = 8_192;
    while max >= 32 && message_size(value, copies) > limit {
        max /= 2;
        if cut_texts(value, untrusted, max, false)
            && let Value::Object(fields) = value
        {
            fields.insert("truncated".to_owned(), json!(true));
        }
    }
}

/// Cuts untrusted texts to `max` characters but keeps their delimiters. Returns whether it cut any.
fn cut_texts(value: &mut Value, untrusted: &[String], max: usize, inside: bool) -> bool {
    match value {
        Value::String(text) if inside && text.chars().count() > max + 64 => {
            let close = text.rfind("</").and_then(|at| text.get(at..)).unwrap_or_default().to_owned();
            let kept: String = text.chars().take(max).collect();
            *text = format!("{kept}… [cut]{close}");
            true
        }
        Value::Array(items) => {
            let cut = |item: &mut Value| cut_texts(item, untrusted, max, inside).then_some(());
            items.iter_mut().filter_map(cut).count() > 0
        }
        Value::Object(fields) => fields.iter_mut().fold(false, |any, (name, value)| {
            cut_texts(value, untrusted, max, inside || untrusted.contains(name)) || any
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
    fn size_is_that_of_the_message() {
        let value = list(3, 100);
        let text = value.to_string();
        let message =
            json!({"content": [{"type": "text", "text": text}], "structuredContent": value}).to_string();
        let around =
            json!({"content": [{"type": "text", "text": ""}], "structuredContent": null}).to_string().len()
                - 6;
        assert_eq!(message_size(&value, OutputDuplication::Both) - ENVELOPE_BYTES, message.len() - around);
    }

    #[test]
    fn long_lists_are_cut_and_say_how_to_continue() {
        for (items, text, limit) in [
            (100, 300, MAX_BRIEF_BYTES),
            (100, 3000, MAX_BRIEF_BYTES),
            (100, 300, MAX_FULL_BYTES),
            (5, 30, MAX_BRIEF_BYTES),
        ] {
            let mut value = list(items, text);
            fit(&mut value, &names(), OutputDuplication::Both, limit, |offset| {
                Some(format!("cursor-{offset}-{}", "x".repeat(300)))
            });
            let size = message_size(&value, OutputDuplication::Both);
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
    fn a_long_item_loses_text_but_keeps_its_delimiters() {
        let mut value = json!({"id": "1", "name": format!("<k>{}</k>", "é".repeat(50_000))});
        fit(&mut value, &names(), OutputDuplication::Both, MAX_BRIEF_BYTES, |_| None);
        assert!(message_size(&value, OutputDuplication::Both) <= MAX_BRIEF_BYTES);
        let text = value["name"].as_str().unwrap();
        assert!(text.starts_with("<k>é") && text.ends_with("é… [cut]</k>"));
        assert_eq!(value["truncated"], true);
    }
}
