//! An answer that is not what the operation answers with.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::api_error::write_intermediary;
use super::decode::DecodeErrorKind;
use super::excerpt::ContentKind;
use super::{RawResponse, ResponseOrigin, SchemaMismatch};

/// An answer that could not be read as what the operation answers with.
#[derive(Debug)]
pub struct DecodeError {
    name: String,
    response: RawResponse,
    failure: DecodeErrorKind,
}

impl DecodeError {
    pub(crate) fn new(name: &str, response: RawResponse, failure: DecodeErrorKind) -> Self {
        Self { name: name.to_owned(), response, failure }
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.response.status
    }

    /// Whether the API sent the response, or something before it.
    pub fn origin(&self) -> ResponseOrigin {
        match &self.failure {
            DecodeErrorKind::NotJson(_) => match ContentKind::of(&self.response.body) {
                ContentKind::Html | ContentKind::Gzip | ContentKind::Text => ResponseOrigin::Intermediary,
                ContentKind::Empty | ContentKind::Json => ResponseOrigin::Unclear,
            },
            _ => self.response.origin(),
        }
    }

    /// All headers of the answer.
    pub fn headers(&self) -> &HeaderMap {
        &self.response.headers
    }

    /// The body as it came.
    pub fn bytes(&self) -> &Bytes {
        &self.response.body
    }

    /// What did not fit, as far as reading came.
    pub fn mismatches(&self) -> &[SchemaMismatch] {
        match &self.failure {
            DecodeErrorKind::Mismatch { mismatches, .. } | DecodeErrorKind::Strict(mismatches) => mismatches,
            DecodeErrorKind::NotJson(_) | DecodeErrorKind::TooManyValues => &[],
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (status, body) = (self.response.status, &self.response.body);
        if self.origin() == ResponseOrigin::Intermediary {
            return write_intermediary(f, &self.name, status, body);
        }
        write!(f, "{}: the response ({status}) cannot be read: ", self.name)?;
        match &self.failure {
            // What serde says of text that is no JSON repeats nothing of it.
            DecodeErrorKind::NotJson(error) => match std::str::from_utf8(body) {
                Ok(_) => write!(f, "it is no valid JSON ({error}); ask again, and report it if it stays so"),
                Err(error) => write!(f, "it is not in UTF-8 from byte {} on", error.valid_up_to()),
            },
            DecodeErrorKind::TooManyValues => write!(
                f,
                "it holds more values than any page of the API; ask for fewer items a page or name the `fields` you need"
            ),
            DecodeErrorKind::Mismatch { path, expected, .. } if path.is_empty() => write!(f, "{expected}"),
            DecodeErrorKind::Mismatch { path, expected, .. } => write!(f, "{path}: expected {expected}"),
            DecodeErrorKind::Strict(mismatches) => {
                write!(f, "{} pieces do not fit and strict decoding is on", mismatches.len())?;
                mismatches.first().map_or(Ok(()), |first| write!(f, "; first {first}"))
            }
        }
    }
}

impl std::error::Error for DecodeError {}
