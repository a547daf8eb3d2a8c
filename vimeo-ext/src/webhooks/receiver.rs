//! From a request to an event.
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

/// Takes what Vimeo posts to a webhook's address. Cheap to clone.
///
/// ```
/// use vimeo_ext::webhooks::{Verifier, Receiver, WebhookError, WebhookType};
///
/// # async fn demo(headers: http::HeaderMap, body: bytes::Bytes) -> Result<(), WebhookError> {
/// let receiver = Receiver::builder().check(Verifier::secret_at("/secret", "s3cret")).kind_at("/webhook_type").build()?;
/// let event = match receiver.receive(&headers, body).await {
///     Ok(event) => event,
///     Err(WebhookError::Repeated { .. }) => return Ok(()), // answer 200, so that it is not sent a third time
///     Err(error) => return Err(error),                     // answer error.status()
/// };
/// if event.kind == WebhookType::VideoTranscodeComplete {
///     tracing::info!(video = event.video_id(), "can be watched");
/// }
/// event.done().await // now answer success
/// # }
/// ```
#[derive(Clone)]
pub struct Receiver {
    rules: Arc<ReceiverBuilder>,
}

/// Sets up a [`Receiver`]; from [`Receiver::builder`].
#[must_use = "a builder does nothing until build() is called"]
pub struct ReceiverBuilder {
    check: Option<Verifier>,
    kind: Option<WebhookType>,
    kind_at: Option<String>,
    delivery_at: Option<String>,
    sent_at: Option<String>,
    tolerance: Duration,
    remember: Duration,
    lease: Duration,
    seen: Arc<dyn DeliveryDedup>,
    clock: Clock,
}

/// Why a request is not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// The receiver cannot be set up so.
    #[error("{0}")]
    Setup(&'static str),
    /// It does not prove that it comes from Vimeo.
    #[error("the request's signature or secret is missing or wrong; it may be forged")]
    Forged,
    /// The body is no JSON, or lacks what the receiver was told to find there.
    #[error("the payload {0}")]
    Malformed(String),
    /// It was sent too long ago, or in the future: someone may have kept it and sent it again.
    #[error("the request was sent at {sent_at}, which is too far from now; it may be a copy")]
    Stale {
        /// When it says that it was sent.
        sent_at: DateTime<Utc>,
    },
    /// It was handled before. Answer success, so that it is not sent once more.
    #[error("delivery {delivery} was handled before")]
    Repeated {
        /// Which.
        delivery: String,
    },
    /// It is being handled, and it is not known yet whether that succeeds. Answer an error, so that it is sent again.
    #[error("delivery {delivery} is being handled")]
    InProgress {
        /// Which.
        delivery: String,
    },
    /// It is not known whether it was handled before, or it cannot be noted. Answer an error, so that it is sent again.
    #[error("it cannot be seen or noted that the delivery was handled: {0}")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl WebhookError {
    /// The status to answer with.
    pub fn status(&self) -> http::StatusCode {
        match self {
            Self::Repeated { .. } => http::StatusCode::OK,
            Self::Forged | Self::Stale { .. } => http::StatusCode::UNAUTHORIZED,
            Self::Malformed(_) => http::StatusCode::BAD_REQUEST,
            Self::Setup(_) | Self::InProgress { .. } | Self::Unavailable(_) => {
                http::StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }
}

impl Receiver {
    /// A receiver to be set up.
    pub fn builder() -> ReceiverBuilder {
        ReceiverBuilder {
            check: None,
            kind: None,
            kind_at: None,
            delivery_at: None,
            sent_at: None,
            tolerance: Duration::from_secs(300),
            remember: Duration::from_secs(24 * 60 * 60),
            lease: Duration::from_secs(60),
            seen: Arc::new(InMemoryDedup::default()),
            clock: Clock::default(),
        }
    }

    /// Checks a request and reads it. Nothing of it is believed before it is known to be genuine.
    ///
    /// The event is claimed for a [while](ReceiverBuilder::lease): call [`Event::done`] once it is handled.
    ///
    /// # Errors
    ///
    /// Each of [`WebhookError`] but [`Setup`](WebhookError::Setup).
    pub async fn receive(&self, headers: &HeaderMap, body: Bytes) -> Result<Event, WebhookError> {
        let rules = &self.rules;
        if !rules.check.as_ref().is_some_and(|check| check.verify(headers, &body)) {
            return Err(WebhookError::Forged);
        }
        let json: Value = serde_json::from_slice(&body)
            .map_err(|error| WebhookError::Malformed(format!("is no JSON: {error}")))?;
        let kind = match (&rules.kind_at, &rules.kind) {
            (Some(pointer), _) => {
                let word = json.pointer(pointer).and_then(Value::as_str);
                WebhookType::other(word.ok_or_else(|| missing("the event's kind", pointer))?)
            }
            (None, Some(kind)) => kind.clone(),
            (None, None) => WebhookType::other(""),
        };
        let now = rules.clock.now();
        let sent_at = match &rules.sent_at {
            Some(pointer) => {
                let time = json.pointer(pointer).and_then(time);
                Some(time.ok_or_else(|| missing("the time when it was sent", pointer))?)
            }
            None => None,
        };
        if let Some(sent_at) = sent_at.filter(|sent| {
            now.signed_duration_since(*sent).abs().to_std().is_ok_and(|far| far > rules.tolerance)
        }) {
            return Err(WebhookError::Stale { sent_at });
        }
        let delivery = match rules.delivery_at.as_ref().map(|pointer| (pointer, json.pointer(pointer))) {
            Some((_, Some(Value::String(id)))) => id.clone(),
            Some((_, Some(Value::Number(id)))) => id.to_string(),
            Some((pointer, _)) => return Err(missing("the delivery's id", pointer)),
            None => hex(&Sha256::digest(&body)),
        };
        // As long as a copy of it would pass for new, whatever was set.
        let fresh_until = sent_at.map_or(now, |sent_at| {
            later_date(sent_at, rules.tolerance.saturating_add(Duration::from_secs(1)))
        });
        let until = fresh_until.max(later_date(now, rules.remember));
        let claim = rules.seen.claim(&delivery, now, later_date(now, rules.lease)).await;
        let receipt = match claim.map_err(WebhookError::Unavailable)? {
            Claim::New(receipt) => receipt,
            Claim::InProgress => return Err(WebhookError::InProgress { delivery }),
            Claim::Done => return Err(WebhookError::Repeated { delivery }),
        };
        let claim = Arc::new(DeliveryClaim {
            seen: Arc::clone(&rules.seen),
            clock: rules.clock.clone(),
            delivery: delivery.clone(),
            receipt,
            until,
            is_settled: AtomicBool::new(false),
        });
        Ok(Event { kind, delivery, sent_at, body, json, claim })
    }

    /// Takes the delivery again when it comes again, also if it was [done](Event::done). A failed handler need not call it:
    /// an event that is dropped is forgotten.
    ///
    /// # Errors
    ///
    /// [`WebhookError::Unavailable`].
    pub async fn forget(&self, event: &Event) -> Result<(), WebhookError> {
        event.claim.forget().await
    }
}

fn missing(what: &str, pointer: &str) -> WebhookError {
    WebhookError::Malformed(format!("has not {what} at {pointer}"))
}

/// A date and time, or seconds since 1970.
fn time(value: &Value) -> Option<DateTime<Utc>> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => DateTime::from_timestamp(number.as_i64()?, 0),
        _ => None,
    }
}

