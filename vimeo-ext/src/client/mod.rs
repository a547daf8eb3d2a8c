//! The client, and what sets it up.

mod builder;

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use http::{Extensions, Method};
use serde_json::Value;
use url::Url;
use vimeo_api::Call;

pub use self::builder::VimeoBuilder;
use crate::auth::{AccountKey, AppCredentials, Auth, GrantCache, Refresher, Session};
use crate::pipeline::{
    Authenticate, Deadline, HttpSend, Middleware, MiddlewareStage, Narrow, Pipeline, RateLimitStage, Retry,
    ScopeCheck, Trace,
};
use crate::rate_limit::{RateLimitPolicy, RateLimiter, RateLimiters};
use crate::{AccessToken, Clock, ConfigError, Error, RetryPolicy, ScopeSet};

/// The Vimeo client.
///
/// Cheap to clone. Clones share token, connections and what is known of rate limits;
/// [`for_account`](Self::for_account) gives a client for another account over the same connections.
///
/// ```no_run
/// use vimeo_ext::Vimeo;
/// # async fn demo() -> Result<(), vimeo_ext::Error> {
/// let vimeo = Vimeo::from_env()?;
/// let me = vimeo.get("/me").fields("name,link").send().await?;
/// tracing::info!(name = %me["name"], left = ?me.rate_limit(), "logged in");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Vimeo {
    inner: Arc<Inner>,
}

struct Inner {
    api: vimeo_api::Client,
    auth: Auth,
    rate_limiter: Arc<RateLimiter>,
    shared: Arc<Shared>,
    /// Whether its uploads are written down where no other account looks.
    apart: bool,
    /// What it is limited to, whatever the token may.
    scopes: Option<Arc<ScopeSet>>,
}

/// What a client reads from the environment.
const VARIABLES: [&str; 4] =
    ["VIMEO_ACCESS_TOKEN", "VIMEO_CLIENT_ID", "VIMEO_CLIENT_SECRET", "VIMEO_BASE_URL"];

/// What the clients of all accounts share.
pub(crate) struct Shared {
    /// Sends nothing by itself: address, version and decode_mode of the others.
    pub(crate) settings: vimeo_api::Client,
    /// Where a token is checked, which tells where tokens may go.
    pub(crate) verify: Arc<Url>,
    pub(crate) send: Arc<HttpSend>,
    /// The longest that a call may take as a whole.
    pub(crate) total: Option<Duration>,
    pub(crate) retry: Arc<RetryPolicy>,
    pub(crate) rate_limit_policy: RateLimitPolicy,
    pub(crate) rate_limiters: RateLimiters,
    pub(crate) check_scopes: bool,
    pub(crate) per_call_middleware: Arc<[Arc<dyn Middleware>]>,
    pub(crate) per_attempt_middleware: Arc<[Arc<dyn Middleware>]>,
    pub(crate) clock: Clock,
    pub(crate) app: Option<AppCredentials>,
    pub(crate) grants: GrantCache,
    /// The settings of modules above this one, by type.
    #[cfg_attr(not(feature = "upload"), allow(dead_code))]
    pub(crate) extensions: Mutex<Extensions>,
    /// What the ways to a token of the shared app go through; made with the first client.
    pub(crate) logins: OnceLock<vimeo_api::Client>,
}

/// Who a client is.
pub(crate) struct ClientIdentity {
    pub(crate) account: Option<Arc<str>>,
    pub(crate) token: Option<AccessToken>,
    pub(crate) refresher: Option<Arc<dyn Refresher>>,
    /// Another app than the one all clients share.
    pub(crate) app: Option<AppCredentials>,
    /// Whether its uploads are written down where no other account looks.
    pub(crate) apart: bool,
}

