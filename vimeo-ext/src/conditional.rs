//! Asking only for what changed.

use std::pin::Pin;

use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderValue, header};
use vimeo_api::{Call, Endpoint, Error, Response};

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

/// Conditional calls; implemented for every typed call, and for [`Call`].
pub trait IfModifiedSince<T> {
    /// Sends the call with `If-Modified-Since`: when nothing changed since then, that is an answer and no error.
    ///
    /// It pays where [`Operation::conditional`](vimeo_api::Operation::conditional) says that Vimeo supports it; elsewhere
    /// the whole answer comes.
    ///
    /// ```no_run
    /// use vimeo_ext::{Changed, IfModifiedSince};
    /// # async fn demo(vimeo: vimeo_ext::Vimeo, last: chrono::DateTime<chrono::Utc>) -> Result<(), vimeo_ext::Error> {
    /// match vimeo.api().videos().list_my_videos().fields("uri,name").if_modified_since(last).await? {
    ///     Changed::Yes(page) => tracing::info!(total = page.total, "something is new"),
    ///     Changed::No(_) => tracing::info!("all as it was"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    fn if_modified_since(self, since: DateTime<Utc>) -> PendingChange<T>;
}

impl<E: Endpoint> IfModifiedSince<E::Answer> for E {
    fn if_modified_since(self, since: DateTime<Utc>) -> PendingChange<E::Answer> {
        send(self.into_call(), since)
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
