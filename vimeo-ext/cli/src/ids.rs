//! Parses IDs, URIs and links of videos, folders and showcases with the parsers of the agent tools. Text that is not
//! entirely an ID is rejected.

use std::str::FromStr;

use vimeo_agent::tools::{FolderId, InvalidId, ShowcaseId, UserId, VideoId};
use vimeo_ext::Vimeo;

use crate::exit::{CliError, ExitCode, Result};

/// Parses an ID, URI or link.
pub(crate) fn parse<T: FromStr<Err = InvalidId>>(text: &str) -> Result<T> {
    text.parse().map_err(|error: InvalidId| CliError::new(ExitCode::Usage, error.to_string()))
}

/// Returns the path of a video. The hash of an unlisted video is kept.
pub(crate) fn video(text: &str) -> Result<String> {
    Ok(parse::<VideoId>(text)?.uri())
}

/// Returns the path of a folder. The owner of another user's folder is kept.
pub(crate) fn folder(text: &str) -> Result<String> {
    Ok(parse::<FolderId>(text)?.uri())
}

/// Returns a folder's URI with its owner, as request bodies require it. Asks Vimeo for the user if the ID has no owner.
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

/// Returns the path of a showcase. The owner of another user's showcase is kept.
pub(crate) fn showcase(text: &str) -> Result<String> {
    Ok(parse::<ShowcaseId>(text)?.uri())
}
