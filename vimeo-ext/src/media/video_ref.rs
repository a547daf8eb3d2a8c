//! Which video is meant.

use vimeo_api::{Error, ResourceUri};

/// A video, by its number or its URI: what the flows on an existing video take.
///
/// ```
/// use vimeo_ext::VideoRef;
/// assert_eq!(VideoRef::from(76979871).uri(), "/videos/76979871");
/// assert_eq!(VideoRef::from("/videos/76979871:8272103f6e").id(), Some(76979871));
/// assert_eq!(VideoRef::from("/users/7").id(), None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VideoRef {
    uri: String,
    id: Option<u64>,
}

impl VideoRef {
    /// The URI, as it was given where it was one.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// The number; `None` when what was given names no video, which a call then refuses before anything is sent.
    pub fn id(&self) -> Option<u64> {
        self.id
    }

    /// The number, or the refusal.
    pub(crate) fn id_for(&self, operation: &str) -> Result<u64, Error> {
        self.id.ok_or_else(|| {
            let shown = self.uri.split(['?', '#']).next().unwrap_or_default();
            Error::invalid(operation, format!("`{shown}` names no video; give its number or /videos/NUMBER"))
        })
    }
}

impl From<u64> for VideoRef {
    fn from(id: u64) -> Self {
        Self { uri: format!("/videos/{id}"), id: Some(id) }
    }
}

impl From<&str> for VideoRef {
    fn from(text: &str) -> Self {
        match text.parse::<u64>() {
            Ok(id) => id.into(),
            Err(_) => {
                let id = text.parse::<ResourceUri>().ok().and_then(|uri| uri.id_of("videos"));
                Self { uri: text.to_owned(), id }
            }
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
