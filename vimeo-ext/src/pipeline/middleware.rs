//! Middleware of the program's own, around calls and around attempts.

use std::sync::Arc;

use vimeo_api::{Error, RawResponse, Request, TransportFuture};

use super::Stage;

/// Middleware of your own around calls or attempts.
///
/// Per-call middleware ([`VimeoBuilder::per_call_middleware`](crate::VimeoBuilder::per_call_middleware)) runs once per call, outside
/// the scope check and the retries. Per-attempt middleware
/// ([`VimeoBuilder::per_attempt_middleware`](crate::VimeoBuilder::per_attempt_middleware)) runs on every attempt, after the rate
/// limiter has admitted it. Neither sees the access token. All attempts share one request, so changes by per-attempt middleware
/// are still there in the next attempt: insert headers, do not append them.
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
///             let response = next.send(request).await;
///             let status = response.as_ref().ok().map(|response| response.status.as_u16());
///             tracing::info!(status, "call ended");
///             response
///         })
///     }
/// }
///
/// let vimeo = Vimeo::builder().access_token("token").per_call_middleware(Metrics).build()?;
/// # Ok::<(), vimeo_ext::Error>(())
/// ```
pub trait Middleware: Send + Sync + 'static {
    /// Passes the request on with `next`, or responds itself.
    ///
    /// Return errors of your own as [`vimeo_api::Error::Middleware`].
    fn send<'a>(&'a self, request: &'a mut Request, next: Next<'a>) -> TransportFuture<'a>;
}

/// The rest of the pipeline after a [`Middleware`].
#[derive(Clone, Copy)]
pub struct Next<'a> {
    middleware: &'a [Arc<dyn Middleware>],
    stage: &'a dyn DynStage,
}

impl<'a> Next<'a> {
    /// Passes the request on.
    pub fn send(self, request: &'a mut Request) -> TransportFuture<'a> {
        match self.middleware.split_first() {
            Some((first, middleware)) => first.send(request, Self { middleware, stage: self.stage }),
            None => self.stage.send_boxed(request),
        }
    }
}

impl std::fmt::Debug for Next<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Next").field("middleware", &self.middleware.len()).finish_non_exhaustive()
    }
}

/// A stage as a trait object.
trait DynStage: Send + Sync {
    fn send_boxed<'a>(&'a self, request: &'a mut Request) -> TransportFuture<'a>;
}

impl<S: Stage> DynStage for S {
    fn send_boxed<'a>(&'a self, request: &'a mut Request) -> TransportFuture<'a> {
        Box::pin(self.send(request))
    }
}

/// The program's middleware at one point of the pipeline. Without middleware it costs nothing.
pub(crate) struct MiddlewareStage<N> {
    pub(crate) middleware: Arc<[Arc<dyn Middleware>]>,
    pub(crate) next: N,
}

impl<N: Stage> Stage for MiddlewareStage<N> {
    async fn send(&self, request: &mut Request) -> Result<RawResponse, Error> {
        if self.middleware.is_empty() {
            return self.next.send(request).await;
        }
        Next { middleware: &self.middleware, stage: &self.next }.send(request).await
    }
}
