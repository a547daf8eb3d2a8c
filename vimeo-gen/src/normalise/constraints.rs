//! Removes constraints and formats that have no Rust type.
//!
//! If a request value is too long, Vimeo rejects it; a response value that is too long must still decode. The formats
//! `date-time` and `date`, the widths of integers, and this project's `password` and `signed-uri`, whose types are not
//! printed, remain.

use serde_json::Value;

use super::Rule;
use crate::GenError;
use crate::visit::schemas_mut;

pub(super) const RULE: Rule =
    Rule { name: "constraints", description: "constraints and formats without a Rust type", apply };

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
    fn removes_formats_without_a_type() {
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
