//! The chain that every call goes through.
//!
//! Its order stands on the type `Pipeline`: what is left of `Retry` runs once a call, what is right of it once
//! an attempt. Each step is a value with one job that knows nothing of the others. Programs add their own at two places,
//! as [`Middleware`]s: [`VimeoBuilder::per_call_middleware`](crate::VimeoBuilder::per_call_middleware) and
//! [`VimeoBuilder::per_attempt_middleware`](crate::VimeoBuilder::per_attempt_middleware).
//!
//! The steps are nested futures, not boxed ones, and hand on one request by reference: a call through the whole
//! chain makes one allocation for its future and one for the exchange itself, and copies its request once, where it is
//! sent. What calls need seldom, such as a wait, is on the heap of its own.

mod authenticate;
mod before_send;
mod deadline;
mod http_send;
mod idle_watch;
mod middleware;
mod narrow;
mod rate_limit;
mod retry;
mod scope_check;
#[cfg(test)]
mod tests;
mod timer_keep_alive;
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
pub(crate) use narrow::Narrow;
pub(crate) use rate_limit::RateLimitStage;
pub(crate) use retry::Retry;
pub(crate) use scope_check::ScopeCheck;
pub(crate) use timer_keep_alive::TimerKeepAlive;
pub(crate) use trace::Trace;

/// One step of the chain.
pub(crate) trait Stage: Send + Sync + 'static {
    fn send(&self, request: &mut Request) -> impl Future<Output = Result<RawResponse, Error>> + Send;
}

/// A step that several chains share.
impl<S: Stage> Stage for Arc<S> {
    fn send(&self, request: &mut Request) -> impl Future<Output = Result<RawResponse, Error>> + Send {
        S::send(self, request)
    }
}

/// The whole chain, outermost first: trace and total time, the user's layers a call, the scopes that the caller was granted,
/// those of the token, then for each attempt
/// the rate limit, the user's layers an attempt, the token, the network.
pub(crate) type Pipeline = Trace<
    Deadline<
        MiddlewareStage<
            Narrow<ScopeCheck<Retry<RateLimitStage<MiddlewareStage<Authenticate<Arc<HttpSend>>>>>>>,
        >,
    >,
>;

impl Transport for Pipeline {
    fn send(&self, mut request: Request) -> TransportFuture<'_> {
        Box::pin(async move { Stage::send(self, &mut request).await })
    }
}
