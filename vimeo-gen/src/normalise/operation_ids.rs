//! Gives every operation a unique ID in snake case.
//!
//! Missing IDs are derived from the method and the path. The path is appended to a duplicate ID.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Rule;
use crate::GenError;
use crate::names::snake;
use crate::visit::operations_mut;

pub(super) const RULE: Rule = Rule {
    name: "operation-ids",
    description: "operation IDs that are missing, duplicate or not identifiers",
    apply,
};

fn apply(document: &mut Value) -> Result<usize, GenError> {
    let mut taken = BTreeSet::new();
    let mut count = 0;
    operations_mut(document, |path, method, operation| {
        let given = operation.get("operationId").and_then(Value::as_str).unwrap_or_default().to_owned();
        let by_path = snake(&format!("{method} {path}"));
        let mut id = snake(&given);
        if given.trim().is_empty() {
            id = by_path.clone();
        } else if taken.contains(&id) {
            id = format!("{id}_at_{}", snake(path).trim_matches('_'));
        }
        while !taken.insert(id.clone()) {
            id.push_str("_again");
        }
        if id != given {
            // Vimeo's name remains searchable.
            if !given.is_empty() && !operation.contains_key("x-vimeo-operation") {
                operation.insert("x-vimeo-operation".into(), given.into());
            }
            operation.insert("operationId".into(), id.into());
            count += 1;
        }
    });
    Ok(count)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::normalise::testing::applied;

    #[test]
    fn ids_are_unique() {
        let (count, after) = applied(
            &RULE,
            json!({"paths": {
                "/me/videos": {"get": {"operationId": "list"}, "post": {}},
                "/users/{id}": {"get": {"operationId": "list"}, "put": {"operationId": "Put-It"}},
            }}),
        );
        assert_eq!(count, 3);
        let id = |path: &str, method: &str| after["paths"][path][method]["operationId"].clone();
        assert_eq!(id("/me/videos", "get"), "list");
        assert_eq!(id("/me/videos", "post"), "post_me_videos");
        assert_eq!(id("/users/{id}", "get"), "list_at_users_id");
        assert_eq!(id("/users/{id}", "put"), "put_it");
        assert_eq!(after["paths"]["/users/{id}"]["put"]["x-vimeo-operation"], "Put-It");
    }
}
