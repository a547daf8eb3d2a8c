//! An answer that is not what the operation answers with.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::decode::DecodeFailure;
use super::{Drift, RawResponse};

/// An answer that could not be read as what the operation answers with.
#[derive(Debug)]
pub struct DecodeError {
    name: String,
    answer: RawResponse,
    failure: DecodeFailure,
}

impl DecodeError {
    pub(crate) fn new(name: &str, answer: RawResponse, failure: DecodeFailure) -> Self {
        Self { name: name.to_owned(), answer, failure }
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.answer.status
    }

    /// All headers of the answer.
    pub fn headers(&self) -> &HeaderMap {
        &self.answer.headers
    }

    /// The body as it came.
    pub fn bytes(&self) -> &Bytes {
        &self.answer.body
    }

    /// What did not fit, as far as reading came.
    pub fn drift(&self) -> &[Drift] {
        match &self.failure {
            DecodeFailure::Misfit { drift, .. } | DecodeFailure::Drifted(drift) => drift,
            DecodeFailure::NotJson(_) => &[],
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: the answer ({}) cannot be read: ", self.name, self.answer.status)?;
        match &self.failure {
            DecodeFailure::NotJson(error) => {
                write!(f, "it is no JSON from line {} on; read the bytes of this error", error.line())
            }
            DecodeFailure::Misfit { path, expected, .. } if path.is_empty() => write!(f, "{expected}"),
            DecodeFailure::Misfit { path, expected, .. } => write!(f, "{path}: expected {expected}"),
            DecodeFailure::Drifted(drift) => {
                write!(f, "{} pieces do not fit and strict decoding is on", drift.len())?;
                drift.first().map_or(Ok(()), |first| write!(f, "; first {first}"))
            }
        }
    }
}

impl std::error::Error for DecodeError {}
