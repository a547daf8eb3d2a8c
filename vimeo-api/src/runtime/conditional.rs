//! Conditional requests with `If-Modified-Since`.

use std::pin::Pin;

use super::{Call, Error, Response};
use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderValue, header};

/// The result of a call with `If-Modified-Since`.
#[derive(Debug)]
pub enum Conditional<T> {
    /// The resource was modified.
    Modified(Response<T>),
    /// The resource was not modified. Holds the response headers, which report the rate limit.
    NotModified(Box<HeaderMap>),
}

impl<T> Conditional<T> {
    /// Returns the response if the resource was modified.
    pub fn into_option(self) -> Option<Response<T>> {
        match self {
            Self::Modified(response) => Some(response),
            Self::NotModified(_) => None,
        }
    }
}

/// The future of a conditional call.
pub type ConditionalFuture<T> = Pin<Box<dyn Future<Output = Result<Conditional<T>, Error>> + Send>>;

impl<T: serde::de::DeserializeOwned + Send + 'static> Call<T> {
    /// Sends the call with `If-Modified-Since`. An unmodified resource is a result, not an error.
    pub fn if_modified_since(self, since: DateTime<Utc>) -> ConditionalFuture<T> {
        send(self, since)
    }
}

fn send<T>(mut call: Call<T>, since: DateTime<Utc>) -> ConditionalFuture<T>
where
    T: serde::de::DeserializeOwned + Send + 'static,
{
    let date = since.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    if let Ok(date) = HeaderValue::from_str(&date) {
        call = call.header(header::IF_MODIFIED_SINCE, date);
    }
    let pending = call.send();
    Box::pin(async {
        match pending.await {
            Ok(response) => Ok(Conditional::Modified(response)),
            Err(Error::NotModified { headers, .. }) => Ok(Conditional::NotModified(headers)),
            Err(error) => Err(error),
        }
    })
}
