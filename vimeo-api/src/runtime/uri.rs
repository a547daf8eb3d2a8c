//! Reading `/videos/123`.

use std::fmt;
use std::str::FromStr;

/// A Vimeo URI such as `/videos/123` or `/users/7/folders/9`, taken apart.
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

/// The text is no Vimeo URI: those are paths that begin with `/`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no Vimeo URI; expected a path such as /videos/123")]
pub struct InvalidUri(String);

impl ResourceUri {
    /// The URI as Vimeo writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id that stands behind a collection, such as `videos`; for an unlisted video without its hash.
    pub fn id_of(&self, collection: &str) -> Option<u64> {
        number(self.segment_after(collection)?)
    }

    /// The hash of an unlisted resource behind a collection: `abc` in `/videos/123:abc`.
    pub fn hash_of(&self, collection: &str) -> Option<&str> {
        self.segment_after(collection)?.split_once(':').map(|(_, hash)| hash)
    }

    /// The id of the resource itself: the last segment, where that is a number.
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
