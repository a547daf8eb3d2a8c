//! Reduces `oneOf` and `anyOf` to alternatives with different JSON types.
//!
//! `anyOf` is treated as `oneOf`. Object alternatives are merged, because every response field is optional. If other
//! alternatives share a JSON type, the value can be any JSON.

use serde_json::{Map, Value, json};

use super::Rule;
use crate::GenError;
use crate::visit::{resolved, schemas_mut};

pub(super) const RULE: Rule =
    Rule { name: "one-of", description: "oneOf and anyOf whose alternatives share a JSON type", apply };

fn apply(document: &mut Value) -> Result<usize, GenError> {
    let source = document.clone();
    let mut count = 0;
    schemas_mut(document, &mut |_, schema| {
        let Some(schema) = schema.as_object_mut() else { return };
        let Some(alternatives) =
            schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Value::as_array).cloned()
        else {
            return;
        };
        let before = schema.clone();
        let nullable = schema.get("nullable").and_then(Value::as_bool) == Some(true)
            || alternatives.iter().any(|part| part.get("nullable").and_then(Value::as_bool) == Some(true));
        schema.retain(|key, _| matches!(key.as_str(), "deprecated" | "description"));
        if nullable {
            schema.insert("nullable".into(), true.into());
        }
        // If the alternatives cannot be distinguished, the schema matches any value.
        if let Some(parts) = by_json_type(&source, &alternatives) {
            match <[Value; 1]>::try_from(parts) {
                Ok([single]) if single.get("$ref").is_some() => {
                    schema.insert("allOf".into(), json!([single]));
                }
                Ok([single]) => {
                    for (key, value) in single.as_object().into_iter().flatten() {
                        schema.entry(key.clone()).or_insert_with(|| value.clone());
                    }
                }
                Err(parts) => {
                    schema.insert("oneOf".into(), parts.into());
                }
            }
        }
        count += usize::from(*schema != before);
    });
    Ok(count)
}

/// Returns one alternative per JSON type, or `None` if that is impossible.
fn by_json_type(source: &Value, alternatives: &[Value]) -> Option<Vec<Value>> {
    let mut parts: Vec<(&str, Value)> = Vec::new();
    for part in alternatives {
        let shape = resolved(source, part);
        let kind = match shape.get("type").and_then(Value::as_str) {
            Some("integer") => "number",
            Some(kind) => kind,
            None => return None,
        };
        match parts.iter_mut().find(|(known, _)| *known == kind) {
            None => parts.push((kind, part.clone())),
            Some((_, known)) if *known == *part => {}
            Some((_, known)) if kind == "object" => *known = merged(resolved(source, known), shape),
            // An enum or any string is any string.
            Some((_, known)) if kind == "string" => *known = json!({"type": "string"}),
            Some((_, known)) if kind == "number" => *known = json!({"type": "number"}),
            Some(_) => return None,
        }
    }
    Some(parts.into_iter().map(|(_, part)| part).collect())
}

fn merged(one: &Value, other: &Value) -> Value {
    let mut properties = Map::new();
    for schema in [one, other] {
        for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            properties.entry(name.clone()).or_insert_with(|| property.clone());
        }
    }
    if properties.is_empty() {
        json!({"type": "object", "additionalProperties": true})
    } else {
        json!({"type": "object", "properties": properties})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalise::testing::{applied, with_schemas};

    #[test]
    fn keeps_one_alternative_per_json_type() {
        let text = json!({"type": "string"});
        let object = |name: &str| json!({"type": "object", "properties": {name: {"type": "string"}}});
        let cases = [
            (json!({"anyOf": [text, object("a")]}), json!({"oneOf": [text, object("a")]})),
            (
                json!({"oneOf": [object("a"), object("b")]}),
                json!({"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}}),
            ),
            (
                json!({"oneOf": [text, {"type": "string", "enum": ["a"]}], "description": "d"}),
                json!({"description": "d", "type": "string"}),
            ),
            (json!({"oneOf": [{"type": "array", "items": text}, {"type": "array", "items": {}}]}), json!({})),
            (
                json!({"oneOf": [{"$ref": "#/components/schemas/B"}], "nullable": true}),
                json!({"nullable": true, "allOf": [{"$ref": "#/components/schemas/B"}]}),
            ),
        ];
        for (before, after) in cases {
            let b = json!({"type": "string", "enum": ["b"]});
            let (count, made) = applied(&RULE, with_schemas(json!({"A": before, "B": b})));
            assert_eq!((count, &made["components"]["schemas"]["A"]), (1, &after));
        }
    }
}
