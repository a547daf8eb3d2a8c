//! Abandons an upload: deletes the video or version that waits for its file, and the journal entry.

use secrecy::ExposeSecret;
use serde::Deserialize;
use vimeo_api::types::UploadStatus;

use super::start::UploadTarget;
use super::video_fields::UploadFields;
use crate::upload::{Journal, JournalLock, Purpose, UploadError, UploadHandle, UploadTicket, Uploaded};
use crate::{Error, Vimeo};

/// Returns the result of an upload; if its handle abandoned it, deletes the video, or the version if `is_replacement`.
///
/// The error has the ticket unless Vimeo confirmed that the video or version needs it no more.
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
    let uri = if is_replacement { version_uri.as_deref() } else { Some(ticket.video_uri()) };
    match abandon_target(vimeo, &ticket, uri, entry).await {
        Ok(()) => Err(Error::Upload { source, ticket: None }),
        Err(error) => {
            let uri = uri.unwrap_or(ticket.video_uri()).to_owned();
            let source = Box::new(error.into_upload_error(uri));
            Err(Error::Upload { source, ticket: Some(Box::new(ticket)) })
        }
    }
}

/// Deletes the video or version of a ticket, and removes the journal entry that has this ticket.
async fn abandon_target(
    vimeo: &Vimeo,
    ticket: &UploadTicket,
    uri: Option<&str>,
    entry: Option<(Journal, String)>,
) -> Result<(), AbandonError> {
    let Some(uri) = uri else { return Err(unknown_version(ticket).into()) };
    // Locked first: nothing is deleted while another process works on the upload.
    let lock = match entry {
        Some((journal, id)) => journal.lock_entry(&id).await?,
        None => None,
    };
    delete_incomplete(vimeo, uri).await?;
    // Another process may have started the upload of the same file over; the entry is then that of another video.
    let link = ticket.upload_link().expose_secret();
    let is_ours = |lock: &JournalLock| {
        lock.entry().ticket.as_ref().is_none_or(|known| known.upload_link().expose_secret() == link)
    };
    match lock.filter(is_ours) {
        Some(lock) => Ok(lock.finish().await?),
        None => Ok(()),
    }
}

/// Deletes the video or version that waits for the file of an upload, and removes the journal entry. The entry stays if
/// anything fails.
pub(crate) async fn abandon(vimeo: &Vimeo, lock: JournalLock) -> Result<(), Error> {
    delete_target(vimeo, &lock).await?;
    Ok(lock.finish().await?)
}

/// Deletes the video or version that waits for the file of an upload.
pub(crate) async fn delete_target(vimeo: &Vimeo, lock: &JournalLock) -> Result<(), Error> {
    let entry = lock.entry();
    // Without a ticket, nothing was created.
    if let Some(ticket) = &entry.ticket {
        let uri = match entry.purpose() {
            Purpose::NewVersion { .. } => {
                entry.version_uri.as_deref().ok_or_else(|| unknown_version(ticket))?
            }
            _ => ticket.video_uri(),
        };
        delete_incomplete(vimeo, uri).await?;
    }
    Ok(())
}

/// The error of a replacement whose version is unknown. Its video has an earlier file and is never deleted.
fn unknown_version(ticket: &UploadTicket) -> UploadError {
    UploadError::UnknownVersion { video_uri: ticket.video_uri().to_owned() }
}

/// Why an upload was not abandoned.
#[derive(Debug)]
enum AbandonError {
    /// A call to Vimeo failed.
    Call(vimeo_api::Error),
    /// The journal cannot be used, or nothing may be deleted.
    Upload(UploadError),
}

impl AbandonError {
    /// Returns the error of the upload whose video or version is `uri`.
    fn into_upload_error(self, uri: String) -> UploadError {
        match self {
            Self::Call(source) => UploadError::DeletionFailed { uri, source: Box::new(source) },
            Self::Upload(error) => error,
        }
    }
}

impl From<UploadError> for AbandonError {
    fn from(error: UploadError) -> Self {
        Self::Upload(error)
    }
}

impl From<AbandonError> for Error {
    fn from(error: AbandonError) -> Self {
        match error {
            AbandonError::Call(error) => error.into(),
            AbandonError::Upload(error) => error.into(),
        }
    }
}

/// Deletes a video or version that waits for its file. Keeps one that has its file or whose status is unknown.
async fn delete_incomplete(vimeo: &Vimeo, uri: &str) -> Result<(), AbandonError> {
    #[derive(Deserialize)]
    struct UploadInfo {
        #[serde(default)]
        upload: Option<UploadFields>,
    }
    let found = vimeo.get(uri).fields("upload.status").with_response_type::<UploadInfo>().send().await;
    let status = match found {
        Ok(found) => found.into_inner().upload.and_then(|upload| upload.status),
        Err(error) if error.is_not_found() => return Ok(()),
        Err(error) => return Err(AbandonError::Call(error)),
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
        Err(error) => Err(AbandonError::Call(error)),
    }
}
