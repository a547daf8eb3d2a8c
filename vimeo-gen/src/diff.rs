//! Compares two descriptions.
//!
//! Operations are matched by method and path, because names change more often. Schemas are matched by their use, and each
//! pair is compared once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Map, Value};

use crate::GenError;
use crate::normalise::plain;
use crate::visit::{operations, resolved, schema_name};

/// A difference between two descriptions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Change {
    /// The area.
    pub area: String,
    /// Whether existing code or tokens can stop working.
    pub breaking: bool,
    /// The kind of item that changed.
    pub subject: Subject,
    /// The location: an operation with a parameter or field, or a schema with a field.
    pub location: String,
    /// What changed.
    pub difference: String,
}

/// The kind of item that a [`Change`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Subject {
    /// A whole operation.
    Operation,
    /// The scopes of an operation.
    Scope,
    /// A path or query parameter.
    Parameter,
    /// A field of a request body.
    RequestField,
    /// A field of a response.
    ResponseField,
    /// The type of a parameter or field.
    Type,
    /// An enum value.
    EnumValue,
}

impl Subject {
    /// Returns the name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operation => "operation",
            Self::Scope => "scope",
            Self::Parameter => "parameter",
            Self::RequestField => "request field",
            Self::ResponseField => "response field",
            Self::Type => "type",
            Self::EnumValue => "enum value",
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.breaking { "! " } else { "  " };
        write!(f, "{mark}{} {}: {}", self.subject.as_str(), self.location, self.difference)
    }
}

/// Compares two descriptions. The changes are sorted by area.
///
/// # Errors
///
/// If one of the descriptions cannot be normalised.
pub fn diff(mut old: Value, mut new: Value) -> Result<Vec<Change>, GenError> {
    plain(&mut old)?;
    plain(&mut new)?;
    let mut comparison =
        Comparison { old: &old, new: &new, area: String::new(), seen: BTreeSet::new(), changes: Vec::new() };
    comparison.operations();
    let mut changes = comparison.changes;
    changes.sort();
    changes.dedup();
    Ok(changes)
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Request,
    Response,
}

struct Comparison<'a> {
    old: &'a Value,
    new: &'a Value,
    area: String,
    /// The compared pairs of schemas: both names, and whether they are sent.
    seen: BTreeSet<(String, String, bool)>,
    changes: Vec<Change>,
}

type Operations<'a> = BTreeMap<(String, &'a str), (&'a str, &'a Map<String, Value>)>;

impl<'a> Comparison<'a> {
    fn operations(&mut self) {
        let old = by_location(self.old);
        let new = by_location(self.new);
        for (key, (path, operation)) in &old {
            if !new.contains_key(key) {
                self.area = area_of(operation);
                self.record(true, Subject::Operation, location_of(key.1, path), "removed");
            }
        }
        for (key, (path, operation)) in &new {
            self.area = area_of(operation);
            let location = location_of(key.1, path);
            match old.get(key) {
                None => {
                    let id = operation.get("operationId").and_then(Value::as_str).unwrap_or_default();
                    self.record(false, Subject::Operation, location, format!("new, {id}"));
                }
                Some((_, before)) => self.operation(&location, before, operation),
            }
        }
    }

