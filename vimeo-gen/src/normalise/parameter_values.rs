//! Restricts parameters to values that a URL can hold: strings, numbers, enums, and lists of these.
//!
//! A parameter that can be a number or a string, such as an ID or a name, becomes a string; so does an object.

use serde_json::{Value, json};

use super::Rule;
use crate::GenError;
use crate::visit::{operations_mut, resolved};

pub(super) const RULE: Rule =
    Rule { name: "parameter-values", description: "parameters that a URL cannot hold", apply };

fn apply(document: &mut Value) -> Result<usize, GenError> {
    let source = document.clone();
    let mut count = 0;
    operations_mut(document, |_, _, operation| {
        for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
            let in_path = parameter.get("in").and_then(Value::as_str) == Some("path");
            let Some(schema) = parameter.get_mut("schema") else { continue };
            if !fits(&source, schema, !in_path) {
                *schema = json!({"type": "string"});
                count += 1;
            }
        }
    });
    Ok(count)
}

fn fits(source: &Value, schema: &Value, list_fits: bool) -> bool {
    let schema = resolved(source, schema);
    let schema = match schema.get("allOf").and_then(|parts| parts.get(0)) {
        Some(part) => resolved(source, part),
        None => schema,
    };
    match schema.get("type").and_then(Value::as_str) {
        Some("string" | "integer" | "number" | "boolean") => true,
        Some("array") => list_fits && schema.get("items").is_some_and(|items| fits(source, items, false)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalise::testing::{applied, with_operation};

    #[test]
    fn other_types_become_strings() {
        let cases = [
            (json!({"type": "array", "items": {"type": "integer"}}), "query", true),
            (json!({"type": "array", "items": {"type": "integer"}}), "path", false),
            (json!({"oneOf": [{"type": "integer"}, {"type": "string"}]}), "path", false),
            (json!({"type": "object"}), "query", false),
            (json!({}), "query", false),
            (json!({"type": "string", "enum": ["a"]}), "path", true),
        ];
        for (schema, place, stays) in cases {
            let operation = |schema: &Value| {
                with_operation(json!({"parameters": [{"name": "a", "in": place, "schema": schema}]}))
            };
            let wanted = if stays { schema.clone() } else { json!({"type": "string"}) };
            assert_eq!(applied(&RULE, operation(&schema)), (usize::from(!stays), operation(&wanted)));
        }
    }
}
