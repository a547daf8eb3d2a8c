//! Adds missing types to schemas.
//!
//! A schema with properties is an object, one with items an array, one with an enum a string. An array without items holds any
//! values. An object with properties has no additional ones, because unknown fields are ignored anyway.

use serde_json::{Value, json};

use super::Rule;
use crate::GenError;
use crate::visit::schemas_mut;

pub(super) const RULE: Rule = Rule {
    name: "schema-types",
    description: "schemas without a type, arrays without items, objects with and without properties",
    apply,
};

fn apply(document: &mut Value) -> Result<usize, GenError> {
    let mut count = 0;
    schemas_mut(document, &mut |_, schema| {
        if schema.get("$ref").is_some() {
            // OpenAPI 3.0 ignores keywords next to a $ref.
            let target = schema["$ref"].clone();
            if let Some(schema) = schema.as_object_mut()
                && schema.len() > 1
            {
                let description = schema.remove("description");
                *schema = [("$ref".to_owned(), target)].into_iter().collect();
                if let Some(description) = description {
                    *schema =
                        [("allOf".to_owned(), json!([schema])), ("description".to_owned(), description)]
                            .into_iter()
                            .collect();
                }
                count += 1;
            }
            return;
        }
        let Some(schema) = schema.as_object_mut() else {
            *schema = json!({});
            count += 1;
            return;
        };
        let before = schema.clone();
        let composed = ["allOf", "oneOf", "anyOf"].iter().any(|key| schema.contains_key(*key));
        let has_properties = schema
            .get("properties")
            .and_then(Value::as_object)
            .is_some_and(|properties| !properties.is_empty());
        if !composed {
            let guessed = if has_properties {
                Some("object")
            } else if schema.contains_key("items") {
                Some("array")
            } else if schema.contains_key("enum") && !schema.contains_key("type") {
                Some("string")
            } else {
                None
            };
            if let Some(guessed) = guessed {
                schema.insert("type".into(), guessed.into());
            }
        }
        match schema.get("type").and_then(Value::as_str) {
            Some("array") if !schema.contains_key("items") => {
                schema.insert("items".into(), json!({}));
            }
            Some("object") if has_properties => {
                schema.remove("additionalProperties");
            }
            Some("object") if !composed => {
                schema.remove("properties");
                schema.remove("required");
                if !schema.get("additionalProperties").is_some_and(Value::is_object) {
                    schema.insert("additionalProperties".into(), true.into());
                }
            }
            Some("string" | "integer" | "number" | "boolean" | "array" | "object") | None => {}
            Some(_) => {
                schema.remove("type");
            }
        }
        count += usize::from(*schema != before);
    });
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalise::testing::{applied, with_schemas};

    #[test]
    fn adds_missing_types() {
        let cases = [
            (
                json!({"properties": {"a": {"type": "string"}}}),
                json!({"type": "object", "properties": {"a": {"type": "string"}}}),
            ),
            (json!({"type": "array"}), json!({"type": "array", "items": {}})),
            (json!({"type": "object"}), json!({"type": "object", "additionalProperties": true})),
            (
                json!({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": true}),
                json!({"type": "object", "properties": {"a": {"type": "string"}}}),
            ),
            (json!({"enum": ["a"]}), json!({"enum": ["a"], "type": "string"})),
            (json!({"type": "file"}), json!({})),
            (json!({"$ref": "#/x", "nullable": true}), json!({"$ref": "#/x"})),
            (
                json!({"$ref": "#/x", "description": "d"}),
                json!({"allOf": [{"$ref": "#/x"}], "description": "d"}),
            ),
            (json!(true), json!({})),
        ];
        for (before, after) in cases {
            assert_eq!(
                applied(&RULE, with_schemas(json!({"A": before}))),
                (1, with_schemas(json!({"A": after})))
            );
        }
    }
}
