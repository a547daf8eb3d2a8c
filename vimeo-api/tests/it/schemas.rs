//! Tests that every type tolerates schema mismatches, with examples that are generated from the description.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value, json};
use vimeo_api::TYPES;

/// The maximum size of a generated struct, in bytes.
const MAX_STRUCT_SIZE: usize = 2560;

#[test]
fn structs_are_not_too_large() {
    let large: Vec<_> = TYPES
        .iter()
        .filter(|(_, size, _)| *size > MAX_STRUCT_SIZE)
        .map(|(name, size, _)| (name, size))
        .collect();
    assert!(large.is_empty(), "{large:?}");
}

/// Returns the component schemas by name.
fn schemas() -> Map<String, Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../openapi");
    let bundle = vimeo_gen::load(&folder).expect("the description");
    bundle["components"]["schemas"].as_object().expect("schemas").clone()
}

/// Returns an example of a schema with every field set, up to a maximum depth.
fn example(schema: &Value, schemas: &Map<String, Value>, depth: usize) -> Value {
    if let Some(name) = schema["$ref"].as_str().and_then(|target| target.rsplit('/').next()) {
        return example(&schemas[name], schemas, depth + 1);
    }
    for key in ["allOf", "oneOf"] {
        if let Some(part) = schema[key].as_array().and_then(|parts| parts.first()) {
            return example(part, schemas, depth);
        }
    }
    if let Some(word) = schema["enum"].as_array().and_then(|words| words.first()) {
        return word.clone();
    }
    match schema["type"].as_str() {
        Some("string") => match schema["format"].as_str() {
            Some("date-time") => json!("2026-01-31T12:00:00Z"),
            Some("date") => json!("2026-01-31"),
            _ => json!("text"),
        },
        Some("integer") => json!(7),
        Some("number") => json!(0.5),
        Some("boolean") => json!(true),
        Some("array") if depth > 4 => json!([]),
        Some("array") => json!([example(&schema["items"], schemas, depth + 1)]),
        Some("object") => {
            let properties = schema["properties"].as_object().cloned().unwrap_or_default();
            let shown = properties.iter().filter(|(_, property)| depth <= 4 || !is_nested(property));
            shown.map(|(name, property)| (name.clone(), example(property, schemas, depth + 1))).collect()
        }
        _ => json!({"any": ["thing"]}),
    }
}

fn is_nested(schema: &Value) -> bool {
    ["$ref", "allOf", "oneOf", "items"].iter().any(|key| schema.get(key).is_some())
}

#[test]
fn every_type_tolerates_mismatches_in_every_field() {
    let schemas = schemas();
    let types: BTreeMap<&str, _> = TYPES.iter().map(|(name, _, read)| (*name, read)).collect();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut tried = 0;
    for (name, schema) in &schemas {
        let Some(read) = types.get(name.as_str()) else { continue };
        let Value::Object(whole) = example(schema, &schemas, 0) else { continue };
        tried += 1;
        let round_trip = |object: &Map<String, Value>| {
            let bytes = Value::Object(object.clone()).to_string();
            read(bytes.as_bytes()).unwrap_or_else(|failure| panic!("{name}: {failure:?}"))
        };
        let read_whole = round_trip(&whole);
        assert_eq!(read_whole.mismatches, [], "{name}");
        assert_eq!(read_whole.value, Value::Object(whole.clone()), "{name} is unchanged after a round trip");
        *counts.entry("whole").or_default() += 1;

        let mut more = whole.clone();
        more.insert("a_future_field".into(), json!({"deep": [1]}));
        assert_eq!(round_trip(&more).value, read_whole.value, "{name}: an unknown field changes nothing");
        *counts.entry("unknown field").or_default() += 1;

        let required = schema["required"].as_array().cloned().unwrap_or_default();
        for (field, value) in &whole {
            if required.iter().any(|name| name == field) {
                // Required fields exist only in request bodies, which are never decoded from responses.
                continue;
            }
            let mut without = whole.clone();
            without.remove(field);
            assert_eq!(round_trip(&without).value, Value::Object(without.clone()), "{name} without {field}");
            *counts.entry("missing").or_default() += 1;

            let mut null = whole.clone();
            null.insert(field.clone(), Value::Null);
            let read_null = round_trip(&null);
            assert_eq!(
                (read_null.value, read_null.mismatches.len()),
                (Value::Object(without.clone()), 0),
                "{name}.{field} null"
            );
            *counts.entry("null").or_default() += 1;

            let mut other = whole.clone();
            other.insert(field.clone(), of_another_type(value));
            let read_other = round_trip(&other);
            // Either it is reported as a mismatch, or the field accepts any JSON and retains it.
            let reported =
                read_other.mismatches.iter().any(|mismatch| mismatch.path().starts_with(field.as_str()));
            let kept = read_other.value.get(field) == other.get(field);
            assert!(reported || kept, "{name}.{field}: {:?}", read_other.mismatches);
            *counts.entry("another type").or_default() += 1;

            if is_enum(&schema["properties"][field], &schemas) {
                let mut word = whole.clone();
                word.insert(field.clone(), json!("a-future-value"));
                let read_value = round_trip(&word);
                assert_eq!(
                    (&read_value.value, read_value.mismatches.len()),
                    (&Value::Object(word.clone()), 0),
                    "{name}.{field}"
                );
                *counts.entry("unknown value").or_default() += 1;
            }
        }
    }
    println!("{tried} schemas: {counts:?}");
    assert!(tried > 400, "only {tried} schemas were tried");
    assert!(counts.values().all(|count| *count > 0), "{counts:?}");
}

fn of_another_type(value: &Value) -> Value {
    match value {
        Value::String(_) => json!([["not", "text"]]),
        Value::Array(_) => json!("no list"),
        Value::Object(_) => json!(-1.5),
        _ => json!({"no": "plain value"}),
    }
}

fn is_enum(schema: &Value, schemas: &Map<String, Value>) -> bool {
    let target = schema["$ref"].as_str().or_else(|| schema["allOf"][0]["$ref"].as_str());
    target
        .and_then(|target| target.rsplit('/').next())
        .is_some_and(|name| schemas[name].get("enum").is_some())
}
