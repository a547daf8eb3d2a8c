//! The errors of uploads.

use std::io;
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::ConfigError;
use crate::upload_ticket::{InvalidTicket, SourceChange};

/// Why an upload failed.
///
/// Every message says what happened, to what, and what to do next. No message, `Debug` output or source error
/// contains the upload link.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UploadError {
    /// The link returned 404, 410 or 403: it has expired or was withdrawn. Never retried, and no new video is created
    /// in its place, because the old one would stay behind empty.
    #[error(
        "the upload link of {video_uri} at {host} is not valid (status {status}): it has expired, or is not the \
         link of a resumable upload; delete or replace the video, discard its journal entry if there is \
         one, and upload again"
    )]
    LinkGone {
        /// The URI of the video.
        video_uri: String,
        /// The host of the link.
        host: String,
        /// The status of the response.
        status: u16,
    },
    /// The server has more bytes than the source: another file was sent to this link.
    #[error(
        "the server has {offset} bytes of {video_uri}, but the source has only {size}: another file \
         was sent to this link; upload this one to a new video"
    )]
    OffsetBeyondFile {
        /// The URI of the video.
        video_uri: String,
        /// The server's offset, in bytes.
        offset: u64,
        /// The size of the source in bytes.
        size: u64,
    },
    /// The server has bytes of an upload that was just created, although none were sent.
    #[error(
        "{host} has {offset} bytes of {video_uri}, although none were sent: the link cannot be \
         trusted, and nothing was sent; delete the video and upload again"
    )]
    UnexpectedOffset {
        /// The URI of the video.
        video_uri: String,
        /// The host of the link.
        host: String,
        /// The server's offset, in bytes.
        offset: u64,
    },
    /// The server requests bytes that the source cannot read a second time.
    #[error(
        "the server requests {video_uri} from byte {offset} again, but the source starts at byte \
         {lowest}; resume with a seekable source, such as a file"
    )]
    SourceNotRewindable {
        /// The URI of the video.
        video_uri: String,
        /// The server's offset, in bytes.
        offset: u64,
        /// The lowest offset that the source can read, in bytes.
        lowest: u64,
    },
    /// The server does not speak tus 1.0.0 (412).
    #[error(
        "{host} rejected tus version 1.0.0 (status 412): the link is not a tus upload link, or a \
         proxy removed the Tus-Resumable header"
    )]
    UnsupportedTusVersion {
        /// The host of the link.
        host: String,
    },
    /// The source is not the original one, or has changed.
    #[error("{name} {what}; {advice}", advice = what.advice())]
    SourceChanged {
        /// The name of the source; for a file, its path.
        name: String,
        /// The change.
        what: SourceChange,
    },
    /// The size of the source, or the one that the server reports, differs from the one in the ticket.
    #[error("the upload was created for {expected} bytes, but {by} has {found}; {advice}", advice = by.advice())]
    SizeMismatch {
        /// The size in the ticket, in bytes.
        expected: u64,
        /// The actual size, in bytes.
        found: u64,
        /// Where the actual size comes from.
        by: SizeSource,
    },
    /// Too many attempts in a row made no progress.
    #[error(
        "the upload of {video_uri} to {host} made no progress after byte {acknowledged} in \
         {attempts} attempts: {last}; resume it later, the server keeps what it has"
    )]
    Exhausted {
        /// The URI of the video.
        video_uri: String,
        /// The host of the link.
        host: String,
        /// The attempts in a row without progress.
        attempts: u32,
        /// The last failure.
        last: TransientError,
        /// The bytes that the server has.
        acknowledged: u64,
        /// The error of the HTTP client, if it caused the last failure.
        #[source]
        source: Option<Box<reqwest::Error>>,
    },
    /// The deadline of the whole upload has passed.
    #[error(
        "the upload of {video_uri} was not finished after {after:?}, the server has {acknowledged} \
         bytes; resume it later, or extend the deadline"
    )]
    Deadline {
        /// The URI of the video.
        video_uri: String,
        /// The deadline.
        after: Duration,
        /// The bytes that the server has, as far as known.
        acknowledged: u64,
        /// The last failure before the deadline, if there was one.
        last: Option<TransientError>,
    },
    /// The upload was cancelled through its handle.
    #[error(
        "the upload of {video_uri} was cancelled, the server has at least {acknowledged} bytes; \
         resume with the ticket"
    )]
    Cancelled {
        /// The URI of the video.
        video_uri: String,
        /// The bytes that the server has, as far as known.
        acknowledged: u64,
    },
    /// The source or a journal file could not be read or written.
    #[error("cannot {action} {name}: {source}")]
    Io {
        /// The action that failed, as a verb: "open", "read".
        action: &'static str,
        /// The name of the source or file.
        name: String,
        /// The error of the system.
        source: io::Error,
    },
    /// TLS cannot be set up.
    #[error("cannot set up TLS for upload links: {0}")]
    Tls(#[source] ConfigError),
    /// The HTTP client or a request could not be built.
    #[error("cannot send requests to {host}: {source}")]
    Http {
        /// The host of the link.
        host: String,
        /// The error of the HTTP client, without the URL.
        source: reqwest::Error,
    },
    /// The server rejected the request, and a retry would not help.
    #[error(
        "{host} rejected the upload of {video_uri} with status {status}{}; {}",
        quoted_body(body),
        refusal_advice(*status)
    )]
    Refused {
        /// The URI of the video.
        video_uri: String,
        /// The host of the link.
        host: String,
        /// The status of the response.
        status: u16,
        /// The start of the response body, at most 1 KiB, with the link redacted.
        body: String,
    },
    /// A path that is not a regular file, for example a folder.
    #[error("{name} is {what}, not a file; {advice}")]
    NotAFile {
        /// The path.
        name: String,
        /// What the path is instead.
        what: &'static str,
        /// What to do instead.
        advice: &'static str,
    },
    /// An empty source, found before anything was created.
    #[error("there is nothing to upload: the file is empty; nothing was created")]
    Empty,
    /// A reader of unknown size has more bytes than may be spooled to disk. Nothing was created.
    #[error(
        "{name} has more than the {max_bytes} bytes that may be spooled to disk (max_bytes); nothing was created: \
         raise the limit, or give the size so that nothing is spooled"
    )]
    SpoolLimit {
        /// The name of the reader.
        name: String,
        /// The limit, in bytes.
        max_bytes: u64,
    },
    /// A stream does not have the size that was announced for it. Its video stays incomplete.
    #[error("{}; its video stays incomplete: delete it and upload again with the right size", stream_size(name, *announced, *ended_at))]
    WrongStreamSize {
        /// The name of the stream.
        name: String,
        /// The announced size, in bytes.
        announced: u64,
        /// The bytes that the stream had; `None` if it has more than announced.
        ended_at: Option<u64>,
    },
    /// Vimeo created the video, but did not open a resumable upload for it.
    #[error(
        "Vimeo did not open a tus upload for {video_uri}, but one with the approach `{approach}`; nothing was \
         sent: delete the video, or send the file with that approach"
    )]
    UnexpectedApproach {
        /// The URI of the video, which waits for its file.
        video_uri: String,
        /// The approach in the response.
        approach: String,
    },
    /// Vimeo created the video, but its upload link is invalid.
    #[error(
        "the upload link that Vimeo returned for {video_uri} is invalid: {reason}; nothing was sent: delete the video before you try again"
    )]
    InvalidUploadLink {
        /// The URI of the video, which waits for its file.
        video_uri: String,
        /// Why the link is invalid. Never contains it.
        reason: String,
    },
    /// The upload was abandoned, but the status of its video or version is unknown.
    #[error(
        "the upload status of {uri} is unknown, so it was not deleted; try again, or check it and delete it yourself"
    )]
    UnknownStatus {
        /// The URI of the video or version.
        uri: String,
    },
    /// The upload was abandoned, but its video or version could not be deleted.
    #[error(
        "the upload was cancelled, but {uri} was not deleted: {source}. Delete it yourself, or resume the upload"
    )]
    DeletionFailed {
        /// The URI of the video or version.
        uri: String,
        /// The error of the call.
        source: Box<vimeo_api::Error>,
    },
    /// The upload of a new version was abandoned, but Vimeo's response did not name the version, so nothing was deleted.
    #[error(
        "nothing was deleted, because Vimeo did not name the version of {video_uri} that waits for the file. Delete that \
         version yourself and discard the journal entry if there is one, or resume the upload"
    )]
    UnknownVersion {
        /// The URI of the video, which has an earlier file.
        video_uri: String,
    },
    /// The video was created, but the response has no upload link.
    #[error(
        "{video_uri} was created, but Vimeo's response has no upload link; delete the video before you try again"
    )]
    MissingUploadLink {
        /// The URI of the video, which waits for its file.
        video_uri: String,
    },
    /// It is unknown whether a creation request created something: the response was lost, or an earlier run ended
    /// before recording it. Never repeated automatically, because that could create a second video.
    #[error(
        "it is unknown whether Vimeo created {what}; the request was sent at {}{}. Look for a video without a file \
         in the account before you try again{}",
        requested_at.format("%Y-%m-%d %H:%M:%S UTC"),
        call_error(source),
        entry_hint(entry)
    )]
    OutcomeUnknown {
        /// What the request was to create.
        what: String,
        /// When the request was sent.
        requested_at: DateTime<Utc>,
        /// The ID of the journal entry, if there is one: [`PendingUploads`](crate::PendingUploads) adopts the video
        /// that was found, or discards the entry if there is none.
        entry: Option<String>,
        /// The error of the call, if it was just sent.
        #[source]
        source: Option<Box<vimeo_api::Error>>,
    },
    /// An earlier run started to upload the same file with other settings.
    #[error(
        "the upload of {name} to {video_uri} was started with other settings ({}); finish it with those, or \
         delete the video and discard the journal entry {entry}",
        differing.join(", ")
    )]
    SettingsMismatch {
        /// The file.
        name: String,
        /// The URI of the video that it was started for.
        video_uri: String,
        /// The names of the settings that differ.
        differing: Vec<String>,
        /// The ID of the journal entry, for [`PendingUploads`](crate::PendingUploads).
        entry: String,
    },
    /// An invalid ticket.
    #[error("invalid upload ticket: {reason}")]
    InvalidTicket {
        /// Why it is invalid. Never contains the link.
        reason: String,
    },
    /// Another process or task is working on the same upload.
    #[error("the upload of {name} is in use by another process; wait for it or stop it first")]
    InUse {
        /// The file.
        name: String,
    },
    /// A journal entry that cannot be read, or whose file has changed.
    #[error("cannot resume the upload of journal entry {name}: {reason}; discard the entry to start over")]
    Journal {
        /// The path or the ID of the journal entry.
        name: String,
        /// Why it cannot be resumed.
        reason: String,
    },
}

