//! What stops a generation.

use std::fmt;

/// Why a description cannot be turned into a crate: where, and what is wrong there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenError {
    place: String,
    reason: String,
}

impl GenError {
    /// A problem at a place: a file with its line, or a JSON path such as `paths./me.get`.
    pub fn new(place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { place: place.into(), reason: reason.into() }
    }

    /// Where it is.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// What is wrong.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for GenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.reason)
    }
}

impl std::error::Error for GenError {}
