//! Asking only for what changed.

use std::pin::Pin;

use super::{Call, Error, Response};
use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderValue, header};

/// The answer to a call with `If-Modified-Since`.
#[derive(Debug)]
pub enum Changed<T> {
    /// It changed: here it is.
    Yes(Response<T>),
    /// It did not; the headers of the answer, in which the rate limit stands.
    No(Box<HeaderMap>),
}

impl<T> Changed<T> {
    /// The new value, if there is one.
    pub fn into_option(self) -> Option<Response<T>> {
        match self {
            Self::Yes(response) => Some(response),
            Self::No(_) => None,
        }
    }
}

/// The answer of a conditional call that is under way.
pub type PendingChange<T> = Pin<Box<dyn Future<Output = Result<Changed<T>, Error>> + Send>>;

impl<T: serde::de::DeserializeOwned + Send + 'static> Call<T> {
    /// Sends the call with `If-Modified-Since`. That nothing changed since then is a result and no error.
    pub fn if_modified_since(self, since: DateTime<Utc>) -> PendingChange<T> {
        send(self, since)
    }
}

fn send<T>(mut call: Call<T>, since: DateTime<Utc>) -> PendingChange<T>
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
            Ok(response) => Ok(Changed::Yes(response)),
            Err(Error::NotModified { headers, .. }) => Ok(Changed::No(headers)),
            Err(error) => Err(error),
        }
    })
}
