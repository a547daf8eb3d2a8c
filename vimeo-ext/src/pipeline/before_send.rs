//! What has to be done before a request goes out, and not a moment sooner.
//!
//! A call may wait long for its turn; whoever ends it then must be able to tell that nothing was sent.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::OnceCell;
use vimeo_api::{Error, Request};

/// An option of one call: what is done before its first attempt goes out. If it fails, nothing is sent.
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

    /// Whether it was done: an attempt has gone out, or was about to.
    pub(crate) fn is_done(&self) -> bool {
        self.done.initialized()
    }

    pub(super) async fn run(&self, request: &Request) -> Result<(), Error> {
        self.done.get_or_try_init(|| (self.action)()).await.map(|_| ()).map_err(|error| {
            tracing::debug!(operation = request.name(), %error, "not sent: what comes before it failed");
            error
        })
    }
}
