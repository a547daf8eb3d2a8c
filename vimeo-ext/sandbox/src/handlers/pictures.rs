//! Thumbnails of videos and portraits of users.
//!
//! Each takes three steps: create it, send the image to its link, set it active.

use http::StatusCode;

use crate::call::{Answer, Call, Outcome};
use crate::protocol::error::ApiError;
use crate::protocol::input::Input;
use crate::synth::shapes::{picture as shape, video as video_shape};
use crate::world::user::User;
use crate::world::video::Picture;

fn not_found() -> ApiError {
    ApiError::not_found("picture")
}

/// Activates one picture and deactivates the others, or deactivates it.
fn activate(pictures: &mut [Picture], id: u64, active: bool) {
    for picture in pictures {
        if picture.id == id {
            picture.active = active;
        } else if active {
            picture.active = false;
        }
    }
}

// Thumbnails.

pub(crate) fn thumbnails(call: &mut Call<'_>) -> Outcome {
    let video = call.video()?;
    let uri = video_shape::uri(video);
    let pictures: Vec<&Picture> = video.pictures.iter().rev().collect();
    call.page("picture", &pictures, |_, picture, selection| shape::thumbnail(&uri, Some(*picture), selection))
}

pub(crate) fn create_thumbnail(call: &mut Call<'_>) -> Outcome {
    let mut input = call.input()?;
    let (time, active) = (input.number("time"), input.boolean("active"));
    input.finish()?;
    let (id, key, resource_key) = (call.state.ids.id(), call.state.ids.hex(64), call.state.ids.hex(40));
    let now = call.now;
    let video = call.own_video()?;
    // A frame of the video needs no upload; only then can the thumbnail be active at once.
    let ready = time.is_some();
    video.pictures.push(Picture { id, active: false, ready, key, resource_key });
    if ready && active == Some(true) {
        activate(&mut video.pictures, id, true);
    }
    video.touch(now);
    let video = call.video()?;
    let picture = video.pictures.last().ok_or_else(not_found)?;
    let uri = video_shape::uri(video);
    Ok(Answer::created(
        "picture",
        match ready {
            true => shape::thumbnail(&uri, Some(picture), &call.selection),
            false => shape::new_thumbnail(&call.view(), &uri, picture, now, &call.selection),
        },
    ))
}

pub(crate) fn thumbnail(call: &mut Call<'_>) -> Outcome {
    let video = call.video()?;
    let id = call.params.id("picture_id");
    let picture = video.pictures.iter().find(|picture| Some(picture.id) == id).ok_or_else(not_found)?;
    let uri = video_shape::uri(video);
    Ok(Answer::ok("picture", shape::thumbnail(&uri, Some(picture), &call.selection)))
}

pub(crate) fn edit_thumbnail(call: &mut Call<'_>) -> Outcome {
    let active = active(call.input()?)?;
    let (id, now) = (call.params.id("picture_id").ok_or_else(not_found)?, call.now);
    let video = call.own_video()?;
    set_active(&mut video.pictures, id, active)?;
    video.touch(now);
    thumbnail(call)
}

pub(crate) fn delete_thumbnail(call: &mut Call<'_>) -> Outcome {
    let (id, now) = (call.params.id("picture_id"), call.now);
    let video = call.own_video()?;
    let index = video.pictures.iter().position(|picture| Some(picture.id) == id).ok_or_else(not_found)?;
    video.pictures.remove(index);
    video.touch(now);
    Ok(Answer::no_content())
}

fn active(mut input: Input) -> Result<Option<bool>, ApiError> {
    let active = input.boolean("active");
    input.finish()?;
    Ok(active)
}

/// Sets whether a picture is active; requires its image to be uploaded.
fn set_active(pictures: &mut [Picture], id: u64, active: Option<bool>) -> Result<(), ApiError> {
    let picture = pictures.iter().find(|picture| picture.id == id).ok_or_else(not_found)?;
    match active {
        Some(true) if !picture.ready => Err(ApiError::invalid_field(
            "active",
            "cannot be true until the image is sent to the picture's link",
        )),
        Some(active) => {
            activate(pictures, id, active);
            Ok(())
        }
        None => Ok(()),
    }
}

// Portraits.

pub(crate) fn portraits(call: &mut Call<'_>) -> Outcome {
    let user = call.user(call.subject()?)?;
    let uri = user.uri();
    let pictures: Vec<&Picture> = user.pictures.iter().rev().collect();
    call.page("picture", &pictures, |_, picture, selection| shape::portrait(&uri, Some(*picture), selection))
}

/// Returns 200 by default, unlike the creation of a thumbnail, which returns 201.
pub(crate) fn create_portrait(call: &mut Call<'_>) -> Outcome {
    let (id, key, resource_key) = (call.state.ids.id(), call.state.ids.hex(64), call.state.ids.hex(40));
    let user = own_user(call)?;
    user.pictures.push(Picture { id, active: false, ready: false, key, resource_key });
    let user = call.user(call.subject()?)?;
    let picture = user.pictures.last().ok_or_else(not_found)?;
    let body = shape::new_portrait(&call.view(), &user.uri(), picture, call.now, &call.selection);
    let status = match call.state.config.portrait_answers_201 {
        true => StatusCode::CREATED,
        false => StatusCode::OK,
    };
    Ok(Answer::of(status, "picture", body))
}

pub(crate) fn portrait(call: &mut Call<'_>) -> Outcome {
    let user = call.user(call.subject()?)?;
    let id = call.params.id("portraitset_id");
    let picture = user.pictures.iter().find(|picture| Some(picture.id) == id).ok_or_else(not_found)?;
    Ok(Answer::ok("picture", shape::portrait(&user.uri(), Some(picture), &call.selection)))
}

pub(crate) fn edit_portrait(call: &mut Call<'_>) -> Outcome {
    let active = active(call.input()?)?;
    let id = call.params.id("portraitset_id").ok_or_else(not_found)?;
    set_active(&mut own_user(call)?.pictures, id, active)?;
    portrait(call)
}

pub(crate) fn delete_portrait(call: &mut Call<'_>) -> Outcome {
    let id = call.params.id("portraitset_id");
    let user = own_user(call)?;
    let index = user.pictures.iter().position(|picture| Some(picture.id) == id).ok_or_else(not_found)?;
    user.pictures.remove(index);
    Ok(Answer::no_content())
}

fn own_user<'c>(call: &'c mut Call<'_>) -> Result<&'c mut User, ApiError> {
    let id = call.own_subject()?;
    call.state.users.get_mut(&id).ok_or_else(|| ApiError::not_found("user"))
}
