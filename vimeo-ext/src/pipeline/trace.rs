//! Emits a tracing span and event per call: the operation, its result and its duration.

use tokio::runtime::Handle;
use tokio::time::Instant;
use tracing::Instrument;
use vimeo_api::{Error, RawResponse, Request};

use super::Stage;

/// The error of a call without a runtime.
const NO_RUNTIME: &str = "there is no tokio runtime here; await the call below #[tokio::main] or Runtime::block_on, or use vimeo_ext::blocking";

/// Emits one span and one event per call, at the level DEBUG. They never contain a query, a body, a request header or a token.
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
        // An unknown path may contain secrets; for a known one the template is enough.
        let (operation, path) =
            request.operation.map_or(("", ""), |operation| (operation.id, operation.path));
        let span = tracing::debug_span!("vimeo", operation, method = %request.method, path);
        // On the heap, so that the futures of untraced calls stay small.
        Box::pin(async {
            let started = Instant::now();
            let result = self.next.send(request).await;
            let millis = started.elapsed().as_millis();
            match &result {
                Ok(response) => {
                    let bytes = response.body.len();
                    tracing::debug!(status = response.status.as_u16(), millis, bytes, "call completed");
                }
                Err(error) => tracing::debug!(%error, millis, "call failed"),
            }
            result
        })
        .instrument(span)
        .await
    }
}
