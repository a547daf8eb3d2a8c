//! Component schemas are called as Rust types are.
//!
//! Vimeo's names have dashes and numbers (`activity-3-1`); names that generated code itself uses get a word behind.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::Rule;
use crate::GenError;
use crate::names::pascal;

pub(super) const RULE: Rule =
    Rule { name: "type-names", description: "schema names that are no type names", apply };

/// What the generated code means something else by.
const TAKEN: &[&str] = &[
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
    // A name that is right already is not given to another.
    taken.extend(schemas.keys().filter(|name| fitting(name) == **name).cloned());
    let mut renamed = Map::new();
    for (name, schema) in std::mem::take(schemas) {
        let mut fit = fitting(&name);
        while fit != name && !taken.insert(fit.clone()) {
            fit.push_str("Kind");
        }
        if fit != name {
            names.insert(
                format!("#/components/schemas/{}", name.replace('~', "~0").replace('/', "~1")),
                format!("#/components/schemas/{fit}"),
            );
        }
        renamed.insert(fit, schema);
    }
    *schemas = renamed;
    point_to(document, &names);
    Ok(names.len())
}

fn fitting(name: &str) -> String {
    let fit = pascal(name);
    if TAKEN.contains(&fit.as_str()) { format!("{fit}Object") } else { fit }
}

fn point_to(node: &mut Value, names: &BTreeMap<String, String>) {
    match node {
        Value::Object(object) => {
            if let Some(Value::String(target)) = object.get_mut("$ref")
                && let Some(new) = names.get(target)
            {
                target.clone_from(new);
            }
            object.values_mut().for_each(|value| point_to(value, names));
        }
        Value::Array(list) => list.iter_mut().for_each(|value| point_to(value, names)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::normalise::testing::{applied, with_schemas};

    #[test]
    fn names_and_references_change_together() {
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
