//! The error of a response that does not decode.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::api_error::write_intermediary;
use super::decode::DecodeErrorKind;
use super::excerpt::ContentKind;
use super::{RawResponse, ResponseOrigin, SchemaMismatch};

/// A response that does not decode as the response type of the operation.
#[derive(Debug)]
pub struct DecodeError {
    name: String,
    response: RawResponse,
    kind: DecodeErrorKind,
}

impl DecodeError {
    pub(crate) fn new(name: &str, response: RawResponse, kind: DecodeErrorKind) -> Self {
        Self { name: name.to_owned(), response, kind }
    }

    /// Returns the HTTP status.
    pub fn status(&self) -> StatusCode {
        self.response.status
    }

    /// Returns whether the API or an intermediary sent the response.
    pub fn origin(&self) -> ResponseOrigin {
        match &self.kind {
            DecodeErrorKind::NotJson(_) => match ContentKind::of(&self.response.body) {
                ContentKind::Html | ContentKind::Gzip | ContentKind::Text => ResponseOrigin::Intermediary,
                ContentKind::Empty | ContentKind::Json => ResponseOrigin::Unclear,
            },
            _ => self.response.origin(),
        }
    }

    /// Returns the response headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.response.headers
    }

    /// Returns the raw body.
    pub fn bytes(&self) -> &Bytes {
        &self.response.body
    }

    /// Returns the mismatches that were found before decoding failed.
    pub fn mismatches(&self) -> &[SchemaMismatch] {
        match &self.kind {
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
        write!(f, "{}: the response ({status}) does not decode: ", self.name)?;
        match &self.kind {
            // serde's message about invalid JSON does not quote the body.
            DecodeErrorKind::NotJson(error) => match std::str::from_utf8(body) {
                Ok(_) => write!(f, "invalid JSON ({error}); retry, and report it if it persists"),
                Err(error) => write!(f, "invalid UTF-8 at byte {}", error.valid_up_to()),
            },
            DecodeErrorKind::TooManyValues => {
                write!(f, "it contains too many values; request fewer items per page or set `fields`")
            }
            DecodeErrorKind::Mismatch { path, expected, .. } if path.is_empty() => {
                write!(f, "expected {expected}")
            }
            DecodeErrorKind::Mismatch { path, expected, .. } => write!(f, "{path}: expected {expected}"),
            DecodeErrorKind::Strict(mismatches) => {
                write!(f, "{} schema mismatches in strict mode", mismatches.len())?;
                mismatches.first().map_or(Ok(()), |first| write!(f, "; the first: {first}"))
            }
        }
    }
}

impl std::error::Error for DecodeError {}
