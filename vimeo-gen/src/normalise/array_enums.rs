//! Moves the `enum` of an array to its items.
//!
//! Vimeo's published description puts `enum` next to `type: array`, which no array of strings matches.

use serde_json::Value;

use super::Rule;
use crate::GenError;
use crate::visit::schemas_mut;

pub(super) const RULE: Rule =
    Rule { name: "array-enums", description: "an enum on an array instead of its items", apply };

fn apply(document: &mut Value) -> Result<usize, GenError> {
    let mut count = 0;
    schemas_mut(document, &mut |_, schema| {
        if schema.get("type").and_then(Value::as_str) != Some("array") {
            return;
        }
        let Some(values) = schema.as_object_mut().and_then(|schema| schema.remove("enum")) else { return };
        count += 1;
        let Some(items) = schema.get_mut("items").and_then(Value::as_object_mut) else { return };
        if !items.contains_key("enum") && !items.contains_key("$ref") {
            items.insert("type".into(), "string".into());
            items.insert("enum".into(), values);
        }
    });
    Ok(count)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::normalise::testing::{applied, with_schemas};

    #[test]
    fn moves_enum_to_items() {
        let before = json!({"A": {"type": "array", "items": {"type": "string"}, "enum": ["a", "b"]}});
        let after = json!({"A": {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}}});
        assert_eq!(applied(&RULE, with_schemas(before)), (1, with_schemas(after)));
    }
}
