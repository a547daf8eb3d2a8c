//! The error of a generation.

use std::fmt;

/// Why no crate can be generated from a description: the location, and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenError {
    location: String,
    reason: String,
}

impl GenError {
    /// Creates an error at a location: a file with a line, or a JSON path such as `paths./me.get`.
    pub fn new(location: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { location: location.into(), reason: reason.into() }
    }

    /// Returns the location.
    pub fn location(&self) -> &str {
        &self.location
    }

    /// Returns the reason.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for GenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.location, self.reason)
    }
}

impl std::error::Error for GenError {}
