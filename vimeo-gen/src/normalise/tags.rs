//! Assigns every operation to one area: its first tag, up to a backslash.
//!
//! Vimeo writes `Videos\Essentials`. An operation without a tag belongs to `Other`.

use serde_json::{Value, json};

use super::Rule;
use crate::GenError;
use crate::visit::operations_mut;

pub(super) const RULE: Rule =
    Rule { name: "tags", description: "no tag, several tags, or a tag with a backslash", apply };

fn apply(document: &mut Value) -> Result<usize, GenError> {
    let mut count = 0;
    let mut areas: Vec<String> = Vec::new();
    operations_mut(document, |_, _, operation| {
        let first =
            operation.get("tags").and_then(|tags| tags.get(0)).and_then(Value::as_str).unwrap_or("Other");
        let area = first.split('\\').next().unwrap_or_default().trim();
        let area = if area.is_empty() { "Other" } else { area }.to_owned();
        let tags = json!([area]);
        if operation.get("tags") != Some(&tags) {
            operation.insert("tags".into(), tags);
            count += 1;
        }
        if !areas.contains(&area) {
            areas.push(area);
        }
    });
    let described = document.get("tags").and_then(Value::as_array).cloned().unwrap_or_default();
    let tags: Vec<Value> = areas
        .iter()
        .map(|area| {
            let known = described.iter().find(|tag| tag.get("name").and_then(Value::as_str) == Some(area));
            known.cloned().unwrap_or_else(|| json!({ "name": area }))
        })
        .collect();
    if let Some(document) = document.as_object_mut() {
        document.insert("tags".into(), tags.into());
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalise::testing::applied;

    #[test]
    fn every_operation_gets_one_area() {
        let (count, after) = applied(
            &RULE,
            json!({
                "tags": [{"name": "Users", "description": "People."}, {"name": "Gone"}],
                "paths": {"/a": {
                    "get": {"tags": ["Videos\\Essentials", "B"]},
                    "put": {},
                    "post": {"tags": ["Users"]},
                }},
            }),
        );
        assert_eq!(count, 2);
        assert_eq!(after["paths"]["/a"]["get"]["tags"], json!(["Videos"]));
        assert_eq!(after["paths"]["/a"]["put"]["tags"], json!(["Other"]));
        assert_eq!(
            after["tags"],
            json!([{"name": "Videos"}, {"name": "Other"}, {"name": "Users", "description": "People."}])
        );
    }
}
