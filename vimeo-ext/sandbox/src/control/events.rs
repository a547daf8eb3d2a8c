//! Events: listed, told again, brought about by hand.

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{ControlRequest, Outcome, Refused, Reply};
use crate::world::handle::World;

pub(super) fn list(request: &ControlRequest<'_>) -> Outcome {
    let handle = request.handle()?;
    let (state, _) = handle.read();
    let events: Vec<_> = state.events.values().collect();
    Reply::ok(json!({"world": handle.id, "events": events}))
}

pub(super) fn resend(request: &ControlRequest<'_>, id: &str) -> Outcome {
    let resent =
        id.parse().is_ok_and(|id| request.handle().is_ok_and(|handle| World::new(handle).resend(id)));
    match resent {
        true => Ok(Reply::Nothing),
        false => Err(Refused::missing(format!("There is no event {id}."))),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Trigger {
    event: String,
    /// The newest video of the world where it is left out.
    resource: Option<String>,
    #[serde(default)]
    payload: Map<String, Value>,
}

pub(super) fn trigger(request: &ControlRequest<'_>) -> Outcome {
    let Trigger { event, resource, payload } = request.read()?;
    let world = World::new(request.handle()?);
    let id = world
        .trigger(&event, resource.as_deref(), payload)
        .map_err(|error| Refused::bad(error.to_string()))?;
    Ok(Reply::Json(StatusCode::CREATED, json!({"event": id})))
}
