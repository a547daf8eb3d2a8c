//! Finding schemas and operations in a description.

use serde_json::{Map, Value};

pub(crate) const METHODS: [&str; 5] = ["get", "put", "post", "delete", "patch"];

/// Visits every operation with its path and method, in the order of the document.
pub(crate) fn operations_mut(
    document: &mut Value,
    mut visit: impl FnMut(&str, &str, &mut Map<String, Value>),
) {
    let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) else { return };
    for (path, item) in paths {
        let Some(item) = item.as_object_mut() else { continue };
        for (method, operation) in item {
            if let (true, Some(operation)) = (METHODS.contains(&method.as_str()), operation.as_object_mut()) {
                visit(path, method, operation);
            }
        }
    }
}

/// Every operation with its path and method, in the order of the document.
pub(crate) fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Map<String, Value>)> {
    let paths = document.get("paths").and_then(Value::as_object).into_iter().flatten();
    paths.flat_map(|(path, item)| {
        item.as_object().into_iter().flatten().filter_map(move |(method, operation)| {
            let operation = operation.as_object().filter(|_| METHODS.contains(&method.as_str()))?;
            Some((path.as_str(), method.as_str(), operation))
        })
    })
}

/// Visits every schema of the document, inner ones first, with its JSON path.
pub(crate) fn schemas_mut(document: &mut Value, visit: &mut dyn FnMut(&str, &mut Value)) {
    if let Some(components) = document.get_mut("components").and_then(Value::as_object_mut) {
        if let Some(schemas) = components.get_mut("schemas").and_then(Value::as_object_mut) {
            for (name, schema) in schemas {
                schema_mut(schema, &mut format!("components.schemas.{name}"), visit);
            }
        }
        for kind in ["parameters", "responses", "requestBodies", "headers"] {
            for (name, holder) in
                components.get_mut(kind).and_then(Value::as_object_mut).into_iter().flatten()
            {
                holder_mut(holder, &mut format!("components.{kind}.{name}"), visit);
            }
        }
    }
    let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) else { return };
    for (path, item) in paths {
        parameters_mut(item, &mut format!("paths.{path}"), visit);
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            if !METHODS.contains(&method.as_str()) {
                continue;
            }
            let mut place = format!("paths.{path}.{method}");
            parameters_mut(operation, &mut place, visit);
            if let Some(body) = operation.get_mut("requestBody") {
                within(&mut place, "requestBody", |place| holder_mut(body, place, visit));
            }
            for (status, answer) in
                operation.get_mut("responses").and_then(Value::as_object_mut).into_iter().flatten()
            {
                within(&mut place, &format!("responses.{status}"), |place| holder_mut(answer, place, visit));
            }
        }
    }
}

fn parameters_mut(owner: &mut Value, place: &mut String, visit: &mut dyn FnMut(&str, &mut Value)) {
    let parameters = owner.get_mut("parameters").and_then(Value::as_array_mut);
    for (index, parameter) in parameters.into_iter().flatten().enumerate() {
        within(place, &format!("parameters[{index}]"), |place| holder_mut(parameter, place, visit));
    }
}

/// The schemas of a parameter, body or answer.
fn holder_mut(holder: &mut Value, place: &mut String, visit: &mut dyn FnMut(&str, &mut Value)) {
    if let Some(schema) = holder.get_mut("schema") {
        within(place, "schema", |place| schema_mut(schema, place, visit));
    }
    for (media, content) in holder.get_mut("content").and_then(Value::as_object_mut).into_iter().flatten() {
        if let Some(schema) = content.get_mut("schema") {
            within(place, &format!("content.{media}.schema"), |place| schema_mut(schema, place, visit));
        }
    }
}

/// One schema and all inside it, inner ones first.
pub(crate) fn schema_mut(schema: &mut Value, place: &mut String, visit: &mut dyn FnMut(&str, &mut Value)) {
    for (name, property) in schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten()
    {
        within(place, &format!("properties.{name}"), |place| schema_mut(property, place, visit));
    }
    for key in ["items", "additionalProperties", "not"] {
        if let Some(inner) = schema.get_mut(key).filter(|inner| inner.is_object()) {
            within(place, key, |place| schema_mut(inner, place, visit));
        }
    }
    for key in ["allOf", "oneOf", "anyOf"] {
        for (index, inner) in
            schema.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten().enumerate()
        {
            within(place, &format!("{key}[{index}]"), |place| schema_mut(inner, place, visit));
        }
    }
    visit(place, schema);
}

fn within(place: &mut String, step: &str, work: impl FnOnce(&mut String)) {
    let length = place.len();
    place.push('.');
    place.push_str(step);
    work(place);
    place.truncate(length);
}

/// The name of the component schema that a `$ref` leads to.
pub(crate) fn schema_name(node: &Value) -> Option<&str> {
    node.get("$ref")?.as_str()?.strip_prefix("#/components/schemas/")
}

/// A `$ref` to a component schema.
pub(crate) fn schema_ref(name: &str) -> Value {
    serde_json::json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// What a `$ref` leads to, else the node itself; gives up on rings.
pub(crate) fn resolved<'a>(document: &'a Value, node: &'a Value) -> &'a Value {
    let mut node = node;
    for _ in 0..16 {
        let target = node.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#'));
        match target.and_then(|pointer| document.pointer(pointer)) {
            Some(target) => node = target,
            None => break,
        }
    }
    node
}

/// The component schemas that stand in `node`, by name.
pub(crate) fn schemas_named_in(node: &Value, found: &mut Vec<String>) {
    if let Some(name) = schema_name(node) {
        found.push(name.to_owned());
    }
    match node {
        Value::Object(object) => object.values().for_each(|value| schemas_named_in(value, found)),
        Value::Array(list) => list.iter().for_each(|value| schemas_named_in(value, found)),
        _ => {}
    }
}
