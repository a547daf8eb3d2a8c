//! `allOf` comes down to one schema.
//!
//! With a single `$ref` it is the way to write a description or `nullable` beside a reference; with several parts that
//! are objects it is their union.

use serde_json::{Map, Value};

use super::Rule;
use crate::GenError;
use crate::walk::{resolved, schemas_mut};

pub(super) const RULE: Rule =
    Rule { name: "all-of", description: "allOf with one part, or with objects to join", apply };

fn apply(document: &mut Value) -> Result<usize, GenError> {
    let source = document.clone();
    let mut count = 0;
    let mut trouble = None;
    schemas_mut(document, &mut |place, schema| {
        let Some(schema) = schema.as_object_mut() else { return };
        let Some(parts) = schema.get("allOf").and_then(Value::as_array).cloned() else { return };
        if let [part] = parts.as_slice()
            && part.get("$ref").is_some()
        {
            // The form in which a reference with a description is kept.
            let keeps = ["allOf", "deprecated", "description", "nullable"];
            let before = schema.len();
            schema.retain(|key, _| keeps.contains(&key.as_str()));
            count += usize::from(before != schema.len());
            return;
        }
        count += 1;
        let mut joined = Map::new();
        let mut required = Vec::new();
        if let Err(reason) = join(&source, &Value::Object(schema.clone()), &mut joined, &mut required, 0) {
            trouble.get_or_insert_with(|| GenError::new(place, reason));
            return;
        }
        schema.retain(|key, _| ["description", "nullable"].contains(&key.as_str()));
        schema.insert("type".into(), "object".into());
        if joined.is_empty() {
            schema.insert("additionalProperties".into(), true.into());
        } else {
            schema.insert("properties".into(), Value::Object(joined));
            if !required.is_empty() {
                schema.insert("required".into(), required.into());
            }
        }
    });
    trouble.map_or(Ok(count), Err)
}

fn join(
    source: &Value,
    schema: &Value,
    joined: &mut Map<String, Value>,
    required: &mut Vec<Value>,
    depth: usize,
) -> Result<(), String> {
    if depth > 16 {
        return Err("allOf leads back to itself".to_owned());
    }
    let schema = resolved(source, schema);
    if matches!(
        schema.get("type").and_then(Value::as_str),
        Some("string" | "integer" | "number" | "boolean" | "array")
    ) {
        return Err("allOf joins an object with something that is none".to_owned());
    }
    for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        join(source, part, joined, required, depth + 1)?;
    }
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        joined.insert(name.clone(), property.clone());
    }
    required.extend(schema.get("required").and_then(Value::as_array).into_iter().flatten().cloned());
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::normalise::testing::{applied, with_schemas};

    #[test]
    fn parts_are_joined() {
        let before = json!({
            "A": {"allOf": [{"$ref": "#/components/schemas/B"}, {"type": "object", "properties": {"c": {}}, "required": ["c"]}]},
            "B": {"type": "object", "properties": {"b": {"type": "string"}}},
            "C": {"allOf": [{"$ref": "#/components/schemas/B"}], "nullable": true, "title": "t"},
        });
        let after = json!({
            "A": {"type": "object", "properties": {"b": {"type": "string"}, "c": {}}, "required": ["c"]},
            "B": {"type": "object", "properties": {"b": {"type": "string"}}},
            "C": {"allOf": [{"$ref": "#/components/schemas/B"}], "nullable": true},
        });
        assert_eq!(applied(&RULE, with_schemas(before)), (2, with_schemas(after)));
    }

    #[test]
    fn what_cannot_be_joined_is_named() {
        let mut document = with_schemas(json!({"A": {"allOf": [{"type": "string"}, {"type": "object"}]}}));
        assert_eq!(
            apply(&mut document).unwrap_err().to_string(),
            "components.schemas.A: allOf joins an object with something that is none"
        );
    }
}