    fn operation(&mut self, location: &str, old: &'a Map<String, Value>, new: &'a Map<String, Value>) {
        let (had, has) = (scopes(old), scopes(new));
        for scope in has.difference(&had) {
            self.record(true, Subject::Scope, location, format!("now requires {scope}"));
        }
        for scope in had.difference(&has) {
            self.record(false, Subject::Scope, location, format!("no longer requires {scope}"));
        }
        self.parameters(location, old, new);
        let body = |operation: &'a Map<String, Value>| {
            operation.get("requestBody")?.pointer("/content/application~1json/schema")
        };
        match (body(old), body(new)) {
            (Some(old), Some(new)) => self.schema(Side::Request, &format!("{location} body"), old, new),
            (None, Some(_)) => {
                let required = new
                    .get("requestBody")
                    .is_some_and(|body| body.get("required") == Some(&Value::Bool(true)));
                self.record(required, Subject::RequestField, format!("{location} body"), "new");
            }
            (Some(_), None) => {
                self.record(true, Subject::RequestField, format!("{location} body"), "removed")
            }
            (None, None) => {}
        }
        match (response(old), response(new)) {
            (Some(old), Some(new)) => self.schema(Side::Response, location, old, new),
            (None, Some(_)) => self.record(false, Subject::ResponseField, location, "returns a body now"),
            (Some(_), None) => self.record(true, Subject::ResponseField, location, "returns no body now"),
            (None, None) => {}
        }
    }

    fn parameters(&mut self, location: &str, old: &'a Map<String, Value>, new: &'a Map<String, Value>) {
        let (old, new) = (query(old), query(new));
        for (name, parameter) in &new {
            let location = format!("{location} ?{name}");
            let required = is_true(parameter, "required");
            match old.get(name) {
                None => self.record(
                    required,
                    Subject::Parameter,
                    location,
                    if required { "new and required" } else { "new" },
                ),
                Some(before) => {
                    if required && !is_true(before, "required") {
                        self.record(true, Subject::Parameter, &location, "now required");
                    }
                    if let (Some(before), Some(now)) = (before.get("schema"), parameter.get("schema")) {
                        self.schema(Side::Request, &location, before, now);
                    }
                }
            }
        }
        for name in old.keys().filter(|name| !new.contains_key(*name)) {
            self.record(true, Subject::Parameter, format!("{location} ?{name}"), "removed");
        }
    }

    fn schema(&mut self, side: Side, location: &str, old: &'a Value, new: &'a Value) {
        let (old_name, new_name) = (name_of(old), name_of(new));
        let (old, new) = (self.unwrapped(self.old, old), self.unwrapped(self.new, new));
        let mut location = location.to_owned();
        if let (Some(old_name), Some(new_name)) = (old_name, new_name) {
            if !self.seen.insert((old_name, new_name.clone(), side == Side::Request)) {
                return;
            }
            location = new_name;
        }
        let (had, has) = (self.type_of(self.old, old), self.type_of(self.new, new));
        if had != has {
            // A type that was unknown before cannot break anything.
            let breaking = had != "anything";
            self.record(breaking, Subject::Type, &location, format!("{had}, now {has}"));
            return;
        }
        self.enum_values(side, &location, old, new);
        self.fields(side, &location, old, new);
        if let (Some(old), Some(new)) = (old.get("items"), new.get("items")) {
            self.schema(side, &format!("{location}[]"), old, new);
        }
    }

    fn enum_values(&mut self, side: Side, location: &str, old: &Value, new: &Value) {
        let values = |schema: &Value| -> BTreeSet<String> {
            let values = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
            values.filter_map(|value| value.as_str().map(str::to_owned)).collect()
        };
        let (had, has) = (values(old), values(new));
        if had.is_empty() || has.is_empty() {
            return;
        }
        for value in has.difference(&had) {
            self.record(false, Subject::EnumValue, location, format!("new: {value}"));
        }
        for value in had.difference(&has) {
            self.record(side == Side::Request, Subject::EnumValue, location, format!("removed: {value}"));
        }
    }

    fn fields(&mut self, side: Side, location: &str, old: &'a Value, new: &'a Value) {
        let subject = if side == Side::Request { Subject::RequestField } else { Subject::ResponseField };
        let none = Map::new();
        let had = old.get("properties").and_then(Value::as_object);
        let has = new.get("properties").and_then(Value::as_object);
        for (name, field) in has.into_iter().flatten() {
            let location = format!("{location}.{name}");
            let required = side == Side::Request && requires(new, name);
            match had.and_then(|had| had.get(name)) {
                None => self.record(
                    required,
                    subject,
                    location,
                    if required { "new and required" } else { "new" },
                ),
                Some(before) => {
                    if required && !requires(old, name) {
                        self.record(true, subject, &location, "now required");
                    }
                    self.schema(side, &location, before, field);
                }
            }
        }
        for name in
            had.into_iter().flat_map(Map::keys).filter(|name| !has.unwrap_or(&none).contains_key(*name))
        {
            self.record(true, subject, format!("{location}.{name}"), "removed");
        }
    }

    /// Resolves references and unwraps single-part unions.
    fn unwrapped(&self, document: &'a Value, schema: &'a Value) -> &'a Value {
        let mut schema = resolved(document, schema);
        for _ in 0..16 {
            match schema.get("allOf").and_then(|parts| parts.get(0)) {
                Some(part) => schema = resolved(document, part),
                None => break,
            }
        }
        schema
    }

    fn type_of(&self, document: &'a Value, schema: &'a Value) -> String {
        if let Some(parts) = schema.get("oneOf").and_then(Value::as_array) {
            let kinds: Vec<String> =
                parts.iter().map(|part| self.type_of(document, self.unwrapped(document, part))).collect();
            return kinds.join(" or ");
        }
        let kind = schema.get("type").and_then(Value::as_str).unwrap_or("anything");
        match schema.get("format").and_then(Value::as_str) {
            Some(format @ ("date-time" | "date")) => format.to_owned(),
            _ => kind.to_owned(),
        }
    }

    fn record(
        &mut self,
        breaking: bool,
        subject: Subject,
        location: impl Into<String>,
        difference: impl Into<String>,
    ) {
        self.changes.push(Change {
            area: self.area.clone(),
            breaking,
            subject,
            location: location.into(),
            difference: difference.into(),
        });
    }
}

fn by_location(document: &Value) -> Operations<'_> {
    operations(document)
        .map(|(path, method, operation)| ((without_names(path), method), (path, operation)))
        .collect()
}

