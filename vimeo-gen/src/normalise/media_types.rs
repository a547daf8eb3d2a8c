//! Reduces the content of a body to `application/json`.
//!
//! Vimeo's own types, such as `application/vnd.vimeo.video+json` and misspellings of it, are JSON. A body or response without
//! a JSON type gets no described content; its bytes can still be read.

use serde_json::{Map, Value, json};

use super::Rule;
use crate::GenError;
use crate::visit::operations_mut;

pub(super) const RULE: Rule = Rule {
    name: "media-types",
    description: "vendor media types, several media types, or none that is JSON",
    apply,
};

fn apply(document: &mut Value) -> Result<usize, GenError> {
    let mut count = 0;
    operations_mut(document, |_, _, operation| {
        if let Some(body) = operation.get_mut("requestBody").and_then(Value::as_object_mut) {
            count += usize::from(keep_json(body));
        }
        if operation.get("requestBody").is_some_and(|body| body.get("content").is_none()) {
            operation.remove("requestBody");
        }
        for response in operation
            .get_mut("responses")
            .and_then(Value::as_object_mut)
            .into_iter()
            .flat_map(|all| all.values_mut())
        {
            if let Some(response) = response.as_object_mut() {
                count += usize::from(keep_json(response));
            }
        }
    });
    Ok(count)
}

fn keep_json(body: &mut Map<String, Value>) -> bool {
    let Some(content) = body.get("content").and_then(Value::as_object) else { return false };
    let json = content.iter().find(|(media, content)| is_json(media) && content.get("schema").is_some());
    let kept = json.map(|(_, content)| json!({"application/json": {"schema": content["schema"]}}));
    if kept.as_ref() == body.get("content") {
        return false;
    }
    match kept {
        Some(content) => body.insert("content".into(), content),
        None => body.remove("content"),
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
    fn recognizes_all_json_types() {
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
    fn removes_body_without_a_schema() {
        let (_, after) =
            applied(&RULE, with_operation(json!({"requestBody": {"content": {"image/png": {}}}})));
        assert_eq!(after["paths"]["/a"]["get"], json!({}));
    }
}
