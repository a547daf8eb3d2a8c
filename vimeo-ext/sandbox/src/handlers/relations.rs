//! Likes, the Watch Later queue, and following users.

use crate::call::{Answer, Call, Outcome};
use crate::protocol::error::{ApiError, EMPTY_PARAMETER};
use crate::synth::shapes::{user as user_shape, video as shape};
use crate::world::user::User;
use crate::world::video::Video;

use super::videos::{Filter, sort_videos};

// Likes.

pub(crate) fn likes(call: &mut Call<'_>) -> Outcome {
    let ids = call.state.likes.of(call.subject()?);
    related_videos(call, &ids)
}

pub(crate) fn likers(call: &mut Call<'_>) -> Outcome {
    let ids = call.state.likes.by(call.video()?.id);
    people(call, &ids)
}

pub(crate) fn check_like(call: &mut Call<'_>) -> Outcome {
    let (user, video) = (call.subject()?, call.video()?.id);
    match call.state.likes.since(user, video) {
        Some(_) => Ok(Answer::no_content()),
        None => Err(ApiError::not_found("like")),
    }
}

pub(crate) fn like(call: &mut Call<'_>) -> Outcome {
    let me = call.own_subject()?;
    let (video, owner) = call.video().map(|video| (video.id, video.owner))?;
    if owner == me {
        return Err(ApiError::invalid_field("video_id", "is your own video, which you cannot like"));
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
    related_videos(call, &ids)
}

pub(crate) fn check_watch_later(call: &mut Call<'_>) -> Outcome {
    let me = call.own_subject()?;
    let video = call.video()?;
    if call.state.watch_later.since(me, video.id).is_none() {
        return Err(ApiError::not_found("video in the queue"));
    }
    Ok(Answer::ok("video", shape::video(&call.view(), video, &call.selection)))
}

pub(crate) fn add_to_watch_later(call: &mut Call<'_>) -> Outcome {
    let (me, video) = (call.own_subject()?, call.video()?.id);
    call.state.watch_later.add(me, video, call.now);
    Ok(Answer::no_content())
}

pub(crate) fn remove_from_watch_later(call: &mut Call<'_>) -> Outcome {
    let (me, video) = (call.own_subject()?, call.video()?.id);
    call.state.watch_later.remove(me, video);
    Ok(Answer::no_content())
}

/// Lists related videos, the most recently added first by default.
fn related_videos(call: &Call<'_>, ids: &[u64]) -> Outcome {
    let viewer = call.viewer();
    let filter = Filter::read(call)?;
    let sort =
        call.query_enum("sort", &["alphabetical", "comments", "date", "duration", "likes", "plays"], "date")?;
    let descending = call.descending(sort != "alphabetical")?;
    let known = ids.iter().filter_map(|id| call.state.videos.get(id));
    let mut found: Vec<&Video> =
        known.filter(|video| video.visible_to(viewer) && filter.matches(video)).collect();
    if sort != "date" {
        sort_videos(call.state, &mut found, &sort, descending);
    } else if !descending {
        found.reverse();
    }
    call.page("video", &found, |view, video, selection| shape::video(view, video, selection))
}

// Following.

pub(crate) fn following(call: &mut Call<'_>) -> Outcome {
    let ids = call.state.follows.of(call.subject()?);
    people(call, &ids)
}

pub(crate) fn followers(call: &mut Call<'_>) -> Outcome {
    let ids = call.state.follows.by(call.subject()?);
    people(call, &ids)
}

pub(crate) fn check_following(call: &mut Call<'_>) -> Outcome {
    let (follower, followed_user) = (call.subject()?, find_user(call, call.params.get("follow_user_id"))?);
    match call.state.follows.since(follower, followed_user) {
        Some(_) => Ok(Answer::no_content()),
        None => Err(ApiError::not_found("following")),
    }
}

pub(crate) fn follow(call: &mut Call<'_>) -> Outcome {
    let (me, user) = (call.own_subject()?, find_user(call, call.params.get("follow_user_id"))?);
    call.state.follows.add(me, user, call.now);
    Ok(Answer::no_content())
}

pub(crate) fn unfollow(call: &mut Call<'_>) -> Outcome {
    let (me, user) = (call.own_subject()?, find_user(call, call.params.get("follow_user_id"))?);
    call.state.follows.remove(me, user);
    Ok(Answer::no_content())
}

/// Follows several users, all or none.
pub(crate) fn follow_many(call: &mut Call<'_>) -> Outcome {
    /// How many users one request may name.
    const MAX_USERS: usize = 100;
    let me = call.own_subject()?;
    let input = call.input()?;
    // An array of objects with a `uri`, at the top level or as the member `users`; plain URIs are accepted too.
    let items =
        input.root().as_array().or_else(|| input.get("users")?.as_array()).filter(|items| !items.is_empty());
    let uris = items.and_then(|items| {
        items.iter().map(|item| item.get("uri").unwrap_or(item).as_str()).collect::<Option<Vec<&str>>>()
    });
    let Some(uris) = uris else {
        return Err(ApiError::bad_request(EMPTY_PARAMETER, "The body must list users by URI."));
    };
    if uris.len() > MAX_USERS {
        return Err(ApiError::bad_request(
            2901,
            format!("At most {MAX_USERS} users can be followed at once."),
        ));
    }
    let mut users = Vec::with_capacity(uris.len());
    for uri in uris {
        let user = find_user(call, uri.trim_start_matches("/users/"));
        users.push(user.map_err(|_| ApiError::bad_request(2900, format!("{uri} not found.")))?);
    }
    for user in users {
        call.state.follows.add(me, user, call.now);
    }
    Ok(Answer::no_content())
}

fn find_user(call: &Call<'_>, name: &str) -> Result<u64, ApiError> {
    call.state.find_user(name).map(|user| user.id).ok_or_else(|| ApiError::not_found("user"))
}

/// Lists users in the given order, unless another sort order is requested.
pub(crate) fn people(call: &Call<'_>, ids: &[u64]) -> Outcome {
    let query = call.request.query.get("query").unwrap_or_default().to_lowercase();
    let mut found: Vec<&User> = ids
        .iter()
        .filter_map(|id| call.state.users.get(id))
        .filter(|user| user.name.to_lowercase().contains(&query))
        .collect();
    let sort = call.query_enum("sort", &["alphabetical", "date"], "date")?;
    let by_name = sort == "alphabetical";
    if by_name {
        found.sort_by(|a, b| a.name.cmp(&b.name));
    }
    if call.descending(!by_name)? == by_name {
        found.reverse();
    }
    call.page("user", &found, |view, user, selection| user_shape::user(view, user, selection))
}
