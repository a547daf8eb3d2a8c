//! Renames component schemas to Rust type names.
//!
//! Vimeo's names contain dashes and numbers (`activity-3-1`). Names that the generated code uses itself get a suffix.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::Rule;
use crate::GenError;
use crate::names::pascal;

pub(super) const RULE: Rule =
    Rule { name: "type-names", description: "schema names that are not type names", apply };

/// Names that the generated code uses itself.
const RESERVED: &[&str] = &[
    "Box",
    "Call",
    "ChannelId",
    "Client",
    "Default",
    "Deserialize",
    "DomainName",
    "Empty",
    "Endpoint",
    "Err",
    "Fields",
    "GroupId",
    "InvalidId",
    "None",
    "Ok",
    "Option",
    "Operation",
    "Page",
    "Paging",
    "ResponseFuture",
    "Result",
    "Scope",
    "Secret",
    "Self",
    "Serialize",
    "SignedUrl",
    "Some",
    "String",
    "Value",
    "UserId",
    "Vec",
    "VideoId",
];

fn apply(document: &mut Value) -> Result<usize, GenError> {
    let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) else {
        return Ok(0);
    };
    let mut names = BTreeMap::new();
    let mut taken: BTreeSet<String> = BTreeSet::new();
    // A valid name is not given to another schema.
    taken.extend(schemas.keys().filter(|name| type_name(name) == **name).cloned());
    let mut renamed = Map::new();
    for (name, schema) in std::mem::take(schemas) {
        let mut valid = type_name(&name);
        while valid != name && !taken.insert(valid.clone()) {
            valid.push_str("Kind");
        }
        if valid != name {
            names.insert(
                format!("#/components/schemas/{}", name.replace('~', "~0").replace('/', "~1")),
                format!("#/components/schemas/{valid}"),
            );
        }
        renamed.insert(valid, schema);
    }
    *schemas = renamed;
    update_references(document, &names);
    Ok(names.len())
}

fn type_name(name: &str) -> String {
    let valid = pascal(name);
    if RESERVED.contains(&valid.as_str()) { format!("{valid}Object") } else { valid }
}

fn update_references(node: &mut Value, names: &BTreeMap<String, String>) {
    match node {
        Value::Object(object) => {
            if let Some(Value::String(target)) = object.get_mut("$ref")
                && let Some(new) = names.get(target)
            {
                target.clone_from(new);
            }
            object.values_mut().for_each(|value| update_references(value, names));
        }
        Value::Array(list) => list.iter_mut().for_each(|value| update_references(value, names)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::normalise::testing::{applied, with_schemas};

    #[test]
    fn renames_schemas_and_references() {
        let before = json!({
            "text-track": {"properties": {"a": {"$ref": "#/components/schemas/option"}}},
            "option": {},
            "TextTrack": {},
        });
        let after = json!({
            "TextTrackKind": {"properties": {"a": {"$ref": "#/components/schemas/OptionObject"}}},
            "OptionObject": {},
            "TextTrack": {},
        });
        assert_eq!(applied(&RULE, with_schemas(before)), (2, with_schemas(after)));
    }
}
