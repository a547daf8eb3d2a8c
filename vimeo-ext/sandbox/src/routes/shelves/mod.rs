//! Lists whose things need no rules of their own: made, changed and taken away by the method alone.
//!
//! What a thing looks like is said by the description; what of it was set by requests is kept and laid over that.

mod lists;
mod members;
mod shape;
mod single;
mod table;
mod things;

use http::Method;

use super::{Handler, held};
use crate::call::Call;
use crate::errors::ApiError;
use crate::made::media;
use crate::operations::Params;
use table::SHELVES;
pub(crate) use table::Shelf;

/// Paths that mean the same place, and how the one that counts begins.
const SAME: [(&str, &str); 6] = [
    ("/me/", "/users/{user_id}/"),
    ("/users/{user_id}/live_events", "/live_events"),
    ("/users/{user_id}/ondemand/pages", "/ondemand/pages"),
    ("/channels/{channel_id}/videos/{video_id}/", "/videos/{video_id}/"),
    ("/live_events/{live_event_id}/ott_destination/", "/live_events/{live_event_id}/ott_destinations/"),
    ("/destination/", "/live_events/{live_event_id}/destinations/"),
];

fn normal(path: &str) -> String {
    SAME.iter().fold(path.to_owned(), |path, (from, to)| match path.strip_prefix(from) {
        Some(rest) if from.ends_with('/') || rest.is_empty() || rest.starts_with('/') => {
            format!("{to}{rest}")
        }
        _ => path,
    })
}

/// The shelf that a path of the description belongs to, and what answers `method` there.
pub(crate) fn find(method: &Method, path: &str) -> Option<(&'static Shelf, Handler)> {
    let path = normal(path);
    let (parent, last) = path.rsplit_once('/')?;
    let whole = SHELVES.iter().find(|shelf| shelf.key == path);
    let item = SHELVES.iter().find(|shelf| shelf.key == parent && last.starts_with('{'));
    Some(match (whole, item, method.as_str()) {
        (Some(shelf), _, "GET") if shelf.single => (shelf, single::get as Handler),
        (Some(shelf), _, "PATCH" | "PUT") if shelf.single => (shelf, single::set),
        (Some(shelf), _, "DELETE") if shelf.single => (shelf, single::remove),
        // Which of the events the request means is not known.
        (Some(shelf), _, "DELETE") if shelf.item == "LiveEvent" => return None,
        (Some(shelf), _, "GET") => (shelf, lists::list),
        (Some(shelf), _, "POST") if shelf.is_made() => (shelf, things::create),
        (Some(shelf), _, "POST" | "PUT") => (shelf, members::add_many),
        (Some(shelf), _, "PATCH") => (shelf, members::replace_all),
        (Some(shelf), _, "DELETE") => (shelf, members::remove_many),
        (_, Some(shelf), "GET") => (shelf, lists::get),
        (_, Some(shelf), "PUT") => (shelf, members::add),
        (_, Some(shelf), "PATCH") => (shelf, things::edit),
        (_, Some(shelf), "DELETE") => (shelf, things::remove),
        _ => return None,
    })
}

impl Shelf {
    /// Whether its things are made there rather than put there.
    fn is_made(&self) -> bool {
        // Groups are made on their list and joined on a user's.
        self.key == "/groups"
            || (!held::is_held(self.item) && self.item != "Tag" && !self.key.ends_with("/presets"))
            || self.key == "/users/{user_id}/presets"
    }

    /// The list's path with its parameters filled in.
    fn filled(&self, call: &Call<'_>) -> Result<String, ApiError> {
        fill(self.key, &call.params, call.subject().ok())
    }

    /// Whether the path asks for a user's own among all.
    fn is_own(&self, call: &Call<'_>) -> bool {
        let path = call.operation.path;
        !self.key.contains("{user_id}")
            && (path.starts_with("/me/")
                || path.starts_with("/users/{user_id}")
                || self.key == "/live_events")
    }
}

fn fill(template: &str, params: &Params, user: Option<u64>) -> Result<String, ApiError> {
    let mut path = String::new();
    for segment in template.split('/').skip(1) {
        path.push('/');
        match segment.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            None => path.push_str(segment),
            Some("user_id") => {
                let user = user.ok_or_else(|| ApiError::not_found("user"))?;
                path.push_str(&user.to_string());
            }
            Some(name) => path.push_str(params.get(name)),
        }
    }
    Ok(path)
}

/// Where a request's thing is: the list's path, and the id behind it.
fn place(call: &Call<'_>) -> Result<(&'static Shelf, String, String), ApiError> {
    let shelf = call.operation.shelf.ok_or_else(|| ApiError::not_found("list"))?;
    let last = call.operation.path.rsplit('/').next().unwrap_or_default();
    let id = last.strip_prefix('{').map_or("", |name| call.params.get(name.trim_end_matches('}')));
    let id = match shelf.item {
        "Tag" => id.to_lowercase(),
        _ => id.to_owned(),
    };
    // A destination is known by its id alone.
    if call.operation.path.starts_with("/destination/") {
        let found = call.state.shelves.all().find(|(key, things)| {
            key.ends_with("/destinations") && things.iter().any(|thing| thing.id == id)
        });
        let (key, _) = found.ok_or_else(|| ApiError::not_found("destination"))?;
        return Ok((shelf, key.to_owned(), id));
    }
    Ok((shelf, shelf.filled(call)?, id))
}

/// Whether the kept things that the path leads through are there.
pub(crate) fn parents(call: &Call<'_>) -> Result<(), ApiError> {
    for (key, id) in through(call) {
        if call.state.shelves.get(&key, &id).is_none() {
            return Err(ApiError::not_found("thing of this id"));
        }
    }
    Ok(())
}

/// Whom the first kept thing belongs to that the path leads through.
pub(crate) fn root_owner(call: &Call<'_>) -> Option<u64> {
    through(call).first().and_then(|(key, id)| call.state.shelves.get(key, id)).map(|thing| thing.owner)
}

/// The kept things above what the path names, the outermost first: the paths of their lists, and their ids.
fn through(call: &Call<'_>) -> Vec<(String, String)> {
    let path = normal(call.operation.path);
    if call.operation.path.starts_with("/destination/") {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (at, _) in path.match_indices("}/") {
        let above = path.get(..=at).unwrap_or_default();
        let Some((list, last)) = above.rsplit_once('/') else { continue };
        let is_shelf = SHELVES.iter().any(|shelf| shelf.key == list && shelf.is_made());
        if let (true, Ok(key)) = (is_shelf, fill(list, &call.params, call.subject().ok())) {
            found.push((key, call.params.get(last.trim_matches(['{', '}'])).to_owned()));
        }
    }
    found
}

fn missing(shelf: &Shelf) -> ApiError {
    ApiError::not_found(&media(shelf.item).replace('.', " "))
}
