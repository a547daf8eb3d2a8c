//! Possible mistakes that do not stop an upload.

use std::fmt;

use serde::Serialize;

/// A possible mistake that did not stop the upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Warning {
    /// The first bytes belong to another kind of file.
    MediaType {
        /// The detected media type.
        found: String,
        /// The kind of file that was expected, such as `a video`.
        expected: &'static str,
    },
    /// Vimeo set another privacy than the one requested, for example because the plan does not include it.
    #[serde(rename = "other_privacy")]
    PrivacyMismatch {
        /// The requested privacy.
        #[serde(rename = "asked")]
        requested: String,
        /// The privacy in Vimeo's response.
        found: String,
    },
}

impl Warning {
    pub(crate) fn media_type(found: &str, expected: &'static str) -> Self {
        Self::MediaType { found: found.to_owned(), expected }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MediaType { found, expected } => write!(f, "this looks like {found}, not like {expected}"),
            Self::PrivacyMismatch { requested, found } => {
                write!(
                    f,
                    "privacy `{requested}` was requested, but Vimeo set `{found}`: change it or delete the video"
                )
            }
        }
    }
}
