//! An answer that is not what the operation answers with.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::api_error::tell_intermediary;
use super::decode::DecodeFailure;
use super::excerpt::Form;
use super::{RawResponse, SchemaMismatch, Sender};

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

    /// Whether the API sent the response, or something before it.
    pub fn sender(&self) -> Sender {
        match &self.failure {
            DecodeFailure::NotJson(_) => match Form::of(&self.answer.body) {
                Form::Html | Form::Gzip | Form::Text => Sender::Intermediary,
                Form::Empty | Form::Json => Sender::Unclear,
            },
            _ => self.answer.sender(),
        }
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
    pub fn mismatches(&self) -> &[SchemaMismatch] {
        match &self.failure {
            DecodeFailure::Mismatch { mismatches, .. } | DecodeFailure::Strict(mismatches) => mismatches,
            DecodeFailure::NotJson(_) | DecodeFailure::TooManyValues => &[],
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (status, body) = (self.answer.status, &self.answer.body);
        if self.sender() == Sender::Intermediary {
            return tell_intermediary(f, &self.name, status, body);
        }
        write!(f, "{}: the response ({status}) cannot be read: ", self.name)?;
        match &self.failure {
            // What serde says of text that is no JSON repeats nothing of it.
            DecodeFailure::NotJson(error) => match std::str::from_utf8(body) {
                Ok(_) => write!(f, "it is no valid JSON ({error}); ask again, and report it if it stays so"),
                Err(error) => write!(f, "it is not in UTF-8 from byte {} on", error.valid_up_to()),
            },
            DecodeFailure::TooManyValues => write!(
                f,
                "it holds more values than any page of the API; ask for fewer items a page or name the `fields` you need"
            ),
            DecodeFailure::Mismatch { path, expected, .. } if path.is_empty() => write!(f, "{expected}"),
            DecodeFailure::Mismatch { path, expected, .. } => write!(f, "{path}: expected {expected}"),
            DecodeFailure::Strict(mismatches) => {
                write!(f, "{} pieces do not fit and strict decoding is on", mismatches.len())?;
                mismatches.first().map_or(Ok(()), |first| write!(f, "; first {first}"))
            }
        }
    }
}

impl std::error::Error for DecodeError {}
