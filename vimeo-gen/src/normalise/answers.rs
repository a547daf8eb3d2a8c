//! One answer an operation: what it sends when it succeeds.
//!
//! Errors are read by one hand-written type that takes every shape, so their descriptions go. Of several successes
//! the first with a body stays; that there may be none is noted as `x-may-be-empty`, a documented 304 as
//! `x-conditional`. An operation without any success gets an empty one.

use serde_json::{Map, Value, json};

use super::Rule;
use crate::GenError;
use crate::walk::operations_mut;

pub(super) const RULE: Rule = Rule {
    name: "answers",
    description: "several success types, several error types, or no success at all",
    apply,
};

fn apply(document: &mut Value) -> Result<usize, GenError> {
    let mut count = 0;
    operations_mut(document, |_, _, operation| {
        let all = operation.get("responses").and_then(Value::as_object).cloned().unwrap_or_default();
        let conditional = all.contains_key("304");
        let successes: Vec<(&String, &Value)> =
            all.iter().filter(|(status, _)| status.starts_with('2')).collect();
        let with_body = successes.iter().find(|(_, answer)| answer.get("content").is_some());
        let may_be_empty =
            with_body.is_some() && successes.iter().any(|(_, answer)| answer.get("content").is_none());
        let (status, answer) = match with_body.or(successes.first()) {
            Some((status, answer)) => ((*status).clone(), (*answer).clone()),
            None => ("204".to_owned(), json!({"description": "Done."})),
        };
        let kept: Map<String, Value> = [(status, described(answer))].into_iter().collect();
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

/// Without headers and links, which no generated type shows; the description is required.
fn described(answer: Value) -> Value {
    let text = answer.get("description").cloned().unwrap_or_else(|| "Success.".into());
    match answer.get("content") {
        Some(content) => json!({"description": text, "content": content}),
        None => json!({ "description": text }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalise::testing::{applied, with_operation};

    #[test]
    fn the_first_success_with_a_body_stays() {
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