impl ReceiverBuilder {
    /// What tells that a request comes from Vimeo. It has to be given, be it [`Verifier::nothing`].
    pub fn check(mut self, check: Verifier) -> Self {
        self.check = Some(check);
        self
    }

    /// The kind of all events that come to this receiver: that of the webhook whose address it serves.
    pub fn kind(mut self, kind: WebhookType) -> Self {
        self.kind = Some(kind);
        self
    }

    /// The JSON pointer at which an event's kind stands in the payload; counts for more than [`kind`](Self::kind).
    pub fn kind_at(mut self, pointer: impl Into<String>) -> Self {
        self.kind_at = Some(pointer.into());
        self
    }

    /// The JSON pointer at which a delivery's id stands in the payload. Default: none, then equal bodies are one delivery.
    pub fn delivery_at(mut self, pointer: impl Into<String>) -> Self {
        self.delivery_at = Some(pointer.into());
        self
    }

    /// The JSON pointer at which it stands when a request was sent. Default: none, then only what is remembered keeps copies
    /// away.
    pub fn sent_at(mut self, pointer: impl Into<String>) -> Self {
        self.sent_at = Some(pointer.into());
        self
    }

    /// How far from now a request may have been sent. Default: 5 minutes.
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// How long a handler has an event for itself: copies that come meanwhile are refused, so that they are sent again, and one
    /// that comes later is handled, if the event is not [done](Event::done) by then. Default: 60 seconds.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// How long handled deliveries are remembered, and by whom. Default: 24 hours, by this process. Where it is known when a
    /// request was sent, it is remembered at least for as long as a copy of it would be [taken](Self::tolerance).
    pub fn seen(mut self, seen: impl DeliveryDedup, remember: Duration) -> Self {
        self.seen = Arc::new(seen);
        self.remember = remember;
        self
    }

    /// What time it is; for tests.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The receiver.
    ///
    /// # Errors
    ///
    /// [`WebhookError::Setup`] without a check, without a kind, and with an empty secret.
    pub fn build(self) -> Result<Receiver, WebhookError> {
        let Some(check) = &self.check else {
            return Err(WebhookError::Setup("say how requests are checked, with ReceiverBuilder::check"));
        };
        check.sound()?;
        if self.kind.is_none() && self.kind_at.is_none() {
            return Err(WebhookError::Setup("say what events are, with ReceiverBuilder::kind or kind_at"));
        }
        Ok(Receiver { rules: Arc::new(self) })
    }
}

impl fmt::Debug for ReceiverBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceiverBuilder")
            .field("check", &self.check)
            .field("kind", &self.kind)
            .field("kind_at", &self.kind_at)
            .field("delivery_at", &self.delivery_at)
            .field("sent_at", &self.sent_at)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Receiver").field(&self.rules).finish()
    }
}
