//! Removes schemas that no operation references.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Rule;
use crate::GenError;
use crate::visit::schemas_named_in;

pub(super) const RULE: Rule =
    Rule { name: "unused", description: "schemas that no operation references", apply };

fn apply(document: &mut Value) -> Result<usize, GenError> {
    let mut found = Vec::new();
    if let Some(paths) = document.get("paths") {
        schemas_named_in(paths, &mut found);
    }
    let reached = closure(document, found);
    let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) else {
        return Ok(0);
    };
    let before = schemas.len();
    schemas.retain(|name, _| reached.contains(name));
    Ok(before - schemas.len())
}

/// Returns these schemas and all schemas that they reference.
pub(super) fn closure(document: &Value, mut open: Vec<String>) -> BTreeSet<String> {
    let schemas = document.pointer("/components/schemas");
    let mut reached = BTreeSet::new();
    while let Some(name) = open.pop() {
        if let Some(schema) = schemas.and_then(|schemas| schemas.get(&name))
            && reached.insert(name)
        {
            schemas_named_in(schema, &mut open);
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::normalise::testing::applied;
    use crate::visit::schema_ref;

    #[test]
    fn keeps_referenced_schemas() {
        let (count, after) = applied(
            &RULE,
            json!({
                "paths": {"/a": {"get": {"x": schema_ref("A")}}},
                "components": {"schemas": {"A": {"items": schema_ref("B")}, "B": {"items": schema_ref("A")}, "C": {"items": schema_ref("A")}}},
            }),
        );
        assert_eq!(count, 1);
        assert!(after["components"]["schemas"].get("C").is_none());
    }
}
