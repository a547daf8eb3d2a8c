//! Channels, their videos and their followers.

use serde_json::Value;

use super::relations::people;
use super::videos::{Filter, sort_videos};
use crate::call::{Answer, Call, Outcome};
use crate::protocol::error::{ApiError, PERMISSION_DENIED};
use crate::protocol::fields::Selection;
use crate::synth::shapes::{channel as shape, video as video_shape};
use crate::world::collections::Channel;
use crate::world::video::Video;

const PRIVACY: [&str; 3] = ["anybody", "moderators", "user"];

fn not_found() -> ApiError {
    ApiError::not_found("channel")
}

/// The channel in the path, by ID or by the name in its link.
pub(super) fn find<'c>(call: &'c Call<'_>) -> Result<&'c Channel, ApiError> {
    let name = call.params.get("channel_id");
    let channels = &call.state.channels;
    let by_id = name.parse().ok().and_then(|id: u64| channels.get(&id));
    let found =
        by_id.or_else(|| channels.values().find(|channel| channel.link_name.as_deref() == Some(name)));
    found.filter(|channel| visible(channel, call.viewer())).ok_or_else(not_found)
}

fn visible(channel: &Channel, viewer: Option<u64>) -> bool {
    channel.privacy == "anybody" || viewer.is_some_and(|viewer| channel.moderators.contains(&viewer))
}

pub(super) fn find_own<'c>(call: &'c mut Call<'_>) -> Result<&'c mut Channel, ApiError> {
    let me = call.me()?;
    let (id, own) = find(call).map(|channel| (channel.id, channel.moderators.contains(&me)))?;
    if !own {
        return Err(ApiError::forbidden(Some(PERMISSION_DENIED), "The user does not moderate the channel."));
    }
    call.state.channels.get_mut(&id).ok_or_else(not_found)
}

pub(crate) fn list(call: &mut Call<'_>) -> Outcome {
    let found: Vec<&Channel> = call.state.channels.values().collect();
    page(call, found)
}

/// The channels that a user follows or moderates.
pub(crate) fn of_user(call: &mut Call<'_>) -> Outcome {
    let user = call.subject()?;
    let moderated = call.query_enum("filter", &["moderated"], "")? == "moderated";
    let belongs = |channel: &&Channel| {
        channel.moderators.contains(&user)
            || (!moderated && call.state.subscriptions.since(user, channel.id).is_some())
    };
    let found: Vec<&Channel> = call.state.channels.values().filter(belongs).collect();
    page(call, found)
}

fn page(call: &Call<'_>, mut found: Vec<&Channel>) -> Outcome {
    let viewer = call.viewer();
    let query = call.request.query.get("query").unwrap_or_default().to_lowercase();
    let sort = call.query_enum(
        "sort",
        &["alphabetical", "date", "default", "followers", "relevant", "videos"],
        "default",
    )?;
    let descending = call.descending(sort != "alphabetical")?;
    found.retain(|channel| visible(channel, viewer) && channel.name.to_lowercase().contains(&query));
    match sort.as_str() {
        "alphabetical" => found.sort_by_key(|channel| channel.name.to_lowercase()),
        "videos" => found.sort_by_key(|channel| channel.videos.len()),
        "followers" => found.sort_by_key(|channel| call.state.subscriptions.count_by(channel.id)),
        _ => {}
    }
    if descending {
        found.reverse();
    }
    call.page("channel", &found, |view, channel, selection| shape::channel(view, channel, selection))
}

/// Returns 200, unlike other creations, which return 201.
pub(crate) fn create(call: &mut Call<'_>) -> Outcome {
    let owner = call.me()?;
    let mut input = call.input()?;
    let name = input.required_string("name");
    if input.get("privacy").is_none() {
        input.required_string("privacy");
    }
    let privacy = input.enum_value("privacy", &PRIVACY).unwrap_or_default();
    let (description, link_name) = (input.string("description"), input.string("link"));
    input.finish()?;
    let (id, resource_key, created) = (call.state.ids.id(), call.state.ids.hex(40), call.now);
    let channel = Channel {
        id,
        owner,
        name,
        description,
        link_name,
        privacy,
        videos: Vec::new(),
        moderators: [owner].into(),
        created,
        modified: created,
        resource_key,
    };
    call.state.channels.insert(id, channel);
    // The creator of a channel follows it.
    call.state.subscriptions.add(owner, id, created);
    call.params.put("channel_id", id);
    get(call)
}

pub(crate) fn get(call: &mut Call<'_>) -> Outcome {
    let found = find(call)?;
    Ok(Answer::ok("channel", shape::channel(&call.view(), found, &call.selection)))
}

pub(crate) fn edit(call: &mut Call<'_>) -> Outcome {
    let mut input = call.input()?;
    let (name, description) = (input.string("name"), input.string("description"));
    // Responses have the whole URL; a client that sends it back changes nothing.
    let link_only = Selection::parse(Some("link"));
    let unchanged = shape::channel(&call.view(), find(call)?, &link_only);
    let link = input
        .string("link")
        .filter(|link| unchanged.get("link").and_then(Value::as_str) != Some(link.as_str()));
    let privacy = input.enum_value("privacy", &PRIVACY);
    let now = call.now;
    let channel = find_own(call)?;
    input.finish()?;
    channel.name = name.unwrap_or_else(|| channel.name.clone());
    channel.privacy = privacy.unwrap_or_else(|| channel.privacy.clone());
    channel.description = description.or_else(|| channel.description.clone());
    channel.link_name = link.or_else(|| channel.link_name.clone());
    channel.modified = now;
    get(call)
}

