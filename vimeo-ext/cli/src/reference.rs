//! What people name things by, read by the grammar that the agents' tools use: all of a text is an id, or it is refused.

use std::str::FromStr;

use vimeo_agent::tools::{FolderId, InvalidId, ShowcaseId, UserId, VideoId};
use vimeo_ext::Vimeo;

use crate::exit::{Exit, Failure, Result};

/// Reads an id.
pub(crate) fn id<T: FromStr<Err = InvalidId>>(text: &str) -> Result<T> {
    text.parse().map_err(|error: InvalidId| Failure::new(Exit::Usage, error.to_string()))
}

/// The path of a video; that of an unlisted one keeps its hash.
pub(crate) fn video(text: &str) -> Result<String> {
    Ok(id::<VideoId>(text)?.uri())
}

/// The path of a folder; another user's stays theirs.
pub(crate) fn folder(text: &str) -> Result<String> {
    Ok(id::<FolderId>(text)?.uri())
}

/// The URI of a folder with its owner in it, as bodies take it; whose it is that nobody named, Vimeo is asked.
pub(crate) async fn folder_with_owner(vimeo: &Vimeo, folder: &FolderId) -> Result<String> {
    if folder.owner().is_some() {
        return Ok(folder.uri());
    }
    let grant = vimeo.auth().verify().await?;
    let user = grant.user.as_ref().and_then(|user| user.uri.as_deref());
    Ok(match user.and_then(|uri| uri.parse::<UserId>().ok()) {
        Some(user) => format!("{}/projects/{}", user.uri(), folder.number()),
        None => folder.uri(),
    })
}

/// The path of a showcase; another user's stays theirs.
pub(crate) fn showcase(text: &str) -> Result<String> {
    Ok(id::<ShowcaseId>(text)?.uri())
}