impl UploadError {
    /// Wraps an I/O error with the action and the name.
    ///
    /// ```
    /// use vimeo_ext::upload::UploadError;
    /// let error = UploadError::io("read", "film.mp4", std::io::ErrorKind::NotFound.into());
    /// assert!(error.to_string().starts_with("cannot read film.mp4: "));
    /// ```
    pub fn io(action: &'static str, name: impl Into<String>, source: io::Error) -> Self {
        Self::Io { action, name: name.into(), source }
    }

    /// Whether the same ticket may still finish the upload, now or later.
    pub fn is_resumable(&self) -> bool {
        matches!(
            self,
            Self::Exhausted { .. }
                | Self::Deadline { .. }
                | Self::Cancelled { .. }
                | Self::Io { .. }
                | Self::Http { .. }
                | Self::SourceNotRewindable { .. }
                | Self::InUse { .. }
                | Self::DeletionFailed { .. }
                | Self::UnknownStatus { .. }
                | Self::UnknownVersion { .. }
        )
    }

    /// Returns the URI of the video, such as `/videos/123`, if there is one.
    pub fn video_uri(&self) -> Option<&str> {
        match self {
            Self::LinkGone { video_uri, .. }
            | Self::OffsetBeyondFile { video_uri, .. }
            | Self::UnexpectedOffset { video_uri, .. }
            | Self::SourceNotRewindable { video_uri, .. }
            | Self::Exhausted { video_uri, .. }
            | Self::Deadline { video_uri, .. }
            | Self::Refused { video_uri, .. }
            | Self::UnexpectedApproach { video_uri, .. }
            | Self::InvalidUploadLink { video_uri, .. }
            | Self::MissingUploadLink { video_uri }
            | Self::UnknownVersion { video_uri }
            | Self::SettingsMismatch { video_uri, .. } => Some(video_uri),
            // The URI can be that of a version, which begins with the URI of its video.
            Self::UnknownStatus { uri } | Self::DeletionFailed { uri, .. } => uri.split("/versions/").next(),
            // An upload that was waiting in a queue is cancelled under its name.
            Self::Cancelled { video_uri, .. } => video_uri.starts_with('/').then_some(video_uri),
            _ => None,
        }
    }

