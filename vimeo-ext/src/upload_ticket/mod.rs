//! `UploadTicket`: all that is needed to finish an upload in another process. A leaf module, because errors contain
//! tickets.

mod fingerprint;

use std::fmt;
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;
use vimeo_api::is_loopback;

use crate::signed_link::link_problem;

pub(crate) use self::fingerprint::sample_ranges;
pub use self::fingerprint::{Fingerprint, SourceChange};

/// Why a ticket is invalid. Never contains the link.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid upload ticket: {reason}")]
#[non_exhaustive]
pub struct InvalidTicket {
    /// What is wrong with it.
    pub reason: String,
}

/// A created video and its upload link: all that is needed to finish the upload, without the access token.
///
/// Create it on a server that has the token, and pass it to the process that has the file. The link is signed:
/// its holder can write to the upload. `Debug` and errors therefore show only its host. Besides
/// [`upload_link`](Self::upload_link), only serialization reveals the link: **store serialized tickets like
/// passwords**.
///
/// ```
/// use vimeo_ext::upload::UploadTicket;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ticket = UploadTicket::new("/videos/1", "https://files.example/1?sig=secret", 4096)?;
/// assert!(!format!("{ticket:?}").contains("secret"));
///
/// let json = serde_json::to_string(&ticket)?;
/// let elsewhere: UploadTicket = serde_json::from_str(&json)?;
/// assert_eq!(elsewhere.size(), 4096);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "SerializedTicket", into = "SerializedTicket")]
pub struct UploadTicket {
    video_uri: String,
    upload_link: SecretString,
    host: String,
    size: u64,
    fingerprint: Option<Fingerprint>,
    created: DateTime<Utc>,
}

impl UploadTicket {
    /// Creates a ticket for the video at `video_uri`, created now, for `size` bytes.
    ///
    /// # Errors
    /// [`InvalidTicket`] if the link is neither an absolute `https` URL nor an `http` URL of a loopback address, as a
    /// local sandbox returns it.
    pub fn new(
        video_uri: impl Into<String>,
        upload_link: impl Into<String>,
        size: u64,
    ) -> Result<Self, InvalidTicket> {
        let upload_link = upload_link.into();
        let bad = |reason: &str| InvalidTicket { reason: reason.to_owned() };
        if let Some(problem) = link_problem(&upload_link, true) {
            return Err(bad(&format!("its upload link {problem}")));
        }
        let url = Url::parse(&upload_link).map_err(|_| bad("its upload link is not a URL"))?;
        let host = url.host_str().ok_or_else(|| bad("its upload link has no host"))?.to_owned();
        Ok(Self {
            video_uri: video_uri.into(),
            upload_link: upload_link.into(),
            host,
            size,
            fingerprint: None,
            created: SystemTime::now().into(),
        })
    }

    /// Adds the fingerprint of the file, so that another file is refused when the upload is resumed.
    #[must_use]
    pub fn with_fingerprint(mut self, fingerprint: impl Into<Option<Fingerprint>>) -> Self {
        self.fingerprint = fingerprint.into();
        self
    }

    /// Returns the video's URI, such as `/videos/123`.
    pub fn video_uri(&self) -> &str {
        &self.video_uri
    }

    /// Returns the link, which is secret, for a tus client elsewhere, such as in a browser.
    pub fn upload_link(&self) -> &SecretString {
        &self.upload_link
    }

    /// Returns the host of the link, which is not secret.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether the link is a loopback address.
    pub(crate) fn is_loopback(&self) -> bool {
        Url::parse(self.upload_link.expose_secret()).is_ok_and(|link| is_loopback(&link))
    }

    /// Returns the size in bytes that the upload was created for.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns the fingerprint of the file when the upload was created, if it was stored.
    pub fn fingerprint(&self) -> Option<&Fingerprint> {
        self.fingerprint.as_ref()
    }

    /// Returns when the upload was created. The lifetime of a link is not documented; only the server knows it.
    pub fn created(&self) -> DateTime<Utc> {
        self.created
    }
}

impl fmt::Debug for UploadTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UploadTicket")
            .field("video_uri", &self.video_uri)
            .field("upload_link", &format_args!("[REDACTED] at {}", self.host))
            .field("size", &self.size)
            .field("fingerprint", &self.fingerprint)
            .field("created", &self.created)
            .finish()
    }
}

/// The serialized form of a ticket.
#[derive(Serialize, Deserialize)]
struct SerializedTicket {
    video_uri: String,
    upload_link: String,
    size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fingerprint: Option<Fingerprint>,
    created: DateTime<Utc>,
}

impl From<UploadTicket> for SerializedTicket {
    fn from(ticket: UploadTicket) -> Self {
        Self {
            video_uri: ticket.video_uri,
            upload_link: ticket.upload_link.expose_secret().to_owned(),
            size: ticket.size,
            fingerprint: ticket.fingerprint,
            created: ticket.created,
        }
    }
}

impl TryFrom<SerializedTicket> for UploadTicket {
    type Error = InvalidTicket;

    fn try_from(serialized: SerializedTicket) -> Result<Self, InvalidTicket> {
        let ticket = Self::new(serialized.video_uri, serialized.upload_link, serialized.size)?;
        Ok(Self { fingerprint: serialized.fingerprint, created: serialized.created, ..ticket })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "https://eu.files.example/files/1?expires=9&sig=s3cret";

    #[test]
    fn json_round_trips_and_debug_shows_only_the_host() {
        let fingerprint = Fingerprint::new(5, DateTime::from_timestamp(7, 9), b"12", b"345");
        let ticket = UploadTicket::new("/videos/1", LINK, 5).unwrap().with_fingerprint(fingerprint.clone());
        let json = serde_json::to_string(&ticket).unwrap();
        let back: UploadTicket = serde_json::from_str(&json).unwrap();
        assert_eq!(back.video_uri(), "/videos/1");
        assert_eq!(back.upload_link().expose_secret(), LINK);
        assert_eq!(back.size(), 5);
        assert_eq!(back.fingerprint(), Some(&fingerprint));
        assert_eq!(back.created(), ticket.created());

        let shown = format!("{back:?} {back:#?}");
        assert!(shown.contains("eu.files.example"));
        assert!(!shown.contains("s3cret") && !shown.contains("sig="), "{shown}");
    }

    #[test]
    fn invalid_links_are_refused_and_not_shown() {
        for link in [
            "",
            "s3cret",
            "/files/s3cret",
            "ftp://h/s3cret",
            "data:s3cret",
            "http://files.example/s3cret",
            "http://10.0.0.1/s3cret",
            "http://localhost.example/s3cret",
            "http://127.0.0.1.example/s3cret",
        ] {
            let error = UploadTicket::new("/videos/1", link, 5).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("s3cret"));
        }
        for link in ["http://127.0.0.1:5/1", "http://[::1]:5/1", "http://localhost:5/1", "https://h/1"] {
            assert!(UploadTicket::new("/videos/1", link, 5).is_ok(), "{link}");
        }
    }
}
