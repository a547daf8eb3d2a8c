//! Likes, Watch Later and followings: one person marks one thing.

use crate::call::{Answer, Call, Outcome};
use crate::protocol::error::{ApiError, EMPTY_PARAMETER};
use crate::synth::shapes::{user as user_shape, video as shape};
use crate::world::user::User;
use crate::world::video::Video;

use super::videos::{Filter, order};

// Likes.

pub(crate) fn likes(call: &mut Call<'_>) -> Outcome {
    let ids = call.state.likes.of(call.subject()?);
    marked_videos(call, &ids)
}

pub(crate) fn likers(call: &mut Call<'_>) -> Outcome {
    let ids = call.state.likes.by(call.video()?.id);
    people(call, &ids)
}

pub(crate) fn check_like(call: &mut Call<'_>) -> Outcome {
    let (who, video) = (call.subject()?, call.video()?.id);
    match call.state.likes.since(who, video) {
        Some(_) => Ok(Answer::no_content()),
        None => Err(ApiError::not_found("like")),
    }
}

pub(crate) fn like(call: &mut Call<'_>) -> Outcome {
    let me = call.own_subject()?;
    let (video, owner) = call.video().map(|video| (video.id, video.owner))?;
    if owner == me {
        return Err(ApiError::invalid_field("video_id", "is your own, which cannot be liked"));
    }
    call.state.likes.add(me, video, call.now);
    Ok(Answer::no_content())
}

pub(crate) fn unlike(call: &mut Call<'_>) -> Outcome {
    let (me, video) = (call.own_subject()?, call.video()?.id);
    call.state.likes.remove(me, video);
    Ok(Answer::no_content())
}

// Watch Later.

pub(crate) fn watch_later(call: &mut Call<'_>) -> Outcome {
    let ids = call.state.watch_later.of(call.own_subject()?);
    marked_videos(call, &ids)
}

pub(crate) fn check_later(call: &mut Call<'_>) -> Outcome {
    let me = call.own_subject()?;
    let video = call.video()?;
    if call.state.watch_later.since(me, video.id).is_none() {
        return Err(ApiError::not_found("video in the queue"));
    }
    Ok(Answer::ok("video", shape::video(&call.view(), video, &call.selection)))
}

pub(crate) fn add_later(call: &mut Call<'_>) -> Outcome {
    let (me, video) = (call.own_subject()?, call.video()?.id);
    call.state.watch_later.add(me, video, call.now);
    Ok(Answer::no_content())
}

pub(crate) fn remove_later(call: &mut Call<'_>) -> Outcome {
    let (me, video) = (call.own_subject()?, call.video()?.id);
    call.state.watch_later.remove(me, video);
    Ok(Answer::no_content())
}

/// Marked videos, the latest mark first unless another sorting is asked for.
fn marked_videos(call: &Call<'_>, ids: &[u64]) -> Outcome {
    let viewer = call.viewer();
    let filter = Filter::read(call)?;
    let sort =
        call.query_word("sort", &["alphabetical", "comments", "date", "duration", "likes", "plays"], "date")?;
    let descending = call.descending(sort != "alphabetical")?;
    let known = ids.iter().filter_map(|id| call.state.videos.get(id));
    let mut found: Vec<&Video> =
        known.filter(|video| video.visible_to(viewer) && filter.fits(video)).collect();
    if sort != "date" {
        order(call.state, &mut found, &sort, descending);
    } else if !descending {
        found.reverse();
    }
    call.page("video", &found, |view, video, selection| shape::video(view, video, selection))
}

// Followings.

pub(crate) fn following(call: &mut Call<'_>) -> Outcome {
    let ids = call.state.follows.of(call.subject()?);
    people(call, &ids)
}

pub(crate) fn followers(call: &mut Call<'_>) -> Outcome {
    let ids = call.state.follows.by(call.subject()?);
    people(call, &ids)
}

pub(crate) fn check_following(call: &mut Call<'_>) -> Outcome {
    let (who, whom) = (call.subject()?, followed(call, call.params.get("follow_user_id"))?);
    match call.state.follows.since(who, whom) {
        Some(_) => Ok(Answer::no_content()),
        None => Err(ApiError::not_found("following")),
    }
}

pub(crate) fn follow(call: &mut Call<'_>) -> Outcome {
    let (me, whom) = (call.own_subject()?, followed(call, call.params.get("follow_user_id"))?);
    call.state.follows.add(me, whom, call.now);
    Ok(Answer::no_content())
}

pub(crate) fn unfollow(call: &mut Call<'_>) -> Outcome {
    let (me, whom) = (call.own_subject()?, followed(call, call.params.get("follow_user_id"))?);
    call.state.follows.remove(me, whom);
    Ok(Answer::no_content())
}

/// Follows all or none of a list of users.
pub(crate) fn follow_many(call: &mut Call<'_>) -> Outcome {
    /// The most users that one request may name.
    const MAX_USERS: usize = 100;
    let me = call.own_subject()?;
    let input = call.input()?;
    // A list of objects with a `uri`, bare or as the member `users`; plain URIs are taken too.
    let items =
        input.root().as_array().or_else(|| input.get("users")?.as_array()).filter(|items| !items.is_empty());
    let uris = items.and_then(|items| {
        items.iter().map(|item| item.get("uri").unwrap_or(item).as_str()).collect::<Option<Vec<&str>>>()
    });
    let Some(uris) = uris else {
        return Err(ApiError::bad_request(EMPTY_PARAMETER, "The body must list users by their URIs."));
    };
    if uris.len() > MAX_USERS {
        return Err(ApiError::bad_request(
            2901,
            format!("At most {MAX_USERS} users can be followed at once."),
        ));
    }
    let mut users = Vec::with_capacity(uris.len());
    for uri in uris {
        let user = followed(call, uri.trim_start_matches("/users/"));
        users.push(user.map_err(|_| ApiError::bad_request(2900, format!("There is no {uri}.")))?);
    }
    for user in users {
        call.state.follows.add(me, user, call.now);
    }
    Ok(Answer::no_content())
}

fn followed(call: &Call<'_>, name: &str) -> Result<u64, ApiError> {
    call.state.user_called(name).map(|user| user.id).ok_or_else(|| ApiError::not_found("user"))
}

/// People, in the order given unless sorted by name.
pub(crate) fn people(call: &Call<'_>, ids: &[u64]) -> Outcome {
    let wanted = call.request.query.get("query").unwrap_or_default().to_lowercase();
    let mut found: Vec<&User> = ids
        .iter()
        .filter_map(|id| call.state.users.get(id))
        .filter(|user| user.name.to_lowercase().contains(&wanted))
        .collect();
    let sort = call.query_word("sort", &["alphabetical", "date"], "date")?;
    let by_name = sort == "alphabetical";
    if by_name {
        found.sort_by(|a, b| a.name.cmp(&b.name));
    }
    if call.descending(!by_name)? == by_name {
        found.reverse();
    }
    call.page("user", &found, |view, user, selection| user_shape::user(view, user, selection))
}
