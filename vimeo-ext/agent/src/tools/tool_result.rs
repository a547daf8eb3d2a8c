//! The result of a tool call.

use std::ops::Index;

use serde_json::Value;

/// The result of a tool call, cut to size: a value for programs, and text for models in which everything that people
/// wrote stands between delimiters.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolResult {
    pub(super) value: Value,
    pub(super) text: String,
}

impl ToolResult {
    /// Returns the result for a program: an object that fits
    /// [`Definition::output_schema`](super::Definition::output_schema), with all members unchanged. Its member `untrusted`
    /// names the members that people wrote. Delimit those before a model reads them, or use [`to_text`](Self::to_text).
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Returns the result for a model: the same value as compact JSON, in which everything that people wrote stands
    /// between unpredictable delimiters. Its member `fence` names them.
    pub fn to_text(&self) -> String {
        self.text.clone()
    }

    /// Returns the result for a program, as [`value`](Self::value) does.
    pub fn into_value(self) -> Value {
        self.value
    }
}

/// Returns a member of the result for a program, unchanged; null if there is none.
///
/// ```no_run
/// # async fn demo(tools: vimeo_agent::tools::Tools) -> Result<(), vimeo_agent::tools::ToolError> {
/// let video = tools.call("vimeo_video_get", serde_json::json!({"video_id": "76979871"})).await?;
/// assert_eq!(video["uri"], "/videos/76979871");
/// # Ok(())
/// # }
/// ```
impl Index<&str> for ToolResult {
    type Output = Value;

    fn index(&self, name: &str) -> &Value {
        static NULL: Value = Value::Null;
        self.value.get(name).unwrap_or(&NULL)
    }
}
