//! Inlines shared parameters, bodies and responses.
//!
//! Descriptions share them by `$ref` and on the path; the following rules handle one operation at a time.

use serde_json::Value;

use super::Rule;
use crate::GenError;
use crate::visit::{METHODS, resolved};

pub(super) const RULE: Rule = Rule {
    name: "inline-parts",
    description: "parameters, bodies and responses behind a $ref or on the path",
    apply,
};

fn apply(document: &mut Value) -> Result<usize, GenError> {
    let source = document.clone();
    let mut count = 0;
    for item in document
        .get_mut("paths")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flat_map(|paths| paths.values_mut())
    {
        let shared = item
            .as_object_mut()
            .and_then(|item| item.remove("parameters"))
            .unwrap_or_else(|| Value::Array(vec![]));
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            if !METHODS.contains(&method.as_str()) {
                continue;
            }
            let Some(operation) = operation.as_object_mut() else { continue };
            let parameters = operation.entry("parameters").or_insert_with(|| Value::Array(vec![]));
            if let (Some(parameters), Some(shared)) = (parameters.as_array_mut(), shared.as_array()) {
                count += parameters
                    .iter_mut()
                    .map(|parameter| usize::from(inline(&source, parameter)))
                    .sum::<usize>();
                for parameter in shared {
                    let mut parameter = parameter.clone();
                    inline(&source, &mut parameter);
                    // A parameter of the operation overrides one of the path.
                    if !parameters.iter().any(|own| {
                        (own.get("name"), own.get("in")) == (parameter.get("name"), parameter.get("in"))
                    }) {
                        parameters.push(parameter);
                        count += 1;
                    }
                }
            }
            if let Some(body) = operation.get_mut("requestBody") {
                count += usize::from(inline(&source, body));
            }
            for response in operation
                .get_mut("responses")
                .and_then(Value::as_object_mut)
                .into_iter()
                .flat_map(|all| all.values_mut())
            {
                count += usize::from(inline(&source, response));
            }
        }
    }
    if let Some(components) = document.get_mut("components").and_then(Value::as_object_mut) {
        components.retain(|kind, _| kind == "schemas");
    }
    Ok(count)
}

fn inline(source: &Value, node: &mut Value) -> bool {
    if node.get("$ref").is_none() {
        return false;
    }
    *node = resolved(source, node).clone();
    true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::normalise::testing::applied;

    #[test]
    fn inlines_shared_parts() {
        let (count, after) = applied(
            &RULE,
            json!({
                "paths": {"/a": {
                    "parameters": [{"$ref": "#/components/parameters/Id"}, {"name": "b", "in": "query", "x": 1}],
                    "get": {
                        "parameters": [{"name": "b", "in": "query"}],
                        "responses": {"200": {"$ref": "#/components/responses/Done"}},
                    },
                }},
                "components": {
                    "parameters": {"Id": {"name": "id", "in": "path"}},
                    "responses": {"Done": {"description": "Done"}},
                    "schemas": {"A": {}},
                },
            }),
        );
        assert_eq!(count, 2);
        assert_eq!(
            after,
            json!({
                "paths": {"/a": {"get": {
                    "parameters": [{"name": "b", "in": "query"}, {"name": "id", "in": "path"}],
                    "responses": {"200": {"description": "Done"}},
                }}},
                "components": {"schemas": {"A": {}}},
            })
        );
    }
}
