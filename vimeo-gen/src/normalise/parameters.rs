//! Matches the parameters of an operation with its path.
//!
//! Adds undeclared path parameters as strings. Removes path parameters that are not in the path, parameters in headers and
//! cookies, and duplicates.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Rule, ids};
use crate::GenError;
use crate::visit::operations_mut;

pub(super) const RULE: Rule = Rule {
    name: "parameters",
    description: "undeclared, unused and duplicate parameters, headers and cookies",
    apply,
};

fn apply(document: &mut Value) -> Result<usize, GenError> {
    let mut count = 0;
    let mut error = None;
    operations_mut(document, |path, method, operation| {
        let names = match in_path(path) {
            Ok(names) => names,
            Err(reason) => {
                error.get_or_insert_with(|| GenError::new(format!("paths.{path}.{method}"), reason));
                return;
            }
        };
        let parameters = operation.entry("parameters").or_insert_with(|| Value::Array(vec![]));
        let Some(parameters) = parameters.as_array_mut() else { return };
        let before = parameters.clone();
        let mut seen = BTreeSet::new();
        parameters.retain(|parameter| {
            let name = text(parameter, "name");
            let place = text(parameter, "in");
            let wanted = match place.as_str() {
                "path" => names.contains(&name),
                "query" => !name.is_empty(),
                _ => false,
            };
            wanted && seen.insert((place, name))
        });
        for parameter in parameters.iter_mut() {
            complete(parameter);
        }
        for name in &names {
            if !seen.contains(&("path".to_owned(), name.clone())) {
                parameters.push(
                    json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}),
                );
            }
        }
        // Generated methods have path parameters in the order of the path.
        parameters.sort_by_key(|parameter| {
            names
                .iter()
                .position(|name| text(parameter, "in") == "path" && *name == text(parameter, "name"))
                .unwrap_or(usize::MAX)
        });
        count += usize::from(*parameters != before);
    });
    error.map_or(Ok(count), Err)
}

/// Makes path parameters required, and adds a schema, which can also be in `content`.
fn complete(parameter: &mut Value) {
    let content_body =
        parameter.get("content").and_then(Value::as_object).and_then(|content| content.values().next());
    let schema =
        parameter.get("schema").or_else(|| content_body.and_then(|body| body.get("schema"))).cloned();
    let Some(parameter) = parameter.as_object_mut() else { return };
    let kept = ["name", "x-name", "in", "required", "deprecated", "description", "schema", ids::MARK];
    parameter.retain(|key, _| kept.contains(&key.as_str()));
    if parameter.get("in").and_then(Value::as_str) == Some("path") {
        parameter.insert("required".into(), true.into());
    }
    parameter.insert("schema".into(), schema.unwrap_or_else(|| json!({"type": "string"})));
}

fn text(parameter: &Value, key: &str) -> String {
    parameter.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Returns the parameter names of a path. Each must be a whole segment.
fn in_path(path: &str) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    for segment in path.split('/').filter(|segment| segment.contains(['{', '}'])) {
        let name = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or_default();
        if name.is_empty() || name.contains(['{', '}']) {
            return Err(format!(
                "`{segment}` is not a parameter that is a whole segment; write it as /{{name}}/"
            ));
        }
        if names.iter().any(|known| known == name) {
            return Err(format!("duplicate path parameter {{{name}}}"));
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalise::testing::applied;

    #[test]
    fn parameters_match_the_path() {
        let (count, after) = applied(
            &RULE,
            json!({"paths": {"/a/{one}/b/{two}": {"get": {"parameters": [
                {"name": "q", "in": "query", "style": "form", "content": {"application/json": {"schema": {"type": "object"}}}},
                {"name": "two", "in": "path", "schema": {"type": "integer"}},
                {"name": "three", "in": "path"},
                {"name": "Accept", "in": "header"},
                {"name": "q", "in": "query"},
            ]}}}}),
        );
        assert_eq!(count, 1);
        assert_eq!(
            after["paths"]["/a/{one}/b/{two}"]["get"]["parameters"],
            json!([
                {"name": "one", "in": "path", "required": true, "schema": {"type": "string"}},
                {"name": "two", "in": "path", "schema": {"type": "integer"}, "required": true},
                {"name": "q", "in": "query", "schema": {"type": "object"}},
            ])
        );
    }

    #[test]
    fn reports_invalid_paths() {
        let mut document = json!({"paths": {"/a/{one}.json": {"get": {}}}});
        let message = apply(&mut document).unwrap_err().to_string();
        assert!(message.starts_with("paths./a/{one}.json.get: `{one}.json` is not a parameter"), "{message}");
    }
}
