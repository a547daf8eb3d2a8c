//! The rate limit of a world's token, and how much of it is used.

use serde_json::{Value, json};

use super::{ControlError, ControlRequest, Outcome, Reply};
use crate::clock::iso;

/// The limit of the world's first token, and its current windows. Reading them counts nothing.
pub(super) fn get(request: &ControlRequest<'_>) -> Outcome {
    let handle = request.world()?;
    let text = handle.spec().token().to_owned();
    let (mut state, now) = handle.read();
    let token =
        state.token(&text).ok_or_else(|| ControlError::not_found("The world's first token was revoked."))?;
    let window = |fields: bool| -> Value {
        let (used, reset) = token.usage.current(&token.rate, fields, now);
        json!({"used": used, "reset": reset.map(iso)})
    };
    Reply::ok(json!({
        "world": handle.id,
        "limit": token.rate,
        "plain": window(false),
        "with_fields": window(true),
    }))
}
