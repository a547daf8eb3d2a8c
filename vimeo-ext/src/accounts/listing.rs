//! Listing accounts and streaming their status events.

use std::sync::Arc;
use std::time::Duration;

use futures_core::Stream;

use super::{Account, AccountPage, AccountQuery, Accounts, AccountsError, StatusEvent};

/// How long status events are kept.
const EVENT_RETENTION: Duration = Duration::from_secs(30 * 24 * 60 * 60);

impl Accounts {
    /// Returns a page of accounts, sorted by ID.
    ///
    /// ```no_run
    /// use vimeo_ext::accounts::{AccountQuery, Accounts, Status};
    /// # async fn demo(accounts: Accounts) -> Result<(), vimeo_ext::Error> {
    /// let mut query = Some(AccountQuery::default().status(Status::Revoked));
    /// while let Some(next) = query {
    ///     let page = accounts.list(next).await?;
    ///     for account in page.accounts {
    ///         tracing::info!(account = %account.id, reason = account.reason, "has to log in again");
    ///     }
    ///     query = page.next;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`AccountsError::Store`] if the store fails.
    pub async fn list(&self, mut query: AccountQuery) -> Result<AccountPage, AccountsError> {
        query.limit = query.limit.clamp(1, 1_000);
        let records = self.service().store.accounts(&query).await?;
        let full = records.len() == query.limit as usize;
        let accounts: Vec<Account> = records.into_iter().map(|record| record.account).collect();
        let next = accounts.last().filter(|_| full).map(|last| query.after(last.id.clone()));
        Ok(AccountPage { accounts, next })
    }

    /// Streams the status changes from now on, of all processes that share the store, in order. The stream never ends.
    ///
    /// Changes of this process arrive at once. Changes of other processes arrive with the next poll of the store (see
    /// [`AccountsBuilder::poll_interval`](super::AccountsBuilder::poll_interval)). If the store fails, the stream logs that and
    /// retries.
    ///
    /// ```no_run
    /// use futures_util::StreamExt;
    /// use vimeo_ext::accounts::Accounts;
    /// # async fn demo(accounts: Accounts) -> Result<(), vimeo_ext::Error> {
    /// let mut events = accounts.events().await?;
    /// while let Some(event) = events.next().await {
    ///     tracing::info!(account = %event.account, from = ?event.from, to = ?event.to, reason = event.reason);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`AccountsError::Store`] if the store cannot be read now.
    pub async fn events(
        &self,
    ) -> Result<impl Stream<Item = StatusEvent> + Send + Unpin + use<>, AccountsError> {
        let after = self.service().store.last_event().await?;
        Ok(self.events_after(after))
    }

    /// Streams the status changes after the event with this [`number`](StatusEvent::number), so that a process can continue where
    /// it stopped. Events are kept for 30 days.
    pub fn events_after(&self, number: u64) -> impl Stream<Item = StatusEvent> + Send + Unpin + use<> {
        super::events::stream(Arc::clone(&self.inner.service), number, self.inner.poll_interval)
    }

    /// Deletes expired logins and leases, and status events older than 30 days, from the store. Call it about once a day, from
    /// any process.
    ///
    /// # Errors
    ///
    /// [`AccountsError::Store`] if the store fails.
    pub async fn sweep(&self) -> Result<(), AccountsError> {
        let now = self.service().now();
        Ok(self.service().store.sweep(now, now - EVENT_RETENTION).await?)
    }
}
