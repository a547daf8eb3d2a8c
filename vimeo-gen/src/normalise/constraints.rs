//! Formats that Rust has a type for stay; other limits go.
//!
//! A text longer than Vimeo's description allows is Vimeo's to refuse in a request, and must not stop an answer from
//! being read. Kept are the formats `date-time` and `date`, the widths of integers, and our own `password` and
//! `signed-uri`, which become types that do not print themselves.

use serde_json::Value;

use super::Rule;
use crate::GenError;
use crate::walk::schemas_mut;

pub(super) const RULE: Rule =
    Rule { name: "constraints", description: "limits and formats that no type carries", apply };

fn apply(document: &mut Value) -> Result<usize, GenError> {
    let mut count = 0;
    schemas_mut(document, &mut |_, schema| {
        let Some(schema) = schema.as_object_mut() else { return };
        let before = schema.len();
        schema.remove("minimum");
        let kept: &[&str] = match schema.get("type").and_then(Value::as_str) {
            Some("string") if !schema.contains_key("enum") => {
                &["date-time", "date", "password", "signed-uri"]
            }
            Some("integer") => &["int64", "uint64"],
            _ => &[],
        };
        if schema.get("format").is_some_and(|format| !kept.iter().any(|known| format == known)) {
            schema.remove("format");
        }
        count += before - schema.len();
    });
    Ok(count)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::normalise::testing::{applied, with_schemas};

    #[test]
    fn formats_without_a_type_go() {
        let before = json!({
            "A": {"type": "string", "format": "uri"},
            "B": {"type": "string", "format": "date-time"},
            "C": {"type": "number", "format": "double", "minimum": 0},
            "D": {"type": "string", "format": "date", "enum": ["a"]},
        });
        let after = json!({
            "A": {"type": "string"},
            "B": {"type": "string", "format": "date-time"},
            "C": {"type": "number"},
            "D": {"type": "string", "enum": ["a"]},
        });
        assert_eq!(applied(&RULE, with_schemas(before)), (4, with_schemas(after)));
    }
}
