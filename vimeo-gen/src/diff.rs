//! What changed between two descriptions.
//!
//! Operations are matched by method and path, since names change more often than places; schemas by where they are
//! used, and each pair is told once however often it is used.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Map, Value};

use crate::GenError;
use crate::normalise::plain;
use crate::walk::{operations, resolved, schema_name};

/// A difference between two descriptions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Change {
    /// The area that it belongs to.
    pub area: String,
    /// Whether code or tokens that worked may stop to.
    pub breaking: bool,
    /// What differs.
    pub subject: Subject,
    /// Where: an operation, with a parameter or field; or a schema with a field.
    pub place: String,
    /// How it differs.
    pub difference: String,
}

/// What a [`Change`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Subject {
    /// A whole operation.
    Operation,
    /// The scopes that an operation needs.
    Scope,
    /// A parameter of the path or the query.
    Parameter,
    /// A field that is sent.
    RequestField,
    /// A field that comes back.
    AnswerField,
    /// The type of a parameter or field.
    Type,
    /// A word that a parameter or field can have.
    Word,
}

impl Subject {
    /// Its name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operation => "operation",
            Self::Scope => "scope",
            Self::Parameter => "parameter",
            Self::RequestField => "request field",
            Self::AnswerField => "answer field",
            Self::Type => "type",
            Self::Word => "word",
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.breaking { "! " } else { "  " };
        write!(f, "{mark}{} {}: {}", self.subject.as_str(), self.place, self.difference)
    }
}

/// Compares two descriptions; the changes are ordered by area.
///
/// # Errors
///
/// When one of the two cannot be brought into the form in which they are compared.
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
    Answer,
}

struct Comparison<'a> {
    old: &'a Value,
    new: &'a Value,
    area: String,
    /// Pairs of schemas that were compared: the two names, and whether they are sent.
    seen: BTreeSet<(String, String, bool)>,
    changes: Vec<Change>,
}

type Operations<'a> = BTreeMap<(String, &'a str), (&'a str, &'a Map<String, Value>)>;

impl<'a> Comparison<'a> {
    fn operations(&mut self) {
        let old = by_place(self.old);
        let new = by_place(self.new);
        for (key, (path, operation)) in &old {
            if !new.contains_key(key) {
                self.area = area_of(operation);
                self.tell(true, Subject::Operation, place_of(key.1, path), "gone");
            }
        }
        for (key, (path, operation)) in &new {
            self.area = area_of(operation);
            let place = place_of(key.1, path);
            match old.get(key) {
                None => {
                    let id = operation.get("operationId").and_then(Value::as_str).unwrap_or_default();
                    self.tell(false, Subject::Operation, place, format!("new, {id}"));
                }
                Some((_, before)) => self.operation(&place, before, operation),
            }
        }
    }

