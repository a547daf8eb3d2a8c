//! The chain that every call goes through.
//!
//! Its order stands on the type `Chain`: what is left of `Retry` runs once a call, what is right of it once
//! an attempt. Each step is a value with one job that knows nothing of the others. Programs add their own at two places,
//! as [`Layer`]s: [`VimeoBuilder::call_layer`](crate::VimeoBuilder::call_layer) and
//! [`VimeoBuilder::attempt_layer`](crate::VimeoBuilder::attempt_layer).
//!
//! The steps are nested futures, not boxed ones, and hand on one request by reference: a call through the whole
//! chain makes one allocation for its future and one for the exchange itself, and copies its request once, where it is
//! sent. What calls need seldom, such as a wait, is on the heap of its own.

#[cfg(test)]
mod alone;
mod authenticate;
mod before_send;
mod deadline;
mod layers;
mod limit;
mod narrow;
mod preflight;
mod retry;
mod send;
mod stall;
mod timer_keep_alive;
mod trace;

use std::sync::Arc;

use vimeo_api::{Error, RawResponse, Request, Transport, TransportFuture};

pub(crate) use authenticate::{Authenticate, VERIFY};
#[cfg(feature = "upload")]
pub(crate) use before_send::BeforeSend;
pub(crate) use deadline::Deadline;
pub(crate) use layers::Layers;
pub use layers::{Layer, Next};
pub(crate) use limit::Limit;
pub(crate) use narrow::Narrow;
pub(crate) use preflight::Preflight;
pub(crate) use retry::Retry;
pub(crate) use send::{End, Send as SendStep};
pub(crate) use timer_keep_alive::TimerKeepAlive;
pub(crate) use trace::Trace;

/// One step of the chain.
pub(crate) trait Step: Send + Sync + 'static {
    fn send(&self, request: &mut Request) -> impl Future<Output = Result<RawResponse, Error>> + Send;
}

/// A step that several chains share.
impl<S: Step> Step for Arc<S> {
    fn send(&self, request: &mut Request) -> impl Future<Output = Result<RawResponse, Error>> + Send {
        S::send(self, request)
    }
}

/// The whole chain, outermost first: trace and total time, the user's layers a call, the scopes that the caller was granted,
/// those of the token, then for each attempt
/// the rate limit, the user's layers an attempt, the token, the network.
pub(crate) type Chain =
    Trace<Deadline<Layers<Narrow<Preflight<Retry<Limit<Layers<Authenticate<Arc<SendStep>>>>>>>>>>;

impl Transport for Chain {
    fn send(&self, mut request: Request) -> TransportFuture<'_> {
        Box::pin(async move { Step::send(self, &mut request).await })
    }
}
