//! Faults: created, listed, removed.

use http::StatusCode;
use serde_json::{Value, json};

use super::{ControlError, ControlRequest, Outcome, Reply};
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
    let pending: Vec<Value> = request
        .app
        .faults
        .list()
        .iter()
        .map(|(id, fault)| json!({"fault": id, "waits": FaultSpec::of(fault)}))
        .collect();
    Reply::ok(json!({"waiting": pending, "fired": request.app.faults.hits()}))
}

pub(super) fn fired(request: &ControlRequest<'_>) -> Outcome {
    Reply::ok(json!({"fired": request.app.faults.hits()}))
}

pub(super) fn clear(request: &ControlRequest<'_>) -> Outcome {
    request.app.faults.clear();
    Ok(Reply::Empty)
}

pub(super) fn remove(request: &ControlRequest<'_>, id: &str) -> Outcome {
    match id.parse().is_ok_and(|id| request.app.faults.remove(id)) {
        true => Ok(Reply::Empty),
        false => Err(ControlError::not_found(format!("No pending fault {id}."))),
    }
}
