//! Memberships of videos in showcases and channels, and candidates for them.

use serde_json::Value;

use super::{resolve, showcases};
use crate::call::{Answer, Call, Outcome};
use crate::protocol::error::{ApiError, InvalidField};
use crate::synth::shapes::showcase as shape;

fn ids(ids: impl Iterator<Item = u64>) -> Vec<String> {
    ids.map(|id| id.to_string()).collect()
}

/// The caller's showcases that contain the video, or those that do not.
fn own_showcases(call: &Call<'_>, containing: bool) -> Result<Vec<String>, ApiError> {
    let (video, viewer) = (call.video()?.id, call.viewer());
    let own = call.state.showcases.values().filter(|showcase| Some(showcase.owner) == viewer);
    Ok(ids(own.filter(|showcase| showcase.videos.contains(&video) == containing).map(|showcase| showcase.id)))
}

pub(crate) fn showcases_of(call: &mut Call<'_>) -> Outcome {
    resolve::page(call, "Showcase", &own_showcases(call, true)?)
}

pub(crate) fn showcases_for(call: &mut Call<'_>) -> Outcome {
    resolve::page(call, "Showcase", &own_showcases(call, false)?)
}

/// The channels that the caller moderates and that do not contain the video.
pub(crate) fn channels_for(call: &mut Call<'_>) -> Outcome {
    let (video, me) = (call.video()?.id, call.viewer().unwrap_or_default());
    let own = call.state.channels.values().filter(|channel| channel.moderators.contains(&me));
    let free = own.filter(|channel| !channel.videos.contains(&video)).map(|channel| channel.id);
    resolve::page(call, "Channel", &ids(free))
}

/// The caller's videos that are not in the showcase.
pub(crate) fn videos_for_showcase(call: &mut Call<'_>) -> Outcome {
    let showcase = showcases::find(call)?;
    let owner = showcase.owner;
    let free = call
        .state
        .videos
        .values()
        .filter(|video| video.owner == owner && !showcase.videos.contains(&video.id));
    resolve::page(call, "Video", &ids(free.map(|video| video.id)))
}

/// Adds the video to showcases and removes it from others, all or nothing; returns those that it was added to.
pub(crate) fn edit_showcases(call: &mut Call<'_>) -> Outcome {
    let (video, me, now) = (call.own_video()?.id, call.me()?, call.now);
    let input = call.input()?;
    let named = |list: &str| -> Result<Vec<u64>, ApiError> {
        let items = input.get(list).and_then(Value::as_array).into_iter().flatten();
        let uris = items.filter_map(|item| item.get("uri")?.as_str());
        let id = |uri: &str| {
            let id = uri.rsplit('/').next()?.parse().ok()?;
            call.state.showcases.get(&id).filter(|showcase| showcase.owner == me).map(|showcase| showcase.id)
        };
        let wrong =
            || ApiError::invalid(vec![InvalidField::new(list, "must name showcases of the token's user")]);
        uris.map(|uri| id(uri).ok_or_else(wrong)).collect()
    };
    let (add, remove) = (named("add")?, named("remove")?);
    for id in &remove {
        if let Some(showcase) = call.state.showcases.get_mut(id) {
            showcase.videos.retain(|id| *id != video);
            showcase.modified = now;
        }
    }
    for id in &add {
        if let Some(showcase) =
            call.state.showcases.get_mut(id).filter(|showcase| !showcase.videos.contains(&video))
        {
            showcase.videos.push(video);
            showcase.modified = now;
        }
    }
    let view = call.view();
    let added = add.iter().filter_map(|id| call.state.showcases.get(id));
    let bodies = added.map(|showcase| shape::showcase(&view, showcase, &call.selection)).collect();
    Ok(Answer::ok("album", Value::Array(bodies)))
}

/// Uses a video's thumbnail for the showcase.
pub(crate) fn set_thumbnail(call: &mut Call<'_>) -> Outcome {
    set_video(call, |showcase, video| showcase.thumbnail = Some(video))
}

/// Features a video in the showcase.
pub(crate) fn set_featured(call: &mut Call<'_>) -> Outcome {
    set_video(call, |showcase, video| showcase.featured = Some(video))
}

fn set_video(
    call: &mut Call<'_>,
    set: impl FnOnce(&mut crate::world::collections::Showcase, u64),
) -> Outcome {
    let (video, now) = (call.video()?.id, call.now);
    let showcase = showcases::find_own(call)?;
    if !showcase.videos.contains(&video) {
        return Err(ApiError::not_found("video in the showcase"));
    }
    set(showcase, video);
    showcase.modified = now;
    showcases::get(call)
}
