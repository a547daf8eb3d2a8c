//! Text tracks of a video: made here, filled by a PUT to their link.

use crate::call::{Answer, Call, Outcome};
use crate::errors::ApiError;
use crate::shapes::text_track as shape;
use crate::world::video::TextTrack;

const KINDS: [&str; 5] = ["captions", "chapters", "descriptions", "metadata", "subtitles"];

fn missing() -> ApiError {
    ApiError::not_found("text track")
}

pub(crate) fn list(call: &mut Call<'_>) -> Outcome {
    let video = call.video()?;
    let now = call.now;
    let tracks: Vec<&TextTrack> = video.text_tracks.iter().collect();
    call.page("video.texttrack", &tracks, |view, track, selection| {
        shape::text_track(view, video, track, now, selection)
    })
}

pub(crate) fn create(call: &mut Call<'_>) -> Outcome {
    let mut input = call.input()?;
    let (language, name) = (input.required_text("language"), input.required_text("name"));
    if input.get("type").is_none() {
        input.required_text("type");
    }
    let kind = input.word("type", &KINDS).unwrap_or_default();
    let active = input.truth("active").unwrap_or_default();
    let video = call.own_video()?;
    let id = video.id;
    input.finish()?;
    let track = TextTrack { id: call.state.ids.id(), active, kind, language, name, file: None };
    call.params.put("texttrack_id", track.id);
    let now = call.now;
    if let Some(video) = call.state.videos.get_mut(&id) {
        video.text_tracks.push(track);
        video.touch(now);
    }
    let mut answer = get(call)?;
    answer.status = http::StatusCode::CREATED;
    Ok(answer)
}

pub(crate) fn get(call: &mut Call<'_>) -> Outcome {
    let video = call.video()?;
    let id = call.params.id("texttrack_id");
    let track = video.text_tracks.iter().find(|track| Some(track.id) == id).ok_or_else(missing)?;
    Ok(Answer::ok(
        "video.texttrack",
        shape::text_track(&call.view(), video, track, call.now, &call.selection),
    ))
}

pub(crate) fn edit(call: &mut Call<'_>) -> Outcome {
    let mut input = call.input()?;
    let (language, name) = (input.text("language"), input.text("name"));
    let (kind, active) = (input.word("type", &KINDS), input.truth("active"));
    input.finish()?;
    let (id, now) = (call.params.id("texttrack_id"), call.now);
    let video = call.own_video()?;
    let track = video.text_tracks.iter_mut().find(|track| Some(track.id) == id).ok_or_else(missing)?;
    track.language = language.unwrap_or_else(|| track.language.clone());
    track.name = name.unwrap_or_else(|| track.name.clone());
    track.kind = kind.unwrap_or_else(|| track.kind.clone());
    track.active = active.unwrap_or(track.active);
    video.touch(now);
    get(call)
}

pub(crate) fn delete(call: &mut Call<'_>) -> Outcome {
    let (id, now) = (call.params.id("texttrack_id"), call.now);
    let video = call.own_video()?;
    let place = video.text_tracks.iter().position(|track| Some(track.id) == id).ok_or_else(missing)?;
    video.text_tracks.remove(place);
    video.touch(now);
    Ok(Answer::no_content())
}
