//! The errors of downloads.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::ConfigError;

/// Why a download failed. No message, `Debug` output or source error contains a signed link.
///
/// What was received stays next to the destination, in a file whose name ends in `.part`: the same download resumes it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DownloadError {
    /// Vimeo offers no file for the video: the plan, the scopes of the token or the video's privacy do not allow it.
    #[error(
        "Vimeo offers no files of {uri} for download: the owner's plan, the token's scopes or the video's settings do not allow it"
    )]
    NoFiles {
        /// The URI of the video.
        uri: String,
    },
    /// Vimeo offers other files of the video.
    #[error("Vimeo does not offer {wanted} of {uri}; it offers {offered}")]
    NoSuchFile {
        /// The URI of the video.
        uri: String,
        /// What was asked for.
        wanted: String,
        /// The files that Vimeo offers.
        offered: String,
    },
    /// The link of the file is invalid.
    #[error("the link that Vimeo returned for the file of {uri} is invalid: {reason}; nothing was sent")]
    InvalidLink {
        /// The URI of the video.
        uri: String,
        /// Why the link is invalid. Never contains it.
        reason: String,
    },
    /// The destination exists.
    #[error("{} exists; choose another path, or allow the download to overwrite it", path.display())]
    Exists {
        /// The destination.
        path: PathBuf,
    },
    /// Another process downloads to the same file.
    #[error("another download writes to {}; wait for its end", path.display())]
    Busy {
        /// The file of the unfinished download.
        path: PathBuf,
    },
    /// A file could not be read or written.
    #[error("cannot write {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The disk is full. What was received is kept.
    #[error("no space is left for {}; free some, and start the same download again to resume it", path.display())]
    DiskFull {
        /// The file.
        path: PathBuf,
    },
    /// The server rejected the request.
    #[error("{host} rejected the download of {uri} with status {status}; it was not retried")]
    Refused {
        /// The URI of the video.
        uri: String,
        /// The host of the link.
        host: String,
        /// The status.
        status: u16,
    },
    /// Every attempt failed.
    #[error(
        "the download of {uri} from {host} failed {attempts} times without progress; at last: {last}; start it again to resume it"
    )]
    Exhausted {
        /// The URI of the video.
        uri: String,
        /// The host of the link.
        host: String,
        /// How many attempts failed in a row.
        attempts: u32,
        /// Why the last attempt failed.
        last: TransferFailure,
        /// The error of the HTTP client, if it had one. Does not contain the link.
        source: Option<Box<reqwest::Error>>,
    },
    /// The HTTP client for links cannot be built.
    #[error("the HTTP client for downloads cannot be built: {0}")]
    Client(#[source] Box<reqwest::Error>),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(ConfigError),
}

/// Why one attempt of a download failed. Another attempt may succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransferFailure {
    /// The connection failed.
    #[error("the connection failed")]
    Connect,
    /// The connection was lost.
    #[error("the connection was lost")]
    Dropped,
    /// No byte arrived within the stall timeout.
    #[error("no byte arrived for {} s", .0.as_secs())]
    Stalled(Duration),
    /// Too many requests (429).
    #[error("too many requests (429)")]
    RateLimited,
    /// A server error (5xx), or the server timed out waiting for the request (408).
    #[error("server error ({0})")]
    Server(u16),
    /// The link is no longer valid, and neither is a new one.
    #[error("the link has expired ({0})")]
    LinkExpired(u16),
    /// A web page came in place of the file, for example from a proxy or a login portal.
    #[error("a web page came in place of the file ({0})")]
    WebPage(u16),
    /// The file on the server changed, or the server does not keep to the requested range.
    #[error("the file on the server changed during the download")]
    Changed,
}
