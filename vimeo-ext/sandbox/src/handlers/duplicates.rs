//! Duplicating videos and showcases.

use super::{showcases, videos};
use crate::call::{Call, Outcome};
use crate::protocol::error::ApiError;

/// Duplicates a video of the caller, without other users' comments and likes.
pub(crate) fn video(call: &mut Call<'_>) -> Outcome {
    call.own_subject()?;
    let id = call.own_video()?.id;
    let mut input = call.input()?;
    let name = input.string("name");
    input.finish()?;
    let now = call.now;
    let copy = call.state.copy_video(id, now).ok_or_else(|| ApiError::not_found("video"))?;
    if let (Some(name), Some(video)) = (name, call.state.videos.get_mut(&copy)) {
        video.name = name;
    }
    call.params.put("video_id", copy);
    videos::get(call)
}

/// Duplicates a showcase of the caller, with the same videos.
pub(crate) fn showcase(call: &mut Call<'_>) -> Outcome {
    let mut input = call.input()?;
    let name = input.string("name");
    let mut copy = showcases::find_own(call)?.clone();
    input.finish()?;
    (copy.id, copy.resource_key) = (call.state.ids.id(), call.state.ids.hex(40));
    (copy.created, copy.modified) = (call.now, call.now);
    copy.name = name.unwrap_or(copy.name);
    let id = copy.id;
    call.state.showcases.insert(id, copy);
    call.params.put("album_id", id);
    showcases::get(call)
}
