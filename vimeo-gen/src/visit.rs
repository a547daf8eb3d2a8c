//! Visits the operations and schemas of a description.

use serde_json::{Map, Value};

pub(crate) const METHODS: [&str; 5] = ["get", "put", "post", "delete", "patch"];

/// Visits every operation with its path and method, in document order.
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

/// Iterates over every operation with its path and method, in document order.
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
            let mut location = format!("paths.{path}.{method}");
            parameters_mut(operation, &mut location, visit);
            if let Some(body) = operation.get_mut("requestBody") {
                within(&mut location, "requestBody", |location| holder_mut(body, location, visit));
            }
            for (status, response) in
                operation.get_mut("responses").and_then(Value::as_object_mut).into_iter().flatten()
            {
                within(&mut location, &format!("responses.{status}"), |location| {
                    holder_mut(response, location, visit)
                });
            }
        }
    }
}

fn parameters_mut(owner: &mut Value, location: &mut String, visit: &mut dyn FnMut(&str, &mut Value)) {
    let parameters = owner.get_mut("parameters").and_then(Value::as_array_mut);
    for (index, parameter) in parameters.into_iter().flatten().enumerate() {
        within(location, &format!("parameters[{index}]"), |location| holder_mut(parameter, location, visit));
    }
}

/// Visits the schemas of a parameter, body or response.
fn holder_mut(holder: &mut Value, location: &mut String, visit: &mut dyn FnMut(&str, &mut Value)) {
    if let Some(schema) = holder.get_mut("schema") {
        within(location, "schema", |location| schema_mut(schema, location, visit));
    }
    for (media, content) in holder.get_mut("content").and_then(Value::as_object_mut).into_iter().flatten() {
        if let Some(schema) = content.get_mut("schema") {
            within(location, &format!("content.{media}.schema"), |location| {
                schema_mut(schema, location, visit)
            });
        }
    }
}

/// Visits a schema and all nested schemas, inner ones first.
pub(crate) fn schema_mut(schema: &mut Value, location: &mut String, visit: &mut dyn FnMut(&str, &mut Value)) {
    for (name, property) in schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten()
    {
        within(location, &format!("properties.{name}"), |location| schema_mut(property, location, visit));
    }
    for key in ["items", "additionalProperties", "not"] {
        if let Some(inner) = schema.get_mut(key).filter(|inner| inner.is_object()) {
            within(location, key, |location| schema_mut(inner, location, visit));
        }
    }
    for key in ["allOf", "oneOf", "anyOf"] {
        for (index, inner) in
            schema.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten().enumerate()
        {
            within(location, &format!("{key}[{index}]"), |location| schema_mut(inner, location, visit));
        }
    }
    visit(location, schema);
}

fn within(location: &mut String, step: &str, work: impl FnOnce(&mut String)) {
    let length = location.len();
    location.push('.');
    location.push_str(step);
    work(location);
    location.truncate(length);
}

/// Returns the name of the component schema that a `$ref` references.
pub(crate) fn schema_name(node: &Value) -> Option<&str> {
    node.get("$ref")?.as_str()?.strip_prefix("#/components/schemas/")
}

/// Creates a `$ref` to a component schema.
pub(crate) fn schema_ref(name: &str) -> Value {
    serde_json::json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// Resolves a `$ref`; returns other nodes unchanged. Stops at cycles.
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

/// Collects the names of the component schemas that `node` references.
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
