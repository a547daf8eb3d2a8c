//! The builder of `Accounts`.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::client_cache::ClientCache;
use super::manager::Inner;
use super::refresh::PendingTokens;
use super::service::AccountService;
use super::{AccountRefresher, AccountStore, Accounts, AccountsError, KeyRing};
use crate::Vimeo;

/// Builds [`Accounts`]. Created by [`Accounts::builder`].
#[must_use = "a builder does nothing until build() is called"]
pub struct AccountsBuilder {
    app: Vimeo,
    store: Arc<dyn AccountStore>,
    keys: KeyRing,
    refresher: Option<Arc<dyn AccountRefresher>>,
    redirect_uri: Option<String>,
    login_lifetime: Duration,
    cache_capacity: NonZeroUsize,
    poll_interval: Duration,
}

const DEFAULT_CACHE_CAPACITY: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();

impl AccountsBuilder {
    pub(super) fn new(app: Vimeo, store: Arc<dyn AccountStore>, keys: KeyRing) -> Self {
        Self {
            app,
            store,
            keys,
            refresher: None,
            redirect_uri: None,
            login_lifetime: Duration::from_secs(600),
            cache_capacity: DEFAULT_CACHE_CAPACITY,
            poll_interval: Duration::from_secs(5),
        }
    }

    /// Sets how new tokens are obtained before they expire or after Vimeo rejects them. Default: none; users then have to log in
    /// again.
    ///
    /// An async closure is a refresher; see [`AccountRefresher`].
    pub fn refresher(mut self, refresher: impl AccountRefresher) -> Self {
        self.refresher = Some(Arc::new(refresher));
        self
    }

    /// Sets the URL that users come back to after logging in. It has to be one of the redirect URIs in the app's settings.
    /// Required for [`Accounts::authorization_link`].
    pub fn redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.redirect_uri = Some(uri.into());
        self
    }

    /// Sets how long an authorization link is valid. Default: 10 minutes.
    pub fn login_lifetime(mut self, lifetime: Duration) -> Self {
        self.login_lifetime = lifetime;
        self
    }

    /// Sets how many accounts' clients are cached. Default: 10,000.
    ///
    /// The least recently used client is evicted first. [`Accounts::client`] reads the store for an account whose client is not
    /// cached.
    pub fn cache_capacity(mut self, accounts: NonZeroUsize) -> Self {
        self.cache_capacity = accounts;
        self
    }

    /// Sets how often the store is polled for status changes that other processes made. Default: 5 seconds.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = interval;
        self
    }

    /// Builds the accounts, and spawns a task that polls for changes of other processes until the last clone is dropped.
    ///
    /// # Errors
    ///
    /// [`AccountsError::Store`] if the store cannot be read.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub async fn build(self) -> Result<Accounts, AccountsError> {
        let service = AccountService {
            store: self.store,
            keys: self.keys,
            app: self.app,
            refresher: self.refresher,
            pending_tokens: PendingTokens::default(),
            holder: format!("{:016x}", fastrand::u64(..)),
            status_changes: watch::Sender::new(0),
        };
        // Read before any client is created, so that no change is missed.
        let last_seen = service.store.last_event().await?;
        let inner = Arc::new(Inner {
            service: Arc::new(service),
            clients: ClientCache::new(self.cache_capacity),
            connections: super::connections::SessionRegistry::default(),
            redirect_uri: self.redirect_uri,
            login_lifetime: self.login_lifetime,
            poll_interval: self.poll_interval,
        });
        tokio::spawn(super::events::poll_remote_changes(
            Arc::downgrade(&inner),
            last_seen,
            self.poll_interval,
        ));
        Ok(Accounts { inner })
    }
}

impl fmt::Debug for AccountsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountsBuilder")
            .field("keys", &self.keys)
            .field("redirect_uri", &self.redirect_uri)
            .field("cache_capacity", &self.cache_capacity)
            .finish_non_exhaustive()
    }
}
