//! Setting the accounts up.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::client_cache::ClientCache;
use super::core::Core;
use super::manager::Inner;
use super::refresh::PendingTokens;
use super::{AccountRefresher, AccountStore, Accounts, AccountsError, KeyRing};
use crate::Vimeo;

/// Sets up [`Accounts`]; from [`Accounts::builder`].
#[must_use = "a builder does nothing until build() is called"]
pub struct AccountsBuilder {
    app: Vimeo,
    store: Arc<dyn AccountStore>,
    keys: KeyRing,
    refresher: Option<Arc<dyn AccountRefresher>>,
    redirect_uri: Option<String>,
    login_lifetime: Duration,
    warm: NonZeroUsize,
    follow: Duration,
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
            warm: DEFAULT_CACHE_CAPACITY,
            follow: Duration::from_secs(5),
        }
    }

    /// Gets new tokens ahead of their expiry. Default: none, then users have to log in again.
    pub fn refresher(mut self, refresher: impl AccountRefresher) -> Self {
        self.refresher = Some(Arc::new(refresher));
        self
    }

    /// Where users come back to after they have logged in: one of the addresses in the app's settings. Needed for
    /// [`Accounts::authorization_link`].
    pub fn redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.redirect_uri = Some(uri.into());
        self
    }

    /// How long a user may take to log in. Default: 10 minutes.
    pub fn login_lifetime(mut self, lifetime: Duration) -> Self {
        self.login_lifetime = lifetime;
        self
    }

    /// How many accounts' clients are kept at once, the latest used. Default: 10,000.
    pub fn warm(mut self, accounts: NonZeroUsize) -> Self {
        self.warm = accounts;
        self
    }

    /// How often the store is asked what other processes have changed. Default: 5 seconds.
    pub fn follow(mut self, interval: Duration) -> Self {
        self.follow = interval;
        self
    }

    /// The accounts. A task follows what other processes change, for as long as they live.
    ///
    /// # Errors
    ///
    /// [`AccountsError::Store`] when the store does not answer.
    pub async fn build(self) -> Result<Accounts, AccountsError> {
        let core = Core {
            store: self.store,
            keys: self.keys,
            app: self.app,
            refresher: self.refresher,
            pending_tokens: PendingTokens::default(),
            holder: format!("{:016x}", fastrand::u64(..)),
            news: watch::Sender::new(0),
        };
        // Before any client is made, so that no change is missed.
        let seen = core.store.last_event().await?;
        let inner = Arc::new(Inner {
            core: Arc::new(core),
            warm: ClientCache::new(self.warm),
            connections: super::connections::Clients::default(),
            redirect_uri: self.redirect_uri,
            login_lifetime: self.login_lifetime,
            follow: self.follow,
        });
        tokio::spawn(super::events::follow(Arc::downgrade(&inner), seen, self.follow));
        Ok(Accounts { inner })
    }
}

impl fmt::Debug for AccountsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountsBuilder")
            .field("keys", &self.keys)
            .field("redirect_uri", &self.redirect_uri)
            .field("warm", &self.warm)
            .finish_non_exhaustive()
    }
}