    /// Returns the ID of the journal entry, which [`discard`](crate::upload::Journal::discard) takes, if there is
    /// one. A damaged entry has one as well.
    pub fn journal_entry(&self) -> Option<&str> {
        match self {
            Self::SettingsMismatch { entry, .. } => Some(entry),
            Self::OutcomeUnknown { entry, .. } => entry.as_deref(),
            Self::Journal { name, .. } => Some(journal_id_in(Path::new(name)).unwrap_or(name)),
            Self::Io { name, .. } => journal_id_in(Path::new(name)),
            _ => None,
        }
    }

    /// Returns the status of the response that ended the upload, if there was one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::LinkGone { status, .. } | Self::Refused { status, .. } => Some(*status),
            Self::UnsupportedTusVersion { .. } => Some(412),
            Self::OutcomeUnknown { source: Some(call), .. } => call.status().map(|status| status.as_u16()),
            Self::Exhausted { last, .. } => match last {
                TransientError::Busy(status) | TransientError::Server(status) => Some(*status),
                TransientError::RateLimited => Some(429),
                TransientError::TooLarge => Some(413),
                _ => None,
            },
            _ => None,
        }
    }
}

impl UploadError {
    /// Returns the error of the call that failed, if a call did.
    pub fn call(&self) -> Option<&vimeo_api::Error> {
        match self {
            Self::OutcomeUnknown { source, .. } => source.as_deref(),
            Self::DeletionFailed { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl From<InvalidTicket> for UploadError {
    fn from(error: InvalidTicket) -> Self {
        Self::InvalidTicket { reason: error.reason }
    }
}

fn quoted_body(body: &str) -> String {
    if body.is_empty() { String::new() } else { format!(" and the body {body:?}") }
}

fn stream_size(name: &str, announced: u64, ended_at: Option<u64>) -> String {
    match ended_at {
        Some(bytes) => format!("{name} ended after {bytes} bytes, but {announced} were announced"),
        None => format!("{name} has more than the {announced} bytes that were announced"),
    }
}

/// Returns what to do about a rejection.
fn refusal_advice(status: u16) -> &'static str {
    match status {
        405 => {
            "it does not support the method, or a proxy forbids it, so nothing can be sent to \
             this link from here"
        }
        413 => "it, or a proxy, accepts only smaller requests: set a smaller chunk size",
        _ => "the server keeps what was sent, but would reject the same request again",
    }
}

fn call_error(source: &Option<Box<vimeo_api::Error>>) -> String {
    source.as_ref().map(|source| format!(" ({source})")).unwrap_or_default()
}

fn entry_hint(entry: &Option<String>) -> String {
    entry.as_ref().map(|id| format!("; the journal entry of this upload is {id}")).unwrap_or_default()
}

/// Where a size comes from that differs from the ticket's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SizeSource {
    /// The source. Nothing was sent.
    Source,
    /// The server's `Upload-Length`.
    Server,
}

impl SizeSource {
    fn advice(self) -> &'static str {
        match self {
            Self::Source => "nothing was sent; resume with the file that the upload was created for",
            Self::Server => "the ticket and the link do not match",
        }
    }
}

impl std::fmt::Display for SizeSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Source => "the source",
            Self::Server => "the server",
        })
    }
}

