//! Folders and their items.

use http::StatusCode;
use serde_json::{Value, json};

use super::videos::{Filter, parse_video_ids, sort_videos};
use crate::call::{Answer, Call, Outcome, ResponseView};
use crate::protocol::error::{ApiError, PERMISSION_DENIED};
use crate::protocol::fields::Selection;
use crate::synth::shapes::{folder as shape, video as video_shape};
use crate::world::collections::Folder;
use crate::world::video::Video;

const VIDEO_SORTS: [&str; 5] = ["alphabetical", "date", "default", "duration", "last_user_action_event_date"];

fn not_found() -> ApiError {
    ApiError::not_found("folder")
}

/// The folder in the path. Folders are private, so it must belong to the caller.
pub(super) fn find<'c>(call: &'c Call<'_>) -> Result<&'c Folder, ApiError> {
    let owner = call.own_subject()?;
    let id = call.params.id("project_id").ok_or_else(not_found)?;
    call.state.folders.get(&id).filter(|folder| folder.owner == owner).ok_or_else(not_found)
}

pub(crate) fn list(call: &mut Call<'_>) -> Outcome {
    let owner = call.own_subject()?;
    let query = call.request.query.get("query").unwrap_or_default().to_lowercase();
    let sort =
        call.query_enum("sort", &["date", "default", "modified_time", "name", "pinned_on"], "default")?;
    let descending = call.descending(sort != "name")?;
    let mine = |folder: &&Folder| folder.owner == owner && folder.name.to_lowercase().contains(&query);
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
    let parent = parent.map(|uri| find_parent(call, owner, &uri)).transpose()?;
    let (id, resource_key, created) = (call.state.ids.id(), call.state.ids.hex(40), call.now);
    call.state
        .folders
        .insert(id, Folder { id, owner, name, parent, created, modified: created, resource_key });
    call.params.put("project_id", id);
    let mut answer = get(call)?;
    answer.status = StatusCode::CREATED;
    Ok(answer)
}

/// The parent of a new folder; its URI must include the owner.
fn find_parent(call: &Call<'_>, owner: u64, uri: &str) -> Result<u64, ApiError> {
    let parts: Vec<&str> = uri.split('/').skip(1).collect();
    match *parts.as_slice() {
        ["users", user, "projects" | "folders", id]
            if uri.starts_with('/') && user.parse::<u64>().is_ok() && id.parse::<u64>().is_ok() =>
        {
            find_by_uri(call, owner, uri)
        }
        _ => Err(ApiError::invalid_field(
            "parent_folder_uri",
            "must be /users/{user_id}/projects/{project_id}",
        )),
    }
}

/// The folder with a URI; it must belong to `owner`.
pub(crate) fn find_by_uri(call: &Call<'_>, owner: u64, uri: &str) -> Result<u64, ApiError> {
    let id = uri.rsplit('/').next().and_then(|id| id.parse().ok());
    let folder = id.and_then(|id: u64| call.state.folders.get(&id)).filter(|folder| folder.owner == owner);
    folder.map(|folder| folder.id).ok_or_else(not_found)
}

pub(crate) fn get(call: &mut Call<'_>) -> Outcome {
    let found = find(call)?;
    Ok(Answer::ok("folder", shape::folder(&call.view(), found, &call.selection)))
}

