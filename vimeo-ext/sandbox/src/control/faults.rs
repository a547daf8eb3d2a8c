//! Faults: created, listed, removed. `?world=` limits lists and removal to one world.

use http::StatusCode;
use serde_json::{Value, json};

use super::{ControlError, ControlRequest, Outcome, Reply};
use crate::faults::FaultHit;
use crate::faults::notation::FaultSpec;

/// How many faults may be pending.
const MAX_FAULTS: usize = 10_000;

pub(super) fn set(request: &ControlRequest<'_>) -> Outcome {
    let fault = request.parse::<FaultSpec>()?.into_fault().map_err(ControlError::bad_request)?;
    if let Some(world) = fault.bound_world()
        && request.app.worlds.get(world).is_none()
    {
        return Err(ControlError::bad_request(format!("match.world: world {world} not found.")));
    }
    if request.app.faults.pending() >= MAX_FAULTS {
        let message = format!("{MAX_FAULTS} faults are pending already; delete some.");
        return Err(ControlError::new(StatusCode::CONFLICT, message));
    }
    let id = request.app.faults.add(fault);
    Ok(Reply::Json(StatusCode::CREATED, json!({"fault": id})))
}

pub(super) fn list(request: &ControlRequest<'_>) -> Outcome {
    let world = named_world(request)?;
    let pending: Vec<Value> = request
        .app
        .faults
        .list()
        .iter()
        .filter(|(_, fault)| world.is_none() || fault.bound_world() == world)
        .map(|(id, fault)| json!({"fault": id, "waits": FaultSpec::of(fault)}))
        .collect();
    Reply::ok(json!({"waiting": pending, "fired": hits(request, world)}))
}

pub(super) fn fired(request: &ControlRequest<'_>) -> Outcome {
    let world = named_world(request)?;
    Reply::ok(json!({"fired": hits(request, world)}))
}

pub(super) fn clear(request: &ControlRequest<'_>) -> Outcome {
    match named_world(request)? {
        Some(world) => request.app.faults.clear_world(world),
        None => request.app.faults.clear(),
    }
    Ok(Reply::Empty)
}

/// The world that the query names, if it names one. A token does not limit these requests.
fn named_world(request: &ControlRequest<'_>) -> Result<Option<u64>, ControlError> {
    match request.query.get("world") {
        Some(_) => request.world().map(|handle| Some(handle.id)),
        None => Ok(None),
    }
}

fn hits(request: &ControlRequest<'_>, world: Option<u64>) -> Vec<FaultHit> {
    let mut hits = request.app.faults.hits();
    hits.retain(|hit| world.is_none() || hit.world == world);
    hits
}

pub(super) fn remove(request: &ControlRequest<'_>, id: &str) -> Outcome {
    match id.parse().is_ok_and(|id| request.app.faults.remove(id)) {
        true => Ok(Reply::Empty),
        false => Err(ControlError::not_found(format!("No pending fault {id}."))),
    }
}
