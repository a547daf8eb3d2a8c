//! The errors of pictures, text tracks, thumbnails and transcoding.

use std::time::Duration;

use vimeo_api::types;

use super::TransientError;

/// Why a picture, a text track, a thumbnail or a wait failed.
///
/// No message, `Debug` output or source error contains a signed link.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MediaError {
    /// The object has no pictures.
    #[error("{uri} has no pictures: its response has no `metadata.connections.pictures`; nothing was sent")]
    NoPictures {
        /// The URI of the object.
        uri: String,
    },
    /// Pictures of this kind have no `active` member: they are shown where they are selected.
    #[error(
        "pictures in {path} have no `active` member, so they cannot be activated or deactivated; nothing was sent"
    )]
    ActivationUnsupported {
        /// The path of the collection.
        path: String,
    },
    /// An invalid or unregistered language tag.
    #[error(
        "`{tag}` is not a registered language tag ({reason}); use one such as de or pt-BR, \
         GET /languages?filter=texttracks lists those of Vimeo; nothing was sent"
    )]
    UnknownLanguage {
        /// The tag.
        tag: String,
        /// Why it is invalid.
        reason: String,
    },
    /// The file of a picture or text track is empty.
    #[error("cannot upload {name}: the file is empty; nothing was created")]
    EmptyFile {
        /// The file's path, or the name of the source.
        name: String,
    },
    /// A time with a fraction of a second; Vimeo accepts whole seconds only.
    #[error("{what} is {time:?}, but Vimeo accepts only whole seconds; nothing was sent")]
    NotWholeSeconds {
        /// What the time is for.
        what: &'static str,
        /// The time.
        time: Duration,
    },
    /// A URL that Vimeo could not use.
    #[error("{what} is invalid: {reason}; nothing was sent")]
    InvalidUrl {
        /// What the URL is for.
        what: &'static str,
        /// Why it is invalid. Does not contain the query of the URL, which may be signed.
        reason: String,
    },
    /// It was created, but the response has no link for the file.
    #[error(
        "{uri} was created, but Vimeo's response has no link for the file; delete it before you try again"
    )]
    MissingUploadLink {
        /// The URI of what waits for its file; empty if the response does not have it.
        uri: String,
    },
    /// It was created, but the link for its file is invalid.
    #[error(
        "the link that Vimeo returned for the file of {uri} is invalid: {reason}; nothing was sent: delete it before you try again"
    )]
    InvalidUploadLink {
        /// The URI of what waits for its file.
        uri: String,
        /// Why the link is invalid. Never contains it.
        reason: String,
    },
    /// The link of a picture or text track had expired, and so had the one that was requested to replace it.
    #[error(
        "the link of {uri} at {host} is not valid (status {status}), like the one before; try again later"
    )]
    LinkGone {
        /// The URI of what waits for its file.
        uri: String,
        /// The host of the link.
        host: String,
        /// The status of the response.
        status: u16,
    },
    /// The server rejected the file.
    #[error("{host} rejected the file for {uri} with status {status}{}", quoted_body(body))]
    Refused {
        /// The URI of what waits for its file.
        uri: String,
        /// The host of the link.
        host: String,
        /// The status of the response.
        status: u16,
        /// The start of the response body, at most 1 KiB, with the link redacted.
        body: String,
    },
    /// The response is a web page instead of the server's response, so it is unknown whether the file arrived.
    #[error(
        "{host} responded to the file for {uri} with a web page (status {status}){}: a login page or a proxy \
         may have intercepted it; check whether the file arrived, or send it over another network",
        quoted_body(body)
    )]
    WebPage {
        /// The URI of what waits for its file.
        uri: String,
        /// The host of the link.
        host: String,
        /// The status of the response.
        status: u16,
        /// The start of the page, at most 1 KiB, with the link redacted.
        body: String,
    },
    /// All attempts to send the file failed.
    #[error("the file for {uri} was not sent to {host} in {attempts} attempts: {last}; try again later")]
    Exhausted {
        /// The URI of what waits for its file.
        uri: String,
        /// The host of the link.
        host: String,
        /// The number of attempts.
        attempts: u32,
        /// The last failure.
        last: TransientError,
        /// The error of the HTTP client, if it caused the last failure.
        #[source]
        source: Option<Box<reqwest::Error>>,
    },
    /// The file did not reach Vimeo, or Vimeo could not fetch it.
    #[error(
        "the file of {video_uri} did not reach Vimeo: upload status {}{}; upload it again",
        status,
        upload_error_text(error)
    )]
    UploadFailed {
        /// The URI of the video.
        video_uri: String,
        /// The upload status.
        status: types::UploadStatus,
        /// The reason, if Vimeo names one: for a file that Vimeo fetches, `remote_not_found` and so on.
        error: Option<types::UploadError>,
    },
    /// Vimeo could not transcode the video.
    #[error("{video_uri} cannot be transcoded ({status}); {}", transcode_advice(status))]
    TranscodeFailed {
        /// The URI of the video.
        video_uri: String,
        /// The status.
        status: String,
    },
    /// The timeout of the wait; Vimeo is not done yet.
    #[error("{uri} was still {} after {after:?}; wait again, or raise the timeout", last_status_text(last))]
    Timeout {
        /// The URI that was polled.
        uri: String,
        /// The timeout.
        after: Duration,
        /// The last status.
        last: Option<String>,
    },
    /// Vimeo could not create the animated thumbnail.
    #[error("the animated thumbnail {uri} could not be created ({status})")]
    AnimationFailed {
        /// The URI of the animated thumbnail.
        uri: String,
        /// The status.
        status: types::AnimatedThumbnailStatus,
    },
}

/// Returns what to do about a failed transcoding.
fn transcode_advice(status: &str) -> &'static str {
    match status {
        "quota_exceeded" | "total_cap_exceeded" => {
            "the account has no storage left: delete videos or change the plan, then replace its file"
        }
        "uploading_error" => "its file is incomplete: replace it",
        _ => "check that the file plays, and replace it",
    }
}

fn quoted_body(body: &str) -> String {
    if body.is_empty() { String::new() } else { format!(" and the body {body:?}") }
}

fn upload_error_text(error: &Option<types::UploadError>) -> String {
    error.as_ref().map(|error| format!(" ({error})")).unwrap_or_default()
}

fn last_status_text(last: &Option<String>) -> String {
    last.as_ref().map_or_else(|| "not done".to_owned(), |status| format!("`{status}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_depends_on_the_transcode_status() {
        let table = [
            ("quota_exceeded", "no storage"),
            ("total_cap_exceeded", "no storage"),
            ("uploading_error", "incomplete"),
            ("transcoding_error", "file plays"),
        ];
        for (status, advice) in table {
            let error = MediaError::TranscodeFailed { video_uri: "/videos/1".into(), status: status.into() };
            assert!(error.to_string().contains(advice), "{error}");
        }
    }
}
