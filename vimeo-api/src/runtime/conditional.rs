//! Asking only for what changed.

use std::pin::Pin;

use super::{Call, Error, Response};
use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderValue, header};

/// The answer to a call with `If-Modified-Since`.
#[derive(Debug)]
pub enum Conditional<T> {
    /// It changed: here it is.
    Modified(Response<T>),
    /// It did not; the headers of the answer, in which the rate limit stands.
    NotModified(Box<HeaderMap>),
}

impl<T> Conditional<T> {
    /// The new value, if there is one.
    pub fn into_option(self) -> Option<Response<T>> {
        match self {
            Self::Modified(response) => Some(response),
            Self::NotModified(_) => None,
        }
    }
}

/// The answer of a conditional call that is under way.
pub type ConditionalFuture<T> = Pin<Box<dyn Future<Output = Result<Conditional<T>, Error>> + Send>>;

impl<T: serde::de::DeserializeOwned + Send + 'static> Call<T> {
    /// Sends the call with `If-Modified-Since`. That nothing changed since then is a result and no error.
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