pub(crate) fn edit(call: &mut Call<'_>) -> Outcome {
    let id = find(call)?.id;
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

/// Deletes a folder with its subfolders. Their videos are deleted only if requested.
pub(crate) fn delete(call: &mut Call<'_>) -> Outcome {
    let id = find(call)?.id;
    let mut input = call.input()?;
    let with_videos = input.boolean("should_delete_clips").unwrap_or_default();
    input.finish()?;
    let deleted: Vec<u64> =
        call.state.folders.values().filter(|folder| call.state.is_below(folder, id)).map(|f| f.id).collect();
    let is_in_folder = |video: &&Video| video.folder.is_some_and(|folder| deleted.contains(&folder));
    let videos: Vec<u64> = call.state.videos.values().filter(is_in_folder).map(|video| video.id).collect();
    for video in videos {
        if with_videos {
            call.state.remove_video(video, call.now);
        } else if let Some(video) = call.state.videos.get_mut(&video) {
            video.folder = None;
        }
    }
    call.state.folders.retain(|id, _| !deleted.contains(id));
    Ok(Answer::no_content())
}

pub(crate) fn videos(call: &mut Call<'_>) -> Outcome {
    let id = find(call)?.id;
    let deep = call.query_bool("include_subfolders")?.unwrap_or_default();
    let filter = Filter::read(call)?;
    let sort = call.query_enum("sort", &VIDEO_SORTS, "default")?;
    let descending = call.descending(sort != "alphabetical")?;
    let matches_folder = |folder: u64| {
        folder == id
            || (deep && call.state.folders.get(&folder).is_some_and(|folder| call.state.is_below(folder, id)))
    };
    let is_in_folder = |video: &&Video| video.folder.is_some_and(matches_folder) && filter.matches(video);
    let mut found: Vec<&Video> = call.state.videos.values().filter(is_in_folder).collect();
    sort_videos(call.state, &mut found, &sort, descending);
    call.page("video", &found, |view, video, selection| video_shape::video(view, video, selection))
}

/// An item of a folder; lists show folders first.
enum Item<'a> {
    Folder(&'a Folder),
    Video(&'a Video),
}

/// Removes videos and folders from a folder, by URI. Removed folders move to the top level.
pub(crate) fn remove_items(call: &mut Call<'_>) -> Outcome {
    let folder = find(call)?.id;
    let uris = call.request.query.get("uris").unwrap_or_default().to_owned();
    let ids: Vec<u64> =
        uris.split(',').filter_map(|uri| uri.trim().rsplit('/').next()?.parse().ok()).collect();
    let is_in_folder = |id: &u64| {
        call.state.videos.get(id).is_some_and(|video| video.folder == Some(folder))
            || call.state.folders.get(id).is_some_and(|child| child.parent == Some(folder))
    };
    if ids.is_empty() || !ids.iter().all(is_in_folder) {
        return Err(ApiError::not_found("item in the folder"));
    }
    if call.query_bool("should_delete_items")? == Some(true) {
        if ids.iter().any(|id| call.state.folders.contains_key(id)) {
            let message =
                "The sandbox deletes only videos with this operation; delete the folders one by one.";
            return Err(ApiError::new(StatusCode::NOT_IMPLEMENTED, None, "Not implemented.", message));
        }
        ids.iter().for_each(|id| call.state.remove_video(*id, call.now));
        return Ok(Answer::no_content());
    }
    for id in &ids {
        if let Some(child) = call.state.folders.get_mut(id) {
            child.parent = None;
        }
    }
    move_videos(call, &ids, None)
}

pub(crate) fn items(call: &mut Call<'_>) -> Outcome {
    let id = find(call)?.id;
    let filter = call.query_enum("filter", &["folder", "live_event", "video"], "")?;
    let sort = call.query_enum("sort", &VIDEO_SORTS, "default")?;
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
    sort_videos(call.state, &mut videos, &sort, descending);
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

/// Moves videos into the folder; a video is in one folder at most.
pub(crate) fn add(call: &mut Call<'_>) -> Outcome {
    let folder = find(call)?.id;
    let videos = requested_videos(call)?;
    move_videos(call, &videos, Some(folder))
}

pub(crate) fn remove(call: &mut Call<'_>) -> Outcome {
    let folder = find(call)?.id;
    let videos = requested_videos(call)?;
    let is_in_folder = |id: &u64| call.state.videos.get(id).is_some_and(|video| video.folder == Some(folder));
    if !videos.iter().all(is_in_folder) {
        return Err(ApiError::not_found("video in the folder"));
    }
    move_videos(call, &videos, None)
}

/// The videos in the request: one in the path, or several in `uris`. All must belong to the caller.
fn requested_videos(call: &Call<'_>) -> Result<Vec<u64>, ApiError> {
    let me = call.me()?;
    let ids = match call.params.id("video_id") {
        Some(id) => vec![id],
        None => {
            let mut input = call.input()?;
            let body = input
                .strings("uris")
                .map(|uris| uris.join(","))
                .or_else(|| input.get("uris").and_then(Value::as_str).map(str::to_owned));
            parse_video_ids(
                &body.or_else(|| call.request.query.get("uris").map(str::to_owned)).unwrap_or_default(),
            )
        }
    };
    if ids.is_empty() {
        return Err(ApiError::invalid_field("uris", "must be a comma-separated list of video URIs"));
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

fn move_videos(call: &mut Call<'_>, videos: &[u64], folder: Option<u64>) -> Outcome {
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
