//! Versions of a video.

use crate::call::{Answer, Call, Outcome};
use crate::protocol::error::{ApiError, PERMISSION_DENIED};
use crate::synth::shapes::version as shape;

pub(crate) fn list(call: &mut Call<'_>) -> Outcome {
    let video = call.video()?;
    // Newest first.
    let versions: Vec<_> = video.versions.iter().rev().collect();
    call.page("video.version", &versions, |view, version, selection| {
        shape::version(view, video, version, selection)
    })
}

pub(crate) fn get(call: &mut Call<'_>) -> Outcome {
    answer(call)
}

pub(crate) fn edit(call: &mut Call<'_>) -> Outcome {
    let mut input = call.input()?;
    let current = input.boolean("is_current");
    let description = input.string("description");
    input.finish()?;
    let (id, now) = (call.params.id("version_id"), call.now);
    let video = call.own_video()?;
    let index = video.versions.iter().position(|version| Some(version.id) == id).ok_or_else(not_found)?;
    if current == Some(true) {
        for (at, version) in video.versions.iter_mut().enumerate() {
            version.active = at == index;
        }
    }
    if let Some(version) = video.versions.get_mut(index) {
        version.modified = now;
        if description.is_some() {
            version.description = description;
        }
    }
    video.touch(now);
    answer(call)
}

pub(crate) fn delete(call: &mut Call<'_>) -> Outcome {
    let (id, now) = (call.params.id("version_id"), call.now);
    let video = call.own_video()?;
    let index = video.versions.iter().position(|version| Some(version.id) == id).ok_or_else(not_found)?;
    if video.versions.get(index).is_some_and(|version| version.active) || video.versions.len() == 1 {
        return Err(ApiError::forbidden(Some(PERMISSION_DENIED), "The active version cannot be deleted."));
    }
    video.versions.remove(index);
    video.touch(now);
    Ok(Answer::no_content())
}

fn not_found() -> ApiError {
    ApiError::not_found("version")
}

fn answer(call: &Call<'_>) -> Outcome {
    let video = call.video()?;
    let id = call.params.id("version_id").ok_or_else(not_found)?;
    let version = video.version(id).ok_or_else(not_found)?;
    Ok(Answer::ok("video.version", shape::version(&call.view(), video, version, &call.selection)))
}
