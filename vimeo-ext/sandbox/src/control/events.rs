//! Events: listed, told again, brought about by hand.

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Ask, Outcome, Refused, Reply};
use crate::world::handle::World;

pub(super) fn list(ask: &Ask<'_>) -> Outcome {
    let cell = ask.cell()?;
    let (state, _) = cell.look();
    let events: Vec<_> = state.events.values().collect();
    Reply::ok(json!({"world": cell.id, "events": events}))
}

pub(super) fn resend(ask: &Ask<'_>, id: &str) -> Outcome {
    let resent = id.parse().is_ok_and(|id| ask.cell().is_ok_and(|cell| World::new(cell).resend(id)));
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

pub(super) fn trigger(ask: &Ask<'_>) -> Outcome {
    let Trigger { event, resource, payload } = ask.read()?;
    let world = World::new(ask.cell()?);
    let id = world
        .trigger(&event, resource.as_deref(), payload)
        .map_err(|error| Refused::bad(error.to_string()))?;
    Ok(Reply::Json(StatusCode::CREATED, json!({"event": id})))
}
