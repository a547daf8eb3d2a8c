//! Examples, defaults and other notes that make no type go.
//!
//! Published examples and defaults often do not fit their own schema, and one that does not stops the generator for the
//! whole document. A default of Vimeo's is Vimeo's to apply: a client that sends it changes what is asked.

use serde_json::Value;

use super::Rule;
use crate::GenError;
use crate::walk::schemas_mut;

pub(super) const RULE: Rule = Rule {
    name: "annotations",
    description: "examples and defaults that need not fit, notes that make no type",
    apply,
};

/// What makes a type, or its documentation.
const KEPT: &[&str] = &[
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
        schema.retain(|key, _| KEPT.contains(&key.as_str()));
        // `null` as a value of a keyword says nothing.
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
    fn only_what_makes_a_type_stays() {
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
