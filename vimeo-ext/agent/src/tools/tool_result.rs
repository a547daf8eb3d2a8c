//! What a caller gets.

use serde_json::Value;

/// What a tool answered, cut to size: a value for programs, and text for models, in which what people wrote stands
/// between marks.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolResult {
    pub(super) value: Value,
    pub(super) text: String,
}

impl ToolResult {
    /// The answer for a program: an object that fits [`Definition::output_schema`](super::Definition::output_schema), with
    /// all members as they are. `untrusted` names those that people wrote; before a model reads them, mark them, or take
    /// [`to_text`](Self::to_text).
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The answer for a model: the same as compact JSON, in which what people wrote stands between marks that nobody can
    /// foresee; `fence` says which.
    pub fn to_text(&self) -> String {
        self.text.clone()
    }

    /// The answer for a program.
    pub fn into_value(self) -> Value {
        self.value
    }
}
