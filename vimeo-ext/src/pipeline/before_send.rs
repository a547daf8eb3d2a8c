//! An action that runs right before the first attempt of a call is sent.
//!
//! A call may wait long for its rate limit. If it is cancelled during the wait, the caller can then tell that nothing was sent.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::OnceCell;
use vimeo_api::{Error, Request};

/// A call option: an action that runs before the first attempt is sent. If it fails, nothing is sent.
#[derive(Clone)]
pub(crate) struct BeforeSend {
    action: Arc<dyn Fn() -> BoxFuture<'static, Result<(), Error>> + Send + Sync>,
    done: Arc<OnceCell<()>>,
}

#[cfg_attr(not(feature = "upload"), allow(dead_code))]
impl BeforeSend {
    pub(crate) fn new<F, A>(action: F) -> Self
    where
        F: Fn() -> A + Send + Sync + 'static,
        A: Future<Output = Result<(), Error>> + Send + 'static,
    {
        Self { action: Arc::new(move || action().boxed()), done: Arc::default() }
    }

    /// Whether the action has run: an attempt has been sent, or was about to be.
    pub(crate) fn is_done(&self) -> bool {
        self.done.initialized()
    }

    pub(super) async fn run(&self, request: &Request) -> Result<(), Error> {
        self.done.get_or_try_init(|| (self.action)()).await.map(|_| ()).map_err(|error| {
            tracing::debug!(operation = request.name(), %error, "not sent: the action before the first attempt failed");
            error
        })
    }
}
