//! Makes whole numbers integers.
//!
//! Vimeo's description says `number` everywhere, which would print an ID as `7.0`. IDs, counts, pages and sizes in pixels,
//! seconds or bytes are integers; other numbers remain. Integers have 64 bits and are unsigned if the description has a
//! minimum of zero or more.

use serde_json::Value;

use super::Rule;
use crate::GenError;
use crate::visit::{operations_mut, schemas_mut};

pub(super) const RULE: Rule = Rule {
    name: "numbers",
    description: "numbers that are IDs or counts, integers of several widths",
    apply,
};

const INTEGER_NAMES: &[&str] = &[
    "id",
    "total",
    "page",
    "per_page",
    "width",
    "height",
    "duration",
    "size",
    "plays",
    "count",
    "position",
    "year",
    "error_code",
    "limit",
    "offset",
    "expires_in",
];

fn apply(document: &mut Value) -> Result<usize, GenError> {
    let mut count = 0;
    operations_mut(document, |_, _, operation| {
        for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
            let is_integer = parameter.get("in").and_then(Value::as_str) == Some("path")
                || parameter.get("name").and_then(Value::as_str).is_some_and(is_integer_name);
            let id = parameter.get("in").and_then(Value::as_str) == Some("path");
            if let Some(schema) = parameter.get_mut("schema") {
                count += usize::from(is_integer && make_integer(schema));
                if id && schema.get("type").and_then(Value::as_str) == Some("integer") {
                    count += usize::from(set(schema, "format", "uint64"));
                }
            }
        }
    });
    schemas_mut(document, &mut |_, schema| {
        for (name, property) in
            schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten()
        {
            count += usize::from(is_integer_name(name) && make_integer(property));
        }
        if schema.get("type").and_then(Value::as_str) == Some("integer") {
            let unsigned = schema.get("format").and_then(Value::as_str) == Some("uint64")
                || schema.get("minimum").and_then(Value::as_f64).is_some_and(|minimum| minimum >= 0.0);
            count += usize::from(set(schema, "format", if unsigned { "uint64" } else { "int64" }));
        }
    });
    Ok(count)
}

fn is_integer_name(name: &str) -> bool {
    name.ends_with("_id") || INTEGER_NAMES.contains(&name)
}

fn make_integer(schema: &mut Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("number") && {
        let unsigned = schema.get("minimum").and_then(Value::as_f64).is_some_and(|minimum| minimum >= 0.0);
        set(schema, "type", "integer");
        set(schema, "format", if unsigned { "uint64" } else { "int64" })
    }
}

fn set(schema: &mut Value, key: &str, value: &str) -> bool {
    let differs = schema.get(key).and_then(Value::as_str) != Some(value);
    if let (true, Some(schema)) = (differs, schema.as_object_mut()) {
        schema.insert(key.into(), value.into());
    }
    differs
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::normalise::testing::{applied, with_schemas};

    #[test]
    fn whole_numbers_become_integers() {
        let (count, after) = applied(
            &RULE,
            json!({
                "paths": {"/a/{a_id}": {"get": {"parameters": [
                    {"name": "a_id", "in": "path", "schema": {"type": "number"}},
                    {"name": "page", "in": "query", "schema": {"type": "number"}},
                    {"name": "speed", "in": "query", "schema": {"type": "number"}},
                ]}}},
                "components": {"schemas": {"A": {"properties": {
                    "width": {"type": "number", "minimum": 0},
                    "ratio": {"type": "number"},
                    "code": {"type": "integer", "format": "int32"},
                }}}},
            }),
        );
        assert_eq!(count, 5);
        let parameters = &after["paths"]["/a/{a_id}"]["get"]["parameters"];
        assert_eq!(parameters[0]["schema"], json!({"type": "integer", "format": "uint64"}));
        assert_eq!(parameters[1]["schema"], json!({"type": "integer", "format": "int64"}));
        assert_eq!(parameters[2]["schema"], json!({"type": "number"}));
        assert_eq!(
            after["components"]["schemas"]["A"]["properties"],
            json!({
                "width": {"type": "integer", "minimum": 0, "format": "uint64"},
                "ratio": {"type": "number"},
                "code": {"type": "integer", "format": "int64"},
            })
        );
        let unsigned = applied(&RULE, with_schemas(json!({"A": {"type": "integer", "minimum": 0}})));
        assert_eq!(
            unsigned,
            (1, with_schemas(json!({"A": {"type": "integer", "minimum": 0, "format": "uint64"}})))
        );
    }
}
