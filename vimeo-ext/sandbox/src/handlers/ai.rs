//! AI jobs: starting them, their state, and suggested metadata. They need an Enterprise plan.

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::call::{Answer, Call, Outcome};
use crate::config::Plan;
use crate::protocol::error::ApiError;
use crate::world::ai_jobs::AiJobKind;
use crate::world::entities::Entity;
use crate::world::video::Video;

pub(crate) fn start_transcription(call: &mut Call<'_>) -> Outcome {
    start(call, AiJobKind::Transcription)
}

pub(crate) fn start_subtitles(call: &mut Call<'_>) -> Outcome {
    start(call, AiJobKind::Subtitles)
}

pub(crate) fn start_dubbing(call: &mut Call<'_>) -> Outcome {
    start(call, AiJobKind::Dubbing)
}

pub(crate) fn transcription(call: &mut Call<'_>) -> Outcome {
    let video = own_video(call)?;
    let (state, now) = (&mut *call.state, call.now);
    state.read_ai_jobs(AiJobKind::Transcription, video, now);
    let jobs = state.collections.list(&AiJobKind::Transcription.path(video));
    let body = match jobs.iter().rev().find(|job| has_track(state.videos.get(&video), job)) {
        Some(job) => described(video, job),
        None => json!({"video_id": video, "status": "none", "language": null}),
    };
    Ok(Answer::ok("object", call.selection.prune(body)))
}

pub(crate) fn subtitles(call: &mut Call<'_>) -> Outcome {
    list(call, AiJobKind::Subtitles)
}

pub(crate) fn dubbings(call: &mut Call<'_>) -> Outcome {
    list(call, AiJobKind::Dubbing)
}

/// The first read for a video prepares the suggestions.
pub(crate) fn metadata(call: &mut Call<'_>) -> Outcome {
    let id = own_video(call)?;
    let path = format!("/videos/{id}/ai/metadata");
    let (me, now) = (call.me()?, call.now);
    if call.state.collections.count(&path) == 0 {
        let set = Map::new();
        let prepared = Entity { id: "1".to_owned(), owner: me, set, created: now, modified: now };
        call.state.collections.put(&path, prepared);
        return Ok(Answer::of(StatusCode::ACCEPTED, "object", json!({})));
    }
    let name = call.video()?.name.clone();
    let body = json!({
        "title": format!("{name}, suggested"),
        "description": format!("A video with the title {name}."),
        "tags": ["suggested", "sandbox"],
    });
    Ok(Answer::ok("object", call.selection.prune(body)))
}

/// Returns the ID of the caller's video, if the caller's plan has AI features.
fn own_video(call: &Call<'_>) -> Result<u64, ApiError> {
    let video = call.own_video_to_read()?;
    if call.user(video.owner)?.plan != Plan::Enterprise {
        return Err(ApiError::forbidden(None, "AI features need an Enterprise account."));
    }
    Ok(video.id)
}

/// Whether the text track that a job made still exists; true for a job that made none yet.
fn has_track(video: Option<&Video>, job: &Entity) -> bool {
    let track = job.set.get("texttrack_id").and_then(Value::as_u64);
    track.is_none_or(|id| video.is_some_and(|video| video.text_tracks.iter().any(|track| track.id == id)))
}

fn described(video: u64, job: &Entity) -> Value {
    let mut members = job.set.clone();
    members.remove("reads_left");
    members.insert("video_id".to_owned(), video.into());
    Value::Object(members)
}

fn start(call: &mut Call<'_>, kind: AiJobKind) -> Outcome {
    let id = own_video(call)?;
    let mut input = call.input()?;
    let language = match kind {
        AiJobKind::Transcription => input.string("language").unwrap_or_else(|| "en".to_owned()),
        AiJobKind::Subtitles | AiJobKind::Dubbing => input.required_string("language"),
    };
    let source = input.integer("texttrack_id").filter(|_| kind == AiJobKind::Subtitles);
    input.finish()?;
    let video = call.video()?;
    let refuse = |why: &str| ApiError::new(StatusCode::BAD_REQUEST, None, "The job cannot be started.", why);
    if kind == AiJobKind::Transcription {
        let jobs = call.state.collections.list(&kind.path(id));
        let stands = |job: &Entity| job.set.get("status").and_then(Value::as_str) != Some("failed");
        if jobs.iter().any(|job| stands(job) && has_track(Some(video), job)) {
            return Err(refuse("The video has a transcript already; delete it first."));
        }
    } else {
        if !video.is_playable() {
            return Err(refuse("The video is not transcoded yet."));
        }
        let is_spoken = |kind: &str| matches!(kind, "captions" | "subtitles");
        let mut tracks = video.text_tracks.iter().filter(|track| is_spoken(&track.kind));
        if !tracks.any(|track| source.is_none_or(|id| track.id == id)) {
            return Err(refuse("The video has no finished transcript."));
        }
    }
    let (me, now) = (call.me()?, call.now);
    let job = call.state.start_ai_job(kind, id, me, &language, now).to_string();
    let body = call.state.collections.get(&kind.path(id), &job).map_or(Value::Null, |job| described(id, job));
    Ok(Answer::ok("object", call.selection.prune(body)))
}

/// The jobs of a video, in the language of the query if it has one.
fn list(call: &mut Call<'_>, kind: AiJobKind) -> Outcome {
    let id = own_video(call)?;
    let now = call.now;
    call.state.read_ai_jobs(kind, id, now);
    let wanted = call.request.query.get("language").filter(|language| !language.is_empty());
    let video = call.state.videos.get(&id);
    let in_language = |job: &&Entity| {
        let language = job.set.get("language").and_then(Value::as_str);
        wanted.is_none_or(|wanted| language.is_some_and(|language| language.eq_ignore_ascii_case(wanted)))
    };
    let jobs = call.state.collections.list(&kind.path(id)).iter();
    let jobs: Vec<Value> =
        jobs.filter(|job| has_track(video, job)).filter(in_language).map(|job| described(id, job)).collect();
    Ok(Answer::ok("object", json!({"data": jobs})))
}
