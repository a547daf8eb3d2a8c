//! Folders, what is in them, and what is moved into them.

use http::StatusCode;
use serde_json::{Value, json};

use super::videos::{Filter, ids_in, order};
use crate::call::{Answer, Call, Outcome, ResponseView};
use crate::protocol::error::{ApiError, PERMISSION_DENIED};
use crate::protocol::fields::Selection;
use crate::synth::shapes::{folder as shape, video as video_shape};
use crate::world::collections::Folder;
use crate::world::video::Video;

const VIDEO_SORTS: [&str; 5] = ["alphabetical", "date", "default", "duration", "last_user_action_event_date"];

fn missing() -> ApiError {
    ApiError::not_found("folder")
}

/// The folder that the path names, which must be the named user's, who must be the caller: folders are private.
pub(super) fn folder<'c>(call: &'c Call<'_>) -> Result<&'c Folder, ApiError> {
    let owner = call.own_subject()?;
    let id = call.params.id("project_id").ok_or_else(missing)?;
    call.state.folders.get(&id).filter(|folder| folder.owner == owner).ok_or_else(missing)
}

pub(crate) fn list(call: &mut Call<'_>) -> Outcome {
    let owner = call.own_subject()?;
    let wanted = call.request.query.get("query").unwrap_or_default().to_lowercase();
    let sort =
        call.query_word("sort", &["date", "default", "modified_time", "name", "pinned_on"], "default")?;
    let descending = call.descending(sort != "name")?;
    let mine = |folder: &&Folder| folder.owner == owner && folder.name.to_lowercase().contains(&wanted);
    let mut found: Vec<&Folder> = call.state.folders.values().filter(mine).collect();
    match sort.as_str() {
        "name" => found.sort_by_key(|folder| folder.name.to_lowercase()),
        "modified_time" => found.sort_by_key(|folder| folder.modified),
        _ => {}
    }
    if descending {
        found.reverse();
    }
    call.page("folder", &found, |view, folder, selection| shape::folder(view, folder, selection))
}

pub(crate) fn create(call: &mut Call<'_>) -> Outcome {
    let owner = call.own_subject()?;
    let mut input = call.input()?;
    let name = input.required_string("name");
    let parent = input.string("parent_folder_uri");
    input.finish()?;
    let parent = parent.map(|uri| parent_in(call, owner, &uri)).transpose()?;
    let (id, resource_key, created) = (call.state.ids.id(), call.state.ids.hex(40), call.now);
    call.state
        .folders
        .insert(id, Folder { id, owner, name, parent, created, modified: created, resource_key });
    call.params.put("project_id", id);
    let mut answer = get(call)?;
    answer.status = StatusCode::CREATED;
    Ok(answer)
}

/// The folder to make another in, whose URI has to name its owner.
fn parent_in(call: &Call<'_>, owner: u64, uri: &str) -> Result<u64, ApiError> {
    let parts: Vec<&str> = uri.split('/').skip(1).collect();
    match *parts.as_slice() {
        ["users", user, "projects" | "folders", id]
            if uri.starts_with('/') && user.parse::<u64>().is_ok() && id.parse::<u64>().is_ok() =>
        {
            folder_in(call, owner, uri)
        }
        _ => Err(ApiError::invalid_field(
            "parent_folder_uri",
            "must be /users/{user_id}/projects/{project_id}",
        )),
    }
}

/// The folder that a URI names, which must be `owner`'s.
pub(crate) fn folder_in(call: &Call<'_>, owner: u64, uri: &str) -> Result<u64, ApiError> {
    let id = uri.rsplit('/').next().and_then(|id| id.parse().ok());
    let folder = id.and_then(|id: u64| call.state.folders.get(&id)).filter(|folder| folder.owner == owner);
    folder.map(|folder| folder.id).ok_or_else(missing)
}

pub(crate) fn get(call: &mut Call<'_>) -> Outcome {
    let found = folder(call)?;
    Ok(Answer::ok("folder", shape::folder(&call.view(), found, &call.selection)))
}

pub(crate) fn edit(call: &mut Call<'_>) -> Outcome {
    let id = folder(call)?.id;
    let mut input = call.input()?;
    let name = input.required_string("name");
    input.finish()?;
    let now = call.now;
    if let Some(folder) = call.state.folders.get_mut(&id) {
        folder.name = name;
        folder.modified = now;
    }
    get(call)
}

/// Deletes a folder with all below it; the videos stay unless they are asked to go too.
pub(crate) fn delete(call: &mut Call<'_>) -> Outcome {
    let id = folder(call)?.id;
    let mut input = call.input()?;
    let with_videos = input.boolean("should_delete_clips").unwrap_or_default();
    input.finish()?;
    let gone: Vec<u64> =
        call.state.folders.values().filter(|folder| call.state.is_below(folder, id)).map(|f| f.id).collect();
    let held = |video: &&Video| video.folder.is_some_and(|folder| gone.contains(&folder));
    let videos: Vec<u64> = call.state.videos.values().filter(held).map(|video| video.id).collect();
    for video in videos {
        if with_videos {
            call.state.remove_video(video, call.now);
        } else if let Some(video) = call.state.videos.get_mut(&video) {
            video.folder = None;
        }
    }
    call.state.folders.retain(|id, _| !gone.contains(id));
    Ok(Answer::no_content())
}