/// A failure of one request that a retry may cure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransientError {
    /// The connection failed.
    Connect,
    /// The connection was lost before a response.
    Dropped,
    /// No progress within the stall timeout.
    Stalled,
    /// The server is at another offset (409) or still busy with an earlier request (423).
    Busy(u16),
    /// Too many requests (429).
    RateLimited,
    /// A server error (5xx), or the server timed out waiting for the request (408).
    Server(u16),
    /// A success without a valid `Upload-Offset`.
    NoOffset,
    /// A request succeeded, but the server's offset did not increase.
    NoProgress,
    /// All bytes were acknowledged, and then the server reported fewer.
    OffsetRegressed,
    /// The server, or a proxy, rejected the size of the request (413).
    TooLarge,
}

impl std::fmt::Display for TransientError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Connect => f.write_str("the connection failed"),
            Self::Dropped => f.write_str("the connection was lost"),
            Self::Stalled => f.write_str("no progress within the stall timeout"),
            Self::Busy(409) => f.write_str("the server is at another offset (409)"),
            Self::Busy(status) => write!(f, "the upload is locked by another request ({status})"),
            Self::RateLimited => f.write_str("too many requests (429)"),
            Self::Server(408) => f.write_str("the server timed out waiting for the request (408)"),
            Self::Server(status) => write!(f, "server error ({status})"),
            Self::NoOffset => f.write_str("the response has no valid Upload-Offset"),
            Self::NoProgress => f.write_str("the server accepted a request without progress"),
            Self::OffsetRegressed => {
                f.write_str("the server acknowledged every byte and then reported fewer")
            }
            Self::TooLarge => f.write_str("the server rejected the size of the request (413)"),
        }
    }
}

