//! Parses URIs such as `/videos/123`.

use std::fmt;
use std::str::FromStr;

/// A Vimeo URI such as `/videos/123` or `/users/7/folders/9`.
///
/// ```
/// use vimeo_api::ResourceUri;
/// let uri: ResourceUri = "/videos/123:abcdef/comments/7".parse()?;
/// assert_eq!(uri.id_of("videos"), Some(123));
/// assert_eq!(uri.hash_of("videos"), Some("abcdef"));
/// assert_eq!(uri.id(), Some(7));
/// # Ok::<(), vimeo_api::InvalidUri>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ResourceUri(String);

/// The error of a text that is not a Vimeo URI, which is a path that starts with `/`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid Vimeo URI `{0}`; expected a path such as /videos/123")]
pub struct InvalidUri(String);

impl ResourceUri {
    /// Returns the URI as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the ID after a collection such as `videos`, without the hash of an unlisted video.
    pub fn id_of(&self, collection: &str) -> Option<u64> {
        number(self.segment_after(collection)?)
    }

    /// Returns the hash of an unlisted resource after a collection: `abc` in `/videos/123:abc`.
    pub fn hash_of(&self, collection: &str) -> Option<&str> {
        self.segment_after(collection)?.split_once(':').map(|(_, hash)| hash)
    }

    /// Returns the ID of the resource: the last segment, if it is a number.
    pub fn id(&self) -> Option<u64> {
        number(self.segments().last()?)
    }

    fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split(['?', '#']).next().unwrap_or_default().split('/').filter(|segment| !segment.is_empty())
    }

    fn segment_after(&self, collection: &str) -> Option<&str> {
        self.segments().skip_while(|segment| *segment != collection).nth(1)
    }
}

fn number(segment: &str) -> Option<u64> {
    segment.split(':').next()?.parse().ok()
}

impl FromStr for ResourceUri {
    type Err = InvalidUri;

    fn from_str(text: &str) -> Result<Self, InvalidUri> {
        if text.starts_with('/') && !text.starts_with("//") {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidUri(text.split(['?', '#']).next().unwrap_or_default().to_owned()))
        }
    }
}

impl fmt::Display for ResourceUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
