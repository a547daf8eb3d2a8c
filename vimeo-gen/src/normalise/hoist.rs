//! Gives every object, enum and `oneOf` a name, and equal schemas the same name.
//!
//! Inline schemas become component schemas, named after their first occurrence. Schemas that differ only in their texts are
//! equal. Published descriptions repeat the same few schemas hundreds of times.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::Rule;
use crate::GenError;
use crate::names::pascal;
use crate::visit::{operations, schema_ref, schemas_mut};

pub(super) const RULE: Rule =
    Rule { name: "hoist", description: "inline schemas that need a name, and duplicates", apply };

fn apply(document: &mut Value) -> Result<usize, GenError> {
    let ids: HashMap<String, String> = operations(document)
        .map(|(path, method, operation)| {
            let id = operation.get("operationId").and_then(Value::as_str).unwrap_or_default();
            (format!("paths.{path}.{method}"), pascal(id))
        })
        .collect();
    let mut named =
        document.pointer("/components/schemas").and_then(Value::as_object).cloned().unwrap_or_default();
    let mut by_shape: HashMap<String, String> = HashMap::new();
    for (name, schema) in &named {
        by_shape.entry(shape_of(schema)).or_insert_with(|| name.clone());
    }
    let mut count = 0;
    let mut hoisted: Map<String, Value> = Map::new();
    schemas_mut(document, &mut |location, schema| {
        if is_component(location) || !needs_name(schema) {
            return;
        }
        count += 1;
        let mut inner = schema.clone();
        let description = inner.as_object_mut().and_then(|inner| inner.remove("description"));
        let nullable = inner.as_object_mut().and_then(|inner| inner.remove("nullable"));
        let shape = shape_of(&inner);
        let name = by_shape.get(&shape).cloned().unwrap_or_else(|| {
            let name = free_name(location, &ids, &named);
            by_shape.insert(shape, name.clone());
            if let (Some(text), Some(inner)) = (&description, inner.as_object_mut()) {
                inner.insert("description".into(), text.clone());
            }
            named.insert(name.clone(), Value::Null);
            hoisted.insert(name.clone(), inner);
            name
        });
        let mut reference = Map::new();
        if description.is_some() || nullable.is_some() {
            reference.insert("allOf".into(), json!([schema_ref(&name)]));
            reference.extend(description.map(|text| ("description".to_owned(), text)));
            reference.extend(nullable.map(|nullable| ("nullable".to_owned(), nullable)));
            *schema = Value::Object(reference);
        } else {
            *schema = schema_ref(&name);
        }
    });
    if let (false, Some(document)) = (hoisted.is_empty(), document.as_object_mut()) {
        let components = document.entry("components").or_insert_with(|| json!({}));
        if let Some(components) = components.as_object_mut()
            && let Some(schemas) = components.entry("schemas").or_insert_with(|| json!({})).as_object_mut()
        {
            schemas.extend(hoisted);
        }
    }
    Ok(count)
}

fn is_component(location: &str) -> bool {
    location.strip_prefix("components.schemas.").is_some_and(|rest| !rest.contains('.'))
}

fn needs_name(schema: &Value) -> bool {
    let words = schema.get("enum").is_some();
    let choice = schema.get("oneOf").is_some();
    let object =
        schema.get("properties").and_then(Value::as_object).is_some_and(|properties| !properties.is_empty());
    words || choice || object
}

/// Returns the schema without its texts. Schemas with the same result become one type.
fn shape_of(schema: &Value) -> String {
    fn bare(node: &Value, is_schema: bool) -> Value {
        match node {
            Value::Object(object) => {
                let mut sorted: Vec<_> = object
                    .iter()
                    .filter(|(key, _)| !(is_schema && ["description", "title"].contains(&key.as_str())))
                    .map(|(key, value)| (key.clone(), bare(value, !(is_schema && key == "properties"))))
                    .collect();
                sorted.sort_by(|one, other| one.0.cmp(&other.0));
                Value::Object(sorted.into_iter().collect())
            }
            Value::Array(list) => Value::Array(list.iter().map(|value| bare(value, true)).collect()),
            other => other.clone(),
        }
    }
    bare(schema, true).to_string()
}

