//! The accounts themselves.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use futures_core::Stream;
use secrecy::zeroize::Zeroizing;
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use url::{Url, form_urlencoded};

use super::core::{Core, is_refused};
use super::keys::Owner;
use super::refresh::OfAccount;
use super::warm::Warm;
use super::{
    Account, AccountId, AccountPage, AccountQuery, AccountRecord, AccountRefresher, AccountStore,
    AccountsError, Connections, KeyError, KeyRing, LoginRecord, Status, StatusEvent, StoreError, Tokens,
};
use crate::auth::{AuthError, Authorization, RefreshError};
use crate::client::Identity;
use crate::{AccessToken, Scope, ScopeSet, Vimeo};

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
    pub(super) warm: Warm,
    pub(super) connections: super::connections::Clients,
    redirect_uri: Option<String>,
    login_lifetime: Duration,
    follow: Duration,
}

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

/// A login that was completed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Linked {
    /// The account, which is active now.
    pub account: Account,
    /// What was asked for and not granted.
    pub missing: Vec<Scope>,
}

/// How many secrets [`Accounts::rotate_keys`] encrypted anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Rotation {
    /// Of accounts.
    pub accounts: u64,
    /// Of connections.
    pub connections: u64,
}

const WARM: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();

/// So long the order of status changes can be read back.
const EVENTS_KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

