//! What arrived of uploads.

use serde_json::{Value, json};

use super::{ControlRequest, Outcome, Reply};
use crate::world::upload::UNKNOWN;

/// Of every upload of a world how much has arrived, and its SHA-256 where one is taken. The bytes that a hash is still to
/// come for are a few pieces at most, so this waits for them.
pub(super) fn list(request: &ControlRequest<'_>) -> Outcome {
    let handle = request.handle()?;
    let uploads = handle.read().0.uploads();
    let uploads: Vec<Value> = uploads
        .iter()
        .map(|upload| {
            let stored = upload.stored();
            json!({
                "video": format!("/videos/{}", upload.video),
                // A form announces none.
                "size": (stored.size != UNKNOWN).then_some(stored.size),
                "received": stored.received,
                "complete": stored.complete,
                "sha256": stored.sha256,
            })
        })
        .collect();
    Reply::ok(json!({"world": handle.id, "uploads": uploads}))
}
