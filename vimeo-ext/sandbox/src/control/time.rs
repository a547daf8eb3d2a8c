//! The clock, and how uploads change over time.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{ControlError, ControlRequest, Outcome, Reply};
use crate::clock::{EARLIEST, LATEST, iso};
use crate::config::mutation::Mutation;
use crate::config::{PullOutcome, Transcode};
use crate::world::handle::World;
use crate::world::registry::WorldHandle;

fn clock_state(handle: &WorldHandle) -> Outcome {
    // Reading the world runs what is due in it.
    let (_, now) = handle.read();
    Reply::ok(json!({"world": handle.id, "now": iso(now), "frozen": handle.clock.is_frozen()}))
}

pub(super) fn clock(request: &ControlRequest<'_>) -> Outcome {
    let handle = request.world()?;
    clock_state(&handle)
}

/// A change of the clock; exactly one member must be set.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockChange {
    /// The time to stop at; `true` for the current time.
    freeze: Option<Value>,
    set: Option<DateTime<Utc>>,
    /// In seconds.
    advance: Option<f64>,
    resume: Option<bool>,
}

/// Checks that a clock can show a time.
fn in_range(at: DateTime<Utc>) -> Result<DateTime<Utc>, ControlError> {
    match (EARLIEST..=LATEST).contains(&at) {
        true => Ok(at),
        false => Err(ControlError::bad_request("A clock covers the years 1970 to 9999.")),
    }
}

pub(super) fn set_clock(request: &ControlRequest<'_>) -> Outcome {
    let change: ClockChange = request.parse()?;
    let handle = request.world()?;
    match change {
        ClockChange { freeze: Some(at), set: None, advance: None, resume: None } => match at {
            Value::Bool(true) => handle.clock.freeze(),
            Value::Bool(false) => handle.clock.resume(),
            at => {
                let at = serde_json::from_value(at).map_err(|_| {
                    ControlError::bad_request(
                        "freeze: must be true or a time such as \"2026-01-01T00:00:00Z\"",
                    )
                })?;
                let at = in_range(at)?;
                handle.clock.freeze();
                handle.clock.set(at);
            }
        },
        ClockChange { freeze: None, set: Some(at), advance: None, resume: None } => {
            handle.clock.set(in_range(at)?)
        }
        ClockChange { freeze: None, set: None, advance: Some(seconds), resume: None } => {
            let by = Duration::try_from_secs_f64(seconds);
            handle.clock.advance(by.map_err(|_| {
                ControlError::bad_request(
                    "advance: must be a non-negative number of seconds; use \"set\" to go back",
                )
            })?);
        }
        ClockChange { freeze: None, set: None, advance: None, resume: Some(resume) } => match resume {
            true => handle.clock.resume(),
            false => handle.clock.freeze(),
        },
        _ => {
            return Err(ControlError::bad_request(
                "The body must have exactly one of freeze, set, advance, resume.",
            ));
        }
    }
    clock_state(&handle)
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Transitions {
    transcode: Option<Transcode>,
    pull: Option<PullOutcome>,
    /// `null` turns mutation off. `drift` is its name in earlier releases.
    #[serde(alias = "drift", deserialize_with = "nullable")]
    mutation: Option<Option<Mutation>>,
    /// A video whose state to change.
    video: Option<u64>,
    to: Option<VideoState>,
}

/// Distinguishes null from a missing member.
fn nullable<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Mutation>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// The new state of a video.
#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum VideoState {
    Available,
    TranscodeFailed,
    UploadLost,
}

pub(super) fn transitions(request: &ControlRequest<'_>) -> Outcome {
    let handle = request.world()?;
    let (state, _) = handle.read();
    Reply::ok(json!({
        "world": handle.id,
        "transcode": state.transcode,
        "pull": state.pull,
        "mutation": state.mutation,
        // Its name in earlier releases.
        "drift": state.mutation,
    }))
}

pub(super) fn set_transitions(request: &ControlRequest<'_>) -> Outcome {
    let Transitions { transcode, pull, mutation, video, to } = request.parse()?;
    let handle = request.world()?;
    let world = World::new(handle.clone());
    if let Some(rule) = transcode {
        world.set_transcode(rule);
    }
    if let Some(outcome) = pull {
        world.set_pull(outcome);
    }
    if let Some(mutation) = mutation {
        world.set_mutation(mutation);
    }
    let changed = match (video, to) {
        (None, None) => true,
        (Some(video), Some(VideoState::Available)) => world.finish_transcode(video),
        (Some(video), Some(VideoState::TranscodeFailed)) => world.fail_transcode(video),
        (Some(video), Some(VideoState::UploadLost)) => world.lose_upload(video),
        _ => return Err(ControlError::bad_request("video and to must be given together.")),
    };
    if !changed {
        return Err(ControlError::new(
            http::StatusCode::CONFLICT,
            "video: not found, or the state of its upload does not allow this.",
        ));
    }
    transitions(request)
}
