//! `Accounts`: the entry point, and the clients of accounts.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::client_cache::ClientCache;
use super::refresh::AccountTokenRefresher;
use super::service::AccountService;
use super::{
    Account, AccountId, AccountRecord, AccountStore, AccountsBuilder, AccountsError, Connections, KeyRing,
    Status, Tokens,
};
use crate::auth::RefreshError;
use crate::client::ClientIdentity;
use crate::{RateLimiters, Vimeo};

/// Manages the Vimeo accounts of many users.
///
/// Cheap to clone; clones share everything. Any number of processes can share one store. The [guide](super::guide) shows the
/// whole process, from the authorization link to webhooks.
///
/// ```no_run
/// use std::sync::Arc;
/// use vimeo_ext::accounts::{AccountId, Accounts, Key, KeyRing, MemoryStore};
/// use vimeo_ext::Vimeo;
/// # async fn demo(callback: &str) -> Result<(), vimeo_ext::Error> {
/// let app = Vimeo::builder().app("client id", "client secret").build()?;
/// let store = Arc::new(MemoryStore::default());
/// let accounts = Accounts::builder(app, store, KeyRing::new(Key::generate()))
///     .redirect_uri("https://example.com/callback")
///     .build()
///     .await?;
/// let id = AccountId::new("user 7")?;
/// accounts.get_or_create(&id).await?;
/// let link = accounts.authorization_link(&id, "private upload").await?;
/// // Redirect the user to `link`. The user comes back with `callback`.
/// accounts.complete_for(&id, callback).await?;
/// let vimeo = accounts.client(&id).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Accounts {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) service: Arc<AccountService>,
    pub(super) clients: ClientCache,
    pub(super) connections: super::connections::SessionRegistry,
    pub(super) redirect_uri: Option<String>,
    pub(super) login_lifetime: Duration,
    pub(super) poll_interval: Duration,
}

impl Accounts {
    /// Creates a builder.
    ///
    /// `app` is a client with the app's credentials; the accounts' clients share its HTTP connection pool and settings. `store`
    /// keeps the accounts. `keys` encrypts their tokens before the store receives them.
    pub fn builder(app: Vimeo, store: Arc<dyn AccountStore>, keys: KeyRing) -> AccountsBuilder {
        AccountsBuilder::new(app, store, keys)
    }

    pub(super) fn service(&self) -> &AccountService {
        &self.inner.service
    }

    /// Returns the account with this ID, and creates it with the status [`Pending`](Status::Pending) if it does not exist. Of
    /// concurrent calls, in any number of processes, one creates it.
    ///
    /// # Errors
    ///
    /// [`AccountsError::Store`] if the store fails.
    pub async fn get_or_create(&self, id: &AccountId) -> Result<Account, AccountsError> {
        self.service().get_or_create(id).await
    }

    /// Returns the account with this ID, or `None`.
    ///
    /// # Errors
    ///
    /// [`AccountsError::Store`] if the store fails.
    pub async fn get(&self, id: &AccountId) -> Result<Option<Account>, AccountsError> {
        Ok(self.service().store.account(id).await?.map(|record| record.account))
    }

