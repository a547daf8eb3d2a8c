//! Replaces references to simple schemas by the schemas.
//!
//! A component schema that is neither an object nor an enum nor a `oneOf` would become a wrapper type.

use serde_json::{Map, Value};

use super::Rule;
use crate::GenError;
use crate::visit::{schema_name, schemas_mut};

pub(super) const RULE: Rule =
    Rule { name: "aliases", description: "component schemas of simple types", apply };

fn apply(document: &mut Value) -> Result<usize, GenError> {
    let mut count = 0;
    // Aliases can be nested; each pass replaces one level.
    for _ in 0..16 {
        let Some(schemas) = document.pointer("/components/schemas").and_then(Value::as_object) else {
            return Ok(count);
        };
        let aliases: Map<String, Value> = schemas
            .iter()
            .filter(|(_, schema)| is_alias(schema))
            .map(|(name, schema)| (name.clone(), schema.clone()))
            .collect();
        let mut changed = 0;
        schemas_mut(document, &mut |_, schema| changed += usize::from(replace_alias(schema, &aliases)));
        if changed == 0 {
            break;
        }
        count += changed;
    }
    Ok(count)
}

fn is_alias(schema: &Value) -> bool {
    let object = schema.get("properties").is_some();
    !object && schema.get("enum").is_none() && schema.get("oneOf").is_none()
}

fn replace_alias(schema: &mut Value, aliases: &Map<String, Value>) -> bool {
    // Inner schemas come first, so the part of an `allOf` can already be replaced.
    let part = schema.get("allOf").and_then(|parts| parts.get(0));
    let replaced = part.filter(|part| part.get("$ref").is_none());
    let alias = schema_name(schema).or_else(|| part.and_then(schema_name)).and_then(|name| aliases.get(name));
    let Some(mut plain) = replaced.or(alias).cloned() else { return false };
    if let (Some(plain), Some(own)) = (plain.as_object_mut(), schema.as_object()) {
        for key in ["deprecated", "description", "nullable"] {
            if let Some(value) = own.get(key) {
                plain.insert(key.into(), value.clone());
            }
        }
    }
    *schema = plain;
    true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::normalise::testing::{applied, with_schemas};
    use crate::visit::schema_ref;

    #[test]
    fn inlines_simple_schemas() {
        let (count, after) = applied(
            &RULE,
            with_schemas(json!({
                "Uri": {"type": "string", "description": "A path."},
                "Uris": {"type": "array", "items": schema_ref("Uri")},
                "A": {"type": "object", "properties": {
                    "one": {"allOf": [schema_ref("Uri")], "nullable": true, "description": "Mine."},
                    "many": schema_ref("Uris"),
                }},
            })),
        );
        assert_eq!(count, 5);
        assert_eq!(
            after["components"]["schemas"]["A"]["properties"],
            json!({
                "one": {"type": "string", "description": "Mine.", "nullable": true},
                "many": {"type": "array", "items": {"type": "string", "description": "A path."}},
            })
        );
    }
}
