//! Live events: activating and ending them. Recurring events can be activated again.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::resolve;
use crate::call::{Answer, Call, Outcome, time};
use crate::protocol::error::ApiError;
use crate::synth::shapes::video as shape;
use crate::world::entities::Entity;

const LIST: &str = "/live_events";

fn not_found() -> ApiError {
    ApiError::not_found("live event")
}

/// The event in the path; it must belong to the caller.
fn find_own(call: &mut Call<'_>) -> Result<(String, Entity), ApiError> {
    resolve::own_parents(call)?;
    let id = call.params.get("live_event_id").to_owned();
    let event = call.state.collections.get(LIST, &id).cloned().ok_or_else(not_found)?;
    Ok((id, event))
}

/// The video of the current broadcast, if any.
fn on_air(event: &Entity) -> Option<u64> {
    let started = event.set.get("status").and_then(Value::as_str) == Some("started");
    event
        .set
        .get("streamable_clip")?
        .get("uri")?
        .as_str()?
        .rsplit('/')
        .next()?
        .parse()
        .ok()
        .filter(|_| started)
}

/// Starts a broadcast and creates its video. If one is running already, returns its video.
pub(crate) fn activate(call: &mut Call<'_>) -> Outcome {
    let (id, event) = find_own(call)?;
    let (me, now) = (call.me()?, call.now);
    let video = match on_air(&event) {
        Some(video) => video,
        None => {
            let video = call.state.begin_broadcast(me, now);
            let title =
                event.set.get("stream_title").or_else(|| event.set.get("title")).and_then(Value::as_str);
            if let (Some(video), Some(title)) = (call.state.videos.get_mut(&video), title) {
                video.name = title.to_owned();
            }
            let listed =
                Entity { id: video.to_string(), owner: me, set: Map::new(), created: now, modified: now };
            call.state.collections.put(&format!("{LIST}/{id}/videos"), listed);
            let event = call.state.collections.get_mut(LIST, &id).ok_or_else(not_found)?;
            event.set.insert("status".to_owned(), "started".into());
            event.set.insert("streamable_clip".to_owned(), json!({"uri": format!("/videos/{video}")}));
            event.set.insert("completed_on".to_owned(), Value::Null);
            video
        }
    };
    answer(call, video)
}

/// Ends the broadcast; its video remains as a recording.
pub(crate) fn end(call: &mut Call<'_>) -> Outcome {
    let (id, event) = find_own(call)?;
    let now = call.now;
    let Some(video) = on_air(&event) else {
        let message = "The event has no running broadcast.";
        return Err(ApiError::new(StatusCode::BAD_REQUEST, None, "The event has not started.", message));
    };
    if call.request.query.get("clip_id").is_some_and(|clip| clip != video.to_string()) {
        return Err(ApiError::invalid_field("clip_id", "is not the video of the running broadcast"));
    }
    call.state.end_broadcast(video, now);
    let event = call.state.collections.get_mut(LIST, &id).ok_or_else(not_found)?;
    event.set.insert("status".to_owned(), "ended".into());
    event.set.insert("completed_on".to_owned(), time(now));
    answer(call, video)
}

fn answer(call: &Call<'_>, id: u64) -> Outcome {
    let video = call.state.video(Some(id)).ok_or_else(|| ApiError::not_found("video"))?;
    Ok(Answer::ok("video", shape::video(&call.view(), video, &call.selection)))
}
