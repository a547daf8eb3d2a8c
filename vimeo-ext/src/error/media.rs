//! What can end a flow, besides calls and uploads.

use std::time::Duration;

use vimeo_api::types;

use super::TransientError;

/// Why a picture, a text track or a wait came to nothing, as one enum to match on.
///
/// No message, no `Debug` output and no source error holds a signed link.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MediaError {
    /// What the picture is for has none that could be set.
    #[error("{uri} takes no pictures: its answer names no `metadata.connections.pictures`; nothing was sent")]
    NoPictures {
        /// The object.
        uri: String,
    },
    /// Pictures of this kind are shown from where they are chosen; there is nothing to switch on.
    #[error(
        "a picture of {path} has no `active` to be set, so it cannot be switched on or off; nothing was sent"
    )]
    ActivationUnsupported {
        /// Where such pictures are created.
        path: String,
    },
    /// No language has this tag.
    #[error(
        "`{tag}` is no language tag that is registered ({reason}); give one such as de or pt-BR, \
         GET /languages?filter=texttracks lists Vimeo's; nothing was sent"
    )]
    UnknownLanguage {
        /// The tag.
        tag: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A picture or a text track without a single byte.
    #[error("there is nothing to send in {name}: the file is empty; nothing was created for it")]
    EmptyFile {
        /// The file, by its path where it has one.
        name: String,
    },
    /// A time of a video that Vimeo takes in whole seconds only.
    #[error("{what} is {time:?}, but Vimeo takes whole seconds; nothing was sent")]
    NotWholeSeconds {
        /// Which time it is.
        what: &'static str,
        /// The time.
        time: Duration,
    },
    /// An address that Vimeo could not use.
    #[error("{what} cannot be used: {reason}; nothing was sent")]
    InvalidUrl {
        /// Which address it is.
        what: &'static str,
        /// What is wrong with it. Holds no query of the address, which may be signed.
        reason: String,
    },
    /// Vimeo created it, but gave no place to send the file to.
    #[error(
        "{uri} was created, but Vimeo's answer holds no link for the file; delete it before you try again"
    )]
    MissingUploadLink {
        /// What waits for its file; empty when the answer did not name it.
        uri: String,
    },
    /// Vimeo created it, but the link that it gave for the file cannot be used.
    #[error(
        "Vimeo's link for the file of {uri} cannot be used: {reason}; nothing was sent: delete it before you try again"
    )]
    InvalidUploadLink {
        /// What waits for its file.
        uri: String,
        /// What is wrong with the link. Never holds it.
        reason: String,
    },
    /// The link of a picture or text track had expired, and so had the one that was asked for in its place.
    #[error(
        "the link of {uri} at {host} opens no longer (status {status}), as did the one before; try again later"
    )]
    LinkGone {
        /// What waits for its file.
        uri: String,
        /// The host of the link.
        host: String,
        /// What the server answered.
        status: u16,
    },
    /// The server did not take the file.
    #[error("{host} refused the file for {uri} with status {status}{}", said(body))]
    Refused {
        /// What waits for its file.
        uri: String,
        /// The host of the link.
        host: String,
        /// What the server answered.
        status: u16,
        /// The beginning of the answer's body, at most 1 KiB, the link taken out.
        body: String,
    },
    /// A web page came in place of the server's answer, so nobody knows what became of the file.
    #[error(
        "{host} answered the file for {uri} with a web page (status {status}){}: a login page or a proxy on the way \
         may have taken it; look whether the file arrived, or send it over another network",
        said(body)
    )]
    WebPage {
        /// What waits for its file.
        uri: String,
        /// The host of the link.
        host: String,
        /// What the server answered.
        status: u16,
        /// The beginning of the page, at most 1 KiB, the link taken out.
        body: String,
    },
    /// The file did not get there, as often as it was tried.
    #[error("the file for {uri} did not get to {host} in {attempts} tries: {last}; try again later")]
    Exhausted {
        /// What waits for its file.
        uri: String,
        /// The host of the link.
        host: String,
        /// How often it was tried.
        attempts: u32,
        /// What went wrong the last time.
        last: TransientError,
        /// The transport's own words for it, if it was the transport.
        #[source]
        source: Option<Box<reqwest::Error>>,
    },
    /// The file did not get to Vimeo, or Vimeo could not fetch it.
    #[error(
        "the file of {video_uri} did not arrive: upload status {}{}; upload it again",
        status,
        because(error)
    )]
    UploadFailed {
        /// The video.
        video_uri: String,
        /// Vimeo's word for where its upload stands.
        status: types::UploadStatus,
        /// Vimeo's word for the reason, where there is one: `remote_not_found` and so on for a file that it fetches itself.
        error: Option<types::UploadError>,
    },
    /// Vimeo could not make the video playable.
    #[error("{video_uri} cannot be transcoded ({status}); {}", transcode_advice(status))]
    TranscodeFailed {
        /// The video.
        video_uri: String,
        /// Vimeo's word for it.
        status: String,
    },
    /// The time to wait is over; Vimeo is still at it.
    #[error("{uri} was not done after {after:?}, {}; wait again, or allow more time", last_seen(last))]
    Timeout {
        /// What was waited for.
        uri: String,
        /// The time that was allowed.
        after: Duration,
        /// Vimeo's last word for it.
        last: Option<String>,
    },
    /// Vimeo could not make the animation.
    #[error("the animated thumbnail {uri} was not made ({status})")]
    AnimationFailed {
        /// The animation.
        uri: String,
        /// Vimeo's word for it.
        status: types::AnimatedThumbnailStatus,
    },
}

/// What to do about a video that Vimeo will not transcode.
fn transcode_advice(status: &str) -> &'static str {
    match status {
        "quota_exceeded" | "total_cap_exceeded" => {
            "the account has no room for it: delete videos or change the plan, then replace its file"
        }
        "uploading_error" => "its file did not arrive whole: replace it",
        _ => "check that the file plays, and replace it",
    }
}

fn said(body: &str) -> String {
    if body.is_empty() { String::new() } else { format!(" and said {body:?}") }
}

fn because(error: &Option<types::UploadError>) -> String {
    error.as_ref().map(|error| format!(" because of {error}")).unwrap_or_default()
}

fn last_seen(last: &Option<String>) -> String {
    last.as_ref().map_or_else(|| "nothing is known of it".to_owned(), |word| format!("it stands at {word}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_do_about_a_video_goes_by_what_is_wrong_with_it() {
        let table = [
            ("quota_exceeded", "no room"),
            ("total_cap_exceeded", "no room"),
            ("uploading_error", "did not arrive"),
            ("transcoding_error", "file plays"),
        ];
        for (status, advice) in table {
            let error = MediaError::TranscodeFailed { video_uri: "/videos/1".into(), status: status.into() };
            assert!(error.to_string().contains(advice), "{error}");
        }
    }
}
