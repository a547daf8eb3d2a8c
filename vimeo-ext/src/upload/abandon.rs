//! Abandons an upload: deletes the video or version that waits for its file, and the journal entry.

use serde::Deserialize;
use vimeo_api::types::UploadStatus;

use super::start::UploadTarget;
use super::video_fields::UploadFields;
use crate::upload::{Journal, JournalLock, Purpose, UploadError, UploadHandle, UploadTicket, Uploaded};
use crate::{Error, Vimeo};

/// Returns the result of an upload; if its handle abandoned it, deletes the video, or the version if `is_replacement`.
pub(crate) async fn finish_or_abandon(
    vimeo: &Vimeo,
    handle: &UploadHandle,
    result: Result<Uploaded, UploadError>,
    UploadTarget { ticket, version_uri, .. }: UploadTarget,
    is_replacement: bool,
    entry: Option<(Journal, String)>,
) -> Result<Uploaded, Error> {
    let source = match result {
        Ok(uploaded) => return Ok(uploaded),
        Err(source) => Box::new(source),
    };
    if !matches!(*source, UploadError::Cancelled { .. }) || !handle.is_abandoned() {
        return Err(Error::Upload { source, ticket: Some(Box::new(ticket)) });
    }
    let lock = match entry {
        Some((journal, id)) => journal.lock_entry(&id).await?,
        None => None,
    };
    match (lock, is_replacement) {
        (Some(lock), _) => abandon(vimeo, lock).await?,
        (None, true) => delete_incomplete(vimeo, version_uri.as_deref()).await?,
        (None, false) => delete_incomplete(vimeo, Some(ticket.video_uri())).await?,
    }
    Err(Error::Upload { source, ticket: None })
}

/// Deletes the video or version that waits for the file of an upload, and removes the journal entry.
pub(crate) async fn abandon(vimeo: &Vimeo, lock: JournalLock) -> Result<(), Error> {
    let entry = lock.entry();
    let uri = match entry.purpose() {
        Purpose::NewVersion { .. } => entry.version_uri.as_deref(),
        _ => entry.ticket.as_ref().map(UploadTicket::video_uri),
    };
    delete_incomplete(vimeo, uri).await?;
    Ok(lock.finish().await?)
}

/// Deletes a video or version that waits for its file. Keeps one that has its file or whose status is unknown.
async fn delete_incomplete(vimeo: &Vimeo, uri: Option<&str>) -> Result<(), Error> {
    #[derive(Deserialize)]
    struct UploadInfo {
        #[serde(default)]
        upload: Option<UploadFields>,
    }
    let Some(uri) = uri else { return Ok(()) };
    let found = vimeo.get(uri).fields("upload.status").with_response_type::<UploadInfo>().send().await;
    let status = match found {
        Ok(found) => found.into_inner().upload.and_then(|upload| upload.status),
        Err(error) if error.is_not_found() => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    match status {
        Some(UploadStatus::InProgress | UploadStatus::Error | UploadStatus::Canceled) => {}
        Some(UploadStatus::Complete) => {
            tracing::warn!(uri, "not deleted: the upload is complete");
            return Ok(());
        }
        // A proxy's response or a value of a later API: its meaning is unknown, and a deletion cannot be undone.
        _ => return Err(UploadError::UnknownStatus { uri: uri.to_owned() }.into()),
    }
    match vimeo.delete(uri).send().await {
        Ok(_) => Ok(()),
        Err(error) if error.is_not_found() => Ok(()),
        Err(error) => Err(error.into()),
    }
}