/// Returns the shortest free name for a schema: its owner and field, then with the fields in between.
fn free_name(location: &str, ids: &HashMap<String, String>, named: &Map<String, Value>) -> String {
    let (owner, rest) = owner_of(location, ids);
    let steps: Vec<String> = rest
        .split('.')
        .filter(|step| {
            !["properties", "schema", "content", "application/json", "additionalProperties", "not", ""]
                .contains(step)
        })
        .filter(|step| !["allOf", "oneOf", "anyOf"].iter().any(|word| step.starts_with(word)))
        .filter(|step| !step.starts_with("parameters["))
        .map(|step| match step {
            "requestBody" => "Body".to_owned(),
            "responses" => "Response".to_owned(),
            "items" => "Item".to_owned(),
            step if step.chars().all(|sign| sign.is_ascii_digit()) => String::new(),
            step => pascal(step),
        })
        .filter(|step| !step.is_empty())
        .collect();
    for kept in 1..=steps.len().max(1) {
        let tail: String = steps.iter().skip(steps.len().saturating_sub(kept)).map(String::as_str).collect();
        let name = format!("{owner}{tail}");
        if !named.contains_key(&name) && name.len() <= 50 {
            return without_number(&name);
        }
    }
    let last = steps.last().map(String::as_str).unwrap_or_default();
    let mut name = without_number(&format!("{owner}{last}"));
    for letter in ('B'..='Z').cycle() {
        if !named.contains_key(&name) {
            break;
        }
        name.push(letter);
    }
    name
}

fn without_number(name: &str) -> String {
    if name.ends_with(|last: char| last.is_ascii_digit()) { format!("{name}Kind") } else { name.to_owned() }
}

fn owner_of<'a>(location: &'a str, ids: &HashMap<String, String>) -> (String, &'a str) {
    if let Some(rest) = location.strip_prefix("components.schemas.") {
        let (name, rest) = rest.split_once('.').unwrap_or((rest, ""));
        return (name.to_owned(), rest);
    }
    // Paths can contain dots, so the operation is found by its whole location.
    ids.iter()
        .find_map(|(operation, id)| {
            Some((id.clone(), location.strip_prefix(operation.as_str())?.strip_prefix('.')?))
        })
        .unwrap_or_else(|| ("Any".to_owned(), location))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalise::testing::{applied, with_schemas};

    #[test]
    fn equal_schemas_get_one_name() {
        let link = |text: &str| json!({"type": "object", "description": text, "properties": {"uri": {"type": "string", "description": text}}});
        let before = json!({"Video": {"type": "object", "properties": {
            "likes": link("one"),
            "comments": {"type": "array", "items": link("two")},
            "state": {"type": "string", "enum": ["a"], "nullable": true},
            "either": {"oneOf": [{"type": "string"}, link("three")]},
        }}});
        let after = json!({
            "Video": {"type": "object", "properties": {
                "likes": {"allOf": [schema_ref("VideoLikes")], "description": "one"},
                "comments": {"type": "array", "items": {"allOf": [schema_ref("VideoLikes")], "description": "two"}},
                "state": {"allOf": [schema_ref("VideoState")], "nullable": true},
                "either": schema_ref("VideoEither"),
            }},
            "VideoLikes": link("one"),
            "VideoState": {"type": "string", "enum": ["a"]},
            "VideoEither": {"oneOf": [{"type": "string"}, {"allOf": [schema_ref("VideoLikes")], "description": "three"}]},
        });
        assert_eq!(applied(&RULE, with_schemas(before)), (5, with_schemas(after)));
    }

    #[test]
    fn inline_schemas_are_named_after_the_operation() {
        let (_, after) = applied(
            &RULE,
            json!({"paths": {"/a.b": {"get": {
                "operationId": "list_clips",
                "parameters": [{"name": "sort", "in": "query", "schema": {"type": "string", "enum": ["a"]}}],
                "requestBody": {"content": {"application/json": {"schema": {"properties": {"x": {}}}}}},
            }}}}),
        );
        let names: Vec<&String> = after["components"]["schemas"].as_object().unwrap().keys().collect();
        assert_eq!(names, ["ListClips", "ListClipsBody"]);
    }
}
