//! The parameters of an operation are those of its path, and those of its query.
//!
//! One that the path names but nothing declares is added as text; one that is declared but not in the path, stands in
//! a header or a cookie, or is said twice goes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Rule, ids};
use crate::GenError;
use crate::walk::operations_mut;

pub(super) const RULE: Rule = Rule {
    name: "parameters",
    description: "path parameters not declared or not in the path, doubles, headers and cookies",
    apply,
};

fn apply(document: &mut Value) -> Result<usize, GenError> {
    let mut count = 0;
    let mut trouble = None;
    operations_mut(document, |path, method, operation| {
        let names = match in_path(path) {
            Ok(names) => names,
            Err(reason) => {
                trouble.get_or_insert_with(|| GenError::new(format!("paths.{path}.{method}"), reason));
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
            settle(parameter);
        }
        for name in &names {
            if !seen.contains(&("path".to_owned(), name.clone())) {
                parameters.push(
                    json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}),
                );
            }
        }
        // The generated function takes path parameters in the order of the path.
        parameters.sort_by_key(|parameter| {
            names
                .iter()
                .position(|name| text(parameter, "in") == "path" && *name == text(parameter, "name"))
                .unwrap_or(usize::MAX)
        });
        count += usize::from(*parameters != before);
    });
    trouble.map_or(Ok(count), Err)
}

/// Path parameters are required by nature; a schema may hide in `content`, and one must be there.
fn settle(parameter: &mut Value) {
    let hidden =
        parameter.get("content").and_then(Value::as_object).and_then(|content| content.values().next());
    let schema = parameter.get("schema").or_else(|| hidden.and_then(|body| body.get("schema"))).cloned();
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

/// The names in the braces of a path, each a whole segment.
fn in_path(path: &str) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    for segment in path.split('/').filter(|segment| segment.contains(['{', '}'])) {
        let name = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or_default();
        if name.is_empty() || name.contains(['{', '}']) {
            return Err(format!(
                "`{segment}` is not one parameter as a whole segment; write it as /{{name}}/"
            ));
        }
        if names.iter().any(|known| known == name) {
            return Err(format!("the path names {{{name}}} twice"));
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
    fn the_path_decides() {
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
    fn a_path_that_makes_no_sense_stops_with_its_place() {
        let mut document = json!({"paths": {"/a/{one}.json": {"get": {}}}});
        let problem = apply(&mut document).unwrap_err().to_string();
        assert!(
            problem.starts_with("paths./a/{one}.json.get: `{one}.json` is not one parameter"),
            "{problem}"
        );
    }
}
