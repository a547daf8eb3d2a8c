//! Values that must not be printed.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::QueryValue;

/// A token, password or key in a request or response. `Debug` prints `[REDACTED]`.
///
/// ```
/// let secret = vimeo_api::Secret::from("s3cret");
/// assert_eq!(format!("{secret:?}"), "[REDACTED]");
/// assert_eq!(secret.expose(), "s3cret");
/// ```
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Returns the secret text.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<SecretString> for Secret {
    fn from(secret: SecretString) -> Self {
        Self(secret)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

/// A capability link: it works without an access token, so anyone who knows it can upload, download, watch or review.
///
/// The secret can be in the path or in the query, so `Debug` prints only the scheme and the host.
///
/// ```
/// let link = vimeo_api::SignedUrl::from("https://example.com/files/abc?expires=1&sig=def");
/// assert_eq!(format!("{link:?}"), "https://example.com/[REDACTED]");
/// assert_eq!(link.expose(), "https://example.com/files/abc?expires=1&sig=def");
/// ```
#[derive(Clone)]
pub struct SignedUrl(SecretString);

impl SignedUrl {
    /// Returns the whole link.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Returns `https://host`, without user information, if the link has a scheme and a host.
    fn origin(&self) -> Option<String> {
        let url = url::Url::parse(self.expose()).ok()?;
        Some(format!("{}://{}", url.scheme(), url.host_str()?))
    }
}

impl From<&str> for SignedUrl {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for SignedUrl {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for SignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.origin() {
            Some(origin) => write!(f, "{origin}/[REDACTED]"),
            None => f.write_str("[REDACTED]"),
        }
    }
}

impl QueryValue for Secret {
    fn to_query(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.expose())
    }
}

/// Implements comparison and serde like those of a plain string.
macro_rules! string_like {
    ($name:ident) => {
        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.expose() == other.expose()
            }
        }

        impl Eq for $name {}

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.expose().hash(state);
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.expose())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(Self::from)
            }
        }
    };
}

string_like!(Secret);
string_like!(SignedUrl);
