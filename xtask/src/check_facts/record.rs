//! The contents of openapi/facts that are checked.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

/// The facts about the API.
pub(super) struct Facts {
    pub(super) operations: Vec<Operation>,
    pub(super) schemas: BTreeMap<String, Schema>,
}

impl Facts {
    /// A fact refers to a schema that does not exist.
    pub(super) fn unknown_schema(&self) -> Option<&str> {
        let of_operations = self.operations.iter().flat_map(Operation::schemas);
        let mut open: Vec<&Schema> = self.schemas.values().chain(of_operations).collect();
        while let Some(schema) = open.pop() {
            if let Some(name) = schema.reference.as_deref().filter(|name| !self.schemas.contains_key(*name)) {
                return Some(name);
            }
            open.extend(schema.properties.iter().flat_map(BTreeMap::values));
            open.extend(schema.items.as_deref());
            open.extend(schema.paged.as_deref());
        }
        None
    }
}

/// An operation of the API.
#[derive(Deserialize)]
pub(super) struct Operation {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) path_params: Map<String, Value>,
    #[serde(default)]
    pub(super) query: BTreeMap<String, Schema>,
    #[serde(default)]
    pub(super) scopes: Vec<String>,
    pub(super) body: Option<Schema>,
    pub(super) responses: BTreeMap<String, Option<Schema>>,
}

impl Operation {
    fn schemas(&self) -> impl Iterator<Item = &Schema> {
        self.query.values().chain(&self.body).chain(self.responses.values().flatten())
    }
}

/// A parameter, a body, a response or a part of one.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Schema {
    /// The name of the schema, if this is a reference.
    #[serde(rename = "$ref")]
    pub(super) reference: Option<String>,
    #[serde(rename = "type")]
    pub(super) ty: Option<String>,
    #[serde(rename = "enum")]
    pub(super) words: Vec<Value>,
    pub(super) properties: Option<BTreeMap<String, Schema>>,
    pub(super) items: Option<Box<Schema>>,
    /// The items of a page.
    pub(super) paged: Option<Box<Schema>>,
    /// Whether Vimeo has sent this but no longer describes it.
    pub(super) gone: bool,
}