/// Removes the names of path parameters, which differ between descriptions.
fn without_names(path: &str) -> String {
    let segments = path.split('/').map(|segment| if segment.starts_with('{') { "{}" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

fn location_of(method: &str, path: &str) -> String {
    format!("{} {path}", method.to_ascii_uppercase())
}

fn area_of(operation: &Map<String, Value>) -> String {
    let tag = operation.get("tags").and_then(|tags| tags.get(0)).and_then(Value::as_str);
    tag.unwrap_or_default().to_owned()
}

fn scopes(operation: &Map<String, Value>) -> BTreeSet<String> {
    let entries = operation.get("security").and_then(Value::as_array).into_iter().flatten();
    entries
        .filter_map(Value::as_object)
        .flat_map(|entry| entry.values())
        .filter_map(Value::as_array)
        .flatten()
        .filter_map(|scope| scope.as_str().map(str::to_owned))
        .collect()
}

fn query(operation: &Map<String, Value>) -> BTreeMap<&str, &Value> {
    let parameters = operation.get("parameters").and_then(Value::as_array).into_iter().flatten();
    parameters
        .filter(|parameter| parameter.get("in").and_then(Value::as_str) == Some("query"))
        .filter_map(|parameter| Some((parameter.get("name")?.as_str()?, parameter)))
        .collect()
}

fn response(operation: &Map<String, Value>) -> Option<&Value> {
    let responses = operation.get("responses").and_then(Value::as_object)?;
    responses.values().find_map(|response| response.pointer("/content/application~1json/schema"))
}

fn name_of(schema: &Value) -> Option<String> {
    let part = schema.get("allOf").and_then(|parts| parts.get(0));
    schema_name(schema).or_else(|| part.and_then(schema_name)).map(str::to_owned)
}

fn is_true(node: &Value, key: &str) -> bool {
    node.get(key).and_then(Value::as_bool) == Some(true)
}

fn requires(schema: &Value, name: &str) -> bool {
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    required.filter_map(Value::as_str).any(|known| known == name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(operation: Value, clip: Value) -> Value {
        json!({
            "openapi": "3.0.3",
            "paths": {"/clips/{id}": {"put": operation}},
            "components": {"schemas": {"Clip": clip}},
        })
    }

    fn operation(more: Value) -> Value {
        let mut operation = json!({
            "tags": ["Clips"],
            "operationId": "put_clip",
            "security": [{"oauth2": ["edit"]}],
            "parameters": [{"name": "sort", "in": "query", "schema": {"type": "string", "enum": ["a", "b"]}}],
            "requestBody": {"content": {"application/json": {"schema": {"type": "object", "properties": {"name": {"type": "string"}}}}}},
            "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Clip"}}}}},
        });
        for (key, value) in more.as_object().cloned().unwrap_or_default() {
            operation[key] = value;
        }
        operation
    }

    fn clip() -> Value {
        json!({"type": "object", "properties": {"size": {"type": "string"}, "kind": {"type": "string", "enum": ["x"]}}})
    }

    fn changes(old: Value, new: Value) -> Vec<String> {
        diff(old, new).expect("comparable").iter().map(Change::to_string).collect()
    }

    #[test]
    fn reports_every_kind_of_change() {
        let old = || document(operation(json!({})), clip());
        assert_eq!(changes(old(), old()), [""; 0]);
        let cases = [
            (
                document(operation(json!({"security": [{"oauth2": ["edit", "create"]}]})), clip()),
                "! scope PUT /clips/{id}: now requires create",
            ),
            (
                document(operation(json!({"parameters": []})), clip()),
                "! parameter PUT /clips/{id} ?sort: removed",
            ),
            (
                document(
                    operation(
                        json!({"parameters": [{"name": "sort", "in": "query", "schema": {"type": "string", "enum": ["b"]}}]}),
                    ),
                    clip(),
                ),
                "! enum value PUT /clips/{id} ?sort: removed: a",
            ),
            (
                document(
                    operation(
                        json!({"requestBody": {"content": {"application/json": {"schema": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}}}}}),
                    ),
                    clip(),
                ),
                "! request field PUT /clips/{id} body.name: now required",
            ),
            (
                document(
                    operation(json!({})),
                    json!({"type": "object", "properties": {"size": {"type": "object"}, "kind": {"type": "string", "enum": ["x"]}}}),
                ),
                "! type Clip.size: string, now object",
            ),
            (
                document(
                    operation(json!({})),
                    json!({"type": "object", "properties": {"size": {"type": "string"}, "kind": {"type": "string", "enum": ["x", "y"]}}}),
                ),
                "  enum value Clip.kind: new: y",
            ),
            (
                document(
                    operation(json!({})),
                    json!({"type": "object", "properties": {"size": {"type": "string"}}}),
                ),
                "! response field Clip.kind: removed",
            ),
        ];
        for (new, change) in cases {
            assert_eq!(changes(old(), new), [change]);
        }
        let mut moved = old();
        moved["paths"] = json!({"/clips/{clip_id}": {"put": operation(json!({"operationId": "edit"}))}, "/new": {"get": {"tags": ["New"]}}});
        assert_eq!(changes(old(), moved.clone()), ["  operation GET /new: new, get_new"]);
        assert_eq!(changes(moved, old()), ["! operation GET /new: removed"]);
    }
}
