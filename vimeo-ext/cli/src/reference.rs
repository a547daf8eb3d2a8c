//! What people name things by, read by the grammar that the agents' tools use: all of a text is an id, or it is refused.

use std::str::FromStr;

use vimeo_ext::tools::{FolderId, InvalidId, ShowcaseId, VideoId};

use crate::exit::{Exit, Failure, Result};

/// Reads an id.
pub(crate) fn id<T: FromStr<Err = InvalidId>>(text: &str) -> Result<T> {
    text.parse().map_err(|error: InvalidId| Failure::new(Exit::Usage, error.to_string()))
}

/// The path of a video; that of an unlisted one keeps its hash.
pub(crate) fn video(text: &str) -> Result<String> {
    Ok(format!("/videos/{}", id::<VideoId>(text)?))
}

/// The path of a folder; another user's stays theirs.
pub(crate) fn folder(text: &str) -> Result<String> {
    let folder: FolderId = id(text)?;
    Ok(match folder.owner() {
        Some(owner) => format!("/users/{owner}/projects/{}", folder.number()),
        None => format!("/me/projects/{}", folder.number()),
    })
}

/// The path of a showcase of the account.
pub(crate) fn showcase(text: &str) -> Result<String> {
    Ok(format!("/me/albums/{}", id::<ShowcaseId>(text)?.number()))
}
