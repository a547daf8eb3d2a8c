//! Sends what is in the outbox.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::stream::{self, StreamExt};
use http::{StatusCode, header};
use reqwest::redirect;
use url::Url;
use vimeo_ext::ConfigError;
use vimeo_ext::accounts::StoreError;

use super::Polling;
use super::addresses::{AddressRule, CheckedResolver, has_refused_address, rule_of};
use super::outbox::{self, StoredDelivery};
use super::signature;
use super::subscriptions::{self, Subscription};

/// How many subscriptions get deliveries at the same time.
const CONCURRENCY: usize = 16;

/// The maximum number of deliveries of a subscription in one pass, so that no receiver delays the others for long.
const MAX_PER_PASS: usize = 20;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an attempt may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);

/// The HTTP clients of deliveries, one for each rule of addresses. They follow no redirects and use no proxy, which would choose
/// the address itself.
#[derive(Debug)]
pub(super) struct DeliveryClients {
    https: reqwest::Client,
    http: reqwest::Client,
    allow_private: bool,
}

/// Why clients cannot be built.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// There is no TLS.
    #[error(transparent)]
    Tls(#[from] ConfigError),
    /// The HTTP client refuses its settings.
    #[error("the HTTP client for events cannot be built")]
    Http(#[from] reqwest::Error),
}

/// Why an attempt failed.
#[derive(Debug, thiserror::Error)]
enum AttemptError {
    #[error("the subscription's URL or address is not allowed")]
    Refused,
    #[error("the subscription's secret cannot be decrypted: {0}")]
    Secret(String),
    #[error("the receiver answered {0}")]
    Status(StatusCode),
    #[error(transparent)]
    Http(reqwest::Error),
}

impl DeliveryClients {
    pub(super) fn new(allow_private: bool) -> Result<Self, ClientError> {
        let client = |rule| -> Result<reqwest::Client, ClientError> {
            let builder = vimeo_ext::http_client_builder()?
                .connect_timeout(CONNECT_TIMEOUT)
                .timeout(ATTEMPT_TIMEOUT)
                .redirect(redirect::Policy::none())
                .referer(false)
                .no_proxy()
                .dns_resolver(CheckedResolver::shared(rule))
                .user_agent(concat!("vimeo-connector/", env!("CARGO_PKG_VERSION")));
            Ok(builder.build()?)
        };
        let https = client(if allow_private { AddressRule::Any } else { AddressRule::Public })?;
        Ok(Self { https, http: client(AddressRule::Private)?, allow_private })
    }

    /// Returns why a URL cannot receive events; `None` if it can. A name is resolved later, for each attempt.
    pub(super) fn refusal(&self, url: &str) -> Option<&'static str> {
        let Ok(url) = Url::parse(url) else {
            return Some("is not a URL; give one such as https://example.com/hook");
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Some("contains a user name or a password; use the signature instead");
        }
        match rule_of(&url, self.allow_private) {
            None if self.allow_private => Some("must be https, or http to a private address"),
            None => Some("must be https"),
            Some(rule) if has_refused_address(&url, rule) => Some("has an address that events may not go to"),
            Some(_) => None,
        }
    }

    async fn send(
        &self,
        subscription: &Subscription,
        polling: &Polling,
        body: &str,
    ) -> Result<(), AttemptError> {
        if self.refusal(subscription.url()).is_some() {
            return Err(AttemptError::Refused);
        }
        let url = Url::parse(subscription.url()).map_err(|_| AttemptError::Refused)?;
        let secret = subscription
            .secret(&polling.accounts)
            .map_err(|error| AttemptError::Secret(error.to_string()))?;
        let signature = signature::sign(&secret, polling.clock.now().timestamp(), body.as_bytes());
        let client = if url.scheme() == "http" { &self.http } else { &self.https };
        let request = client
            .post(url)
            .header(header::CONTENT_TYPE, "application/json")
            .header(signature::HEADER, signature)
            .body(body.to_owned());
        // The body of the response is not read.
        let response = request.send().await.map_err(|error| AttemptError::Http(error.without_url()))?;
        match response.status() {
            status if status.is_success() => Ok(()),
            status => Err(AttemptError::Status(status)),
        }
    }
}

impl Polling {
    /// Sends every delivery that is due; returns when the next one is due.
    pub(super) async fn deliver_due(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        let now = self.clock.now();
        let mut next_attempt: Option<DateTime<Utc>> = None;
        let mut due: BTreeMap<String, Vec<StoredDelivery>> = BTreeMap::new();
        let mut after = Some(String::new());
        while let Some(start) = after {
            let (page, next) = outbox::page(&*self.store, &start, now).await?;
            for delivery in page {
                let queue = due.get(delivery.subscription()).map_or(0, Vec::len);
                if delivery.next_attempt() <= now && queue < MAX_PER_PASS {
                    due.entry(delivery.subscription().to_owned()).or_default().push(delivery);
                } else {
                    let at = delivery.next_attempt();
                    next_attempt = Some(next_attempt.map_or(at, |earliest| earliest.min(at)));
                }
            }
            after = next;
        }
        let results = stream::iter(due)
            .map(|(id, deliveries)| async move { self.deliver_queue(&id, deliveries).await })
            .buffer_unordered(CONCURRENCY);
        let mut results = std::pin::pin!(results);
        while let Some(at) = results.next().await {
            let at = at?;
            next_attempt = [next_attempt, at].into_iter().flatten().min();
        }
        Ok(next_attempt)
    }

    /// Sends deliveries of one subscription until one fails; returns when the next one is due.
    async fn deliver_queue(
        &self,
        subscription: &str,
        deliveries: Vec<StoredDelivery>,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        let now = self.clock.now();
        let subscription = subscriptions::get(&*self.store, subscription, now).await?;
        let mut remaining = deliveries.into_iter();
        for delivery in remaining.by_ref() {
            let Some(subscription) = &subscription else {
                // The subscription was deleted.
                outbox::remove(&*self.store, delivery.id(), now).await?;
                continue;
            };
            if delivery.is_dead() {
                // The process that made the last attempt died.
                self.give_up(&delivery, "its last attempt did not end").await?;
                continue;
            }
            let now = self.clock.now();
            let chance = fastrand::f64();
            let started = outbox::start_attempt(&*self.store, &delivery, now, chance).await?;
            let Some(started) = started else { continue };
            match self.clients.send(subscription, self, started.body()).await {
                Ok(()) => {
                    self.metrics.count_delivery("delivered");
                    outbox::remove(&*self.store, started.id(), now).await?;
                }
                Err(error) if started.is_dead() => self.give_up(&started, &error.to_string()).await?,
                Err(error) => {
                    self.metrics.count_delivery("failed");
                    tracing::warn!(
                        %error,
                        subscription = subscription.id,
                        attempt = started.attempts(),
                        next_attempt = %started.next_attempt(),
                        "an event was not delivered; trying again"
                    );
                    // The others of this receiver are tried in the next pass, at once.
                    let others = remaining.next().map(|_| now);
                    return Ok([Some(started.next_attempt()), others].into_iter().flatten().min());
                }
            }
        }
        Ok(None)
    }

    /// Removes a delivery whose last attempt has failed.
    async fn give_up(&self, delivery: &StoredDelivery, error: &str) -> Result<(), StoreError> {
        self.metrics.count_delivery("dead");
        tracing::error!(
            error,
            subscription = delivery.subscription(),
            event = delivery.event().as_str(),
            delivery = delivery.id(),
            attempts = delivery.attempts(),
            "an event was given up: every attempt to deliver it failed"
        );
        outbox::remove(&*self.store, delivery.id(), self.clock.now()).await
    }
}
