//! Locates collections and items by the path of a request.

use crate::call::Call;
use crate::catalog::Params;
use crate::catalog::collections::{CollectionSpec, creates_items_at, normalize_path};
use crate::protocol::error::ApiError;
use crate::synth::media;

impl CollectionSpec {
    /// The collection's path with its parameters filled in.
    pub(super) fn filled(&self, call: &Call<'_>) -> Result<String, ApiError> {
        fill(self.key, &call.params, call.subject().ok())
    }

    /// Whether the path selects a user's own items of a shared collection.
    pub(super) fn is_own(&self, call: &Call<'_>) -> bool {
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

/// Locates the item of a request: its collection, the collection's path, and the item's ID.
pub(super) fn locate(call: &Call<'_>) -> Result<(&'static CollectionSpec, String, String), ApiError> {
    let collection = call.operation.member.ok_or_else(|| ApiError::not_found("list"))?.collection;
    let last = call.operation.path.rsplit('/').next().unwrap_or_default();
    let id = last.strip_prefix('{').map_or("", |name| call.params.get(name.trim_end_matches('}')));
    let id = match collection.item {
        "Tag" => id.to_lowercase(),
        _ => id.to_owned(),
    };
    // A destination is identified by its ID alone.
    if call.operation.path.starts_with("/destination/") {
        let found = call.state.collections.all().find(|(key, entities)| {
            key.ends_with("/destinations") && entities.iter().any(|entity| entity.id == id)
        });
        let (key, _) = found.ok_or_else(|| ApiError::not_found("destination"))?;
        return Ok((collection, key.to_owned(), id));
    }
    Ok((collection, collection.filled(call)?, id))
}

/// Checks that the stored parents in the path exist.
pub(crate) fn parents(call: &Call<'_>) -> Result<(), ApiError> {
    for (key, id) in stored_parents(call) {
        if call.state.collections.get(&key, &id).is_none() {
            return Err(ApiError::not_found("resource"));
        }
    }
    Ok(())
}

/// The owner of the outermost stored parent in the path.
pub(crate) fn root_owner(call: &Call<'_>) -> Option<u64> {
    stored_parents(call)
        .first()
        .and_then(|(key, id)| call.state.collections.get(key, id))
        .map(|entity| entity.owner)
}

/// The stored parents of the item in the path, outermost first: the paths of their collections, and their IDs.
fn stored_parents(call: &Call<'_>) -> Vec<(String, String)> {
    let path = normalize_path(call.operation.path);
    if call.operation.path.starts_with("/destination/") {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (at, _) in path.match_indices("}/") {
        let above = path.get(..=at).unwrap_or_default();
        let Some((list, last)) = above.rsplit_once('/') else { continue };
        if let (true, Ok(key)) = (creates_items_at(list), fill(list, &call.params, call.subject().ok())) {
            found.push((key, call.params.get(last.trim_matches(['{', '}'])).to_owned()));
        }
    }
    found
}

pub(super) fn item_not_found(collection: &CollectionSpec) -> ApiError {
    ApiError::not_found(&media(collection.item).replace('.', " "))
}
