//! The pipeline of stages that every call passes through.
//!
//! The type `Pipeline` shows the order: stages left of `Retry` run once per call, stages right of it once per attempt. Each stage
//! has one job and knows nothing of the others. Programs add their own as [`Middleware`] at two points:
//! [`VimeoBuilder::per_call_middleware`](crate::VimeoBuilder::per_call_middleware) and
//! [`VimeoBuilder::per_attempt_middleware`](crate::VimeoBuilder::per_attempt_middleware).
//!
//! The stages are nested futures, not boxed ones, and share one request by reference. A call through the whole pipeline makes one
//! allocation for its future and one for the HTTP exchange, and copies its request once, when it is sent. Rarely needed parts,
//! such as a wait, are allocated separately.

mod authenticate;
mod before_send;
mod deadline;
mod http_send;
mod idle_watch;
mod middleware;
mod rate_limit;
mod retry;
mod scope_check;
mod scope_filter;
#[cfg(test)]
mod tests;
mod trace;

use std::sync::Arc;

use vimeo_api::{Error, RawResponse, Request, Transport, TransportFuture};

pub(crate) use authenticate::{Authenticate, VERIFY};
#[cfg(feature = "upload")]
pub(crate) use before_send::BeforeSend;
pub(crate) use deadline::Deadline;
pub(crate) use http_send::{HttpBackend, HttpSend};
pub(crate) use middleware::MiddlewareStage;
pub use middleware::{Middleware, Next};
pub(crate) use rate_limit::RateLimitStage;
pub(crate) use retry::Retry;
pub(crate) use scope_check::ScopeCheck;
pub(crate) use scope_filter::ScopeFilter;
pub(crate) use trace::Trace;

/// One stage of the pipeline.
pub(crate) trait Stage: Send + Sync + 'static {
    fn send(&self, request: &mut Request) -> impl Future<Output = Result<RawResponse, Error>> + Send;
}

/// A stage that several pipelines share.
impl<S: Stage> Stage for Arc<S> {
    fn send(&self, request: &mut Request) -> impl Future<Output = Result<RawResponse, Error>> + Send {
        S::send(self, request)
    }
}

/// The whole pipeline, outermost first: tracing and the total timeout, per-call middleware, the scopes that the caller was granted,
/// the scopes of the token; then for each attempt the rate limit, per-attempt middleware, the token, and HTTP.
pub(crate) type Pipeline = Trace<
    Deadline<
        MiddlewareStage<
            ScopeFilter<ScopeCheck<Retry<RateLimitStage<MiddlewareStage<Authenticate<Arc<HttpSend>>>>>>>,
        >,
    >,
>;

impl Transport for Pipeline {
    fn send(&self, mut request: Request) -> TransportFuture<'_> {
        Box::pin(async move { Stage::send(self, &mut request).await })
    }
}
