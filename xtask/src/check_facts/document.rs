//! Looks things up in an OpenAPI document. Follows references; `allOf`, `oneOf` and `anyOf` count as one schema.

use std::collections::BTreeMap;

use serde_json::Value;

/// The maximum number of references in a row; ends a cycle.
const MAX_REFERENCES: usize = 40;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// An OpenAPI document.
#[derive(Clone, Copy)]
pub(super) struct Document<'a>(pub(super) &'a Value);

impl<'a> Document<'a> {
    /// Returns the target of a node's reference, or the node itself.
    pub(super) fn resolve(self, node: &'a Value) -> &'a Value {
        let mut node = node;
        for _ in 0..MAX_REFERENCES {
            let Some(reference) = node.get("$ref").and_then(Value::as_str) else { break };
            let target = reference.strip_prefix('#').and_then(|pointer| self.0.pointer(pointer));
            node = target.unwrap_or(&Value::Null);
        }
        node
    }

    /// Returns a schema and all its component schemas, outermost first.
    fn composed(self, schema: &'a Value) -> Vec<&'a Value> {
        let mut found: Vec<&Value> = Vec::new();
        let mut open = vec![schema];
        while let Some(schema) = open.pop() {
            let schema = self.resolve(schema);
            // A schema can be a component of itself.
            if !found.iter().any(|known| std::ptr::eq(*known, schema)) {
                found.push(schema);
                let parts =
                    ["allOf", "oneOf", "anyOf"].into_iter().filter_map(|key| schema.get(key)?.as_array());
                let parts: Vec<&Value> = parts.flatten().collect();
                open.extend(parts.into_iter().rev());
            }
        }
        found
    }

    /// Returns the properties of a schema.
    pub(super) fn properties(self, schema: &'a Value) -> BTreeMap<&'a str, &'a Value> {
        let parts = self.composed(schema).into_iter();
        let properties = parts.filter_map(|part| part.get("properties")?.as_object()).flatten();
        properties.map(|(name, schema)| (name.as_str(), schema)).collect()
    }

    /// Returns the schema of an array's items.
    pub(super) fn items(self, schema: &'a Value) -> Option<&'a Value> {
        self.composed(schema).into_iter().find_map(|part| part.get("items"))
    }

    /// Whether the schema allows any property.
    pub(super) fn takes_any_field(self, schema: &'a Value) -> bool {
        match self.resolve(schema).get("additionalProperties") {
            Some(Value::Bool(any)) => *any,
            Some(Value::Object(of_kind)) => !of_kind.is_empty(),
            _ => false,
        }
    }

    /// Returns the values of an enum in lower case.
    pub(super) fn words(self, schema: &'a Value) -> Vec<String> {
        let parts = self.composed(schema).into_iter();
        parts
            .filter_map(|part| part.get("enum")?.as_array())
            .flatten()
            .map(|value| word(value).to_lowercase())
            .collect()
    }

    /// Returns the operations by method and path. The path has no parameter names.
    pub(super) fn operations(self) -> BTreeMap<(&'a str, String), Operation<'a>> {
        let mut found = BTreeMap::new();
        let paths = self.0.get("paths").and_then(Value::as_object);
        for (path, item) in paths.into_iter().flatten() {
            for (method, operation) in item.as_object().into_iter().flatten() {
                if METHODS.contains(&method.as_str()) {
                    let operation = Operation { document: self, shared: item.get("parameters"), operation };
                    found.insert((method.as_str(), unnamed(path)), operation);
                }
            }
        }
        found
    }
}

/// An operation of a document.
pub(super) struct Operation<'a> {
    document: Document<'a>,
    /// The parameters of all operations of the path.
    shared: Option<&'a Value>,
    operation: &'a Value,
}

impl<'a> Operation<'a> {
    /// Returns the operation's summary.
    pub(super) fn summary(&self) -> &'a str {
        self.operation.get("summary").and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns the parameters in a location: `query` or `path`.
    pub(super) fn parameters(&self, place: &str) -> Vec<&'a Value> {
        let lists = self.shared.into_iter().chain(self.operation.get("parameters"));
        let parameters = lists.filter_map(Value::as_array).flatten();
        let parameters = parameters.map(|parameter| self.document.resolve(parameter));
        parameters.filter(|parameter| parameter.get("in").and_then(Value::as_str) == Some(place)).collect()
    }

    /// Returns the query parameters with their schemas.
    pub(super) fn query(&self) -> BTreeMap<&'a str, &'a Value> {
        let parameters = self.parameters("query").into_iter();
        let named = parameters.filter_map(|parameter| {
            let schema = parameter.get("schema").unwrap_or(&Value::Null);
            Some((parameter.get("name")?.as_str()?, schema))
        });
        named.collect()
    }

    /// Returns the scopes of the operation, or those of the document if it declares none.
    pub(super) fn scopes(&self) -> Vec<&'a str> {
        let security = self.operation.get("security").or_else(|| self.document.0.get("security"));
        let ways = security.and_then(Value::as_array).into_iter().flatten();
        let scopes = ways.filter_map(Value::as_object).flat_map(|way| way.values());
        scopes.filter_map(Value::as_array).flatten().filter_map(Value::as_str).collect()
    }

    /// Returns the schema of the request body.
    pub(super) fn body(&self) -> &'a Value {
        self.operation.get("requestBody").and_then(|body| self.content(body)).unwrap_or(&Value::Null)
    }

    /// Returns the schema of the first successful response with content.
    pub(super) fn response(&self) -> &'a Value {
        let responses = self.operation.get("responses").and_then(Value::as_object);
        let mut successes = responses.into_iter().flatten().filter(|(status, _)| status.starts_with('2'));
        successes.find_map(|(_, response)| self.content(response)).unwrap_or(&Value::Null)
    }

    fn content(&self, holder: &'a Value) -> Option<&'a Value> {
        let content = self.document.resolve(holder).get("content")?.as_object()?.values().next()?;
        Some(content.get("schema").unwrap_or(&Value::Null))
    }
}

/// Returns a value of an enum as text; some are numbers.
pub(super) fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Returns a path without the names of its parameters: `/videos/{}`.
pub(super) fn unnamed(path: &str) -> String {
    let mut short = String::new();
    let mut named = false;
    for letter in path.chars() {
        named &= letter != '}';
        if !named {
            short.push(letter);
        }
        named |= letter == '{';
    }
    short
}
