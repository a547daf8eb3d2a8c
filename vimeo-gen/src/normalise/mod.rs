//! The rules that turn a description as it is into one that the generator can take.
//!
//! One rule a file: the quirk it description, why, and a small before and after as its test. Rules run in a fixed order and
//! later ones count on earlier ones, as [`NORMALIZATION_PASSES`] and [`NAMED`] say.

mod aliases;
mod all_of;
mod alternatives;
mod annotations;
mod answers;
mod answers_optional;
mod array_enums;
mod bare_pages;
mod constraints;
mod hoist;
mod ids;
mod inline_parts;
mod media_types;
mod numbers;
mod operation_ids;
mod parameter_values;
mod parameters;
mod shapes;
mod tags;
mod type_names;
mod unused;
mod words;

use serde_json::Value;

pub(crate) use ids::TYPES as ID_TYPES;

use crate::GenError;

/// A cure for one quirk.
pub(crate) struct Rule {
    /// Its name in the report.
    pub(crate) name: &'static str,
    /// What it description, in a few words.
    pub(crate) description: &'static str,
    /// Applies it and says how often it did something.
    pub(crate) apply: fn(&mut Value) -> Result<usize, GenError>,
}

/// The rules that make a description plain, in the order in which they run: after them each operation and schema says
/// one thing in one way.
pub(crate) const NORMALIZATION_PASSES: &[Rule] = &[
    // Make each operation say everything itself, so that no later rule has to look elsewhere.
    inline_parts::RULE,
    tags::RULE,
    operation_ids::RULE,
    media_types::RULE,
    answers::RULE,
    parameters::RULE,
    // Make each schema say one plain thing.
    annotations::RULE,
    shapes::RULE,
    array_enums::RULE,
    bare_pages::RULE,
    words::RULE,
    numbers::RULE,
    constraints::RULE,
    all_of::RULE,
    alternatives::RULE,
    parameter_values::RULE,
];

/// The rules that follow and prepare for the generator.
pub(crate) const NAMED: &[Rule] = &[
    // Turn marks into formats, which the generator knows as types.
    ids::RULE,
    // Give each shape one name.
    type_names::RULE,
    hoist::RULE,
    aliases::RULE,
    unused::RULE,
    // Last, since it asks which schemas answers reach.
    answers_optional::RULE,
];

/// How often a rule applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The rule.
    pub rule: &'static str,
    /// What it description.
    pub description: &'static str,
    /// How often.
    pub count: usize,
}

/// Runs all rules over a document.
pub(crate) fn normalise(document: &mut Value) -> Result<Vec<Applied>, GenError> {
    NORMALIZATION_PASSES
        .iter()
        .chain(NAMED)
        .map(|rule| {
            Ok(Applied { rule: rule.name, description: rule.description, count: (rule.apply)(document)? })
        })
        .collect()
}

/// Runs only the rules that make a document plain.
pub(crate) fn plain(document: &mut Value) -> Result<(), GenError> {
    NORMALIZATION_PASSES.iter().try_for_each(|rule| (rule.apply)(document).map(|_| ()))
}

/// The component schemas that one leads to, itself among them.
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

    /// Applies one rule and gives back what it made, with its count.
    pub(crate) fn applied(rule: &Rule, mut before: Value) -> (usize, Value) {
        let count = (rule.apply)(&mut before).expect("the rule can cure this");
        let once = before.clone();
        (rule.apply)(&mut before).expect("a rule can be applied to its own output");
        assert_eq!(before, once, "{}: a second run changes what the first made", rule.name);
        (count, before)
    }

    /// A document with these component schemas.
    pub(crate) fn with_schemas(schemas: Value) -> Value {
        serde_json::json!({"components": {"schemas": schemas}})
    }

    /// A document with one operation at `GET /a`.
    pub(crate) fn with_operation(operation: Value) -> Value {
        serde_json::json!({"paths": {"/a": {"get": operation}}})
    }
}