impl Shared {
    /// The one place where the chain is put together.
    fn client(
        &self,
        session: Arc<Session>,
        rate_limiter: Arc<RateLimiter>,
        scopes: Option<Arc<ScopeSet>>,
    ) -> vimeo_api::Client {
        let (verify, send) = (Arc::clone(&self.verify), Arc::clone(&self.send));
        let authenticate = Authenticate { session: Arc::clone(&session), verify, next: send };
        let layers = MiddlewareStage { layers: Arc::clone(&self.per_attempt_middleware), next: authenticate };
        let limit = RateLimitStage { rate_limiter, policy: self.rate_limit_policy, next: layers };
        let retry = Retry { policy: Arc::clone(&self.retry), clock: self.clock.clone(), next: limit };
        let preflight = ScopeCheck { session, stops: self.check_scopes, next: retry };
        let narrow = Narrow { scopes, verify: Arc::clone(&self.verify), next: preflight };
        let layers = MiddlewareStage { layers: Arc::clone(&self.per_call_middleware), next: narrow };
        let chain: Pipeline = Trace { next: Deadline { total: self.total, next: layers } };
        self.settings.with_transport(chain)
    }
}

impl Vimeo {
    /// A client to be set up.
    pub fn builder() -> VimeoBuilder {
        VimeoBuilder::new()
    }

    /// A client out of the environment: `VIMEO_ACCESS_TOKEN`, or `VIMEO_CLIENT_ID` and `VIMEO_CLIENT_SECRET`, or all
    /// three; and `VIMEO_BASE_URL` for another address of the API.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when there are no credentials, and as [`VimeoBuilder::build`].
    pub fn from_env() -> Result<Self, Error> {
        for name in VARIABLES {
            if matches!(std::env::var(name), Err(std::env::VarError::NotUnicode(_))) {
                return Err(ConfigError::NotUnicode(name).into());
            }
        }
        Self::builder().from_variables(|name| std::env::var(name).ok())?.build()
    }

    pub(crate) fn build_client(shared: Arc<Shared>, identity: ClientIdentity) -> Result<Self, ConfigError> {
        let nobody = Session::empty(shared.clock.clone());
        let (own_app, apart) = (identity.app.is_some(), identity.apart);
        let credentials = identity.app.clone().or_else(|| shared.app.clone());
        let app = AccountKey::app(credentials.as_ref().map(AppCredentials::id));
        // For the ways to a token: without one, and with a rate_limiter of its own, because calls that wait for a token hold
        // places in theirs.
        let logins = || {
            let rate_limiter = shared.rate_limiters.of(&format!("logins of {app}"), &shared.clock);
            shared.client(Arc::clone(&nobody), rate_limiter, None)
        };
        let client = match shared.logins.get() {
            _ if own_app => logins(),
            Some(client) => client.clone(),
            None => shared.logins.get_or_init(logins).clone(),
        };
        let mut auth = Auth {
            client,
            app: credentials,
            session: nobody,
            cache: shared.grants.clone(),
            clock: shared.clock.clone(),
        };
        let key = AccountKey::new(identity.account.as_deref(), identity.token.as_ref())
            // A refresher alone says nothing of whom its tokens act for, so nothing is shared.
            .or_else(|| identity.refresher.is_some().then(AccountKey::unknown))
            .unwrap_or(app);
        if identity.token.is_some() || identity.refresher.is_some() {
            let clock = shared.clock.clone();
            auth.session = Session::new(identity.account, identity.token, identity.refresher, clock)
                .map_err(ConfigError::InvalidToken)?;
        } else if let Some(app) = &auth.app {
            auth.session = auth.cache.session(&auth, app, ScopeSet::default());
        }
        let rate_limiter = shared.rate_limiters.of(&key.to_string(), &shared.clock);
        let api = shared.client(Arc::clone(&auth.session), Arc::clone(&rate_limiter), None);
        Ok(Self { inner: Arc::new(Inner { api, auth, rate_limiter, shared, apart, scopes: None }) })
    }

