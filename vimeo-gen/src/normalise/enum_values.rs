//! Reduces the values of an enum to strings with distinct Rust names.
//!
//! Of values with the same Rust name, such as `PUBLIC` and `public`, the first remains. Empty values, `null` and values that are
//! not strings are removed. Users lose nothing, because unknown values are retained. Enums of numbers and booleans become
//! numbers and booleans.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Rule;
use crate::GenError;
use crate::names::pascal;
use crate::visit::schemas_mut;

pub(super) const RULE: Rule = Rule {
    name: "enum-values",
    description: "enum values that are empty, not strings, or differ only in case or punctuation",
    apply,
};

fn apply(document: &mut Value) -> Result<usize, GenError> {
    let mut count = 0;
    schemas_mut(document, &mut |_, schema| {
        let Some(schema) = schema.as_object_mut() else { return };
        let Some(values) = schema.get("enum") else { return };
        let text = schema.get("type").and_then(Value::as_str).is_none_or(|kind| kind == "string");
        let kept = values.as_array().filter(|_| text).map(|values| distinct(values)).unwrap_or_default();
        if Value::Array(kept.clone()) == *values {
            return;
        }
        count += 1;
        if kept.is_empty() {
            schema.remove("enum");
        } else {
            schema.insert("enum".into(), kept.into());
        }
    });
    Ok(count)
}

fn distinct(values: &[Value]) -> Vec<Value> {
    // The variant for unknown values.
    let mut names = BTreeSet::from(["Other".to_owned()]);
    values
        .iter()
        .filter(|value| {
            value.as_str().is_some_and(|value| {
                let name = pascal(value);
                value.chars().any(|sign| sign.is_ascii_alphanumeric())
                    && (name == "Other" || names.insert(name))
            })
        })
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::normalise::testing::{applied, with_schemas};

    #[test]
    fn values_have_distinct_names() {
        let cases = [
            (
                json!({"type": "string", "enum": ["public", "PUBLIC", "", null, "pub-lic", "a"]}),
                json!({"type": "string", "enum": ["public", "pub-lic", "a"]}),
            ),
            (json!({"type": "string", "enum": ["", null, "…"]}), json!({"type": "string"})),
            (json!({"type": "integer", "enum": [1, 2]}), json!({"type": "integer"})),
        ];
        for (before, after) in cases {
            assert_eq!(
                applied(&RULE, with_schemas(json!({"A": before}))),
                (1, with_schemas(json!({"A": after})))
            );
        }
    }
}
