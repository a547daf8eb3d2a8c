//! Events that Vimeo does not have: polls accounts, and sends what it finds to the URLs that subscribed.
//!
//! Everything is in the store: subscriptions, one checkpoint for each account, and an outbox of deliveries. A process that is
//! killed therefore loses no event; an event that was being sent is sent again.

mod addresses;
mod backoff;
mod checkpoint;
mod deliver;
mod event;
mod outbox;
mod page_plan;
mod poll;
mod schedule;
mod signature;
mod subscriptions;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{Notify, mpsc};
use vimeo_agent::tools::{
    CreatedEventSubscription, EventSubscription, EventSubscriptions, NewEventSubscription, SubscriptionError,
};
use vimeo_ext::Clock;
use vimeo_ext::accounts::{AccountId, Accounts, ServiceStore, StoreError};
use vimeo_ext::auth::BoxFuture;

use self::deliver::DeliveryClients;
use self::subscriptions::CreateError;
use crate::metrics::PollMetrics;
use crate::secret_text;

pub(crate) use self::deliver::ClientError;
pub(crate) use self::subscriptions::MAX_SUBSCRIPTIONS;

/// The shortest and the longest time between two polls of an account.
pub(crate) const POLL_INTERVALS: (Duration, Duration) =
    (Duration::from_secs(60), Duration::from_secs(24 * 60 * 60));

/// The maximum length of a subscription's URL, in bytes.
const MAX_URL_BYTES: usize = 2_000;

/// The lengths of a secret that a caller may choose, in bytes.
const SECRET_LENGTHS: (usize, usize) = (16, 200);

/// The maximum number of new accounts that wait for their first poll in this process. Others wait for their interval.
const MAX_NEW_ACCOUNTS: usize = 1_000;

/// Polls accounts, and delivers events.
pub(crate) struct Polling {
    accounts: Accounts,
    store: Arc<dyn ServiceStore>,
    clients: DeliveryClients,
    metrics: PollMetrics,
    /// `None` if this service does not poll.
    interval: Option<Duration>,
    clock: Clock,
    /// This process's name as a lease holder.
    holder: String,
    /// Accounts that wait for their first poll.
    new_accounts: mpsc::Sender<String>,
    new_account_queue: tokio::sync::Mutex<mpsc::Receiver<String>>,
    /// Notified when events were stored.
    stored: Notify,
}

impl Polling {
    pub(crate) fn new(
        accounts: Accounts,
        store: Arc<dyn ServiceStore>,
        metrics: PollMetrics,
        interval: Option<Duration>,
        allow_private: bool,
        clock: Clock,
    ) -> Result<Self, ClientError> {
        let (new_accounts, queue) = mpsc::channel(MAX_NEW_ACCOUNTS);
        Ok(Self {
            accounts,
            store,
            clients: DeliveryClients::new(allow_private)?,
            metrics,
            interval,
            clock,
            holder: format!("{:032x}", fastrand::u128(..)),
            new_accounts,
            new_account_queue: tokio::sync::Mutex::new(queue),
            stored: Notify::new(),
        })
    }

    /// Returns the time between two polls; `None` if this service does not poll.
    pub(crate) fn interval(&self) -> Option<Duration> {
        self.interval
    }

    pub(crate) async fn subscribe(
        &self,
        account: &AccountId,
        new: NewEventSubscription,
    ) -> Result<CreatedEventSubscription, SubscriptionError> {
        if new.url.len() > MAX_URL_BYTES {
            return Err(SubscriptionError::InvalidUrl("is longer than 2,000 bytes"));
        }
        if let Some(reason) = self.clients.refusal(&new.url) {
            return Err(SubscriptionError::InvalidUrl(reason));
        }
        let (secret, generated) = match new.secret {
            Some(secret) => {
                let (min, max) = SECRET_LENGTHS;
                if !(min..=max).contains(&secret.expose_secret().len()) {
                    return Err(SubscriptionError::InvalidSecret("must have 16 to 200 bytes"));
                }
                (secret, None)
            }
            None => {
                let secret = secret_text::random_secret().map_err(|_| {
                    tracing::error!("the operating system provides no random bytes");
                    SubscriptionError::Unavailable
                })?;
                let secret = SecretString::from(secret);
                (secret.clone(), Some(secret))
            }
        };
        let events = new.events.into_iter().collect();
        let now = self.clock.now();
        let created =
            subscriptions::create(&*self.store, &self.accounts, account, events, &new.url, &secret, now)
                .await;
        let subscription = created.map_err(|error| match error {
            CreateError::TooMany => SubscriptionError::TooMany(MAX_SUBSCRIPTIONS),
            CreateError::Store(error) => unavailable(&error),
            CreateError::Accounts(error) => unavailable(&error),
            CreateError::NoRandomBytes => SubscriptionError::Unavailable,
        })?;
        // If the queue is full, the account is polled in its interval.
        let _ = self.new_accounts.try_send(account.as_str().to_owned());
        Ok(CreatedEventSubscription { subscription: subscription.to_public(), secret: generated })
    }

    pub(crate) async fn subscriptions(
        &self,
        account: &AccountId,
    ) -> Result<Vec<EventSubscription>, SubscriptionError> {
        let found = subscriptions::list(&*self.store, account.as_str(), self.clock.now()).await;
        let found = found.map_err(|error| unavailable(&error))?;
        Ok(found.iter().map(subscriptions::Subscription::to_public).collect())
    }

    pub(crate) async fn unsubscribe(&self, account: &AccountId, id: &str) -> Result<bool, SubscriptionError> {
        let deleted = subscriptions::delete(&*self.store, account.as_str(), id, self.clock.now()).await;
        deleted.map_err(|error| unavailable(&error))
    }

    /// Polls every account with subscriptions once, and sends what is due.
    pub(crate) async fn run_once(&self) -> Result<(), StoreError> {
        self.poll_all().await?;
        self.deliver_due().await?;
        Ok(())
    }

    /// Returns the event subscriptions of an account, for its tools; `None` if this service does not poll.
    pub(crate) fn of_account(self: &Arc<Self>, account: &AccountId) -> Option<Arc<dyn EventSubscriptions>> {
        let interval = self.interval?;
        Some(Arc::new(AccountSubscriptions { polling: Arc::clone(self), account: account.clone(), interval }))
    }
}

fn unavailable(error: &dyn std::error::Error) -> SubscriptionError {
    tracing::warn!(%error, "the store of event subscriptions failed");
    SubscriptionError::Unavailable
}

impl fmt::Debug for Polling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Polling").field("interval", &self.interval).finish_non_exhaustive()
    }
}

/// The event subscriptions of one account.
struct AccountSubscriptions {
    polling: Arc<Polling>,
    account: AccountId,
    interval: Duration,
}

impl EventSubscriptions for AccountSubscriptions {
    fn interval(&self) -> Duration {
        self.interval
    }

    fn subscribe(
        &self,
        new: NewEventSubscription,
    ) -> BoxFuture<'_, Result<CreatedEventSubscription, SubscriptionError>> {
        Box::pin(self.polling.subscribe(&self.account, new))
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<EventSubscription>, SubscriptionError>> {
        Box::pin(self.polling.subscriptions(&self.account))
    }

    fn delete<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<bool, SubscriptionError>> {
        Box::pin(self.polling.unsubscribe(&self.account, id))
    }
}