    /// A client for another account over the same connections and with the same settings. It shares nothing else: not the
    /// token, and not the rate limit unless the name is the same.
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidToken`] when no header can hold the token.
    pub fn for_account(&self, name: impl Into<String>, token: impl Into<AccessToken>) -> Result<Self, Error> {
        let identity = ClientIdentity {
            account: Some(name.into().into()),
            token: Some(token.into()),
            refresher: None,
            app: None,
            apart: false,
        };
        Ok(Self::build_client(Arc::clone(&self.inner.shared), identity)?)
    }

    /// As [`for_account`](Self::for_account), with a way to new tokens; `token` may be left out then.
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidToken`] when no header can hold the token.
    pub fn for_account_with(
        &self,
        name: impl Into<String>,
        token: Option<AccessToken>,
        refresher: impl Refresher,
    ) -> Result<Self, Error> {
        let refresher: Option<Arc<dyn Refresher>> = Some(Arc::new(refresher));
        let identity =
            ClientIdentity { account: Some(name.into().into()), token, refresher, app: None, apart: false };
        Ok(Self::build_client(Arc::clone(&self.inner.shared), identity)?)
    }

    /// A client for the same account that does only what these scopes allow, whatever its token may: for callers who were
    /// granted less than the account.
    ///
    /// A call that needs another scope ends with [`vimeo_api::Error::MissingScope`] and is not sent. Without
    /// [`Scope::Private`](crate::Scope::Private) a reading call shows what is for everybody alone, though Vimeo shows the
    /// token all that its owner has: things whose `privacy.view` is another than `anybody` are taken out of lists, and a
    /// video that is one of them, or anything of it, is refused. Calls that the description does not know are refused. The
    /// limit is for [`api`](Self::api) and all that goes through it, not for [`auth`](Self::auth).
    ///
    /// ```
    /// use vimeo_ext::{Scope, Vimeo};
    /// let vimeo = Vimeo::builder().access_token("token").scopes([Scope::Private, Scope::Edit]).build()?;
    /// let visitor = vimeo.limited_to("public");
    /// assert_eq!(visitor.scopes().unwrap().to_string(), "public");
    /// # Ok::<(), vimeo_ext::Error>(())
    /// ```
    #[must_use]
    pub fn limited_to(&self, scopes: impl Into<ScopeSet>) -> Self {
        let scopes = scopes.into();
        let scopes = Arc::new(match &self.inner.scopes {
            Some(limit) => limit.intersection(&scopes),
            None => scopes,
        });
        let Inner { auth, rate_limiter, shared, apart, .. } = &*self.inner;
        let (session, rate_limiter) = (Arc::clone(&auth.session), Arc::clone(rate_limiter));
        let api = shared.client(session, Arc::clone(&rate_limiter), Some(Arc::clone(&scopes)));
        let (auth, shared, apart) = (auth.clone(), Arc::clone(shared), *apart);
        Self { inner: Arc::new(Inner { api, auth, rate_limiter, shared, apart, scopes: Some(scopes) }) }
    }

    /// All operations of the API, typed, by area: `vimeo.api().videos().list_my_videos()`.
    pub fn api(&self) -> &vimeo_api::Client {
        &self.inner.api
    }

    /// Getting, checking and revoking tokens.
    pub fn auth(&self) -> &Auth {
        &self.inner.auth
    }

    /// What the account may still do.
    pub fn rate_limiter(&self) -> &RateLimiter {
        &self.inner.rate_limiter
    }

    /// What every account may still do that this client or one of the same settings acts for.
    pub fn rate_limiters(&self) -> &RateLimiters {
        &self.inner.shared.rate_limiters
    }

    /// Goes on with another token, in all clones of this client.
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidToken`] when no header can hold it.
    pub fn set_access_token(&self, token: impl Into<AccessToken>) -> Result<(), Error> {
        Ok(self.inner.auth.session.set(token.into()).map_err(ConfigError::InvalidToken)?)
    }

    /// The token's scopes, where they are known; of a client that is [limited](Self::limited_to), those among them that it
    /// is limited to.
    pub fn scopes(&self) -> Option<ScopeSet> {
        let token = self.inner.auth.session.token()?;
        let granted = token.scopes()?;
        Some(self.inner.scopes.as_ref().map_or_else(|| granted.clone(), |limit| limit.intersection(granted)))
    }

    /// The time, by the clock that the client goes by.
    pub fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.inner.shared.clock.now()
    }

    /// Tells this account from others, without a secret: its name, else a hash of its token.
    pub fn account_key(&self) -> String {
        self.key().map_or_else(|| "app".to_owned(), |key| key.to_string())
    }

    /// What is known of whose client it is.
    pub(crate) fn key(&self) -> Option<AccountKey> {
        let session = &self.inner.auth.session;
        AccountKey::new(session.account(), session.token().as_deref())
    }

    /// Reads any path of the API, with its query if it has one; the answer is JSON, with status and headers.
    ///
    /// ```no_run
    /// # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
    /// let page = vimeo.get("/me/videos").query("per_page", 5).fields("uri,name").send().await?;
    /// tracing::info!(status = %page.status(), total = %page["total"], first = %page["data"][0]["name"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn get(&self, path: &str) -> Call<Value> {
        self.api().call(Method::GET, path)
    }

    /// Posts to any path of the API.
    ///
    /// ```no_run
    /// # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
    /// let showcase = vimeo.post("/me/albums").json(&serde_json::json!({"name": "Trailers"})).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn post(&self, path: &str) -> Call<Value> {
        self.api().call(Method::POST, path)
    }

    /// Puts to any path of the API.
    pub fn put(&self, path: &str) -> Call<Value> {
        self.api().call(Method::PUT, path)
    }

    /// Patches at any path of the API.
    pub fn patch(&self, path: &str) -> Call<Value> {
        self.api().call(Method::PATCH, path)
    }

    /// Asks for the headers alone of any path of the API. The value is JSON's null.
    pub fn head(&self, path: &str) -> Call<Value> {
        self.api().call(Method::HEAD, path)
    }

    /// Asks which methods a path of the API has; the response's headers tell.
    pub fn options(&self, path: &str) -> Call<Value> {
        self.api().call(Method::OPTIONS, path)
    }

    /// Deletes at any path of the API.
    pub fn delete(&self, path: &str) -> Call<Value> {
        self.api().call(Method::DELETE, path)
    }

    /// The settings of a module above this one; clones of what is kept here, so whatever changes stands behind an `Arc`.
    #[cfg_attr(not(feature = "upload"), allow(dead_code))]
    pub(crate) fn extension<T: Clone + Default + Send + Sync + 'static>(&self) -> T {
        let mut extensions = self.inner.shared.extensions.lock().unwrap_or_else(PoisonError::into_inner);
        extensions.get_or_insert_default::<T>().clone()
    }

    /// The account, where what is kept of it is kept where no other account looks.
    #[cfg_attr(not(feature = "upload"), allow(dead_code))]
    pub(crate) fn isolated_account(&self) -> Option<&str> {
        self.inner.auth.session.account().filter(|_| self.inner.apart)
    }

    /// As [`for_account_with`](Self::for_account_with), all of it given.
    #[cfg(feature = "accounts")]
    pub(crate) fn for_identity(&self, identity: ClientIdentity) -> Result<Self, ConfigError> {
        Self::build_client(Arc::clone(&self.inner.shared), identity)
    }

    #[cfg(feature = "accounts")]
    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.inner.auth.session
    }

    #[cfg(feature = "accounts")]
    pub(crate) fn clock(&self) -> &Clock {
        &self.inner.shared.clock
    }

    /// How calls are sent again that say nothing else.
    #[cfg_attr(not(feature = "upload"), allow(dead_code))]
    pub(crate) fn retry_policy(&self) -> RetryPolicy {
        (*self.inner.shared.retry).clone()
    }
}

impl fmt::Debug for Vimeo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vimeo")
            .field("base_url", &self.api().base_url().as_str())
            .field("account", &self.inner.auth.session.account())
            .field("scopes", &self.scopes().map(|scopes| scopes.to_string()))
            .finish_non_exhaustive()
    }
}
