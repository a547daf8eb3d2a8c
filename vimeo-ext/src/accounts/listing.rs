//! Looking at many accounts at once: pages of them, and what becomes of them.

use std::sync::Arc;
use std::time::Duration;

use futures_core::Stream;

use super::{Account, AccountPage, AccountQuery, Accounts, AccountsError, StatusEvent};

/// So long the order of status changes can be read back.
const EVENTS_KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

impl Accounts {
    /// A page of accounts.
    ///
    /// ```no_run
    /// use vimeo_ext::accounts::{AccountQuery, Accounts, Status};
    /// # async fn demo(accounts: Accounts) -> Result<(), vimeo_ext::Error> {
    /// let mut query = Some(AccountQuery::default().status(Status::Revoked));
    /// while let Some(wanted) = query {
    ///     let page = accounts.list(wanted).await?;
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
    /// [`AccountsError::Store`].
    pub async fn list(&self, mut query: AccountQuery) -> Result<AccountPage, AccountsError> {
        query.limit = query.limit.clamp(1, 1_000);
        let records = self.core().store.accounts(&query).await?;
        let full = records.len() == query.limit as usize;
        let accounts: Vec<Account> = records.into_iter().map(|record| record.account).collect();
        let next = accounts.last().filter(|_| full).map(|last| query.after(last.id.clone()));
        Ok(AccountPage { accounts, next })
    }

    /// Changes of status from now on, of all processes that share the store, in their order. It never ends.
    ///
    /// What this process changes comes at once, what others change with the next look into the store (see
    /// [`AccountsBuilder::follow`](super::AccountsBuilder::follow)).
    ///
    /// # Errors
    ///
    /// [`AccountsError::Store`] when the store does not answer.
    pub async fn events(
        &self,
    ) -> Result<impl Stream<Item = StatusEvent> + Send + Unpin + 'static, AccountsError> {
        let after = self.core().store.last_event().await?;
        Ok(self.events_after(after))
    }

    /// Changes of status after the one of this number, kept for 30 days: to go on where a process ended.
    pub fn events_after(&self, number: u64) -> impl Stream<Item = StatusEvent> + Send + Unpin + 'static {
        super::events::stream(Arc::clone(&self.inner.core), number, self.inner.follow)
    }

    /// Drops logins and leases that have ended, and status changes of more than 30 days ago. Call it once a day or so.
    ///
    /// # Errors
    ///
    /// [`AccountsError::Store`].
    pub async fn sweep(&self) -> Result<(), AccountsError> {
        let now = self.core().now();
        Ok(self.core().store.sweep(now, now - EVENTS_KEPT).await?)
    }
}
