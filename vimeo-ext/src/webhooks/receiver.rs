//! The receiver: from an HTTP request to an event.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::HeaderMap;
use serde_json::Value;
use sha2::{Digest, Sha256};
use vimeo_api::types::WebhookType;

use super::event::DeliveryClaim;
use super::{Claim, DeliveryDedup, Event, InMemoryDedup, Verifier};
use crate::Clock;
use crate::hex::hex;
use crate::timeouts::later_date;

/// Verifies, deduplicates and parses the requests that Vimeo posts to a webhook. Cheap to clone.
///
/// ```
/// use vimeo_ext::webhooks::{Receiver, Verifier, WebhookError, WebhookType};
///
/// # async fn demo(headers: http::HeaderMap, body: bytes::Bytes) -> Result<(), WebhookError> {
/// let receiver = Receiver::builder().verifier(Verifier::secret_at("/secret", "s3cret")).kind_at("/webhook_type").build()?;
/// let event = match receiver.receive(&headers, body).await {
///     Ok(event) => event,
///     Err(WebhookError::Duplicate { .. }) => return Ok(()), // respond with 200, so that Vimeo does not send it again
///     Err(error) => return Err(error),                      // respond with error.status()
/// };
/// if event.kind == WebhookType::VideoTranscodeComplete {
///     tracing::info!(video = event.video_id(), "video is ready");
/// }
/// event.done().await // on success, respond with 200
/// # }
/// ```
#[derive(Clone)]
pub struct Receiver {
    rules: Arc<ReceiverBuilder>,
}

/// Builds a [`Receiver`]. Created by [`Receiver::builder`].
#[must_use = "a builder does nothing until build() is called"]
pub struct ReceiverBuilder {
    verifier: Option<Verifier>,
    kind: Option<WebhookType>,
    kind_at: Option<String>,
    delivery_id_at: Option<String>,
    sent_at: Option<String>,
    tolerance: Duration,
    retention: Duration,
    lease: Duration,
    dedup: Arc<dyn DeliveryDedup>,
    clock: Clock,
}