/// Returns the ID in the file name of a journal entry.
pub(crate) fn journal_id_in(path: &Path) -> Option<&str> {
    if path.extension()? != "json" {
        return None;
    }
    path.file_stem()?.to_str().filter(|id| is_journal_id(id))
}

/// Whether the text has the form of a journal entry ID.
pub(crate) fn is_journal_id(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_status_names_its_video() {
        for (uri, video) in [
            ("/videos/7", "/videos/7"),
            ("/videos/7:a1b2", "/videos/7:a1b2"),
            ("/videos/7/versions/8", "/videos/7"),
        ] {
            assert_eq!(UploadError::UnknownStatus { uri: uri.to_owned() }.video_uri(), Some(video));
        }
    }

    #[test]
    fn messages_name_the_next_step() {
        // (error, parts of its message, whether it is resumable)
        let table = [
            (
                UploadError::LinkGone {
                    video_uri: "/videos/7".into(),
                    host: "files.example".into(),
                    status: 410,
                },
                vec!["/videos/7", "410", "upload again"],
                false,
            ),
            (
                UploadError::SourceChanged {
                    name: "film.mp4".into(),
                    what: SourceChange::Shrank { from: 9, to: 4 },
                },
                vec!["film.mp4 shrank from 9 to 4 bytes"],
                false,
            ),
            (
                UploadError::SpoolLimit { name: "a pipe".into(), max_bytes: 9 },
                vec![
                    "a pipe has more than the 9 bytes",
                    "max_bytes",
                    "nothing was created",
                    "raise the limit",
                ],
                false,
            ),
            (
                UploadError::WrongStreamSize { name: "a pipe".into(), announced: 9, ended_at: Some(4) },
                vec!["a pipe ended after 4 bytes, but 9 were announced", "delete it"],
                false,
            ),
            (
                UploadError::WrongStreamSize { name: "a pipe".into(), announced: 9, ended_at: None },
                vec!["a pipe has more than the 9 bytes that were announced", "delete it"],
                false,
            ),
            (
                UploadError::SizeMismatch { expected: 9, found: 4, by: SizeSource::Source },
                vec!["9 bytes", "the source has 4", "nothing was sent"],
                false,
            ),
            (
                UploadError::Refused {
                    video_uri: "/videos/7".into(),
                    host: "files.example".into(),
                    status: 400,
                    body: "Invalid bucket".into(),
                },
                vec!["400", "the body \"Invalid bucket\""],
                false,
            ),
            (
                UploadError::Refused {
                    video_uri: "/videos/7".into(),
                    host: "files.example".into(),
                    status: 413,
                    body: String::new(),
                },
                vec!["413", "smaller chunk size"],
                false,
            ),
            (
                UploadError::UnexpectedApproach { video_uri: "/videos/7".into(), approach: "post".into() },
                vec!["did not open a tus upload for /videos/7", "`post`", "delete the video"],
                false,
            ),
            (
                UploadError::OutcomeUnknown {
                    what: "a video for film.mp4".into(),
                    requested_at: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
                    entry: Some("1f".into()),
                    source: None,
                },
                vec![
                    "a video for film.mp4",
                    "2023-11-14 22:13:20 UTC",
                    "without a file",
                    "entry of this upload is 1f",
                ],
                false,
            ),
            (
                UploadError::SettingsMismatch {
                    name: "film.mp4".into(),
                    video_uri: "/videos/7".into(),
                    differing: vec!["name".into(), "privacy".into()],
                    entry: "1f".into(),
                },
                vec!["film.mp4 to /videos/7", "(name, privacy)", "discard", "1f"],
                false,
            ),
            (
                UploadError::Cancelled { video_uri: "/videos/7".into(), acknowledged: 3 },
                vec!["cancelled", "resume with the ticket"],
                true,
            ),
        ];
        for (error, parts, resumable) in table {
            let text = error.to_string();
            for part in parts {
                assert!(text.contains(part), "{part:?} is missing in {text:?}");
            }
            assert_eq!(error.is_resumable(), resumable, "{text}");
        }
    }
}
