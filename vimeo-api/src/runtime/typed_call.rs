//! The builder that every generated call is.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use http::{HeaderName, HeaderValue};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::pagination::{Items, Pages};
use super::send::ResponseFuture;
use super::{
    Call, Client, ConditionalFuture, Endpoint, Operation, Page, PathValue, QueryValue, RateLimitOption,
    RetryOption,
};

/// What an operation is and what it responds with, as a type. The generator writes one for each operation.
pub trait OperationSpec: 'static {
    /// What the operation responds with.
    type Response: DeserializeOwned + Send + 'static;

    /// What is known of the operation.
    const OPERATION: &'static Operation;
}

/// A typed call before it is sent.
///
/// The generated methods, such as [`Client::videos`]`().get_video(..)`, make one; each operation adds setters for its
/// parameters and for the fields of its body. A call is sent by [`send`](Self::send) or by `.await`.
///
/// ```no_run
/// # #[cfg(feature = "videos")]
/// # async fn demo(client: vimeo_api::Client) -> Result<(), vimeo_api::Error> {
/// let video = client.videos().get_video(76979871).fields("uri,name").await?;
/// println!("{:?}", video.name);
/// # Ok(())
/// # }
/// ```
#[must_use = "a call does nothing until it is sent or awaited"]
pub struct TypedCall<O: OperationSpec> {
    call: Call<O::Response>,
}

/// What generated code calls. A description need not have an operation for each of these.
#[allow(dead_code)]
impl<O: OperationSpec> TypedCall<O> {
    /// A call with its path parameters, in the order of the path; for generated code.
    pub(crate) fn new(client: &Client, path_values: &[&dyn PathValue]) -> Self {
        Self { call: Call::new(client, O::OPERATION, path_values) }
    }

    /// Sets a query parameter; for generated code.
    pub(crate) fn set_query(mut self, name: &'static str, value: &dyn QueryValue) -> Self {
        self.call.set_query(name, value);
        self
    }

    /// Sets the whole body; for generated code.
    pub(crate) fn set_body(mut self, body: &impl Serialize) -> Self {
        self.call.set_json(body);
        self
    }

    /// Sends an empty object until a field is set; for generated code.
    pub(crate) fn set_empty_body(mut self) -> Self {
        self.call.set_json(&serde_json::Map::new());
        self
    }

    /// Sets one field of the body; for generated code.
    pub(crate) fn set_body_field(mut self, name: &'static str, value: &impl Serialize) -> Self {
        self.call.set_json_field(name, value);
        self
    }
}

impl<O: OperationSpec> TypedCall<O> {
    /// Sends a header with this call. It replaces one of that name, also `Accept`.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.call = self.call.header(name, value);
        self
    }

    /// Limits the time of this call as a whole, with its retries and waits, in place of the client's own limit.
    pub fn timeout(mut self, total: Duration) -> Self {
        self.call = self.call.timeout(total);
        self
    }

    /// Retries this call by another policy than the client's, such as `vimeo_ext::RetryPolicy`.
    ///
    /// A transport that does not retry passes over it.
    pub fn retry(mut self, policy: impl RetryOption) -> Self {
        self.call = self.call.retry(policy);
        self
    }

    /// Treats the rate limit for this call by another policy than the client's, such as `vimeo_ext::RateLimitPolicy`.
    ///
    /// A transport that has no rate limiter passes over it.
    pub fn rate_limit(mut self, policy: impl RateLimitOption) -> Self {
        self.call = self.call.rate_limit(policy);
        self
    }

    /// Hands a value to the transport's middleware with this call.
    pub fn extension<E: Clone + Send + Sync + 'static>(mut self, value: E) -> Self {
        self.call = self.call.extension(value);
        self
    }

    /// Sends the call and reads the response.
    #[inline]
    pub fn send(self) -> ResponseFuture<O::Response> {
        self.call.send()
    }

    /// Sends the call and reads the response as a type of your own.
    #[inline]
    pub fn send_as<T: DeserializeOwned + Send + 'static>(self) -> ResponseFuture<T> {
        self.call.with_response_type().send()
    }

    /// Sends the call with `If-Modified-Since`. That nothing changed since then is a result and no error.
    ///
    /// It saves work where [`Operation::conditional`] says that Vimeo supports it. Elsewhere the whole response comes.
    ///
    /// ```no_run
    /// use vimeo_api::Conditional;
    /// # #[cfg(feature = "videos")]
    /// # async fn demo(client: vimeo_api::Client, last: chrono::DateTime<chrono::Utc>) -> Result<(), vimeo_api::Error> {
    /// match client.videos().list_my_videos().fields("uri,name").if_modified_since(last).await? {
    ///     Conditional::Modified(page) => println!("{:?} videos", page.total),
    ///     Conditional::NotModified(_) => println!("all as it was"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn if_modified_since(self, since: DateTime<Utc>) -> ConditionalFuture<O::Response> {
        self.call.if_modified_since(since)
    }

    /// The call without its type.
    pub fn into_call(self) -> Call<O::Response> {
        self.call
    }
}

/// Lists.
impl<O, T> TypedCall<O>
where
    O: OperationSpec<Response = Page<T>>,
    T: DeserializeOwned + Send + 'static,
{
    /// The pages of the list, as a stream.
    pub fn pages(self) -> Pages<T> {
        Pages::new(self.call)
    }

    /// The items of all pages, as a stream.
    ///
    /// ```no_run
    /// # #[cfg(feature = "videos")]
    /// # async fn demo(client: vimeo_api::Client) -> Result<(), vimeo_api::Error> {
    /// let mut videos = client.videos().list_my_videos().fields("uri,name").items();
    /// while let Some(video) = videos.next().await {
    ///     println!("{:?}", video?.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn items(self) -> Items<T> {
        self.pages().items()
    }

    /// The items of all pages, each read as a type of your own.
    ///
    /// ```no_run
    /// #[derive(serde::Deserialize)]
    /// struct Title {
    ///     name: String,
    /// }
    ///
    /// # #[cfg(feature = "videos")]
    /// # async fn demo(client: vimeo_api::Client) -> Result<(), vimeo_api::Error> {
    /// let titles = client.videos().list_my_videos().fields("name").items_as::<Title>().collect().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn items_as<U: DeserializeOwned + Send + 'static>(self) -> Items<U> {
        self.call.pages().items()
    }
}

impl<O: OperationSpec> Endpoint for TypedCall<O> {
    type Response = O::Response;

    const OPERATION: &'static Operation = O::OPERATION;

    fn into_call(self) -> Call<O::Response> {
        self.call
    }
}

impl<O: OperationSpec> IntoFuture for TypedCall<O> {
    type Output = <ResponseFuture<O::Response> as Future>::Output;
    type IntoFuture = ResponseFuture<O::Response>;

    fn into_future(self) -> Self::IntoFuture {
        self.send()
    }
}

impl<O: OperationSpec> Clone for TypedCall<O> {
    fn clone(&self) -> Self {
        Self { call: self.call.clone() }
    }
}

impl<O: OperationSpec> fmt::Debug for TypedCall<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.call.fmt(f)
    }
}

/// Names what an operation is as a type: `operation_spec!(Name, Response, OPERATION)`.
#[allow(unused_macros)]
macro_rules! operation_spec {
    ($name:ident, $response:ty, $operation:ident) => {
        pub enum $name {}

        impl $crate::OperationSpec for $name {
            type Response = $response;
            const OPERATION: &'static $crate::Operation = &super::$operation;
        }
    };
}

#[allow(unused_imports)]
pub(crate) use operation_spec;
