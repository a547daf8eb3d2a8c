//! The rules that turn a description into one that the generator accepts.
//!
//! One rule per file: the quirk that it fixes, why, and an example before and after as its test. Rules run in the order of
//! [`NORMALIZATION_PASSES`] and [`TYPE_PASSES`]; later rules rely on earlier ones.

mod aliases;
mod all_of;
mod annotations;
mod array_enums;
mod constraints;
mod enum_values;
mod hoist;
mod ids;
mod inline_parts;
mod media_types;
mod numbers;
mod one_of;
mod operation_ids;
mod optional_response_fields;
mod page_envelopes;
mod parameter_values;
mod parameters;
mod schema_types;
mod success_responses;
mod tags;
mod type_names;
mod unused;

use serde_json::Value;

pub(crate) use ids::TYPES as ID_TYPES;

use crate::GenError;

/// A rule that fixes one quirk.
pub(crate) struct Rule {
    /// The name in the report.
    pub(crate) name: &'static str,
    /// What the rule fixes, in a few words.
    pub(crate) description: &'static str,
    /// Applies the rule and returns how often it changed something.
    pub(crate) apply: fn(&mut Value) -> Result<usize, GenError>,
}

/// The rules that normalise a description, in order. After them, every operation and schema has one form.
pub(crate) const NORMALIZATION_PASSES: &[Rule] = &[
    // Make each operation self-contained.
    inline_parts::RULE,
    tags::RULE,
    operation_ids::RULE,
    media_types::RULE,
    success_responses::RULE,
    parameters::RULE,
    // Normalise each schema.
    annotations::RULE,
    schema_types::RULE,
    array_enums::RULE,
    page_envelopes::RULE,
    enum_values::RULE,
    numbers::RULE,
    constraints::RULE,
    all_of::RULE,
    one_of::RULE,
    parameter_values::RULE,
];

/// The rules that follow and define types.
pub(crate) const TYPE_PASSES: &[Rule] = &[
    // Turn marks into formats, which the generator maps to types.
    ids::RULE,
    // Give each shape one name.
    type_names::RULE,
    hoist::RULE,
    aliases::RULE,
    unused::RULE,
    // Last, because it depends on the schemas that responses reach.
    optional_response_fields::RULE,
];

/// How often a rule applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The name of the rule.
    pub rule: &'static str,
    /// What the rule fixes.
    pub description: &'static str,
    /// How often it changed something.
    pub count: usize,
}

/// Runs all rules over a document.
pub(crate) fn normalise(document: &mut Value) -> Result<Vec<Applied>, GenError> {
    NORMALIZATION_PASSES
        .iter()
        .chain(TYPE_PASSES)
        .map(|rule| {
            Ok(Applied { rule: rule.name, description: rule.description, count: (rule.apply)(document)? })
        })
        .collect()
}

/// Runs only [`NORMALIZATION_PASSES`].
pub(crate) fn plain(document: &mut Value) -> Result<(), GenError> {
    NORMALIZATION_PASSES.iter().try_for_each(|rule| (rule.apply)(document).map(|_| ()))
}

/// Returns a component schema and all schemas that it references.
pub(crate) fn closure(document: &Value, name: &str) -> Value {
    let reached = unused::closure(document, vec![name.to_owned()]);
    let schemas = document.pointer("/components/schemas").and_then(Value::as_object).into_iter().flatten();
    schemas
        .filter(|(name, _)| reached.contains(*name))
        .map(|(name, schema)| (name.clone(), schema.clone()))
        .collect()
}

#[cfg(test)]
pub(crate) mod testing {
    use serde_json::Value;

    use super::Rule;

    /// Applies a rule and returns its count and the result.
    pub(crate) fn applied(rule: &Rule, mut before: Value) -> (usize, Value) {
        let count = (rule.apply)(&mut before).expect("the rule applies");
        let once = before.clone();
        (rule.apply)(&mut before).expect("the rule applies to its own output");
        assert_eq!(before, once, "{}: a second run changes the result", rule.name);
        (count, before)
    }

    /// Creates a document with these component schemas.
    pub(crate) fn with_schemas(schemas: Value) -> Value {
        serde_json::json!({"components": {"schemas": schemas}})
    }

    /// Creates a document with one operation at `GET /a`.
    pub(crate) fn with_operation(operation: Value) -> Value {
        serde_json::json!({"paths": {"/a": {"get": operation}}})
    }
}