    /// Returns a client that acts for the account: with the account's token and rate limit, over the shared HTTP connection pool.
    ///
    /// Clients are [cached](super::AccountsBuilder::cache_capacity), so call this for each task instead of storing the client. If
    /// Vimeo revokes the token later, the client's calls fail with [`vimeo_api::Error::LoginRequired`], which names the account. If
    /// the account is disabled, they fail with [`AccountsError::Disabled`] in a [`vimeo_api::Error::Middleware`]. They succeed
    /// again once the user has logged in or the account is enabled.
    ///
    /// ```no_run
    /// use vimeo_ext::accounts::{AccountId, Accounts, AccountsError};
    /// # async fn demo(accounts: Accounts, id: AccountId) -> Result<(), vimeo_ext::Error> {
    /// let vimeo = match accounts.client(&id).await {
    ///     Ok(vimeo) => vimeo,
    ///     Err(AccountsError::LoginRequired { account, .. }) => return Ok(tracing::warn!(%account, "show a new link")),
    ///     Err(error) => return Err(error.into()),
    /// };
    /// let me = vimeo.get("/me").fields("name").send().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`AccountsError::LoginRequired`] if the account is not connected, or its token was revoked or has expired: send its user to
    /// an [authorization link](Self::authorization_link). [`AccountsError::Disabled`] if the account is disabled.
    /// [`AccountsError::UnknownAccount`] if it does not exist. [`AccountsError::Key`] if its tokens cannot be decrypted.
    /// [`AccountsError::Store`] if the store fails.
    pub async fn client(&self, id: &AccountId) -> Result<Vimeo, AccountsError> {
        if let Some(client) = self.inner.clients.get(id) {
            return Ok(client);
        }
        let service = self.service();
        let status_changes = *service.status_changes.borrow();
        let record = service.record(id).await?;
        let tokens = tokens_if_active(service, &record)?;
        if !service.is_bound(&record)? {
            service.verify_and_bind(id, &tokens).await;
        }
        let refresher = AccountTokenRefresher { service: Arc::clone(&self.inner.service), id: id.clone() };
        let client = service.app.for_identity(ClientIdentity {
            account: Some(id.to_shared()),
            token: Some(tokens.access),
            refresher: Some(Arc::new(refresher)),
            app: None,
            isolated_journal: true,
        })?;
        let client = self.inner.clients.insert(id, client);
        if *service.status_changes.borrow() != status_changes {
            // A status changed while the client was created, perhaps that of this account.
            self.inner.evict_if_unusable(&service.record(id).await?);
        }
        Ok(client)
    }

    /// Returns whether the approval with this number is used for the first time, among all processes that share the store. The
    /// use is remembered until `until`.
    ///
    /// # Errors
    ///
    /// [`AccountsError::Store`] if the store fails.
    #[doc(hidden)]
    pub async fn consume_approval(&self, number: &str, until: DateTime<Utc>) -> Result<bool, AccountsError> {
        let service = self.service();
        // The prefix is stored, and earlier versions use it.
        Ok(service.store.use_once(&format!("consent {number}"), service.now(), until).await?)
    }

    /// Derives a key for a purpose of the program's own, such as sealing cursors, from the current key of the accounts.
    /// Processes with the same current key derive the same key, so each opens what another one sealed. Until all processes
    /// have a new current key, they do not.
    pub fn derive_key(&self, purpose: &str) -> [u8; 32] {
        self.service().keys.derive(purpose)
    }

    /// Returns how long an authorization link works; see [`AccountsBuilder::login_lifetime`].
    pub fn login_lifetime(&self) -> Duration {
        self.inner.login_lifetime
    }

    /// Returns the rate limiters of the clients that this value has created, which know each account's limits in this process.
    /// The limiter of an account has the name `account` and its ID; that of a stored connection has the name
    /// `account connection` and its ID.
    pub fn rate_limiters(&self) -> &RateLimiters {
        self.service().app.rate_limiters()
    }

    /// Returns the stored connections: each an app's credentials and an access token, under a name.
    pub fn connections(&self) -> Connections {
        Connections::new(self.clone())
    }
}

impl Inner {
    /// Evicts and stops the clients of an account that must not make calls.
    pub(super) fn evict_if_unusable(&self, record: &AccountRecord) {
        let account = &record.account;
        match account.status {
            Status::Active => {}
            Status::Disabled => self.clients.stop(&account.id, || {
                RefreshError::refused(AccountsError::Disabled { account: account.id.clone() })
            }),
            status => {
                let reason = account.reason.clone().unwrap_or_else(|| format!("the account is {status}"));
                self.clients.stop(&account.id, || RefreshError::login_required(reason.clone()));
            }
        }
    }
}

/// Returns the tokens of an active account.
pub(super) fn tokens_if_active(
    service: &AccountService,
    record: &AccountRecord,
) -> Result<Tokens, AccountsError> {
    let (account, status) = (record.account.id.clone(), record.account.status);
    match status {
        Status::Disabled => Err(AccountsError::Disabled { account }),
        Status::Active => service.latest(record)?.ok_or(AccountsError::LoginRequired { account, status }),
        status => Err(AccountsError::LoginRequired { account, status }),
    }
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts").field("cached_clients", &self.inner.clients.len()).finish_non_exhaustive()
    }
}
