//! What can end an upload, as one enum to match on.

use std::io;
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::ConfigError;
use crate::upload_ticket::{InvalidTicket, SourceChange};

/// Why an upload ended without all bytes at the server.
///
/// Every message says what happened, to what, and what to do next. No message, no `Debug` output
/// and no source error holds the upload link.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UploadError {
    /// The link answers 404, 410 or 403: it has expired or was withdrawn. Never retried, and no
    /// new video is ever created in its place: that would leave the old one behind, empty.
    #[error(
        "the upload link of {video_uri} at {host} is gone (status {status}): it has expired, or is not the \
         link of a resumable upload; delete or replace that video, discard its journal entry if there is \
         one, and upload again"
    )]
    LinkGone {
        /// The video whose upload this was.
        video_uri: String,
        /// The host of the link.
        host: String,
        /// What the server answered.
        status: u16,
    },
    /// The server says that it has more bytes than the source: another file went to this link.
    #[error(
        "the server has {offset} bytes of {video_uri}, the source has only {size}; another file \
         was sent to this link, upload this one to a new video"
    )]
    OffsetBeyondFile {
        /// The video whose upload this was.
        video_uri: String,
        /// Where the server says it stands, in bytes.
        offset: u64,
        /// The size of the source in bytes.
        size: u64,
    },
    /// The server says that it has bytes of an upload that was created just now, and of which nothing was sent.
    #[error(
        "{host} says that it has {offset} bytes of {video_uri}, though nothing was sent yet; that link cannot be \
         trusted, so nothing was sent: delete that video and upload again"
    )]
    UnexpectedOffset {
        /// The video whose upload this was.
        video_uri: String,
        /// The host of the link.
        host: String,
        /// Where the server says it stands, in bytes.
        offset: u64,
    },
    /// The server wants bytes again that the source cannot give a second time.
    #[error(
        "the server asks for {video_uri} from byte {offset} again, the source can only give from \
         {lowest} on; resume with a source that can seek, such as a file"
    )]
    SourceNotRewindable {
        /// The video whose upload this was.
        video_uri: String,
        /// Where the server says it stands, in bytes.
        offset: u64,
        /// The lowest offset the source can give, in bytes.
        lowest: u64,
    },
    /// The server does not speak tus 1.0.0 (412).
    #[error(
        "{host} refuses tus version 1.0.0 (status 412); the link is not a tus upload link, or a \
         proxy between took out the Tus-Resumable header"
    )]
    UnsupportedTusVersion {
        /// The host of the link.
        host: String,
    },
    /// The source is not, or no longer, what was to be uploaded.
    #[error("{name} {what}; {advice}", advice = what.advice())]
    SourceChanged {
        /// The name of the source: for a file, its path.
        name: String,
        /// What changed.
        what: SourceChange,
    },
    /// The size of the source, or the one the server reports, is not the one in the ticket.
    #[error("the upload was created for {expected} bytes, but {by} has {found}; {advice}", advice = by.advice())]
    SizeMismatch {
        /// The size in the ticket, in bytes.
        expected: u64,
        /// The size that was found, in bytes.
        found: u64,
        /// Where it was found.
        by: SizeSource,
    },
    /// Too many tries in a row brought the upload no further.
    #[error(
        "the upload of {video_uri} to {host} got no further than byte {acknowledged} in \
         {attempts} tries: {last}; what the server has stays there, go on later"
    )]
    Exhausted {
        /// The video whose upload this was.
        video_uri: String,
        /// The host of the link.
        host: String,
        /// Tries in a row without progress.
        attempts: u32,
        /// What went wrong the last time.
        last: TransientError,
        /// The bytes the server has.
        acknowledged: u64,
        /// The transport's own words for it, if it was the transport.
        #[source]
        source: Option<Box<reqwest::Error>>,
    },
    /// The time for the whole upload is over.
    #[error(
        "the upload of {video_uri} was not done after {after:?}, the server has {acknowledged} \
         bytes; go on later, or allow more time"
    )]
    Deadline {
        /// The video whose upload this was.
        video_uri: String,
        /// The time that was allowed.
        after: Duration,
        /// The bytes the server has, as far as it said so.
        acknowledged: u64,
        /// The last failure before, if there was one.
        last: Option<TransientError>,
    },
    /// The upload was cancelled through its handle.
    #[error(
        "the upload of {video_uri} was cancelled, the server has at least {acknowledged} bytes; \
         resume with the ticket"
    )]
    Cancelled {
        /// The video whose upload this was.
        video_uri: String,
        /// The bytes the server has, as far as it said so.
        acknowledged: u64,
    },
    /// The source or a journal file could not be read or written.
    #[error("cannot {action} {name}: {source}")]
    Io {
        /// What was to be done, as a verb: "open", "read".
        action: &'static str,
        /// The name of the source or file.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// TLS cannot be set up.
    #[error("upload links cannot be reached: {0}")]
    Tls(#[source] ConfigError),
    /// The HTTP client could not be built, or a request could not be made at all.
    #[error("cannot talk to {host}: {source}")]
    Http {
        /// The host of the link.
        host: String,
        /// The transport's own words, without the URL.
        source: reqwest::Error,
    },
    /// The server refused the request in a way that a retry does not cure.
    #[error(
        "{host} refused the upload of {video_uri} with status {status}{}; {}",
        said(body),
        refusal_advice(*status)
    )]
    Refused {
        /// The video whose upload this was.
        video_uri: String,
        /// The host of the link.
        host: String,
        /// What the server answered.
        status: u16,
        /// The beginning of the answer's body, at most 1 KiB, the link taken out.
        body: String,
    },
    /// A path that is not a regular file, for example a folder.
    #[error("{name} is {what}, not a file; {advice}")]
    NotAFile {
        /// The path.
        name: String,
        /// What is there instead.
        what: &'static str,
        /// What to do instead.
        advice: &'static str,
    },
    /// A source without a single byte, which is no video; found before anything was created.
    #[error("there is nothing to upload: the file is empty; nothing was created for it")]
    Empty,
    /// Vimeo created the video, but opened no resumable upload for it, although that was asked for.
    #[error(
        "Vimeo did not open a tus upload for {video_uri}: it answered with the approach `{approach}`; nothing was \
         sent: delete that video, or send the file to it in that way"
    )]
    UnexpectedApproach {
        /// The video that waits for its bytes.
        video_uri: String,
        /// The approach that Vimeo named instead.
        approach: String,
    },
    /// Vimeo created the video, but the link that it gave cannot be used.
    #[error(
        "Vimeo's upload link for {video_uri} cannot be used: {reason}; nothing was sent: delete that video before you try again"
    )]
    InvalidUploadLink {
        /// The video that waits for its bytes.
        video_uri: String,
        /// What is wrong with the link. Never holds it.
        reason: String,
    },
    /// The upload was to be abandoned, but Vimeo did not say whether its video, or version, has its file.
    #[error(
        "Vimeo did not say whether {uri} has its file, so it was not deleted; try again, or look at it and delete it yourself"
    )]
    UnknownStatus {
        /// The video or version.
        uri: String,
    },
    /// The video was created, but Vimeo gave no place to send its bytes to.
    #[error(
        "{video_uri} was created, but Vimeo's answer holds no upload link; delete it before you try again"
    )]
    MissingUploadLink {
        /// The video that waits for its bytes.
        video_uri: String,
    },
    /// Vimeo was asked to create something to upload to, and it is not known whether it did: the answer was lost, or an
    /// earlier run ended before it was written down. Never asked again of itself, since that could make a second video.
    #[error(
        "it is not known whether Vimeo created {what}, which it was asked to at {}{}; look for one without a file \
         among the account's videos before you try again{}",
        requested_at.format("%Y-%m-%d %H:%M:%S UTC"),
        ended(source),
        kept(entry)
    )]
    OutcomeUnknown {
        /// What it was asked to create.
        what: String,
        /// When it was asked.
        requested_at: DateTime<Utc>,
        /// The upload's name in the journal, where it is kept: [`PendingUploads`](crate::PendingUploads) adopts the video that was
        /// found, or discards the entry when there is none.
        entry: Option<String>,
        /// How asking ended, when that was just now.
        #[source]
        source: Option<Box<vimeo_api::Error>>,
    },
    /// An earlier run began to upload the same file with other settings.
    #[error(
        "the upload of {name} to {video_uri} was begun with other settings ({}); finish it as it was begun, or \
         delete that video and discard the upload's journal entry {entry}",
        differing.join(", ")
    )]
    SettingsMismatch {
        /// The file.
        name: String,
        /// The video that it was begun for.
        video_uri: String,
        /// Which settings differ.
        differing: Vec<String>,
        /// The upload's name in the journal, for [`PendingUploads`](crate::PendingUploads).
        entry: String,
    },
    /// A ticket that no upload can be made from.
    #[error("the upload ticket is not usable: {reason}")]
    InvalidTicket {
        /// What is wrong with it. Never holds the link.
        reason: String,
    },
    /// Another process, or another task of this one, is at the same upload.
    #[error("the upload of {name} is in use by another process; wait for it or stop it first")]
    InUse {
        /// The file that is being uploaded.
        name: String,
    },
    /// An entry of the journal that cannot be understood, or whose file is no longer the same.
    #[error("the upload in the journal {name} cannot go on: {reason}; discard it to start over")]
    Journal {
        /// The path of the journal file.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl UploadError {
    /// Wraps an error of the system, naming what was to be done to what.
    ///
    /// ```
    /// use vimeo_ext::upload::UploadError;
    /// let error = UploadError::io("read", "film.mp4", std::io::ErrorKind::NotFound.into());
    /// assert!(error.to_string().starts_with("cannot read film.mp4: "));
    /// ```
    pub fn io(action: &'static str, name: impl Into<String>, source: io::Error) -> Self {
        Self::Io { action, name: name.into(), source }
    }

    /// Whether the same ticket may still lead to a finished upload, now or later.
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
        )
    }

    /// The video that this is about, as `/videos/123`, where there is one.
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
            | Self::SettingsMismatch { video_uri, .. } => Some(video_uri),
            // One that waited for its turn in a queue is cancelled under its name.
            Self::Cancelled { video_uri, .. } => video_uri.starts_with('/').then_some(video_uri),
            _ => None,
        }
    }

    /// The name of the journal entry that this is about, to [`discard`](crate::upload::Journal::discard) it by, where there is
    /// one. A damaged entry has one as well: its file's.
    pub fn journal_entry(&self) -> Option<&str> {
        match self {
            Self::SettingsMismatch { entry, .. } => Some(entry),
            Self::OutcomeUnknown { entry, .. } => entry.as_deref(),
            Self::Journal { name, .. } => Some(journal_id_in(Path::new(name)).unwrap_or(name)),
            Self::Io { name, .. } => journal_id_in(Path::new(name)),
            _ => None,
        }
    }

    /// The status that ended the upload, if it was an answer of the server.
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
    /// The call that failed, where the upload ended because one did.
    pub fn call(&self) -> Option<&vimeo_api::Error> {
        match self {
            Self::OutcomeUnknown { source, .. } => source.as_deref(),
            _ => None,
        }
    }
}

