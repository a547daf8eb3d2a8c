//! Events: listed, delivered again, triggered.

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{ControlError, ControlRequest, Outcome, Reply};
use crate::world::events::EVENT_KINDS;
use crate::world::handle::World;

pub(super) fn list(request: &ControlRequest<'_>) -> Outcome {
    let handle = request.world()?;
    let (state, _) = handle.read();
    let events: Vec<_> = state.events.values().collect();
    Reply::ok(json!({"world": handle.id, "kinds": EVENT_KINDS, "events": events}))
}

pub(super) fn resend(request: &ControlRequest<'_>, id: &str) -> Outcome {
    let resent = id.parse().is_ok_and(|id| request.world().is_ok_and(|handle| World::new(handle).resend(id)));
    match resent {
        true => Ok(Reply::Empty),
        false => Err(ControlError::not_found(format!("Event {id} not found."))),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TriggerRequest {
    event: String,
    /// The newest video of the world if it is left out.
    resource: Option<String>,
    #[serde(default)]
    payload: Map<String, Value>,
}

pub(super) fn trigger(request: &ControlRequest<'_>) -> Outcome {
    let TriggerRequest { event, resource, payload } = request.parse()?;
    let world = World::new(request.world()?);
    let id = world
        .trigger(&event, resource.as_deref(), payload)
        .map_err(|error| ControlError::bad_request(error.to_string()))?;
    Ok(Reply::Json(StatusCode::CREATED, json!({"event": id})))
}
