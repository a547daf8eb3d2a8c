//! Makes every response field optional, whatever the description says.
//!
//! With `fields`, Vimeo omits fields that were not requested; fields that are described as required are often missing; and `null`
//! occurs in fields that are not nullable. Schemas that only requests use retain their required fields. An absent list is
//! distinguished from an empty one.

use serde_json::Value;

use super::Rule;
use super::unused::closure;
use crate::GenError;
use crate::visit::{operations, schemas_named_in};

pub(super) const RULE: Rule = Rule {
    name: "optional-response-fields",
    description: "response fields that are described as required or not nullable",
    apply,
};

fn apply(document: &mut Value) -> Result<usize, GenError> {
    let mut found = Vec::new();
    for (_, _, operation) in operations(document) {
        if let Some(responses) = operation.get("responses") {
            schemas_named_in(responses, &mut found);
        }
    }
    let responses = closure(document, found);
    let mut count = 0;
    let schemas = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    for (name, schema) in schemas.into_iter().flatten() {
        let Some(schema) = schema.as_object_mut() else { continue };
        let before = schema.clone();
        schema.remove("nullable");
        if responses.contains(name) {
            schema.remove("required");
        }
        let required = schema.get("required").cloned().unwrap_or_default();
        for (field, property) in
            schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten()
        {
            if required.as_array().into_iter().flatten().any(|name| name == field) {
                continue;
            }
            // Optional fields become `Option`s, which accept null too. Lists need `nullable`.
            let list = matches!(property.get("type").and_then(Value::as_str), Some("array" | "object"));
            if let Some(property) = property.as_object_mut() {
                if list {
                    property.insert("nullable".into(), true.into());
                } else {
                    property.remove("nullable");
                }
            }
        }
        count += usize::from(*schema != before);
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::normalise::testing::applied;
    use crate::visit::schema_ref;

    #[test]
    fn response_fields_become_optional() {
        let schema = json!({"type": "object", "required": ["a"], "properties": {
            "a": {"type": "string", "nullable": true},
            "b": {"type": "array", "items": {}},
            "c": {"type": "string", "nullable": true},
        }});
        let (count, after) = applied(
            &RULE,
            json!({
                "paths": {"/a": {"put": {
                    "requestBody": schema_ref("Body"),
                    "responses": {"200": schema_ref("Response")},
                }}},
                "components": {"schemas": {"Body": schema, "Response": schema}},
            }),
        );
        assert_eq!(count, 2);
        let schemas = &after["components"]["schemas"];
        assert_eq!(schemas["Body"]["required"], json!(["a"]));
        assert_eq!(schemas["Body"]["properties"]["a"], json!({"type": "string", "nullable": true}));
        assert_eq!(
            schemas["Body"]["properties"]["b"],
            json!({"type": "array", "items": {}, "nullable": true})
        );
        assert_eq!(schemas["Response"].get("required"), None);
        assert_eq!(schemas["Response"]["properties"]["a"], json!({"type": "string"}));
        assert_eq!(schemas["Response"]["properties"]["c"], json!({"type": "string"}));
    }
}
