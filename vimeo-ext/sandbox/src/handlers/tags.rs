//! Tags, and the videos that have them.

use super::videos::sort_videos;
use crate::call::{Answer, Call, Outcome};
use crate::protocol::error::{ApiError, EMPTY_PARAMETER};
use crate::synth::shapes::{tag as shape, video as video_shape};
use crate::world::video::{Tag, Video};

fn not_found() -> ApiError {
    ApiError::not_found("tag")
}

fn path_tag(call: &Call<'_>) -> Result<Tag, ApiError> {
    Tag::new(call.params.get("word"))
        .ok_or_else(|| ApiError::bad_request(EMPTY_PARAMETER, "The tag is empty."))
}

pub(crate) fn get(call: &mut Call<'_>) -> Outcome {
    let tag = path_tag(call)?;
    let existing = call
        .state
        .videos
        .values()
        .find_map(|video| video.tags.iter().find(|existing| existing.canonical == tag.canonical));
    let tag = existing.ok_or_else(not_found)?;
    Ok(Answer::ok("tag", shape::tag(&call.view(), "", tag, &call.selection)))
}

pub(crate) fn videos(call: &mut Call<'_>) -> Outcome {
    let tag = path_tag(call)?;
    let viewer = call.viewer();
    let sorts = ["comments", "created_time", "date", "duration", "likes", "name", "plays"];
    let sort = call.query_enum("sort", &sorts, "created_time")?;
    let descending = call.descending(sort != "name")?;
    let has_tag = |video: &&Video| video.has_tag(&tag.canonical) && video.listed_for(viewer);
    let mut found: Vec<&Video> = call.state.videos.values().filter(has_tag).collect();
    sort_videos(call.state, &mut found, &sort, descending);
    call.page("video", &found, |view, video, selection| video_shape::video(view, video, selection))
}

pub(crate) fn of_video(call: &mut Call<'_>) -> Outcome {
    let video = call.video()?;
    let uri = video_shape::uri(video);
    let tags: Vec<&Tag> = video.tags.iter().collect();
    call.page("tag", &tags, |view, tag, selection| shape::tag(view, &uri, tag, selection))
}

pub(crate) fn check(call: &mut Call<'_>) -> Outcome {
    let tag = path_tag(call)?;
    let video = call.video()?;
    let existing =
        video.tags.iter().find(|existing| existing.canonical == tag.canonical).ok_or_else(not_found)?;
    Ok(Answer::ok("tag", shape::tag(&call.view(), "", existing, &call.selection)))
}

pub(crate) fn add(call: &mut Call<'_>) -> Outcome {
    let tag = path_tag(call)?;
    let now = call.now;
    put(call.own_video()?, tag);
    call.own_video()?.touch(now);
    check(call)
}

/// Adds the tags in an array of `{"name": …}`; returns a page of them, since the operation has `page` and `per_page`.
pub(crate) fn add_many(call: &mut Call<'_>) -> Outcome {
    let input = call.input()?;
    let names: Option<Vec<Tag>> = input.root().as_array().and_then(|items| {
        items.iter().map(|item| Tag::new(item.get("name").or(Some(item))?.as_str()?)).collect()
    });
    let Some(tags) = names.filter(|tags| !tags.is_empty()) else {
        return Err(ApiError::bad_request(
            EMPTY_PARAMETER,
            "The body must be an array of objects, each with a name.",
        ));
    };
    let now = call.now;
    let video = call.own_video()?;
    for tag in &tags {
        put(video, tag.clone());
    }
    video.touch(now);
    call.page("tag", &tags, |view, tag, selection| shape::tag(view, "", tag, selection))
}

pub(crate) fn remove(call: &mut Call<'_>) -> Outcome {
    let tag = path_tag(call)?;
    let now = call.now;
    let video = call.own_video()?;
    video.tags.retain(|existing| existing.canonical != tag.canonical);
    video.touch(now);
    Ok(Answer::no_content())
}

/// Adds a tag; one that exists keeps its original spelling.
fn put(video: &mut Video, tag: Tag) {
    if !video.has_tag(&tag.canonical) {
        video.tags.push(tag);
    }
}
