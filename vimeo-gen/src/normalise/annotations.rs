//! Removes examples, defaults and other annotations that do not affect types.
//!
//! Published examples and defaults often contradict their schema, which stops the generator. Vimeo applies its own defaults; a
//! client that sends them changes the request.

use serde_json::Value;

use super::Rule;
use crate::GenError;
use crate::visit::schemas_mut;

pub(super) const RULE: Rule = Rule {
    name: "annotations",
    description: "examples, defaults and annotations that do not affect types",
    apply,
};

/// Keywords that define a type or its documentation.
const TYPE_KEYWORDS: &[&str] = &[
    "$ref",
    "type",
    "format",
    "enum",
    "nullable",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "allOf",
    "oneOf",
    "anyOf",
    "description",
    "deprecated",
    "minimum",
    "title",
];

fn apply(document: &mut Value) -> Result<usize, GenError> {
    let mut count = 0;
    schemas_mut(document, &mut |_, schema| {
        let Some(schema) = schema.as_object_mut() else { return };
        let before = schema.len();
        schema.retain(|key, _| TYPE_KEYWORDS.contains(&key.as_str()));
        // A keyword with the value `null` has no meaning.
        schema.retain(|_, value| !value.is_null());
        count += before - schema.len();
    });
    Ok(count)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::normalise::testing::{applied, with_schemas};

    #[test]
    fn removes_annotations() {
        let before = json!({"A": {
            "type": "object",
            "x-order": 1,
            "properties": {"example": {"type": "integer", "example": "seven", "default": "x", "readOnly": true}},
            "example": {},
        }});
        let after = json!({"A": {"type": "object", "properties": {"example": {"type": "integer"}}}});
        assert_eq!(applied(&RULE, with_schemas(before)), (5, with_schemas(after)));
    }
}
