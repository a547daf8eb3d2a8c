//! Which video is meant.

use vimeo_api::{Error, VideoId};

/// A video, by its ID, its URI or a link to it: what the flows on an existing video take. The hash of an unlisted one is
/// kept.
///
/// ```
/// use vimeo_ext::VideoRef;
/// assert_eq!(VideoRef::from(76979871).uri(), "/videos/76979871");
/// assert_eq!(VideoRef::from("/videos/76979871:8272103f6e").id(), Some(76979871));
/// assert_eq!(VideoRef::from("https://vimeo.com/76979871/8272103f6e").uri(), "/videos/76979871:8272103f6e");
/// assert_eq!(VideoRef::from("/users/7").id(), None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VideoRef {
    uri: String,
    id: Option<VideoId>,
}

impl VideoRef {
    /// The URI, as it was given where it was one.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// The number; `None` when what was given names no video, which a call then refuses before anything is sent.
    pub fn id(&self) -> Option<u64> {
        self.id.as_ref().map(VideoId::number)
    }

    /// The number with the hash; `None` as for [`id`](Self::id).
    pub fn video_id(&self) -> Option<&VideoId> {
        self.id.as_ref()
    }

    /// The ID, or the refusal.
    pub(crate) fn id_for(&self, operation: &str) -> Result<&VideoId, Error> {
        self.id.as_ref().ok_or_else(|| {
            let shown = self.uri.split(['?', '#']).next().unwrap_or_default();
            Error::invalid(operation, format!("`{shown}` names no video; give its number or /videos/NUMBER"))
        })
    }
}

impl From<u64> for VideoRef {
    fn from(id: u64) -> Self {
        VideoId::from(id).into()
    }
}

impl From<VideoId> for VideoRef {
    fn from(id: VideoId) -> Self {
        Self { uri: id.uri(), id: Some(id) }
    }
}

impl From<&VideoId> for VideoRef {
    fn from(id: &VideoId) -> Self {
        id.clone().into()
    }
}

impl From<&str> for VideoRef {
    fn from(text: &str) -> Self {
        // A URI stays as it was given, also with a query that was for the call that gave it.
        let uri = text.starts_with('/').then(|| text.split(['?', '#']).next()).flatten();
        match (uri.unwrap_or(text).parse::<VideoId>(), uri) {
            (Ok(id), Some(_)) => Self { uri: text.to_owned(), id: Some(id) },
            (Ok(id), None) => id.into(),
            (Err(_), _) => Self { uri: text.to_owned(), id: None },
        }
    }
}

impl From<String> for VideoRef {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<&String> for VideoRef {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<&super::NewVideo> for VideoRef {
    fn from(video: &super::NewVideo) -> Self {
        video.uri.as_str().into()
    }
}
