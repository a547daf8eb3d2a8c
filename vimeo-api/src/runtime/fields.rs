//! The `fields` filter that every operation with an answer takes.

use std::fmt;

/// The fields to ask for: Vimeo then sends these alone, answers faster and counts the call more cheaply.
///
/// Made from one comma-separated text or from a list of names; nested fields are written with dots.
///
/// ```
/// use vimeo_api::Fields;
/// assert_eq!(Fields::from("uri,name").as_str(), "uri,name");
/// assert_eq!(Fields::from(["uri", "pictures.sizes"]).as_str(), "uri,pictures.sizes");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fields(String);

impl Fields {
    /// The list as it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Fields {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for Fields {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&[&str]> for Fields {
    fn from(names: &[&str]) -> Self {
        Self(names.join(","))
    }
}

impl<const N: usize> From<[&str; N]> for Fields {
    fn from(names: [&str; N]) -> Self {
        Self(names.join(","))
    }
}

impl From<&Fields> for Fields {
    fn from(fields: &Fields) -> Self {
        fields.clone()
    }
}

impl fmt::Display for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
