//! Values that must not be printed.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::QueryValue;

/// A token, password or key in an answer or a request: kept, sent and compared, but never printed.
///
/// ```
/// let secret = vimeo_api::Secret::from("s3cret");
/// assert_eq!(format!("{secret:?}"), "[REDACTED]");
/// assert_eq!(secret.expose(), "s3cret");
/// ```
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// The text itself; the only way to it.
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

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for Secret {}

impl Hash for Secret {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.expose().hash(state);
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

/// A link whose query carries a signature: whoever has it whole may upload or download.
///
/// ```
/// let link = vimeo_api::SignedUrl::from("https://example.com/file?expires=1&sig=abc");
/// assert_eq!(format!("{link:?}"), "https://example.com/file?[REDACTED]");
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SignedUrl(String);

impl SignedUrl {
    /// The whole link.
    pub fn expose(&self) -> &str {
        &self.0
    }

    fn without_signature(&self) -> &str {
        self.0.split(['?', '#']).next().unwrap_or_default()
    }
}

impl From<&str> for SignedUrl {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for SignedUrl {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for SignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = self.without_signature();
        f.write_str(plain)?;
        if plain.len() < self.0.len() { f.write_str("?[REDACTED]") } else { Ok(()) }
    }
}

impl QueryValue for Secret {
    fn to_query(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.expose())
    }
}

/// Text that is read and written as a plain string.
macro_rules! plain_text {
    ($name:ident) => {
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

plain_text!(Secret);
plain_text!(SignedUrl);
