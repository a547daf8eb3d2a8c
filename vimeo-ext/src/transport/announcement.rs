//! What has to be written down before a request goes out, and not a moment sooner.
//!
//! A call may wait long for its turn; whoever ends it then must be able to tell that nothing was sent.

use std::sync::Arc;

use tokio::sync::OnceCell;
use vimeo_api::{Error, Request};

use crate::upload::Mark;

/// An option of one call: notices that it goes out, and makes a mark before.
#[derive(Clone)]
pub(crate) struct Announcement {
    mark: Option<Arc<Mark>>,
    made: Arc<OnceCell<()>>,
}

impl Announcement {
    pub(crate) fn of(mark: Option<Arc<Mark>>) -> Self {
        Self { mark, made: Arc::default() }
    }

    /// Whether an attempt has gone out, or was about to.
    pub(crate) fn is_made(&self) -> bool {
        self.made.initialized()
    }

    pub(super) async fn make(&self, request: &Request) -> Result<(), Error> {
        let written = self.made.get_or_try_init(|| async {
            match &self.mark {
                Some(mark) => mark.write().await,
                None => Ok(()),
            }
        });
        written.await.map(|_| ()).map_err(|error| {
            tracing::debug!(operation = request.name(), %error, "not sent: it could not be written down");
            Error::Layer(Box::new(error))
        })
    }
}
