//! Reduces `allOf` to one schema.
//!
//! With a single `$ref` it adds a description or `nullable` to a reference. Several object parts are merged.

use serde_json::{Map, Value};

use super::Rule;
use crate::GenError;
use crate::visit::{resolved, schemas_mut};

pub(super) const RULE: Rule =
    Rule { name: "all-of", description: "allOf with one part, or with objects to merge", apply };

fn apply(document: &mut Value) -> Result<usize, GenError> {
    let source = document.clone();
    let mut count = 0;
    let mut error = None;
    schemas_mut(document, &mut |place, schema| {
        let Some(schema) = schema.as_object_mut() else { return };
        let Some(parts) = schema.get("allOf").and_then(Value::as_array).cloned() else { return };
        if let [part] = parts.as_slice()
            && part.get("$ref").is_some()
        {
            // A reference with a description remains an `allOf`.
            let kept_keys = ["allOf", "deprecated", "description", "nullable"];
            let before = schema.len();
            schema.retain(|key, _| kept_keys.contains(&key.as_str()));
            count += usize::from(before != schema.len());
            return;
        }
        count += 1;
        let mut merged = Map::new();
        let mut required = Vec::new();
        if let Err(reason) = merge(&source, &Value::Object(schema.clone()), &mut merged, &mut required, 0) {
            error.get_or_insert_with(|| GenError::new(place, reason));
            return;
        }
        schema.retain(|key, _| ["description", "nullable"].contains(&key.as_str()));
        schema.insert("type".into(), "object".into());
        if merged.is_empty() {
            schema.insert("additionalProperties".into(), true.into());
        } else {
            schema.insert("properties".into(), Value::Object(merged));
            if !required.is_empty() {
                schema.insert("required".into(), required.into());
            }
        }
    });
    error.map_or(Ok(count), Err)
}

fn merge(
    source: &Value,
    schema: &Value,
    merged: &mut Map<String, Value>,
    required: &mut Vec<Value>,
    depth: usize,
) -> Result<(), String> {
    if depth > 16 {
        return Err("allOf references itself".to_owned());
    }
    let schema = resolved(source, schema);
    if matches!(
        schema.get("type").and_then(Value::as_str),
        Some("string" | "integer" | "number" | "boolean" | "array")
    ) {
        return Err("allOf merges an object with another type".to_owned());
    }
    for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        merge(source, part, merged, required, depth + 1)?;
    }
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        merged.insert(name.clone(), property.clone());
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
    fn merges_object_parts() {
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
    fn reports_parts_that_are_not_objects() {
        let mut document = with_schemas(json!({"A": {"allOf": [{"type": "string"}, {"type": "object"}]}}));
        assert_eq!(
            apply(&mut document).unwrap_err().to_string(),
            "components.schemas.A: allOf merges an object with another type"
        );
    }
}
