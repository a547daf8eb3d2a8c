//! All operations of the API through three tools: search, describe, call.
//!
//! The operations come from the API description, so a call can only reach what is described: there are no raw paths, and
//! IDs are escaped. A call has the same guards as the other tools: scopes before the call, a confirmation for what deletes,
//! approval for what publishes, posts, sends data out or spends, read-only mode, the audit log, and limits of size.

mod arguments;
mod call;
mod catalogue;
mod describe;
mod find;
mod notation;
mod plain_text;
mod projection;
mod risk;
mod search;
mod shape;

use serde_json::Value;

pub use self::call::{JsonText, OperationCall, OperationCallInput, OperationResult};
pub use self::describe::{OperationDescription, OperationGet, OperationGetInput};
pub use self::find::{FoundOperations, OperationsSearch, OperationsSearchInput};
pub(crate) use self::plain_text::is_plain;

use super::Effect;

/// Returns what a call with these arguments does. A call of an unknown operation does nothing, because it is refused.
pub(crate) fn effect_of(arguments: &Value) -> Effect {
    let name = arguments.get("operation").and_then(Value::as_str).unwrap_or_default();
    catalogue::find(name).map_or(Effect::Read, |known| risk::effect(known.operation))
}

/// Converts JSON text to the object or list that it contains, so that the audit log sees the members.
pub(crate) fn normalize(arguments: &mut Value) {
    for name in ["parameters", "body"] {
        if let Some(Value::String(text)) = arguments.get(name)
            && let Ok(value @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text)
        {
            arguments[name] = value;
        }
    }
}