    fn operation(&mut self, place: &str, old: &'a Map<String, Value>, new: &'a Map<String, Value>) {
        let (had, has) = (scopes(old), scopes(new));
        for scope in has.difference(&had) {
            self.tell(true, Subject::Scope, place, format!("needs {scope} now"));
        }
        for scope in had.difference(&has) {
            self.tell(false, Subject::Scope, place, format!("no longer needs {scope}"));
        }
        self.parameters(place, old, new);
        let body = |operation: &'a Map<String, Value>| {
            operation.get("requestBody")?.pointer("/content/application~1json/schema")
        };
        match (body(old), body(new)) {
            (Some(old), Some(new)) => self.schema(Side::Request, &format!("{place} body"), old, new),
            (None, Some(_)) => {
                let required = new
                    .get("requestBody")
                    .is_some_and(|body| body.get("required") == Some(&Value::Bool(true)));
                self.tell(required, Subject::RequestField, format!("{place} body"), "new");
            }
            (Some(_), None) => self.tell(true, Subject::RequestField, format!("{place} body"), "gone"),
            (None, None) => {}
        }
        match (answer(old), answer(new)) {
            (Some(old), Some(new)) => self.schema(Side::Answer, place, old, new),
            (None, Some(_)) => self.tell(false, Subject::AnswerField, place, "answers with a body now"),
            (Some(_), None) => self.tell(true, Subject::AnswerField, place, "answers without a body now"),
            (None, None) => {}
        }
    }

    fn parameters(&mut self, place: &str, old: &'a Map<String, Value>, new: &'a Map<String, Value>) {
        let (old, new) = (query(old), query(new));
        for (name, parameter) in &new {
            let place = format!("{place} ?{name}");
            let required = is_true(parameter, "required");
            match old.get(name) {
                None => self.tell(
                    required,
                    Subject::Parameter,
                    place,
                    if required { "new and required" } else { "new" },
                ),
                Some(before) => {
                    if required && !is_true(before, "required") {
                        self.tell(true, Subject::Parameter, &place, "required now");
                    }
                    if let (Some(before), Some(now)) = (before.get("schema"), parameter.get("schema")) {
                        self.schema(Side::Request, &place, before, now);
                    }
                }
            }
        }
        for name in old.keys().filter(|name| !new.contains_key(*name)) {
            self.tell(true, Subject::Parameter, format!("{place} ?{name}"), "gone");
        }
    }

    fn schema(&mut self, side: Side, place: &str, old: &'a Value, new: &'a Value) {
        let (old_name, new_name) = (name_of(old), name_of(new));
        let (old, new) = (self.shape(self.old, old), self.shape(self.new, new));
        let mut place = place.to_owned();
        if let (Some(old_name), Some(new_name)) = (old_name, new_name) {
            if !self.seen.insert((old_name, new_name.clone(), side == Side::Request)) {
                return;
            }
            place = new_name;
        }
        let (had, has) = (self.kind(self.old, old), self.kind(self.new, new));
        if had != has {
            // What was not known and is now, or the other way round, breaks nothing that could be relied on.
            let breaking = had != "anything";
            self.tell(breaking, Subject::Type, &place, format!("{had}, now {has}"));
            return;
        }
        self.words(side, &place, old, new);
        self.fields(side, &place, old, new);
        if let (Some(old), Some(new)) = (old.get("items"), new.get("items")) {
            self.schema(side, &format!("{place}[]"), old, new);
        }
    }

    fn words(&mut self, side: Side, place: &str, old: &Value, new: &Value) {
        let words = |schema: &Value| -> BTreeSet<String> {
            let words = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
            words.filter_map(|word| word.as_str().map(str::to_owned)).collect()
        };
        let (had, has) = (words(old), words(new));
        if had.is_empty() || has.is_empty() {
            return;
        }
        for word in has.difference(&had) {
            self.tell(false, Subject::Word, place, format!("new: {word}"));
        }
        for word in had.difference(&has) {
            self.tell(side == Side::Request, Subject::Word, place, format!("gone: {word}"));
        }
    }

    fn fields(&mut self, side: Side, place: &str, old: &'a Value, new: &'a Value) {
        let subject = if side == Side::Request { Subject::RequestField } else { Subject::AnswerField };
        let none = Map::new();
        let had = old.get("properties").and_then(Value::as_object);
        let has = new.get("properties").and_then(Value::as_object);
        for (name, field) in has.into_iter().flatten() {
            let place = format!("{place}.{name}");
            let required = side == Side::Request && requires(new, name);
            match had.and_then(|had| had.get(name)) {
                None => {
                    self.tell(required, subject, place, if required { "new and required" } else { "new" })
                }
                Some(before) => {
                    if required && !requires(old, name) {
                        self.tell(true, subject, &place, "required now");
                    }
                    self.schema(side, &place, before, field);
                }
            }
        }
        for name in
            had.into_iter().flat_map(Map::keys).filter(|name| !has.unwrap_or(&none).contains_key(*name))
        {
            self.tell(true, subject, format!("{place}.{name}"), "gone");
        }
    }

    /// A schema without the references and single-part unions around it.
    fn shape(&self, document: &'a Value, schema: &'a Value) -> &'a Value {
        let mut schema = resolved(document, schema);
        for _ in 0..16 {
            match schema.get("allOf").and_then(|parts| parts.get(0)) {
                Some(part) => schema = resolved(document, part),
                None => break,
            }
        }
        schema
    }

    fn kind(&self, document: &'a Value, schema: &'a Value) -> String {
        if let Some(parts) = schema.get("oneOf").and_then(Value::as_array) {
            let kinds: Vec<String> =
                parts.iter().map(|part| self.kind(document, self.shape(document, part))).collect();
            return kinds.join(" or ");
        }
        let kind = schema.get("type").and_then(Value::as_str).unwrap_or("anything");
        match schema.get("format").and_then(Value::as_str) {
            Some(format @ ("date-time" | "date")) => format.to_owned(),
            _ => kind.to_owned(),
        }
    }

    fn tell(
        &mut self,
        breaking: bool,
        subject: Subject,
        place: impl Into<String>,
        difference: impl Into<String>,
    ) {
        self.changes.push(Change {
            area: self.area.clone(),
            breaking,
            subject,
            place: place.into(),
            difference: difference.into(),
        });
    }
}