pub(crate) fn videos(call: &mut Call<'_>) -> Outcome {
    let id = folder(call)?.id;
    let deep = call.query_truth("include_subfolders")?.unwrap_or_default();
    let filter = Filter::read(call)?;
    let sort = call.query_word("sort", &VIDEO_SORTS, "default")?;
    let descending = call.descending(sort != "alphabetical")?;
    let within = |folder: u64| {
        folder == id
            || (deep && call.state.folders.get(&folder).is_some_and(|folder| call.state.is_below(folder, id)))
    };
    let held = |video: &&Video| video.folder.is_some_and(within) && filter.fits(video);
    let mut found: Vec<&Video> = call.state.videos.values().filter(held).collect();
    order(call.state, &mut found, &sort, descending);
    call.page("video", &found, |view, video, selection| video_shape::video(view, video, selection))
}

/// What is in a folder, folders first.
enum Item<'a> {
    Folder(&'a Folder),
    Video(&'a Video),
}

/// Takes videos and folders out of a folder, by their URIs; a folder then lies at the top.
pub(crate) fn remove_items(call: &mut Call<'_>) -> Outcome {
    let folder = folder(call)?.id;
    let uris = call.request.query.get("uris").unwrap_or_default().to_owned();
    let ids: Vec<u64> =
        uris.split(',').filter_map(|uri| uri.trim().rsplit('/').next()?.parse().ok()).collect();
    let held = |id: &u64| {
        call.state.videos.get(id).is_some_and(|video| video.folder == Some(folder))
            || call.state.folders.get(id).is_some_and(|child| child.parent == Some(folder))
    };
    if ids.is_empty() || !ids.iter().all(held) {
        return Err(ApiError::not_found("item in the folder"));
    }
    if call.query_truth("should_delete_items")? == Some(true) {
        if ids.iter().any(|id| call.state.folders.contains_key(id)) {
            let message = "The sandbox deletes only videos in this way; delete the folders one by one.";
            return Err(ApiError::new(StatusCode::NOT_IMPLEMENTED, None, "Not built yet.", message));
        }
        ids.iter().for_each(|id| call.state.remove_video(*id, call.now));
        return Ok(Answer::no_content());
    }
    for id in &ids {
        if let Some(child) = call.state.folders.get_mut(id) {
            child.parent = None;
        }
    }
    place(call, &ids, None)
}

pub(crate) fn items(call: &mut Call<'_>) -> Outcome {
    let id = folder(call)?.id;
    let filter = call.query_word("filter", &["folder", "live_event", "video"], "")?;
    let sort = call.query_word("sort", &VIDEO_SORTS, "default")?;
    let descending = call.descending(sort != "alphabetical")?;
    let mut folders: Vec<&Folder> =
        call.state.folders.values().filter(|folder| folder.parent == Some(id)).collect();
    if sort == "alphabetical" {
        folders.sort_by(|a, b| a.name.cmp(&b.name));
    }
    if descending {
        folders.reverse();
    }
    let mut videos: Vec<&Video> =
        call.state.videos.values().filter(|video| video.folder == Some(id)).collect();
    order(call.state, &mut videos, &sort, descending);
    let wants = |kind: &str| filter.is_empty() || filter == kind;
    let folders = folders.into_iter().filter(|_| wants("folder")).map(Item::Folder);
    let videos = videos.into_iter().filter(|_| wants("video")).map(Item::Video);
    let all: Vec<Item<'_>> = folders.chain(videos).collect();
    call.page("folder", &all, item)
}

fn item(view: &ResponseView<'_>, item: &Item<'_>, selection: &Selection) -> Value {
    let all = &Selection::All;
    selection.prune(match item {
        Item::Folder(folder) => json!({"type": "folder", "folder": shape::folder(view, folder, all)}),
        Item::Video(video) => json!({"type": "video", "video": video_shape::video(view, video, all)}),
    })
}

/// Moves videos here; a video that was in another folder leaves it.
pub(crate) fn add(call: &mut Call<'_>) -> Outcome {
    let folder = folder(call)?.id;
    let videos = named(call)?;
    place(call, &videos, Some(folder))
}

pub(crate) fn remove(call: &mut Call<'_>) -> Outcome {
    let folder = folder(call)?.id;
    let videos = named(call)?;
    let held = |id: &u64| call.state.videos.get(id).is_some_and(|video| video.folder == Some(folder));
    if !videos.iter().all(held) {
        return Err(ApiError::not_found("video in the folder"));
    }
    place(call, &videos, None)
}

/// The videos that the request names: one in the path, or several in `uris`, which all must be the caller's.
fn named(call: &Call<'_>) -> Result<Vec<u64>, ApiError> {
    let me = call.me()?;
    let ids = match call.params.id("video_id") {
        Some(id) => vec![id],
        None => {
            let mut input = call.input()?;
            let body = input
                .strings("uris")
                .map(|uris| uris.join(","))
                .or_else(|| input.get("uris").and_then(Value::as_str).map(str::to_owned));
            ids_in(&body.or_else(|| call.request.query.get("uris").map(str::to_owned)).unwrap_or_default())
        }
    };
    if ids.is_empty() {
        return Err(ApiError::invalid_field("uris", "must name videos, separated by commas"));
    }
    for id in &ids {
        let video = call.state.videos.get(id).ok_or_else(|| ApiError::not_found("video"))?;
        if video.owner != me {
            return Err(ApiError::forbidden(
                Some(PERMISSION_DENIED),
                format!("/videos/{id} belongs to another user."),
            ));
        }
    }
    Ok(ids)
}

fn place(call: &mut Call<'_>, videos: &[u64], folder: Option<u64>) -> Outcome {
    let now = call.now;
    for id in videos {
        if let Some(video) = call.state.videos.get_mut(id) {
            video.folder = folder;
        }
    }
    if let Some(folder) = folder.and_then(|id| call.state.folders.get_mut(&id)) {
        folder.modified = now;
    }
    Ok(Answer::no_content())
}
