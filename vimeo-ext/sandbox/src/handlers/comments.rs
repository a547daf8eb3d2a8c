//! Comments on videos, and replies to them.

use http::StatusCode;

use crate::call::{Answer, Call, Outcome};
use crate::protocol::error::{ApiError, PERMISSION_DENIED};
use crate::synth::shapes::comment as shape;
use crate::world::collections::Comment;

/// The comment has no text.
const MISSING_TEXT: u32 = 2207;
/// Comments on the video are disabled.
const COMMENTS_DISABLED: u32 = 3413;

fn not_found() -> ApiError {
    ApiError::not_found("comment")
}

pub(crate) fn list(call: &mut Call<'_>) -> Outcome {
    page(call, None)
}

pub(crate) fn replies(call: &mut Call<'_>) -> Outcome {
    let id = find(call)?.id;
    page(call, Some(id))
}

fn page(call: &Call<'_>, reply_to: Option<u64>) -> Outcome {
    let descending = call.descending(true)?;
    let video = call.video()?;
    let mut found: Vec<&Comment> =
        video.comments.iter().filter(|comment| comment.reply_to == reply_to).collect();
    if descending {
        found.reverse();
    }
    call.page("comment", &found, |view, comment, selection| shape::comment(view, video, comment, selection))
}

pub(crate) fn get(call: &mut Call<'_>) -> Outcome {
    let comment = find(call)?;
    Ok(Answer::ok("comment", shape::comment(&call.view(), call.video()?, comment, &call.selection)))
}

pub(crate) fn create(call: &mut Call<'_>) -> Outcome {
    add(call, None)
}

pub(crate) fn reply(call: &mut Call<'_>) -> Outcome {
    let to = find(call)?.id;
    add(call, Some(to))
}

fn add(call: &mut Call<'_>, reply_to: Option<u64>) -> Outcome {
    let author = call.me()?;
    let text = text(call)?;
    let (video, closed) = call.video().map(|video| (video.id, video.privacy.comments == "nobody"))?;
    if closed {
        return Err(ApiError::forbidden(Some(COMMENTS_DISABLED), "Comments on the video are disabled."));
    }
    let (id, resource_key, created) = (call.state.ids.id(), call.state.ids.hex(40), call.now);
    let comment = Comment { id, author, text, reply_to, created, edited: None, resource_key };
    if let Some(video) = call.state.videos.get_mut(&video) {
        video.comments.push(comment);
    }
    let video = call.video()?;
    let comment = video.comments.last().ok_or_else(not_found)?;
    Ok(Answer::of(
        StatusCode::CREATED,
        "comment",
        shape::comment(&call.view(), video, comment, &call.selection),
    ))
}

fn text(call: &Call<'_>) -> Result<String, ApiError> {
    let mut input = call.input()?;
    let text = input.string("text").filter(|text| !text.trim().is_empty());
    input.finish()?;
    text.ok_or_else(|| ApiError::bad_request(MISSING_TEXT, "The comment has no text."))
}

/// Edits a comment; only its author may.
pub(crate) fn edit(call: &mut Call<'_>) -> Outcome {
    let me = call.me()?;
    let text = text(call)?;
    let (id, author) = find(call).map(|comment| (comment.id, comment.author))?;
    if author != me {
        return Err(ApiError::forbidden(Some(PERMISSION_DENIED), "The comment belongs to another user."));
    }
    let (video, now) = (call.video()?.id, call.now);
    let comments = call.state.videos.get_mut(&video).map(|video| &mut video.comments);
    if let Some(comment) = comments.and_then(|comments| comments.iter_mut().find(|comment| comment.id == id))
    {
        comment.text = text;
        comment.edited = Some(now);
    }
    get(call)
}

/// Deletes a comment with its replies; its author and the video's owner may.
pub(crate) fn delete(call: &mut Call<'_>) -> Outcome {
    let me = call.me()?;
    let (id, author) = find(call).map(|comment| (comment.id, comment.author))?;
    let (video, owner) = call.video().map(|video| (video.id, video.owner))?;
    if me != author && me != owner {
        return Err(ApiError::forbidden(
            Some(PERMISSION_DENIED),
            "The comment and the video belong to other users.",
        ));
    }
    if let Some(video) = call.state.videos.get_mut(&video) {
        video.comments.retain(|comment| comment.id != id && comment.reply_to != Some(id));
    }
    Ok(Answer::no_content())
}

fn find<'c>(call: &'c Call<'_>) -> Result<&'c Comment, ApiError> {
    let id = call.params.id("comment_id");
    call.video()?.comments.iter().find(|comment| Some(comment.id) == id).ok_or_else(not_found)
}
