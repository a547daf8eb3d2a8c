//! What passes with time: the clock, and what uploads become.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{ControlRequest, Outcome, Refused, Reply};
use crate::clock::{EARLIEST, LATEST, iso};
use crate::config::drift::Drift;
use crate::config::{Pull, Transcode};
use crate::world::handle::World;
use crate::world::registry::WorldHandle;

fn shown(handle: &WorldHandle) -> Outcome {
    // Entering it brings about what fell due.
    let (_, now) = handle.read();
    Reply::ok(json!({"world": handle.id, "now": iso(now), "frozen": handle.clock.is_frozen()}))
}

pub(super) fn clock(request: &ControlRequest<'_>) -> Outcome {
    let handle = request.handle()?;
    shown(&handle)
}

/// One turn of the clock: exactly one of these.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Turn {
    /// At a time, or where it stands with `true`.
    freeze: Option<Value>,
    set: Option<DateTime<Utc>>,
    /// In seconds.
    advance: Option<f64>,
    resume: Option<bool>,
}

/// A time that a clock can show.
fn within(at: DateTime<Utc>) -> Result<DateTime<Utc>, Refused> {
    match (EARLIEST..=LATEST).contains(&at) {
        true => Ok(at),
        false => Err(Refused::bad("A clock shows the years 1970 to 9999 only.")),
    }
}

pub(super) fn turn(request: &ControlRequest<'_>) -> Outcome {
    let turn: Turn = request.read()?;
    let handle = request.handle()?;
    match turn {
        Turn { freeze: Some(at), set: None, advance: None, resume: None } => match at {
            Value::Bool(true) => handle.clock.freeze(),
            Value::Bool(false) => handle.clock.resume(),
            at => {
                let at = serde_json::from_value(at).map_err(|_| {
                    Refused::bad("freeze: must be true, or a time such as \"2026-01-01T00:00:00Z\"")
                })?;
                let at = within(at)?;
                handle.clock.freeze();
                handle.clock.set(at);
            }
        },
        Turn { freeze: None, set: Some(at), advance: None, resume: None } => handle.clock.set(within(at)?),
        Turn { freeze: None, set: None, advance: Some(seconds), resume: None } => {
            let by = Duration::try_from_secs_f64(seconds);
            handle.clock.advance(by.map_err(|_| {
                Refused::bad("advance: must be a number of seconds from 0; a clock is put back by \"set\"")
            })?);
        }
        Turn { freeze: None, set: None, advance: None, resume: Some(resume) } => match resume {
            true => handle.clock.resume(),
            false => handle.clock.freeze(),
        },
        _ => return Err(Refused::bad("The body must hold exactly one of freeze, set, advance, resume.")),
    }
    shown(&handle)
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Transitions {
    transcode: Option<Transcode>,
    pull: Option<Pull>,
    /// `null` for answers as described.
    #[serde(deserialize_with = "given")]
    drift: Option<Option<Drift>>,
    /// One video to move on by hand.
    video: Option<u64>,
    to: Option<Step>,
}

/// A member that was given, be it null.
fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Drift>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Where a video is moved by hand.
#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Step {
    Available,
    TranscodeFailed,
    UploadLost,
}

pub(super) fn transitions(request: &ControlRequest<'_>) -> Outcome {
    let handle = request.handle()?;
    let (state, _) = handle.read();
    Reply::ok(
        json!({"world": handle.id, "transcode": state.transcode, "pull": state.pull, "drift": state.drift}),
    )
}

pub(super) fn set_transitions(request: &ControlRequest<'_>) -> Outcome {
    let Transitions { transcode, pull, drift, video, to } = request.read()?;
    let handle = request.handle()?;
    let world = World::new(handle.clone());
    if let Some(rule) = transcode {
        world.set_transcode(rule);
    }
    if let Some(outcome) = pull {
        world.set_pull(outcome);
    }
    if let Some(drift) = drift {
        world.set_drift(drift);
    }
    let moved = match (video, to) {
        (None, None) => true,
        (Some(video), Some(Step::Available)) => world.finish_transcode(video),
        (Some(video), Some(Step::TranscodeFailed)) => world.fail_transcode(video),
        (Some(video), Some(Step::UploadLost)) => world.lose_upload(video),
        _ => return Err(Refused::bad("video and to belong together.")),
    };
    if !moved {
        return Err(Refused::new(
            http::StatusCode::CONFLICT,
            "video: it is not known here, or its upload does not stand where that can happen.",
        ));
    }
    transitions(request)
}