impl AccountsBuilder {
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
            holder: format!("{:016x}", fastrand::u64(..)),
            news: watch::Sender::new(0),
        };
        // Before any client is made, so that no change is missed.
        let seen = core.store.last_event().await?;
        let inner = Arc::new(Inner {
            core: Arc::new(core),
            warm: Warm::new(self.warm),
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

impl Accounts {
    /// Accounts to be set up: `app` is a client with the app's credentials, whose connections and settings all of
    /// them use; `store` keeps them; `keys` encrypt their secrets.
    pub fn builder(app: Vimeo, store: Arc<dyn AccountStore>, keys: KeyRing) -> AccountsBuilder {
        AccountsBuilder {
            app,
            store,
            keys,
            refresher: None,
            redirect_uri: None,
            login_lifetime: Duration::from_secs(600),
            warm: WARM,
            follow: Duration::from_secs(5),
        }
    }

    fn core(&self) -> &Core {
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

    /// Where to send the account's user so that they let the app in. Good once, and for the
    /// [login lifetime](AccountsBuilder::login_lifetime). An account that is logged in stays so until it is completed.
    ///
    /// # Errors
    ///
    /// [`AccountsError::Disabled`]; [`AuthError::NoApp`]; [`AuthError::BadCallback`] without a redirect URI.
    pub async fn authorization_link(
        &self,
        id: &AccountId,
        scopes: impl Into<ScopeSet>,
    ) -> Result<Url, AccountsError> {
        let account = self.get_or_create(id).await?;
        if account.status == Status::Disabled {
            return Err(AccountsError::Disabled { account: id.clone() });
        }
        let core = self.core();
        let redirect_uri = self.inner.redirect_uri.clone().ok_or_else(|| {
            AuthError::BadCallback(
                "there is no redirect URI; give one with AccountsBuilder::redirect_uri".to_owned(),
            )
        })?;
        let login = core.app.auth().authorization(redirect_uri)?.scopes(scopes).begin()?;
        let plain = Zeroizing::new(serde_json::to_vec(&login).map_err(|_| KeyError::TooLong)?);
        let record = LoginRecord {
            key: login_key(login.state()),
            account: id.clone(),
            secrets: core.keys.seal(&Owner::Login(id.as_str()), &plain)?,
            expires: core.now() + self.inner.login_lifetime,
        };
        core.store.put_login(&record).await?;
        Ok(login.url().clone())
    }

    /// Ends a login: `callback` is the URL that a user came back to, or its query. Which account it is for stands in the
    /// store, not in the URL.
    ///
    /// The login is used up by this, whatever comes of it: after an error send the user to a new link.
    ///
    /// # Errors
    ///
    /// [`AccountsError::UnknownLogin`] when no login waits for it; [`AuthError::Denied`] when the user said no;
    /// [`AccountsError::OtherUser`] when another user logged in than before; [`AccountsError::Disabled`].
    pub async fn complete(&self, callback: &str) -> Result<Linked, AccountsError> {
        let core = self.core();
        let state = state_of(callback).ok_or(AccountsError::UnknownLogin)?;
        let waiting = core.store.take_login(&login_key(&state), core.now()).await?;
        let waiting = waiting.ok_or(AccountsError::UnknownLogin)?;
        let id = &waiting.account;
        let owner = Owner::Login(id.as_str());
        let plain = core.keys.open(&owner, &waiting.secrets)?;
        let login: Authorization =
            serde_json::from_slice(&plain).map_err(|_| KeyError::Damaged { owner: owner.to_string() })?;
        let grant = core.app.auth().complete(&login, callback).await?;
        let missing = grant.scopes().map_or_else(Vec::new, |granted| login.scopes().without(granted));
        let (account, tokens) = core.logged_in(id, grant, "the user logged in").await?;
        self.inner.warm.resume(id, &tokens.access);
        Ok(Linked { account, missing })
    }

    /// Gives an account a token that you have; makes the account when there is none. Vimeo is asked whom it acts for and
    /// what it may do.
    ///
    /// # Errors
    ///
    /// [`AccountsError::RefusedCredentials`] when Vimeo does not take it; [`AccountsError::OtherUser`];
    /// [`AccountsError::Disabled`].
    pub async fn connect_with_token(
        &self,
        id: &AccountId,
        token: impl Into<AccessToken>,
    ) -> Result<Account, AccountsError> {
        let core = self.core();
        let token = token.into();
        let grant =
            core.app.auth().verify_token(&token).await.map_err(|error| refused("access token", error))?;
        self.get_or_create(id).await?;
        let (account, tokens) = core.logged_in(id, grant, "a token was given").await?;
        self.inner.warm.resume(id, &tokens.access);
        Ok(account)
    }

    /// A client that is the account: with its token and its rate limit, over the connections that all share.
    ///
    /// The same client as before while it is kept. When the token is lost its calls fail with
    /// [`vimeo_api::Error::NeedsLogin`], which names the account; when the account is disabled, with
    /// [`AccountsError::Disabled`] in a [`vimeo_api::Error::Layer`].
    ///
    /// # Errors
    ///
    /// [`AccountsError::NeedsLogin`], [`AccountsError::Disabled`], [`AccountsError::UnknownAccount`].
    pub async fn client(&self, id: &AccountId) -> Result<Vimeo, AccountsError> {
        if let Some(client) = self.inner.warm.get(id) {
            return Ok(client);
        }
        let core = self.core();
        let seen = *core.news.borrow();
        let record = core.record(id).await?;
        let tokens = usable(core, &record)?;
        let refresher = OfAccount { core: Arc::clone(&self.inner.core), id: id.clone() };
        let client = core.app.for_identity(Identity {
            account: Some(id.as_str().to_owned()),
            token: Some(tokens.access),
            refresher: Some(Arc::new(refresher)),
            app: None,
        })?;
        let client = self.inner.warm.put(id, client);
        if *core.news.borrow() != seen {
            // Something changed while the client was made, perhaps this account.
            self.inner.settle(&core.record(id).await?);
        }
        Ok(client)
    }

    /// Asks Vimeo whether the account's token still holds, and notes what it answers: the scopes, or that it was revoked.
    ///
    /// # Errors
    ///
    /// [`AccountsError::NeedsLogin`] and [`AccountsError::Disabled`] when there is nothing to ask about;
    /// [`AccountsError::Vimeo`] when Vimeo could not be asked.
    pub async fn verify(&self, id: &AccountId) -> Result<Account, AccountsError> {
        let core = self.core();
        let record = core.record(id).await?;
        let tokens = usable(core, &record)?;
        match core.app.auth().verify_token(&tokens.access).await {
            Ok(grant) => {
                let scopes = grant.scopes().cloned();
                let expires = grant.expires();
                let record = core
                    .update(id, |record| {
                        let same =
                            Tokens::open(&core.keys, record)?.is_some_and(|now| now.is(&tokens.access));
                        let account = &mut record.account;
                        let known = account.scopes == scopes && account.expires == expires;
                        account.scopes = scopes.clone().or_else(|| account.scopes.take());
                        account.expires = expires;
                        Ok(same && !known)
                    })
                    .await?;
                Ok(record.account)
            }
            Err(error) if is_refused(&error) => {
                let record = core.lost(id, &tokens, "Vimeo takes the access token no longer").await?;
                self.inner.settle(&record);
                Ok(record.account)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Renews the account's token now, whether or not it is about to expire.
    ///
    /// # Errors
    ///
    /// [`AccountsError::NeedsLogin`] when only the user can help; [`AccountsError::Vimeo`] when it may work later.
    pub async fn refresh(&self, id: &AccountId) -> Result<Account, AccountsError> {
        let core = self.core();
        let record = core.record(id).await?;
        let status = record.account.status;
        let tokens = Tokens::open(&core.keys, &record)?
            .ok_or_else(|| AccountsError::NeedsLogin { account: id.clone(), status })?;
        let result = core.renew(id, Some(&tokens.access)).await;
        let record = core.record(id).await?;
        match result {
            Ok(tokens) => self.inner.warm.resume(id, &tokens.access),
            Err(error) => {
                self.inner.settle(&record);
                return Err(error);
            }
        }
        Ok(record.account)
    }

    /// Renews the tokens that expire within `ahead`, one after the other; answers how many were. Call it now and then for
    /// accounts that make no calls themselves: those that do are renewed by their calls.
    ///
    /// # Errors
    ///
    /// [`AccountsError::Store`]. An account that cannot be renewed is noted and passed over.
    pub async fn refresh_due(&self, ahead: Duration) -> Result<u64, AccountsError> {
        let core = self.core();
        let before = core.now() + ahead.min(super::refresh::AHEAD);
        let mut query = AccountQuery::default().status(Status::Active).expires_before(before).limit(200);
        let mut renewed = 0;
        loop {
            let page = self.list(query).await?;
            for account in page.accounts {
                match self.refresh(&account.id).await {
                    Ok(_) => renewed += 1,
                    Err(AccountsError::Store(error)) => return Err(error.into()),
                    Err(error) => tracing::warn!(account = %account.id, %error, "not renewed"),
                }
            }
            match page.next {
                Some(next) => query = next,
                None => return Ok(renewed),
            }
        }
    }

    /// Switches an account off: it makes no calls, in any process, until it is enabled. Its token is kept.
    ///
    /// # Errors
    ///
    /// [`AccountsError::UnknownAccount`].
    pub async fn disable(&self, id: &AccountId, reason: &str) -> Result<Account, AccountsError> {
        let record = self
            .core()
            .update(id, |record| {
                let changes = record.account.status != Status::Disabled;
                record.account.status = Status::Disabled;
                record.account.reason = Some(reason.to_owned());
                Ok(changes)
            })
            .await?;
        self.inner.settle(&record);
        Ok(record.account)
    }

    /// Switches an account on again: to [`Active`](Status::Active) when it has a token, to
    /// [`Expired`](Status::Expired) when that has expired, to [`Pending`](Status::Pending) when it has none.
    ///
    /// # Errors
    ///
    /// [`AccountsError::UnknownAccount`].
    pub async fn enable(&self, id: &AccountId) -> Result<Account, AccountsError> {
        let core = self.core();
        let now = core.now();
        let record = core
            .update(id, |record| {
                let account = &mut record.account;
                if account.status != Status::Disabled {
                    return Ok(false);
                }
                account.status = match &record.secrets {
                    None => Status::Pending,
                    Some(_) if account.expires.is_some_and(|expires| expires <= now) => Status::Expired,
                    Some(_) => Status::Active,
                };
                account.reason = Some("it was enabled again".to_owned());
                Ok(true)
            })
            .await?;
        if record.account.status == Status::Active
            && let Some(tokens) = Tokens::open(&core.keys, &record)?
        {
            self.inner.warm.resume(id, &tokens.access);
        }
        Ok(record.account)
    }

    /// Revokes the account's token at Vimeo, then forgets the account and all that is known of it.
    ///
    /// When it ends early it can be called again: a token that is revoked already is no obstacle. An account that does not
    /// exist is fine.
    ///
    /// # Errors
    ///
    /// [`AccountsError::Vimeo`] when Vimeo could not be asked: then nothing is forgotten.
    pub async fn disconnect(&self, id: &AccountId) -> Result<(), AccountsError> {
        let core = self.core();
        let Some(mut record) = core.store.account(id).await? else { return Ok(()) };
        if let Some(tokens) = Tokens::open(&core.keys, &record)? {
            match core.app.auth().revoke_token(&tokens.access).await {
                Ok(()) => {}
                Err(error) if is_refused(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        loop {
            let reason = Some("it was disconnected".to_owned());
            let event = StatusEvent::new(id, Some(record.account.status), None, reason, core.now());
            match core.store.remove_account(id, record.account.version, &event).await {
                Ok(()) => break,
                Err(StoreError::Missing) => return Ok(()),
                Err(StoreError::Stale { .. }) => match core.store.account(id).await? {
                    Some(latest) if latest.secrets == record.secrets => record = latest,
                    // It has come to another token, which has to be revoked as well.
                    Some(_) => return Err(AccountsError::Contended { account: id.clone() }),
                    None => return Ok(()),
                },
                Err(error) => return Err(error.into()),
            }
        }
        core.announce();
        self.inner.warm.stop(id, || RefreshError::needs_login("the account was disconnected"));
        Ok(())
    }

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
    /// [`AccountsBuilder::follow`]).
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

    /// Encrypts everything anew that is not encrypted with the ring's current key. It may run while others work, and may be
    /// ended and begun again.
    ///
    /// # Errors
    ///
    /// [`AccountsError::Key`] at the first secret that no key of the ring opens; it is left as it is.
    pub async fn rotate_keys(&self) -> Result<Rotation, AccountsError> {
        let core = self.core();
        let mut rotation = Rotation::default();
        let mut query = AccountQuery::default().sealed_without(core.keys.current().clone()).limit(200);
        loop {
            let page = self.list(query).await?;
            for account in page.accounts {
                let resealed = core
                    .update(&account.id, |record| {
                        let old =
                            record.secrets.as_ref().is_some_and(|sealed| sealed.key != *core.keys.current());
                        if let Some(tokens) = Tokens::open(&core.keys, record)?.filter(|_| old) {
                            record.secrets = Some(tokens.seal(&core.keys, record.account.id.as_str())?);
                        }
                        Ok(old)
                    })
                    .await;
                match resealed {
                    Ok(_) => rotation.accounts += 1,
                    // Forgotten meanwhile.
                    Err(AccountsError::UnknownAccount { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            match page.next {
                Some(next) => query = next,
                None => break,
            }
        }
        rotation.connections = self.connections().rotate_keys().await?;
        Ok(rotation)
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
                self.warm.stop(&account.id, || RefreshError::needs_login(reason.clone()));
            }
        }
    }
}

/// The tokens of an account that may make calls.
fn usable(core: &Core, record: &AccountRecord) -> Result<Tokens, AccountsError> {
    let (account, status) = (record.account.id.clone(), record.account.status);
    match status {
        Status::Disabled => Err(AccountsError::Disabled { account }),
        Status::Active => {
            Tokens::open(&core.keys, record)?.ok_or(AccountsError::NeedsLogin { account, status })
        }
        status => Err(AccountsError::NeedsLogin { account, status }),
    }
}

/// Credentials that Vimeo does not take are an error of their own; that it could not be asked is not.
pub(super) fn refused(what: &'static str, error: crate::Error) -> AccountsError {
    let client_error = error
        .call()
        .and_then(vimeo_api::Error::status)
        .is_some_and(|status| matches!(status.as_u16(), 400 | 401 | 403));
    if client_error {
        AccountsError::RefusedCredentials { what, source: Box::new(error) }
    } else {
        error.into()
    }
}

/// What a login is found by in the store.
fn login_key(state: &str) -> String {
    Sha256::digest(state).iter().fold(String::with_capacity(64), |key, byte| format!("{key}{byte:02x}"))
}

fn state_of(callback: &str) -> Option<String> {
    let query = callback.split_once('?').map_or(callback, |(_, query)| query);
    let query = query.split('#').next().unwrap_or_default();
    let state = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "state");
    state.map(|(_, state)| state.into_owned()).filter(|state| !state.is_empty())
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts").field("warm", &self.inner.warm.len()).finish_non_exhaustive()
    }
}