impl From<InvalidTicket> for UploadError {
    fn from(error: InvalidTicket) -> Self {
        Self::InvalidTicket { reason: error.reason }
    }
}

fn said(body: &str) -> String {
    if body.is_empty() { String::new() } else { format!(" and said {body:?}") }
}

/// What to do about a refusal, where its status says more than that it is one.
fn refusal_advice(status: u16) -> &'static str {
    match status {
        405 => {
            "it does not know this kind of request, or a proxy on the way forbids it, so nothing can be sent to \
             that link from here"
        }
        413 => "it, or a proxy on the way, takes only smaller requests: allow fewer bytes a request",
        _ => "what was sent is kept, but the same request would be refused again",
    }
}

fn ended(source: &Option<Box<vimeo_api::Error>>) -> String {
    source.as_ref().map(|source| format!(" ({source})")).unwrap_or_default()
}

fn kept(entry: &Option<String>) -> String {
    entry.as_ref().map(|id| format!("; the journal keeps this upload as {id}")).unwrap_or_default()
}

/// Where a size was found that is not the ticket's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SizeSource {
    /// The source that is to be uploaded. Nothing was sent.
    Source,
    /// The server, in `Upload-Length`.
    Server,
}

impl SizeSource {
    fn advice(self) -> &'static str {
        match self {
            Self::Source => "nothing was sent, resume with the file the upload was created for",
            Self::Server => "the ticket and the link do not belong together",
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

/// Something that went wrong with one request and may go better the next time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransientError {
    /// No connection could be made.
    Connect,
    /// The connection broke before an answer came.
    Dropped,
    /// Nothing moved for the stall timeout.
    Stalled,
    /// The server stands at another offset (409) or is still busy with an earlier request (423).
    Busy(u16),
    /// Too many requests (429).
    RateLimited,
    /// The server failed (5xx), or gave up waiting for the request (408).
    Server(u16),
    /// A success without a readable `Upload-Offset`.
    NoOffset,
    /// A request succeeded, but the server's offset did not move forward.
    NoProgress,
    /// All bytes were acknowledged, and then the server said that it has fewer.
    OffsetRegressed,
    /// The server, or a proxy before it, takes no request of that size (413).
    TooLarge,
}

impl std::fmt::Display for TransientError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Connect => f.write_str("no connection could be made"),
            Self::Dropped => f.write_str("the connection broke"),
            Self::Stalled => f.write_str("nothing moved for the stall timeout"),
            Self::Busy(409) => f.write_str("the server stands at another offset (409)"),
            Self::Busy(status) => write!(f, "the upload is locked by another request ({status})"),
            Self::RateLimited => f.write_str("too many requests (429)"),
            Self::Server(408) => f.write_str("the server gave up waiting for the request (408)"),
            Self::Server(status) => write!(f, "the server failed ({status})"),
            Self::NoOffset => f.write_str("the answer had no readable Upload-Offset"),
            Self::NoProgress => f.write_str("the server took a request and did not move forward"),
            Self::OffsetRegressed => {
                f.write_str("the server acknowledged every byte and then said it has fewer")
            }
            Self::TooLarge => f.write_str("the server takes no request of that size (413)"),
        }
    }
}

/// The id in the name of an entry's file.
pub(crate) fn journal_id_in(path: &Path) -> Option<&str> {
    if path.extension()? != "json" {
        return None;
    }
    path.file_stem()?.to_str().filter(|id| is_journal_id(id))
}

/// Whether it has the form of the id of a journal's entry.
pub(crate) fn is_journal_id(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_say_what_to_do_next() {
        // (error, what it must say, resumable)
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
                vec!["400", "said \"Invalid bucket\""],
                false,
            ),
            (
                UploadError::Refused {
                    video_uri: "/videos/7".into(),
                    host: "files.example".into(),
                    status: 413,
                    body: String::new(),
                },
                vec!["413", "fewer bytes a request"],
                false,
            ),
            (
                UploadError::UnexpectedApproach { video_uri: "/videos/7".into(), approach: "post".into() },
                vec!["did not open a tus upload for /videos/7", "`post`", "delete that video"],
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
                    "keeps this upload as 1f",
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
