//! Faults: set, listed, taken back.

use http::StatusCode;
use serde_json::{Value, json};

use super::{ControlRequest, Outcome, Refused, Reply};
use crate::faults::notation::Written;

/// How many faults may wait before no more are taken.
const MAX_FAULTS: usize = 10_000;

pub(super) fn set(request: &ControlRequest<'_>) -> Outcome {
    let fault = request.read::<Written>()?.fault().map_err(Refused::bad)?;
    if let Some(world) = fault.in_world()
        && request.app.worlds.get(world).is_none()
    {
        return Err(Refused::bad(format!("match.world: there is no world {world}.")));
    }
    if request.app.faults.waiting() >= MAX_FAULTS {
        let message = format!("{MAX_FAULTS} faults wait already; take back some.");
        return Err(Refused::new(StatusCode::CONFLICT, message));
    }
    let id = request.app.faults.add(fault);
    Ok(Reply::Json(StatusCode::CREATED, json!({"fault": id})))
}

pub(super) fn list(request: &ControlRequest<'_>) -> Outcome {
    let waiting: Vec<Value> = request
        .app
        .faults
        .list()
        .iter()
        .map(|(id, fault)| json!({"fault": id, "waits": Written::of(fault)}))
        .collect();
    Reply::ok(json!({"waiting": waiting, "fired": request.app.faults.fired()}))
}

pub(super) fn fired(request: &ControlRequest<'_>) -> Outcome {
    Reply::ok(json!({"fired": request.app.faults.fired()}))
}

pub(super) fn clear(request: &ControlRequest<'_>) -> Outcome {
    request.app.faults.clear();
    Ok(Reply::Nothing)
}

pub(super) fn remove(request: &ControlRequest<'_>, id: &str) -> Outcome {
    match id.parse().is_ok_and(|id| request.app.faults.remove(id)) {
        true => Ok(Reply::Nothing),
        false => Err(Refused::missing(format!("No fault {id} waits."))),
    }
}
