//! The builder behind every generated call.

use std::any::TypeId;
use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use http::{HeaderName, HeaderValue};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::lenient::ReadFn;
use super::pagination::{Items, Pages};
use super::send::ResponseFuture;
use super::{
    Call, Client, ConditionalFuture, Endpoint, Fields, Operation, Page, PathValue, QueryValue,
    RateLimitOption, RetryOption,
};

/// An operation as a type: its metadata and its response type. The generator emits one per operation.
pub trait OperationSpec: 'static {
    /// The response type.
    type Response: DeserializeOwned + Send + 'static;

    /// The metadata of the operation.
    const OPERATION: &'static Operation;
}

/// A typed call before it is sent.
///
/// The generated methods create it, for example [`Client::videos`]`().get_video(..)`. Each operation adds setters for its
/// optional parameters and for the fields of its body. [`send`](Self::send) or `.await` sends the call.
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

/// Used by generated code. Not every description has an operation for each of these methods.
#[allow(dead_code)]
impl<O: OperationSpec> TypedCall<O> {
    /// Creates a call with its path parameters, in the order of the path.
    pub(crate) fn new(client: &Client, path_values: &[&dyn PathValue]) -> Self {
        Self { call: Call::new(client, O::OPERATION, path_values) }
    }

    /// Sets a query parameter.
    pub(crate) fn set_query(mut self, name: &'static str, value: &dyn QueryValue) -> Self {
        self.call.set_query(name, value);
        self
    }

    /// Limits the response to these fields, after a check of their names.
    pub(crate) fn set_fields(mut self, fields: &Fields) -> Self {
        let read: &mut ReadFn<'_> = &mut |tree| O::Response::deserialize(tree).map(drop);
        match fields.check(TypeId::of::<O>(), O::OPERATION.paged, read) {
            Ok(()) => self.call.set_query("fields", fields),
            Err(reason) => self.call.set_invalid(reason),
        }
        self
    }

    /// Sets the whole body.
    pub(crate) fn set_body(mut self, body: &impl Serialize) -> Self {
        self.call.set_json(body);
        self
    }

    /// Sets an empty object as the body.
    pub(crate) fn set_empty_body(mut self) -> Self {
        self.call.set_json(&serde_json::Map::new());
        self
    }

    /// Sets one field of the body.
    pub(crate) fn set_body_field(mut self, name: &'static str, value: &impl Serialize) -> Self {
        self.call.set_json_field(name, value);
        self
    }
}

impl<O: OperationSpec> TypedCall<O> {
    /// Sets a header of this call. Replaces a header of the same name, even `Accept`.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.call = self.call.header(name, value);
        self
    }

    /// Sets the timeout of the whole call, including retries and waits. Overrides the client's timeout.
    pub fn timeout(mut self, total: Duration) -> Self {
        self.call = self.call.timeout(total);
        self
    }

    /// Sets the retry policy of this call, such as a `vimeo_ext::RetryPolicy`. Overrides the client's policy.
    ///
    /// A transport that does not retry ignores it.
    pub fn retry(mut self, policy: impl RetryOption) -> Self {
        self.call = self.call.retry(policy);
        self
    }

    /// Sets the rate-limit policy of this call, such as a `vimeo_ext::RateLimitPolicy`. Overrides the client's policy.
    ///
    /// A transport without a rate limiter ignores it.
    pub fn rate_limit(mut self, policy: impl RateLimitOption) -> Self {
        self.call = self.call.rate_limit(policy);
        self
    }

    /// Passes a value to the transport's middleware, such as an option for this call.
    pub fn extension<E: Clone + Send + Sync + 'static>(mut self, value: E) -> Self {
        self.call = self.call.extension(value);
        self
    }

    /// Sends the call and decodes the response.
    #[inline]
    pub fn send(self) -> ResponseFuture<O::Response> {
        self.call.send()
    }

    /// Sends the request and deserializes the response into `T`.
    #[inline]
    pub fn send_as<T: DeserializeOwned + Send + 'static>(self) -> ResponseFuture<T> {
        self.call.with_response_type().send()
    }

    /// Sends the call with `If-Modified-Since`. An unmodified resource is a result, not an error.
    ///
    /// Operations with [`Operation::conditional`] support it. The others return the whole response.
    ///
    /// ```no_run
    /// use vimeo_api::Conditional;
    /// # #[cfg(feature = "videos")]
    /// # async fn demo(client: vimeo_api::Client, last: chrono::DateTime<chrono::Utc>) -> Result<(), vimeo_api::Error> {
    /// match client.videos().list_my_videos().fields("uri,name").if_modified_since(last).await? {
    ///     Conditional::Modified(page) => println!("{:?} videos", page.total),
    ///     Conditional::NotModified(_) => println!("not modified"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn if_modified_since(self, since: DateTime<Utc>) -> ConditionalFuture<O::Response> {
        self.call.if_modified_since(since)
    }

    /// Converts the builder into a [`Call`].
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
    /// Lists the pages, as a stream.
    pub fn pages(self) -> Pages<T> {
        Pages::new(self.call)
    }

    /// Lists the items of all pages, as a stream.
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

    /// Lists the items of all pages and deserializes each into `U`.
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

/// Defines the type of an operation: `operation_spec!(Name, Response, OPERATION)`.
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
