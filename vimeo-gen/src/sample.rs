//! Minimal request bodies, with the required fields only.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::visit::operations;

/// The maximum nesting depth.
const MAX_DEPTH: usize = 16;

/// Returns a minimal body for every operation with a body, by operation ID.
pub(crate) fn bodies(document: &Value) -> BTreeMap<String, Value> {
    let body = |(_, _, operation): (&str, &str, &Map<String, Value>)| {
        let id = operation.get("operationId")?.as_str()?.to_owned();
        let content = operation.get("requestBody")?.get("content")?.as_object()?;
        Some((id, sample(document, content.values().next()?.get("schema")?, MAX_DEPTH)))
    };
    operations(document).filter_map(body).collect()
}

fn sample(document: &Value, schema: &Value, depth: usize) -> Value {
    let text = |name: &str| schema.get(name).and_then(Value::as_str).unwrap_or_default();
    let list = |name: &str| schema.get(name).and_then(Value::as_array);
    if depth == 0 {
        return Value::Null;
    }
    if let Some(pointer) = text("$ref").strip_prefix('#') {
        return document.pointer(pointer).map_or(Value::Null, |schema| sample(document, schema, depth - 1));
    }
    if let Some(first) = list("enum").and_then(|words| words.first()) {
        return first.clone();
    }
    if let Some(first) = list("allOf").or_else(|| list("oneOf")).and_then(|all| all.first()) {
        return sample(document, first, depth - 1);
    }
    match (text("type"), text("format")) {
        ("string", "date-time") => json!("2024-05-01T12:00:00+00:00"),
        ("string", "date") => json!("2024-05-01"),
        ("string", "uri" | "signed-uri") => json!("https://example.com/"),
        ("string", _) => json!("text"),
        ("integer" | "number", _) => json!(1),
        ("boolean", _) => json!(true),
        ("array", _) => {
            json!([schema.get("items").map_or(Value::Null, |items| sample(document, items, depth - 1))])
        }
        _ => {
            let required = list("required").into_iter().flatten().filter_map(Value::as_str);
            let field = |name: &str| {
                let schema = schema.get("properties")?.get(name)?;
                Some((name.to_owned(), sample(document, schema, depth - 1)))
            };
            Value::Object(required.filter_map(field).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn body_has_only_required_fields() {
        let schema = json!({"$ref": "#/components/schemas/Body"});
        let document = json!({
            "paths": {"/a": {"post": {"operationId": "make", "requestBody": {"content": {"application/json": {"schema": schema}}}}}},
            "components": {"schemas": {"Body": {
                "type": "object",
                "required": ["when", "kinds", "within"],
                "properties": {
                    "when": {"type": "string", "format": "date-time"},
                    "kinds": {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}},
                    "within": {"type": "object", "required": ["again"], "properties": {"again": {"type": "boolean"}}},
                    "more": {"type": "string"},
                },
            }}},
        });
        let body = json!({"when": "2024-05-01T12:00:00+00:00", "kinds": ["a"], "within": {"again": true}});
        assert_eq!(bodies(&document), BTreeMap::from([("make".to_owned(), body)]));
    }
}
