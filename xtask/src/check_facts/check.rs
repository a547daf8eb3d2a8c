//! Compares a description with the facts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use super::document::{Document, unnamed, word};
use super::record::{Facts, Operation, Schema};

/// The kinds of facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Operation,
    QueryParameter,
    PathParameter,
    Scope,
    BodyField,
    ResponseField,
    EnumWord,
    PagingEnvelope,
    FieldsParameter,
    Summary,
}

impl Kind {
    /// All kinds, in the order of the report.
    pub(super) const ALL: [Self; 10] = [
        Self::Operation,
        Self::QueryParameter,
        Self::PathParameter,
        Self::Scope,
        Self::BodyField,
        Self::ResponseField,
        Self::EnumWord,
        Self::PagingEnvelope,
        Self::FieldsParameter,
        Self::Summary,
    ];
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Operation => "operation",
            Self::QueryParameter => "query parameter",
            Self::PathParameter => "path parameter",
            Self::Scope => "scope",
            Self::BodyField => "body field",
            Self::ResponseField => "response field",
            Self::EnumWord => "enum word",
            Self::PagingEnvelope => "paging envelope",
            Self::FieldsParameter => "fields parameter",
            Self::Summary => "summary",
        })
    }
}

/// Which facts a description has.
#[derive(Default)]
pub(super) struct Report {
    checked: BTreeMap<Kind, usize>,
    missing: Vec<(Kind, String)>,
    /// The number of operations of the description that are not among the facts.
    pub(super) extra_operations: usize,
}

impl Report {
    /// Returns the number of facts of a kind.
    pub(super) fn checked(&self, kind: Kind) -> usize {
        self.checked.get(&kind).copied().unwrap_or_default()
    }

    /// Returns the missing facts of a kind, in the order of the facts.
    pub(super) fn missing_of(&self, kind: Kind) -> impl Iterator<Item = &str> {
        self.missing.iter().filter(move |(of, _)| *of == kind).map(|(_, fact)| fact.as_str())
    }

    /// Returns the number of missing facts.
    pub(super) fn missing(&self) -> usize {
        self.missing.len()
    }

    fn expect(&mut self, kind: Kind, found: bool, fact: impl FnOnce() -> String) {
        *self.checked.entry(kind).or_default() += 1;
        if !found {
            self.missing.push((kind, fact()));
        }
    }
}

/// The fields of a page.
const ENVELOPE: [&str; 5] = ["total", "page", "per_page", "paging", "data"];

/// Compares a description with the facts.
pub(super) fn check(facts: &Facts, description: &Value) -> Report {
    let document = Document(description);
    let described = document.operations();
    let mut comparison = Comparison { facts, document, report: Report::default(), compared: BTreeSet::new() };
    let mut known = BTreeSet::new();
    for fact in &facts.operations {
        let place = format!("{} {}", fact.method.to_uppercase(), fact.path);
        let key = (fact.method.as_str(), unnamed(&fact.path));
        let found = described.get(&key);
        comparison.report.expect(Kind::Operation, found.is_some(), || place.clone());
        if let Some(found) = found {
            comparison.operation(fact, found, &place);
        }
        known.insert(key);
    }
    let mut report = comparison.report;
    report.extra_operations = described.keys().filter(|key| !known.contains(key)).count();
    report
}

struct Comparison<'a> {
    facts: &'a Facts,
    document: Document<'a>,
    report: Report,
    /// The named schemas that were compared, at most once in each role: body, response or parameter.
    compared: BTreeSet<(&'a str, Kind)>,
}

impl<'a> Comparison<'a> {
    fn operation(&mut self, fact: &'a Operation, found: &super::document::Operation<'a>, place: &str) {
        let summary = found.summary().split_whitespace().count() > 2;
        self.report.expect(Kind::Summary, summary, || place.to_owned());
        let query = found.query();
        for (name, parameter) in &fact.query {
            let place = format!("{place} ?{name}");
            self.report.expect(Kind::QueryParameter, query.contains_key(name.as_str()), || place.clone());
            if let Some(schema) = query.get(name.as_str()) {
                self.schema(parameter, schema, &place, Kind::EnumWord);
            }
        }
        let path = found.parameters("path").len() == fact.path_params.len();
        self.report.expect(Kind::PathParameter, path, || place.to_owned());
        let scopes = found.scopes();
        for scope in &fact.scopes {
            let given = scopes.contains(&scope.as_str());
            self.report.expect(Kind::Scope, given, || format!("{place} {scope}"));
        }
        if let Some(body) = &fact.body {
            self.schema(body, found.body(), &format!("{place} body"), Kind::BodyField);
        }
        for (status, response) in &fact.responses {
            if let (true, Some(response)) = (status.starts_with('2'), response) {
                self.report.expect(Kind::FieldsParameter, query.contains_key("fields"), || place.to_owned());
                self.response(response, found.response(), place);
            }
        }
    }

    fn response(&mut self, fact: &'a Schema, found: &'a Value, place: &str) {
        let Some(item) = &fact.paged else {
            return self.schema(fact, found, place, Kind::ResponseField);
        };
        let envelope = self.document.properties(found);
        let whole = ENVELOPE.iter().all(|field| envelope.contains_key(field));
        self.report.expect(Kind::PagingEnvelope, whole, || place.to_owned());
        let items = envelope.get("data").and_then(|data| self.document.items(data));
        self.schema(item, items.unwrap_or(&Value::Null), place, Kind::ResponseField);
    }

    /// Compares the fields and enum values of a schema; `kind` is the kind of missing fields. Types are not compared,
    /// because some fields have more than one on the wire.
    fn schema(&mut self, fact: &'a Schema, found: &'a Value, place: &str, kind: Kind) {
        if let Some(name) = fact.reference.as_deref() {
            let named = self.facts.schemas.get(name);
            if let (Some(fact), true) = (named, self.compared.insert((name, kind))) {
                self.schema(fact, found, name, kind);
            }
            return;
        }
        if fact.gone {
            return;
        }
        if let Some(fields) = &fact.properties {
            let described = self.document.properties(found);
            if described.is_empty() && self.document.takes_any_field(found) {
                return;
            }
            for (name, field) in fields.iter().filter(|(_, field)| !field.gone) {
                let place = format!("{place}.{name}");
                let schema = described.get(name.as_str());
                self.report.expect(kind, schema.is_some(), || place.clone());
                if let Some(schema) = schema {
                    self.schema(field, schema, &place, kind);
                }
            }
        }
        if let (Some(fact), Some(items)) = (&fact.items, self.document.items(found)) {
            self.schema(fact, items, &format!("{place}[]"), kind);
        }
        if fact.ty.as_deref() == Some("string") && !fact.words.is_empty() {
            let described = self.document.words(found);
            let words = fact.words.iter().filter(|value| !value.is_null()).map(word);
            for word in words.filter(|word| !word.is_empty()) {
                let found = described.contains(&word.to_lowercase());
                self.report.expect(Kind::EnumWord, found, || format!("{place} = {word}"));
            }
        }
    }
}
