//! The words of an enum are texts that give different names.
//!
//! Of words that make the same Rust name, such as `PUBLIC` and `public`, the first stays; an empty word, `null`
//! and a word that is no text go. None is lost to users: a word that is not known is kept as it comes. Enums of numbers
//! and booleans are just numbers and booleans.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Rule;
use crate::GenError;
use crate::names::pascal;
use crate::walk::schemas_mut;

pub(super) const RULE: Rule = Rule {
    name: "words",
    description: "words that are empty, no text, or differ only in case or signs",
    apply,
};

fn apply(document: &mut Value) -> Result<usize, GenError> {
    let mut count = 0;
    schemas_mut(document, &mut |_, schema| {
        let Some(schema) = schema.as_object_mut() else { return };
        let Some(words) = schema.get("enum") else { return };
        let text = schema.get("type").and_then(Value::as_str).is_none_or(|kind| kind == "string");
        let kept = words.as_array().filter(|_| text).map(|words| distinct(words)).unwrap_or_default();
        if Value::Array(kept.clone()) == *words {
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

fn distinct(words: &[Value]) -> Vec<Value> {
    // The name that the generator gives to words that are not known.
    let mut names = BTreeSet::from(["Other".to_owned()]);
    words
        .iter()
        .filter(|word| {
            word.as_str().is_some_and(|word| {
                let name = pascal(word);
                word.chars().any(|sign| sign.is_ascii_alphanumeric())
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
    fn each_word_gives_a_name_of_its_own() {
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
