//! What a model gets.

use serde_json::Value;

/// What a tool answered, ready for a model: cut to size, the text of others between marks.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub(super) value: Value,
}

impl Answer {
    /// The answer, an object that fits [`Definition::output_schema`](super::Definition::output_schema).
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The answer as compact JSON.
    pub fn to_text(&self) -> String {
        self.value.to_string()
    }

    /// The answer itself.
    pub fn into_value(self) -> Value {
        self.value
    }
}