/// Why a request was rejected, or an event could not be marked as done. [`status`](Self::status) is the HTTP status to respond
/// with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// The receiver's configuration is incomplete or invalid.
    #[error("{0}")]
    Setup(&'static str),
    /// The request does not prove that it comes from Vimeo. Respond with 401.
    #[error(
        "invalid webhook request: the signature or secret is missing or wrong; check the Verifier if the request is genuine"
    )]
    Forged,
    /// The body is not JSON, or lacks a member that the receiver is configured to read. Respond with 400.
    #[error("invalid webhook payload: {0}")]
    Malformed(String),
    /// The request was sent too long ago, or in the future: it can be a replay. Respond with 401.
    #[error(
        "webhook request sent at {sent_at} is outside the tolerance; it may be a replay, or this machine's clock is wrong"
    )]
    Stale {
        /// When the request claims to have been sent.
        sent_at: DateTime<Utc>,
    },
    /// The delivery was already handled. Respond with 200, so that Vimeo does not send it again.
    #[error("delivery {delivery_id} was already handled")]
    Duplicate {
        /// The ID of the delivery.
        delivery_id: String,
    },
    /// The delivery is being handled, and that can still fail. Respond with 503, so that Vimeo sends it again.
    #[error("delivery {delivery_id} is being handled")]
    InProgress {
        /// The ID of the delivery.
        delivery_id: String,
    },
    /// The [`DeliveryDedup`] failed: it is unknown whether the delivery was handled, or that could not be recorded. Respond with
    /// 503, so that Vimeo sends it again.
    #[error(
        "the record of handled deliveries is unavailable: {0}; respond with an error, so that Vimeo sends the event again"
    )]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl WebhookError {
    /// Returns the HTTP status to respond with: 200 for duplicates, 401 for forged or stale requests, 400 for malformed ones, 503
    /// otherwise.
    pub fn status(&self) -> http::StatusCode {
        match self {
            Self::Duplicate { .. } => http::StatusCode::OK,
            Self::Forged | Self::Stale { .. } => http::StatusCode::UNAUTHORIZED,
            Self::Malformed(_) => http::StatusCode::BAD_REQUEST,
            Self::Setup(_) | Self::InProgress { .. } | Self::Unavailable(_) => {
                http::StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }
}

impl Receiver {
    /// Creates a builder. It requires a [`verifier`](ReceiverBuilder::verifier) and a [`kind`](ReceiverBuilder::kind) or
    /// [`kind_at`](ReceiverBuilder::kind_at).
    pub fn builder() -> ReceiverBuilder {
        ReceiverBuilder {
            verifier: None,
            kind: None,
            kind_at: None,
            delivery_id_at: None,
            sent_at: None,
            tolerance: Duration::from_secs(300),
            retention: Duration::from_secs(24 * 60 * 60),
            lease: Duration::from_secs(60),
            dedup: Arc::new(InMemoryDedup::default()),
            clock: Clock::default(),
        }
    }

    /// Verifies and parses a request. Nothing in the request is trusted before it is verified.
    ///
    /// The event is claimed for the duration of the [lease](ReceiverBuilder::lease): call [`Event::done`] after handling it.
    ///
    /// # Errors
    ///
    /// Every [`WebhookError`] except [`Setup`](WebhookError::Setup).
    pub async fn receive(&self, headers: &HeaderMap, body: Bytes) -> Result<Event, WebhookError> {
        let rules = &self.rules;
        if !rules.verifier.as_ref().is_some_and(|verifier| verifier.verify(headers, &body)) {
            return Err(WebhookError::Forged);
        }
        let json: Value = serde_json::from_slice(&body)
            .map_err(|error| WebhookError::Malformed(format!("not JSON: {error}")))?;
        let kind = match (&rules.kind_at, &rules.kind) {
            (Some(pointer), _) => {
                let value = json.pointer(pointer).and_then(Value::as_str);
                WebhookType::other(value.ok_or_else(|| missing("event type", pointer))?)
            }
            (None, Some(kind)) => kind.clone(),
            (None, None) => WebhookType::other(""),
        };
        let now = rules.clock.now();
        let sent_at = match &rules.sent_at {
            Some(pointer) => {
                let time = json.pointer(pointer).and_then(parse_time);
                Some(time.ok_or_else(|| missing("send time", pointer))?)
            }
            None => None,
        };
        if let Some(sent_at) = sent_at.filter(|sent| {
            now.signed_duration_since(*sent).abs().to_std().is_ok_and(|skew| skew > rules.tolerance)
        }) {
            return Err(WebhookError::Stale { sent_at });
        }
        let delivery = match rules.delivery_id_at.as_ref().map(|pointer| (pointer, json.pointer(pointer))) {
            Some((_, Some(Value::String(id)))) => id.clone(),
            Some((_, Some(Value::Number(id)))) => id.to_string(),
            Some((pointer, _)) => return Err(missing("delivery ID", pointer)),
            None => hex(&Sha256::digest(&body)),
        };
        // Remembered at least until a replay would be rejected as stale, whatever retention is configured.
        let fresh_until = sent_at.map_or(now, |sent_at| {
            later_date(sent_at, rules.tolerance.saturating_add(Duration::from_secs(1)))
        });
        let until = fresh_until.max(later_date(now, rules.retention));
        let claim = rules.dedup.claim(&delivery, now, later_date(now, rules.lease)).await;
        let receipt = match claim.map_err(WebhookError::Unavailable)? {
            Claim::New(receipt) => receipt,
            Claim::InProgress => return Err(WebhookError::InProgress { delivery_id: delivery }),
            Claim::Done => return Err(WebhookError::Duplicate { delivery_id: delivery }),
        };
        let claim = Arc::new(DeliveryClaim {
            dedup: Arc::clone(&rules.dedup),
            clock: rules.clock.clone(),
            delivery: delivery.clone(),
            receipt,
            until,
            is_settled: AtomicBool::new(false),
        });
        Ok(Event { kind, delivery_id: delivery, sent_at, body, json, claim })
    }

    /// Releases a delivery, even if it is [done](Event::done), so that Vimeo's next delivery of the event is handled. A failed
    /// handler need not call this: dropping the event releases its delivery.
    ///
    /// # Errors
    ///
    /// [`WebhookError::Unavailable`] if the delivery could not be released.
    pub async fn forget(&self, event: &Event) -> Result<(), WebhookError> {
        event.claim.forget().await
    }
}

fn missing(what: &str, pointer: &str) -> WebhookError {
    WebhookError::Malformed(format!("no valid {what} at {pointer}"))
}

/// Parses an RFC 3339 date and time, or seconds since the Unix epoch.
fn parse_time(value: &Value) -> Option<DateTime<Utc>> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => DateTime::from_timestamp(number.as_i64()?, 0),
        _ => None,
    }
}

