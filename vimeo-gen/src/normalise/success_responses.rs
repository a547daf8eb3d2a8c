//! Reduces the responses of an operation to one success response.
//!
//! A hand-written type reads every shape of error, so error responses are removed. Of several success responses, the first with
//! a body remains; `x-may-be-empty` records that there can be none, `x-conditional` a documented 304. An operation without a
//! success response gets an empty one.

use serde_json::{Map, Value, json};

use super::Rule;
use crate::GenError;
use crate::visit::operations_mut;

pub(super) const RULE: Rule = Rule {
    name: "success-responses",
    description: "several success types, several error types, or no success response",
    apply,
};

fn apply(document: &mut Value) -> Result<usize, GenError> {
    let mut count = 0;
    operations_mut(document, |_, _, operation| {
        let all = operation.get("responses").and_then(Value::as_object).cloned().unwrap_or_default();
        let conditional = all.contains_key("304");
        let successes: Vec<(&String, &Value)> =
            all.iter().filter(|(status, _)| status.starts_with('2')).collect();
        let with_body = successes.iter().find(|(_, response)| response.get("content").is_some());
        let may_be_empty =
            with_body.is_some() && successes.iter().any(|(_, response)| response.get("content").is_none());
        let (status, response) = match with_body.or(successes.first()) {
            Some((status, response)) => ((*status).clone(), (*response).clone()),
            None => ("204".to_owned(), json!({"description": "Done."})),
        };
        let kept: Map<String, Value> = [(status, described(response))].into_iter().collect();
        if kept != all {
            count += 1;
        }
        operation.insert("responses".into(), Value::Object(kept));
        for (note, holds) in [("x-may-be-empty", may_be_empty), ("x-conditional", conditional)] {
            if holds {
                operation.insert(note.into(), true.into());
            }
        }
    });
    Ok(count)
}

/// Removes headers and links, which no generated type contains. OpenAPI requires a description.
fn described(response: Value) -> Value {
    let text = response.get("description").cloned().unwrap_or_else(|| "Success.".into());
    match response.get("content") {
        Some(content) => json!({"description": text, "content": content}),
        None => json!({ "description": text }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalise::testing::{applied, with_operation};

    #[test]
    fn keeps_first_success_with_a_body() {
        let body = json!({"application/json": {"schema": {}}});
        let cases = [
            (
                json!({"200": {"description": "a", "content": body}, "204": {"description": "b"}, "404": {}, "304": {}}),
                json!({"responses": {"200": {"description": "a", "content": body}}, "x-may-be-empty": true, "x-conditional": true}),
            ),
            (
                json!({"202": {"description": "b", "headers": {}}, "default": {}}),
                json!({"responses": {"202": {"description": "b"}}}),
            ),
            (json!({"400": {}}), json!({"responses": {"204": {"description": "Done."}}})),
            (
                json!({"200": {"description": "a", "content": body}, "201": {"content": body}}),
                json!({"responses": {"200": {"description": "a", "content": body}}}),
            ),
        ];
        for (before, after) in cases {
            assert_eq!(
                applied(&RULE, with_operation(json!({"responses": before}))),
                (1, with_operation(after))
            );
        }
    }
}
