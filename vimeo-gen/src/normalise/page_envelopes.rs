//! Wraps lists that are described as bare arrays in the page envelope.
//!
//! Vimeo's description says `array`, but Vimeo sends `total`, `page`, `per_page`, `paging` and `data`. An operation with a `page`
//! or `per_page` parameter that returns an array returns a page.

use serde_json::{Value, json};

use super::Rule;
use crate::GenError;
use crate::visit::{operations_mut, resolved};

pub(super) const RULE: Rule =
    Rule { name: "page-envelopes", description: "bare arrays instead of pages", apply };

fn apply(document: &mut Value) -> Result<usize, GenError> {
    let source = document.clone();
    let mut count = 0;
    operations_mut(document, |_, _, operation| {
        let parameters = operation.get("parameters").and_then(Value::as_array);
        let paged = parameters.into_iter().flatten().any(|parameter| {
            matches!(parameter.get("name").and_then(Value::as_str), Some("page" | "per_page"))
        });
        if !paged {
            return;
        }
        let responses = operation.get_mut("responses").and_then(Value::as_object_mut);
        for response in responses.into_iter().flat_map(|all| all.values_mut()) {
            let Some(schema) = response.pointer_mut("/content/application~1json/schema") else { continue };
            let list = resolved(&source, schema);
            if list.get("type").and_then(Value::as_str) == Some("array") {
                *schema = page_of(list.get("items").unwrap_or(&json!({})));
                count += 1;
            }
        }
    });
    Ok(count)
}

/// Returns the page envelope with items of this schema.
fn page_of(items: &Value) -> Value {
    let link = json!({"type": "string", "nullable": true});
    let number = json!({"type": "integer", "minimum": 0});
    json!({
        "type": "object",
        "properties": {
            "total": number,
            "page": number,
            "per_page": number,
            "paging": {
                "type": "object",
                "properties": {"next": link, "previous": link, "first": link, "last": link},
            },
            "data": {"type": "array", "items": items},
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalise::testing::{applied, with_operation};

    fn operation(parameter: &str, schema: Value) -> Value {
        with_operation(json!({
            "parameters": [{"name": parameter, "in": "query"}],
            "responses": {"200": {"content": {"application/json": {"schema": schema}}}},
        }))
    }

    #[test]
    fn wraps_only_paginated_lists() {
        let list = json!({"type": "array", "items": {"$ref": "#/components/schemas/video"}});
        let page = page_of(&json!({"$ref": "#/components/schemas/video"}));
        assert_eq!(applied(&RULE, operation("page", list.clone())), (1, operation("page", page)));
        assert_eq!(applied(&RULE, operation("sort", list.clone())), (0, operation("sort", list)));
    }
}
