//! Received uploads.

use serde_json::{Value, json};

use super::{ControlRequest, Outcome, Reply};
use crate::world::upload::UNKNOWN_SIZE;

/// Lists the uploads of a world: how many bytes were received, and the SHA-256 if it is computed. Waits until the bytes
/// received so far are hashed.
pub(super) fn list(request: &ControlRequest<'_>) -> Outcome {
    let handle = request.world()?;
    let uploads = handle.read().0.uploads();
    let uploads: Vec<Value> = uploads
        .iter()
        .map(|upload| {
            let stored = upload.stored();
            json!({
                "video": format!("/videos/{}", upload.video),
                // A form announces no size.
                "size": (stored.size != UNKNOWN_SIZE).then_some(stored.size),
                "received": stored.received,
                "complete": stored.complete,
                "sha256": stored.sha256,
            })
        })
        .collect();
    Reply::ok(json!({"world": handle.id, "uploads": uploads}))
}
