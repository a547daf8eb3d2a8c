//! The places for layers of one's own.

use std::sync::Arc;

use vimeo_api::{Error, RawResponse, Request, TransportFuture};

use super::Stage;

/// A layer of your own around calls or attempts.
///
/// A layer a call ([`VimeoBuilder::per_call_middleware`](crate::VimeoBuilder::per_call_middleware)) sees a call once, before its scopes
/// are checked and whatever attempts it takes. A layer an attempt
/// ([`VimeoBuilder::per_attempt_middleware`](crate::VimeoBuilder::per_attempt_middleware)) sees each attempt when it goes out, after
/// the rate limit let it go. Neither sees the access token. The request is handed on, so what an attempt's layer
/// sets is still set in the next attempt: insert headers, do not append them.
///
/// ```
/// use vimeo_ext::{Middleware, Next, Vimeo};
/// use vimeo_api::{Request, TransportFuture};
///
/// /// Counts calls by status.
/// struct Metrics;
///
/// impl Middleware for Metrics {
///     fn send<'a>(&'a self, request: &'a mut Request, next: Next<'a>) -> TransportFuture<'a> {
///         Box::pin(async move {
///             let answer = next.send(request).await;
///             let status = answer.as_ref().ok().map(|answer| answer.status.as_u16());
///             tracing::info!(status, "call ended");
///             answer
///         })
///     }
/// }
///
/// let vimeo = Vimeo::builder().access_token("token").per_call_middleware(Metrics).build()?;
/// # Ok::<(), vimeo_ext::Error>(())
/// ```
pub trait Middleware: Send + Sync + 'static {
    /// Sends the request on with `next`, or answers in its place.
    ///
    /// An error of one's own goes into [`vimeo_api::Error::Middleware`].
    fn send<'a>(&'a self, request: &'a mut Request, next: Next<'a>) -> TransportFuture<'a>;
}

/// What comes after a [`Middleware`].
#[derive(Clone, Copy)]
pub struct Next<'a> {
    layers: &'a [Arc<dyn Middleware>],
    end: &'a dyn DynStage,
}

impl<'a> Next<'a> {
    /// Sends the request on.
    pub fn send(self, request: &'a mut Request) -> TransportFuture<'a> {
        match self.layers.split_first() {
            Some((layer, layers)) => layer.send(request, Self { layers, end: self.end }),
            None => self.end.send_boxed(request),
        }
    }
}

impl std::fmt::Debug for Next<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Next").field("layers", &self.layers.len()).finish_non_exhaustive()
    }
}

/// A step behind a pointer, for layers whose type is not known here.
trait DynStage: Send + Sync {
    fn send_boxed<'a>(&'a self, request: &'a mut Request) -> TransportFuture<'a>;
}

impl<S: Stage> DynStage for S {
    fn send_boxed<'a>(&'a self, request: &'a mut Request) -> TransportFuture<'a> {
        Box::pin(self.send(request))
    }
}

/// The user's layers at one place; costs nothing when there are none.
pub(crate) struct MiddlewareStage<N> {
    pub(crate) layers: Arc<[Arc<dyn Middleware>]>,
    pub(crate) next: N,
}

impl<N: Stage> Stage for MiddlewareStage<N> {
    async fn send(&self, request: &mut Request) -> Result<RawResponse, Error> {
        if self.layers.is_empty() {
            return self.next.send(request).await;
        }
        Next { layers: &self.layers, end: &self.next }.send(request).await
    }
}
