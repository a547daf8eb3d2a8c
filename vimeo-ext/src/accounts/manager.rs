//! The accounts themselves, and the clients that act for them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::client_cache::ClientCache;
use super::core::Core;
use super::refresh::AccountTokenRefresher;
use super::{
    Account, AccountId, AccountRecord, AccountStore, AccountsBuilder, AccountsError, Connections, KeyRing,
    Status, Tokens,
};
use crate::Vimeo;
use crate::auth::RefreshError;
use crate::client::ClientIdentity;

/// The accounts of many Vimeo users.
///
/// Cheap to clone; clones are the same. Any number of processes may work on one store. See the [module](super) for a
/// walk through all of it.
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
/// // The user goes to the link and comes back with `callback`.
/// accounts.complete(callback).await?;
/// let vimeo = accounts.client(&id).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Accounts {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) core: Arc<Core>,
    pub(super) warm: ClientCache,
    pub(super) connections: super::connections::Clients,
    pub(super) redirect_uri: Option<String>,
    pub(super) login_lifetime: Duration,
    pub(super) follow: Duration,
}

impl Accounts {
    /// Accounts to be set up: `app` is a client with the app's credentials, whose connections and settings all of
    /// them use; `store` keeps them; `keys` encrypt their secrets.
    pub fn builder(app: Vimeo, store: Arc<dyn AccountStore>, keys: KeyRing) -> AccountsBuilder {
        AccountsBuilder::new(app, store, keys)
    }

    pub(super) fn core(&self) -> &Core {
        &self.inner.core
    }

    /// The account of this id, made when there is none. Of many who ask at once, in whatever processes, one makes it.
    ///
    /// # Errors
    ///
    /// [`AccountsError::Store`].
    pub async fn get_or_create(&self, id: &AccountId) -> Result<Account, AccountsError> {
        self.core().get_or_create(id).await
    }

    /// The account of this id.
    ///
    /// # Errors
    ///
    /// [`AccountsError::Store`].
    pub async fn get(&self, id: &AccountId) -> Result<Option<Account>, AccountsError> {
        Ok(self.core().store.account(id).await?.map(|record| record.account))
    }

    /// A client that is the account: with its token and its rate limit, over the connections that all share.
    ///
    /// The same client as before while it is kept. When the token is lost its calls fail with
    /// [`vimeo_api::Error::LoginRequired`], which names the account; when the account is disabled, with
    /// [`AccountsError::Disabled`] in a [`vimeo_api::Error::Middleware`].
    ///
    /// # Errors
    ///
    /// [`AccountsError::LoginRequired`], [`AccountsError::Disabled`], [`AccountsError::UnknownAccount`].
    pub async fn client(&self, id: &AccountId) -> Result<Vimeo, AccountsError> {
        if let Some(client) = self.inner.warm.get(id) {
            return Ok(client);
        }
        let core = self.core();
        let seen = *core.news.borrow();
        let record = core.record(id).await?;
        let tokens = usable(core, &record)?;
        if !core.is_bound(&record)? {
            core.verify_and_bind(id, &tokens).await;
        }
        let refresher = AccountTokenRefresher { core: Arc::clone(&self.inner.core), id: id.clone() };
        let client = core.app.for_identity(ClientIdentity {
            account: Some(id.to_shared()),
            token: Some(tokens.access),
            refresher: Some(Arc::new(refresher)),
            app: None,
            apart: true,
        })?;
        let client = self.inner.warm.put(id, client);
        if *core.news.borrow() != seen {
            // Something changed while the client was made, perhaps this account.
            self.inner.settle(&core.record(id).await?);
        }
        Ok(client)
    }

    /// Whether the one answer of a person that has this number is used for the first time, over all processes that share the
    /// store; remembered until `until`.
    ///
    /// # Errors
    ///
    /// [`AccountsError::Store`].
    #[doc(hidden)]
    pub async fn use_consent(&self, number: &str, until: DateTime<Utc>) -> Result<bool, AccountsError> {
        let core = self.core();
        Ok(core.store.use_once(&format!("consent {number}"), core.now(), until).await?)
    }

    /// Connections: an app's credentials and a token, stored under a name.
    pub fn connections(&self) -> Connections {
        Connections::new(self.clone())
    }
}

impl Inner {
    /// Stops the clients of an account that may make no calls.
    pub(super) fn settle(&self, record: &AccountRecord) {
        let account = &record.account;
        match account.status {
            Status::Active => {}
            Status::Disabled => self.warm.stop(&account.id, || {
                RefreshError::refused(AccountsError::Disabled { account: account.id.clone() })
            }),
            status => {
                let reason = account.reason.clone().unwrap_or_else(|| format!("the account is {status}"));
                self.warm.stop(&account.id, || RefreshError::login_required(reason.clone()));
            }
        }
    }
}

/// The tokens of an account that may make calls.
pub(super) fn usable(core: &Core, record: &AccountRecord) -> Result<Tokens, AccountsError> {
    let (account, status) = (record.account.id.clone(), record.account.status);
    match status {
        Status::Disabled => Err(AccountsError::Disabled { account }),
        Status::Active => core.latest(record)?.ok_or(AccountsError::LoginRequired { account, status }),
        status => Err(AccountsError::LoginRequired { account, status }),
    }
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts").field("warm", &self.inner.warm.len()).finish_non_exhaustive()
    }
}