impl ReceiverBuilder {
    /// Sets how requests are verified. Required; use [`Verifier::none`] to accept all requests.
    pub fn verifier(mut self, verifier: Verifier) -> Self {
        self.verifier = Some(verifier);
        self
    }

    /// Sets the event type of all requests: the type of the webhook whose endpoint this receiver serves.
    pub fn kind(mut self, kind: WebhookType) -> Self {
        self.kind = Some(kind);
        self
    }

    /// Sets the JSON pointer (RFC 6901) to the event type in the payload. Takes precedence over [`kind`](Self::kind).
    pub fn kind_at(mut self, pointer: impl Into<String>) -> Self {
        self.kind_at = Some(pointer.into());
        self
    }

    /// Sets the JSON pointer to the delivery's ID, a string or a number, in the payload. Default: none; requests with equal
    /// bodies are then the same delivery.
    pub fn delivery_id_at(mut self, pointer: impl Into<String>) -> Self {
        self.delivery_id_at = Some(pointer.into());
        self
    }

    /// Sets the JSON pointer to the time at which the request was sent: an RFC 3339 string, or seconds since the Unix epoch.
    /// Default: none; replays are then only rejected for as long as [handled deliveries are remembered](Self::dedup).
    pub fn sent_at(mut self, pointer: impl Into<String>) -> Self {
        self.sent_at = Some(pointer.into());
        self
    }

    /// Sets how far [`sent_at`](Self::sent_at) may be from now, in either direction. Default: 5 minutes.
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Sets how long a received event is claimed. Duplicates that arrive in the meantime get 503, so that Vimeo sends them
    /// again; a duplicate that arrives later is handled if the event is not [done](Event::done) by then. Default: 60 seconds.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Sets where and for how long handled deliveries are remembered. Default: in this process ([`InMemoryDedup`]), for 24
    /// hours.
    ///
    /// To share the record between processes, pass an `Arc<dyn AccountStore>` (feature `accounts`). With
    /// [`sent_at`](Self::sent_at), a delivery is remembered at least until a replay of it would be
    /// [too old](Self::tolerance).
    pub fn dedup(mut self, dedup: impl DeliveryDedup, retention: Duration) -> Self {
        self.dedup = Arc::new(dedup);
        self.retention = retention;
        self
    }

    /// Sets the clock, for tests.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Builds the receiver.
    ///
    /// # Errors
    ///
    /// [`WebhookError::Setup`] if no verifier or no event type is set, if a secret is empty, or if the signature's header name
    /// is invalid.
    pub fn build(self) -> Result<Receiver, WebhookError> {
        let Some(verifier) = &self.verifier else {
            return Err(WebhookError::Setup("no verifier is set; call ReceiverBuilder::verifier"));
        };
        verifier.validate()?;
        if self.kind.is_none() && self.kind_at.is_none() {
            return Err(WebhookError::Setup("no event type is set; call ReceiverBuilder::kind or kind_at"));
        }
        Ok(Receiver { rules: Arc::new(self) })
    }
}

impl fmt::Debug for ReceiverBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceiverBuilder")
            .field("verifier", &self.verifier)
            .field("kind", &self.kind)
            .field("kind_at", &self.kind_at)
            .field("delivery_id_at", &self.delivery_id_at)
            .field("sent_at", &self.sent_at)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Receiver").field(&self.rules).finish()
    }
}
