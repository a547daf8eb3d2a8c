//! Every field of an answer is optional, whatever the description claims.
//!
//! With `fields` Vimeo leaves out what was not asked for, fields called required are often absent, and `null` comes
//! where nothing says so. Schemas that only requests use keep what they require. A list that may be left out is
//! told apart from an empty one.

use serde_json::Value;

use super::Rule;
use super::unused::closure;
use crate::GenError;
use crate::walk::{operations, schemas_named_in};

pub(super) const RULE: Rule = Rule {
    name: "answers-optional",
    description: "answer fields that are called required or not nullable",
    apply,
};

fn apply(document: &mut Value) -> Result<usize, GenError> {
    let mut found = Vec::new();
    for (_, _, operation) in operations(document) {
        if let Some(responses) = operation.get("responses") {
            schemas_named_in(responses, &mut found);
        }
    }
    let answers = closure(document, found);
    let mut count = 0;
    let schemas = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    for (name, schema) in schemas.into_iter().flatten() {
        let Some(schema) = schema.as_object_mut() else { continue };
        let before = schema.clone();
        schema.remove("nullable");
        if answers.contains(name) {
            schema.remove("required");
        }
        let required = schema.get("required").cloned().unwrap_or_default();
        for (field, property) in
            schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten()
        {
            if required.as_array().into_iter().flatten().any(|name| name == field) {
                continue;
            }
            // Optional fields become `Option`s, which take null as well; lists need to be told.
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
    use crate::walk::schema_ref;

    #[test]
    fn answers_require_nothing_and_requests_what_they_say() {
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
                    "responses": {"200": schema_ref("Answer")},
                }}},
                "components": {"schemas": {"Body": schema, "Answer": schema}},
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
        assert_eq!(schemas["Answer"].get("required"), None);
        assert_eq!(schemas["Answer"]["properties"]["a"], json!({"type": "string"}));
        assert_eq!(schemas["Answer"]["properties"]["c"], json!({"type": "string"}));
    }
}
