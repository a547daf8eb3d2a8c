//! One media type a body: `application/json`.
//!
//! Vimeo's own types, `application/vnd.vimeo.video+json` and misspellings of them, are JSON. A body or answer
//! that has no JSON form is left without a described content; its bytes can still be read.

use serde_json::{Map, Value, json};

use super::Rule;
use crate::GenError;
use crate::walk::operations_mut;

pub(super) const RULE: Rule = Rule {
    name: "media-types",
    description: "vendor media types, several at once, or none that is JSON",
    apply,
};

fn apply(document: &mut Value) -> Result<usize, GenError> {
    let mut count = 0;
    operations_mut(document, |_, _, operation| {
        if let Some(body) = operation.get_mut("requestBody").and_then(Value::as_object_mut) {
            count += usize::from(settle(body));
        }
        if operation.get("requestBody").is_some_and(|body| body.get("content").is_none()) {
            operation.remove("requestBody");
        }
        for answer in operation
            .get_mut("responses")
            .and_then(Value::as_object_mut)
            .into_iter()
            .flat_map(|all| all.values_mut())
        {
            if let Some(answer) = answer.as_object_mut() {
                count += usize::from(settle(answer));
            }
        }
    });
    Ok(count)
}

fn settle(holder: &mut Map<String, Value>) -> bool {
    let Some(content) = holder.get("content").and_then(Value::as_object) else { return false };
    let json = content.iter().find(|(media, body)| is_json(media) && body.get("schema").is_some());
    let settled = json.map(|(_, body)| json!({"application/json": {"schema": body["schema"]}}));
    if settled.as_ref() == holder.get("content") {
        return false;
    }
    match settled {
        Some(content) => holder.insert("content".into(), content),
        None => holder.remove("content"),
    };
    true
}

fn is_json(media: &str) -> bool {
    let media = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media == "*/*"
        || media.ends_with("/json")
        || media.ends_with("+json")
        || media == "application/x-www-form-urlencoded"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalise::testing::{applied, with_operation};

    #[test]
    fn json_in_all_its_spellings_is_json() {
        let (count, after) = applied(
            &RULE,
            with_operation(json!({
                "requestBody": {"content": {"application/application/vnd.vimeo.video+json": {"schema": {"a": 1}}}},
                "responses": {
                    "200": {"content": {"text/html": {"schema": {}}, "application/vnd.vimeo.*+json;version=3.4": {"schema": {"b": 1}}}},
                    "201": {"content": {"text/vtt": {"schema": {"type": "string"}}}},
                    "202": {"content": {"application/json": {"schema": {}}}},
                },
            })),
        );
        let operation = &after["paths"]["/a"]["get"];
        assert_eq!(count, 3);
        assert_eq!(operation["requestBody"]["content"], json!({"application/json": {"schema": {"a": 1}}}));
        assert_eq!(
            operation["responses"]["200"]["content"],
            json!({"application/json": {"schema": {"b": 1}}})
        );
        assert_eq!(operation["responses"]["201"], json!({}));
    }

    #[test]
    fn a_body_without_a_schema_is_no_body() {
        let (_, after) =
            applied(&RULE, with_operation(json!({"requestBody": {"content": {"image/png": {}}}})));
        assert_eq!(after["paths"]["/a"]["get"], json!({}));
    }
}
