//! The stream of status changes, as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use chrono::{DateTime, Utc};
use futures_util::future::ready;
use futures_util::{Stream, StreamExt};
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use vimeo_ext::accounts::StatusEvent;

use super::accounts::AccountStatus;
use crate::callers::Caller;
use crate::error::{ApiError, ApiResult, Problem};
use crate::extract::QueryOf;
use crate::service::Service;

/// How often a stream without events shows that it is alive.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);

pub(super) fn routes() -> OpenApiRouter<Arc<Service>> {
    OpenApiRouter::new().routes(routes!(stream))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct EventsQuery {
    /// Start after the event with this number. Default: the header `Last-Event-ID`, else only new events. Events are kept for
    /// 30 days.
    after: Option<u64>,
}

/// A status change of an account.
#[derive(Debug, Serialize, ToSchema)]
struct StatusEventBody {
    /// The number of the event, which is also its ID in the stream.
    number: u64,
    identifier: String,
    /// The status before; null for a new account.
    from: Option<AccountStatus>,
    /// The status now; null if the account was disconnected.
    to: Option<AccountStatus>,
    reason: Option<String>,
    at: DateTime<Utc>,
}

impl From<StatusEvent> for StatusEventBody {
    fn from(event: StatusEvent) -> Self {
        Self {
            number: event.number,
            identifier: event.account.as_str().to_owned(),
            from: event.from.map(AccountStatus::from),
            to: event.to.map(AccountStatus::from),
            reason: event.reason,
            at: event.at,
        }
    }
}

/// Stream the status changes of accounts
///
/// Server-sent events named `status`. A client that reconnects with `Last-Event-ID` misses nothing. The stream ends when its
/// API key is revoked, replaced or changed.
#[utoipa::path(
    get, path = "/v1/events", tag = "accounts", params(EventsQuery), security(("api_key" = [])),
    responses(
        (status = 200, description = "The changes of the accounts that the API key may use.",
            body = StatusEventBody, content_type = "text/event-stream"),
        (status = "default", description = "An error.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn stream(
    State(service): State<Arc<Service>>,
    caller: Caller,
    headers: HeaderMap,
    QueryOf(query): QueryOf<EventsQuery>,
) -> ApiResult<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    let last =
        match headers.get("last-event-id") {
            Some(value) => {
                let number = value.to_str().ok().and_then(|text| text.parse().ok());
                Some(number.ok_or_else(|| {
                    ApiError::invalid_field("Last-Event-ID", "must be the number of an event")
                })?)
            }
            None => query.after,
        };
    let events = match last {
        Some(number) => service.accounts.events_after(number).left_stream(),
        None => service.accounts.events().await?.right_stream(),
    };
    let permit = service.limiters.begin_stream(caller.key())?;
    let (keys, verified) = (service.keys.clone(), caller.verified().clone());
    let end = {
        let (keys, verified, shutdown) = (keys.clone(), verified.clone(), service.shutdown.clone());
        async move {
            tokio::select! {
                () = shutdown.cancelled_owned() => {}
                () = keys.until_changed(&verified) => {}
            }
        }
    };
    let events = events
        .filter(move |event| ready(caller.policy().accounts.includes(event.account.as_str())))
        .take_while(move |_| {
            let (keys, verified) = (keys.clone(), verified.clone());
            async move { keys.is_current(&verified).await.unwrap_or(true) }
        })
        .map(move |event| {
            // The stream holds the permit until the client is gone.
            let _held = &permit;
            let number = event.number.to_string();
            let data = serde_json::to_string(&StatusEventBody::from(event)).unwrap_or_default();
            Ok(Event::default().event("status").id(number).data(data))
        })
        .take_until(end);
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE_INTERVAL)))
}
