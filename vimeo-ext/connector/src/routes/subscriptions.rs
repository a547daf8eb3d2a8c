//! Subscriptions to events that Vimeo has no webhooks for, and that the service finds by polling.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use http::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use vimeo_agent::tools::{
    Disclosure, EventSubscription, NewEventSubscription, PolledEvent, SubscriptionError,
};
use vimeo_ext::ScopeSet;

use crate::callers::Caller;
use crate::error::{ApiError, ApiResult, Problem};
use crate::extract::{AccountPath, JsonBody, PathOf};
use crate::service::Service;

/// The scope that polling an account needs.
const POLL_SCOPE: &str = "private";

pub(super) fn routes() -> OpenApiRouter<Arc<Service>> {
    OpenApiRouter::new().routes(routes!(create, list)).routes(routes!(delete))
}

/// A new subscription.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewSubscriptionBody {
    /// The events: `video.privacy.change`, `video.comment.add`.
    #[schema(min_items = 1, max_items = 10, example = json!(["video.privacy.change"]))]
    event_types: Vec<String>,
    /// The https URL that receives them.
    #[schema(format = "uri", max_length = 2000)]
    url: String,
    /// The secret that signs deliveries, 16 to 200 bytes. Default: a random one.
    #[schema(value_type = Option<String>, write_only, min_length = 16, max_length = 200)]
    secret: Option<SecretString>,
}

/// A subscription.
#[derive(Debug, Serialize, ToSchema)]
struct SubscriptionBody {
    #[schema(example = "poll-0123456789abcdef0123456789abcdef")]
    id: String,
    event_types: Vec<&'static str>,
    url: String,
    created_at: DateTime<Utc>,
}

/// A new subscription.
#[derive(Debug, Serialize, ToSchema)]
struct CreatedSubscriptionBody {
    #[serde(flatten)]
    subscription: SubscriptionBody,
    /// The time between two polls, which is how late events are, in seconds.
    poll_interval_s: u64,
    /// The random secret that signs deliveries, which is shown only once; null if the request had one.
    secret: Option<String>,
}

/// The subscriptions of an account.
#[derive(Debug, Serialize, ToSchema)]
struct SubscriptionListBody {
    event_subscriptions: Vec<SubscriptionBody>,
}

impl From<EventSubscription> for SubscriptionBody {
    fn from(subscription: EventSubscription) -> Self {
        Self {
            id: subscription.id,
            event_types: subscription.events.into_iter().map(PolledEvent::as_str).collect(),
            url: subscription.url,
            created_at: subscription.created_at,
        }
    }
}

impl From<SubscriptionError> for ApiError {
    fn from(error: SubscriptionError) -> Self {
        match error {
            SubscriptionError::InvalidUrl(reason) => Self::invalid_field("url", reason),
            SubscriptionError::InvalidSecret(reason) => Self::invalid_field("secret", reason),
            SubscriptionError::TooMany(_) => {
                Self::new(StatusCode::CONFLICT, "too_many_subscriptions", error.to_string())
            }
            _ => {
                let status = StatusCode::SERVICE_UNAVAILABLE;
                Self::new(status, "store_unavailable", error.to_string()).retry_after(1)
            }
        }
    }
}

