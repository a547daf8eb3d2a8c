//! Tells what was called, how it ended and how long it took.

use tokio::runtime::Handle;
use tokio::time::Instant;
use tracing::Instrument;
use vimeo_api::{Error, RawResponse, Request};

use super::Stage;

/// What a call without a runtime ends with.
const NO_RUNTIME: &str = "there is no tokio runtime here; await the call below #[tokio::main] or Runtime::block_on, or use vimeo_ext::blocking";

/// One span and one event a call, at the level DEBUG. Never holds a query, a body, a header of the request or a token.
pub(crate) struct Trace<N> {
    pub(crate) next: N,
}

impl<N: Stage> Stage for Trace<N> {
    async fn send(&self, request: &mut Request) -> Result<RawResponse, Error> {
        if Handle::try_current().is_err() {
            // Timers and connections would panic.
            return Err(Error::invalid(request.name(), NO_RUNTIME));
        }
        if !tracing::enabled!(tracing::Level::DEBUG) {
            return self.next.send(request).await;
        }
        // Of a path that is not known even its parts may be secret, of a known one the template tells enough.
        let (operation, path) =
            request.operation.map_or(("", ""), |operation| (operation.id, operation.path));
        let span = tracing::debug_span!("vimeo", operation, method = %request.method, path);
        // On the heap, so that calls that nobody traces make no room for it.
        Box::pin(async {
            let began = Instant::now();
            let result = self.next.send(request).await;
            let millis = began.elapsed().as_millis();
            match &result {
                Ok(answer) => {
                    let bytes = answer.body.len();
                    tracing::debug!(status = answer.status.as_u16(), millis, bytes, "answered");
                }
                Err(error) => tracing::debug!(%error, millis, "failed"),
            }
            result
        })
        .instrument(span)
        .await
    }
}