fn by_place(document: &Value) -> Operations<'_> {
    operations(document)
        .map(|(path, method, operation)| ((without_names(path), method), (path, operation)))
        .collect()
}

/// A path with its parameters unnamed: they are called differently from one description to the next.
fn without_names(path: &str) -> String {
    let segments = path.split('/').map(|segment| if segment.starts_with('{') { "{}" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

fn place_of(method: &str, path: &str) -> String {
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

fn answer(operation: &Map<String, Value>) -> Option<&Value> {
    let answers = operation.get("responses").and_then(Value::as_object)?;
    answers.values().find_map(|answer| answer.pointer("/content/application~1json/schema"))
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

    fn told(old: Value, new: Value) -> Vec<String> {
        diff(old, new).expect("comparable").iter().map(Change::to_string).collect()
    }

    #[test]
    fn each_kind_of_change_is_told_and_marked() {
        let old = || document(operation(json!({})), clip());
        assert_eq!(told(old(), old()), [""; 0]);
        let cases = [
            (
                document(operation(json!({"security": [{"oauth2": ["edit", "create"]}]})), clip()),
                "! scope PUT /clips/{id}: needs create now",
            ),
            (
                document(operation(json!({"parameters": []})), clip()),
                "! parameter PUT /clips/{id} ?sort: gone",
            ),
            (
                document(
                    operation(
                        json!({"parameters": [{"name": "sort", "in": "query", "schema": {"type": "string", "enum": ["b"]}}]}),
                    ),
                    clip(),
                ),
                "! word PUT /clips/{id} ?sort: gone: a",
            ),
            (
                document(
                    operation(
                        json!({"requestBody": {"content": {"application/json": {"schema": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}}}}}),
                    ),
                    clip(),
                ),
                "! request field PUT /clips/{id} body.name: required now",
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
                "  word Clip.kind: new: y",
            ),
            (
                document(
                    operation(json!({})),
                    json!({"type": "object", "properties": {"size": {"type": "string"}}}),
                ),
                "! answer field Clip.kind: gone",
            ),
        ];
        for (new, change) in cases {
            assert_eq!(told(old(), new), [change]);
        }
        let mut moved = old();
        moved["paths"] = json!({"/clips/{clip_id}": {"put": operation(json!({"operationId": "edit"}))}, "/new": {"get": {"tags": ["New"]}}});
        assert_eq!(told(old(), moved.clone()), ["  operation GET /new: new, get_new"]);
        assert_eq!(told(moved, old()), ["! operation GET /new: gone"]);
    }
}