/// Subscribe to events that Vimeo has no webhooks for
///
/// The service finds them by polling, so they are late by up to the poll interval. An account can have 20 subscriptions. The API
/// key's policy has to allow calls of the kind `webhooks`. Deliveries are signed in the header `Vimeo-Connector-Signature`:
/// `t=TIME,v1=SIGNATURE`, the HMAC-SHA-256 of the time, a dot and the body in hexadecimal digits.
#[utoipa::path(
    post, path = "/v1/accounts/{identifier}/event-subscriptions", tag = "events", security(("api_key" = [])),
    request_body = NewSubscriptionBody,
    params(("identifier" = String, Path, description = "The caller's own identifier.")),
    responses(
        (status = 201, description = "The subscription.", body = CreatedSubscriptionBody),
        (status = "default", description = "An error.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn create(
    State(service): State<Arc<Service>>,
    caller: Caller,
    AccountPath(id): AccountPath,
    JsonBody(body): JsonBody<NewSubscriptionBody>,
) -> ApiResult<Response> {
    check_policy(&caller)?;
    let Some(interval) = service.polling.interval() else {
        let detail = "the service does not poll, so it finds no events; its operator can start it with --poll-interval";
        return Err(ApiError::new(StatusCode::NOT_IMPLEMENTED, "no_polling", detail));
    };
    if !(1..=10).contains(&body.event_types.len()) {
        return Err(ApiError::invalid_field("event_types", "must have 1 to 10 events"));
    }
    let mut events = Vec::new();
    for (index, name) in body.event_types.iter().enumerate() {
        let event = PolledEvent::from_name(name).ok_or_else(|| {
            let reason =
                "is not video.privacy.change or video.comment.add; for Vimeo's own events use a webhook";
            ApiError::invalid_field(format!("event_types[{index}]"), reason)
        })?;
        events.push(event);
    }
    // An account that cannot be used would give no events.
    service.accounts.client(&id).await?;
    let new = NewEventSubscription::new(events, body.url).secret(body.secret);
    let created = service.polling.subscribe(&id, new).await?;
    let body = CreatedSubscriptionBody {
        subscription: created.subscription.into(),
        poll_interval_s: interval.as_secs(),
        secret: created.secret.map(|secret| secret.expose_secret().to_owned()),
    };
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

/// Fails unless the caller's policy allows to send the account's data out.
fn check_policy(caller: &Caller) -> ApiResult<()> {
    let policy = caller.policy();
    if policy.read_only || !policy.allowed().any(|kind| kind == Disclosure::Webhooks) {
        let detail = "this API key may not send an account's events out; its policy has to allow `webhooks`";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "approval_required", detail));
    }
    if policy.scopes.as_deref().is_some_and(|scopes| !ScopeSet::from(scopes).contains_all([POLL_SCOPE])) {
        let detail = "events need the scope private, which the policy of this API key does not have";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "missing_scope", detail));
    }
    Ok(())
}

/// List an account's event subscriptions
#[utoipa::path(
    get, path = "/v1/accounts/{identifier}/event-subscriptions", tag = "events", security(("api_key" = [])),
    params(("identifier" = String, Path, description = "The caller's own identifier.")),
    responses(
        (status = 200, description = "The subscriptions, without their secrets.", body = SubscriptionListBody),
        (status = "default", description = "An error.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn list(
    State(service): State<Arc<Service>>,
    AccountPath(id): AccountPath,
) -> ApiResult<Json<SubscriptionListBody>> {
    let found = service.polling.subscriptions(&id).await?;
    Ok(Json(SubscriptionListBody { event_subscriptions: found.into_iter().map(Into::into).collect() }))
}

#[derive(Deserialize)]
struct SubscriptionPath {
    id: String,
}

/// Delete an event subscription
///
/// Events that wait for it are not sent any more.
#[utoipa::path(
    delete, path = "/v1/accounts/{identifier}/event-subscriptions/{id}", tag = "events",
    security(("api_key" = [])),
    params(
        ("identifier" = String, Path, description = "The caller's own identifier."),
        ("id" = String, Path, description = "The subscription's ID."),
    ),
    responses(
        (status = 204, description = "The subscription is gone."),
        (status = "default", description = "An error.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn delete(
    State(service): State<Arc<Service>>,
    AccountPath(account): AccountPath,
    PathOf(SubscriptionPath { id }): PathOf<SubscriptionPath>,
) -> ApiResult<StatusCode> {
    match service.polling.unsubscribe(&account, &id).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => {
            let detail = "the account has no such event subscription; list them with GET";
            Err(ApiError::new(StatusCode::NOT_FOUND, "unknown_subscription", detail))
        }
    }
}
