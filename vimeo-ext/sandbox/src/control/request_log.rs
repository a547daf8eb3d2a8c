//! The request log: returned as JSON lines, cleared, and checked against expectations.
//!
//! `/_sandbox/journal`, the path of earlier releases, leads here too.

use serde::Deserialize;
use serde_json::json;

use super::{ControlError, ControlRequest, Outcome, Reply};
use crate::request_log::verify::{Expectation, unmet};

/// Lists the entries. `?world=` and `?after=` filter them; `?stable=true` omits what the same script does not repeat.
pub(super) fn list(request: &ControlRequest<'_>) -> Outcome {
    let number = |name: &str| match request.query.get(name) {
        None | Some("") => Ok(None),
        Some(text) => text
            .parse::<u64>()
            .map(Some)
            .map_err(|_| ControlError::bad_request(format!("{name}: \"{text}\" is not a number."))),
    };
    let (world, after) = (number("world")?, number("after")?.unwrap_or(0));
    let stable = match request.query.get("stable") {
        None | Some("" | "false") => false,
        Some("true" | "1") => true,
        Some(other) => {
            return Err(ControlError::bad_request(format!("stable: \"{other}\" must be true or false.")));
        }
    };
    let mut lines = String::new();
    for entry in request.app.request_log.entries() {
        if entry.seq > after && world.is_none_or(|world| entry.world == Some(world)) {
            lines += &if stable { entry.to_stable_json() } else { entry.to_json() };
            lines.push('\n');
        }
    }
    Ok(Reply::Lines(lines))
}

pub(super) fn clear(request: &ControlRequest<'_>) -> Outcome {
    match request.query.get("world") {
        Some(_) => request.app.request_log.remove_world(request.world()?.id),
        None => request.app.request_log.clear(),
    }
    Ok(Reply::Empty)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VerifyRequest {
    expect: Vec<Expectation>,
}

/// How many expectations one request may check.
const MAX_EXPECTATIONS: usize = 1_000;

pub(super) fn verify(request: &ControlRequest<'_>) -> Outcome {
    let VerifyRequest { expect } = request.parse()?;
    if expect.len() > MAX_EXPECTATIONS {
        return Err(ControlError::bad_request(format!("expect: at most {MAX_EXPECTATIONS} at once.")));
    }
    let unmet = unmet(&request.app.request_log.entries(), &expect);
    Reply::ok(json!({"met": unmet.is_empty(), "unmet": unmet}))
}
