//! Parses IDs, URIs and links of videos, folders and showcases with the parsers of the agent tools. Text that is not
//! entirely an ID is rejected.

use std::str::FromStr;

use serde_json::Value;
use vimeo_agent::tools::{FolderId, InvalidId, ShowcaseId, VideoId};
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

/// Returns a folder's URI with its owner, as request bodies require it. Asks Vimeo for the folder if the ID has no owner.
pub(crate) async fn folder_with_owner(vimeo: &Vimeo, folder: &FolderId) -> Result<String> {
    if folder.owner().is_some() {
        return Ok(folder.uri());
    }
    let response = vimeo.get(&folder.uri()).fields("uri").send().await?;
    match response.get("uri").and_then(Value::as_str) {
        Some(uri) => Ok(uri.to_owned()),
        // An invalid folder URI would be refused, or worse, accepted.
        None => {
            let number = folder.number();
            Err(CliError::new(ExitCode::Other, format!("Vimeo returned no URI for folder {number}"))
                .with_next_step(format!("use the folder's URI, e.g. /users/7/projects/{number}")))
        }
    }
}

/// Returns the path of a showcase. The owner of another user's showcase is kept.
pub(crate) fn showcase(text: &str) -> Result<String> {
    Ok(parse::<ShowcaseId>(text)?.uri())
}