pub(crate) fn delete(call: &mut Call<'_>) -> Outcome {
    let id = find_own(call)?.id;
    call.state.channels.remove(&id);
    call.state.subscriptions.remove_all(id);
    Ok(Answer::no_content())
}

// Videos.

pub(crate) fn videos(call: &mut Call<'_>) -> Outcome {
    let viewer = call.viewer();
    let filter = Filter::read(call)?;
    let sorts = [
        "added",
        "alphabetical",
        "comments",
        "date",
        "default",
        "duration",
        "likes",
        "manual",
        "modified_time",
        "plays",
    ];
    let sort = call.query_enum("sort", &sorts, "default")?;
    let descending = call.descending(sort != "alphabetical")?;
    let channel = find(call)?;
    let known = channel.videos.iter().filter_map(|id| call.state.videos.get(id));
    let mut found: Vec<&Video> =
        known.filter(|video| video.visible_to(viewer) && filter.matches(video)).collect();
    match sort.as_str() {
        "default" | "added" | "manual" if descending => found.reverse(),
        "default" | "added" | "manual" => {}
        sort => sort_videos(call.state, &mut found, sort, descending),
    }
    let modified = found.iter().map(|video| video.modified).fold(channel.modified, Ord::max);
    let answer =
        call.page("video", &found, |view, video, selection| video_shape::video(view, video, selection))?;
    Ok(answer.modified(modified))
}

pub(crate) fn video(call: &mut Call<'_>) -> Outcome {
    let video = call.video()?;
    if !find(call)?.videos.contains(&video.id) {
        return Err(ApiError::not_found("video in the channel"));
    }
    Ok(Answer::ok("video", video_shape::video(&call.view(), video, &call.selection)))
}

pub(crate) fn add_video(call: &mut Call<'_>) -> Outcome {
    let video = call.video()?.id;
    insert(call, &[video])?;
    Ok(Answer::no_content())
}

/// Adds the videos in an array of `{"video_uri": …}`.
pub(crate) fn add_videos(call: &mut Call<'_>) -> Outcome {
    let ids = body_videos(call)?;
    insert(call, &ids)?;
    get(call)
}

pub(crate) fn remove_video(call: &mut Call<'_>) -> Outcome {
    let video = call.video()?.id;
    remove_all(call, &[video])
}

pub(crate) fn remove_videos(call: &mut Call<'_>) -> Outcome {
    let ids = body_videos(call)?;
    remove_all(call, &ids)
}

fn body_videos(call: &Call<'_>) -> Result<Vec<u64>, ApiError> {
    let input = call.input()?;
    let items = input.root().as_array().cloned().unwrap_or_else(|| vec![input.root().clone()]);
    let id = |item: &Value| item.get("video_uri")?.as_str()?.trim_start_matches("/videos/").parse().ok();
    let ids: Option<Vec<u64>> = items.iter().map(id).collect();
    let ids = ids.ok_or_else(|| ApiError::invalid_field("video_uri", "must be the URI of a video"))?;
    match ids.iter().find(|id| !call.state.videos.contains_key(id)) {
        Some(_) => Err(ApiError::not_found("video")),
        None => Ok(ids),
    }
}

fn insert(call: &mut Call<'_>, videos: &[u64]) -> Result<(), ApiError> {
    let now = call.now;
    let channel = find_own(call)?;
    for video in videos {
        if !channel.videos.contains(video) {
            channel.videos.push(*video);
        }
    }
    channel.modified = now;
    Ok(())
}

fn remove_all(call: &mut Call<'_>, videos: &[u64]) -> Outcome {
    let now = call.now;
    let channel = find_own(call)?;
    channel.videos.retain(|video| !videos.contains(video));
    channel.modified = now;
    Ok(Answer::no_content())
}

// Followers.

pub(crate) fn followers(call: &mut Call<'_>) -> Outcome {
    let ids = call.state.subscriptions.by(find(call)?.id);
    people(call, &ids)
}

pub(crate) fn check(call: &mut Call<'_>) -> Outcome {
    let (user, channel) = (call.subject()?, find(call)?.id);
    match call.state.subscriptions.since(user, channel) {
        Some(_) => Ok(Answer::no_content()),
        None => Err(ApiError::not_found("subscription")),
    }
}

pub(crate) fn subscribe(call: &mut Call<'_>) -> Outcome {
    let (me, channel) = (call.own_subject()?, find(call)?.id);
    call.state.subscriptions.add(me, channel, call.now);
    Ok(Answer::no_content())
}

pub(crate) fn unsubscribe(call: &mut Call<'_>) -> Outcome {
    let (me, channel) = (call.own_subject()?, find(call)?.id);
    call.state.subscriptions.remove(me, channel);
    Ok(Answer::no_content())
}
