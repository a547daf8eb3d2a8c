//! The client and its builder.

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
    Authenticate, Deadline, HttpSend, Middleware, MiddlewareStage, Pipeline, RateLimitStage, Retry,
    ScopeCheck, ScopeFilter, Trace,
};
use crate::rate_limit::{RateLimitPolicy, RateLimiter, RateLimiters};
use crate::{AccessToken, Clock, ConfigError, Error, RetryPolicy, ScopeSet};

/// The Vimeo client.
///
/// Cheap to clone. Clones share the token, the connections and the rate limiter. [`for_account`](Self::for_account) makes a client
/// for another account over the same connections.
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
    /// Whether its upload journal is separate from those of other accounts.
    isolated_journal: bool,
    /// The scopes that it is limited to, regardless of those of the token.
    scopes: Option<Arc<ScopeSet>>,
}

/// The environment variables of a client.
const VARIABLES: [&str; 4] =
    ["VIMEO_ACCESS_TOKEN", "VIMEO_CLIENT_ID", "VIMEO_CLIENT_SECRET", "VIMEO_BASE_URL"];

/// What the clients of all accounts share.
pub(crate) struct Shared {
    /// The base URL, version and decode mode of the other clients. It sends nothing itself.
    pub(crate) settings: vimeo_api::Client,
    /// The URL that checks a token. Tokens are sent to its origin only.
    pub(crate) verify: Arc<Url>,
    pub(crate) send: Arc<HttpSend>,
    /// The total timeout of a call.
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
    /// The settings of modules that depend on this one, by type.
    #[cfg_attr(not(any(feature = "download", feature = "upload")), allow(dead_code))]
    pub(crate) extensions: Mutex<Extensions>,
    /// The client for logins of the shared app; created with the first client.
    pub(crate) logins: OnceLock<vimeo_api::Client>,
}

/// The account and credentials of a client.
pub(crate) struct ClientIdentity {
    pub(crate) account: Option<Arc<str>>,
    pub(crate) token: Option<AccessToken>,
    pub(crate) refresher: Option<Arc<dyn Refresher>>,
    /// An app other than the one that all clients share.
    pub(crate) app: Option<AppCredentials>,
    /// Whether its upload journal is separate from those of other accounts.
    pub(crate) isolated_journal: bool,
}

impl Shared {
    /// Builds the pipeline. This is the only place that does.
    fn build_pipeline(
        &self,
        session: Arc<Session>,
        rate_limiter: Arc<RateLimiter>,
        scopes: Option<Arc<ScopeSet>>,
    ) -> vimeo_api::Client {
        let (verify, send) = (Arc::clone(&self.verify), Arc::clone(&self.send));
        let authenticate = Authenticate { session: Arc::clone(&session), verify, next: send };
        let per_attempt =
            MiddlewareStage { middleware: Arc::clone(&self.per_attempt_middleware), next: authenticate };
        let limit = RateLimitStage { rate_limiter, policy: self.rate_limit_policy, next: per_attempt };
        let retry = Retry { policy: Arc::clone(&self.retry), clock: self.clock.clone(), next: limit };
        let check = ScopeCheck { session, enforce: self.check_scopes, next: retry };
        let filter = ScopeFilter { scopes, verify: Arc::clone(&self.verify), next: check };
        let per_call = MiddlewareStage { middleware: Arc::clone(&self.per_call_middleware), next: filter };
        let pipeline: Pipeline = Trace { next: Deadline { total: self.total, next: per_call } };
        self.settings.with_transport(pipeline)
    }
}

impl Vimeo {
    /// Creates a builder.
    pub fn builder() -> VimeoBuilder {
        VimeoBuilder::new()
    }

    /// Creates a client from environment variables: `VIMEO_ACCESS_TOKEN`, or `VIMEO_CLIENT_ID` and `VIMEO_CLIENT_SECRET`, or all
    /// three; and `VIMEO_BASE_URL` for another base URL.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if there are no credentials, and as [`VimeoBuilder::build`].
    pub fn from_env() -> Result<Self, Error> {
        for name in VARIABLES {
            if matches!(std::env::var(name), Err(std::env::VarError::NotUnicode(_))) {
                return Err(ConfigError::NotUnicode(name).into());
            }
        }
        Self::builder().from_variables(|name| std::env::var(name).ok())?.build()
    }

    pub(crate) fn build_client(shared: Arc<Shared>, identity: ClientIdentity) -> Result<Self, ConfigError> {
        let no_session = Session::empty(shared.clock.clone());
        let (own_app, isolated_journal) = (identity.app.is_some(), identity.isolated_journal);
        let credentials = identity.app.clone().or_else(|| shared.app.clone());
        let app = AccountKey::app(credentials.as_ref().map(AppCredentials::id));
        // The client for logins has no token. It has its own rate limiter, because calls that wait for a token hold permits of
        // theirs.
        let logins = || {
            let rate_limiter = shared.rate_limiters.of_logins(&app.to_string(), &shared.clock);
            shared.build_pipeline(Arc::clone(&no_session), rate_limiter, None)
        };
        let client = match shared.logins.get() {
            _ if own_app => logins(),
            Some(client) => client.clone(),
            None => shared.logins.get_or_init(logins).clone(),
        };
        let mut auth = Auth {
            client,
            app: credentials,
            session: no_session,
            cache: shared.grants.clone(),
            clock: shared.clock.clone(),
        };
        let key = AccountKey::new(identity.account.as_deref(), identity.token.as_ref())
            // With a refresher alone, the account of its tokens is unknown, so nothing is shared.
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
        let api = shared.build_pipeline(Arc::clone(&auth.session), Arc::clone(&rate_limiter), None);
        Ok(Self {
            inner: Arc::new(Inner { api, auth, rate_limiter, shared, isolated_journal, scopes: None }),
        })
    }

    /// Creates a client for another account, with the same connections and settings. It shares neither the token nor, unless the name
    /// is the same, the rate limiter.
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidToken`] if the token is not valid in a header.
    pub fn for_account(&self, name: impl Into<String>, token: impl Into<AccessToken>) -> Result<Self, Error> {
        let identity = ClientIdentity {
            account: Some(name.into().into()),
            token: Some(token.into()),
            refresher: None,
            app: None,
            isolated_journal: false,
        };
        Ok(Self::build_client(Arc::clone(&self.inner.shared), identity)?)
    }

    /// Creates a client for another account as [`for_account`](Self::for_account) does, with a refresher. `token` is optional.
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidToken`] if the token is not valid in a header.
    pub fn for_account_with(
        &self,
        name: impl Into<String>,
        token: Option<AccessToken>,
        refresher: impl Refresher,
    ) -> Result<Self, Error> {
        let refresher: Option<Arc<dyn Refresher>> = Some(Arc::new(refresher));
        let identity = ClientIdentity {
            account: Some(name.into().into()),
            token,
            refresher,
            app: None,
            isolated_journal: false,
        };
        Ok(Self::build_client(Arc::clone(&self.inner.shared), identity)?)
    }

    /// Creates a client for the same account that is limited to these scopes, regardless of those of its token. Use it for callers who
    /// were granted less than the account.
    ///
    /// A call that needs another scope fails with [`vimeo_api::Error::MissingScope`] and is not sent. Vimeo shows a token everything
    /// that its owner has. Without [`Scope::Private`](crate::Scope::Private), reads are therefore limited to public content: items
    /// whose `privacy.view` is not `anybody` are removed from lists, and calls for such a video, or for anything below it, are
    /// refused. Calls that the API description does not contain are refused. The limit applies to [`api`](Self::api) and everything
    /// that uses it, but not to [`auth`](Self::auth).
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
        let Inner { auth, rate_limiter, shared, isolated_journal, .. } = &*self.inner;
        let (session, rate_limiter) = (Arc::clone(&auth.session), Arc::clone(rate_limiter));
        let api = shared.build_pipeline(session, Arc::clone(&rate_limiter), Some(Arc::clone(&scopes)));
        let (auth, shared, isolated_journal) = (auth.clone(), Arc::clone(shared), *isolated_journal);
        Self {
            inner: Arc::new(Inner {
                api,
                auth,
                rate_limiter,
                shared,
                isolated_journal,
                scopes: Some(scopes),
            }),
        }
    }

    /// Returns the typed operations of the API, by area: `vimeo.api().videos().list_my_videos()`.
    pub fn api(&self) -> &vimeo_api::Client {
        &self.inner.api
    }

    /// Returns the operations that obtain, check and revoke tokens.
    pub fn auth(&self) -> &Auth {
        &self.inner.auth
    }

    /// Returns the rate limiter of this client's account.
    pub fn rate_limiter(&self) -> &RateLimiter {
        &self.inner.rate_limiter
    }

    /// Returns the rate limiters of all accounts of this client and of the clients derived from it.
    pub fn rate_limiters(&self) -> &RateLimiters {
        &self.inner.shared.rate_limiters
    }

    /// Replaces the access token, in all clones of this client.
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidToken`] if the token is not valid in a header.
    pub fn set_access_token(&self, token: impl Into<AccessToken>) -> Result<(), Error> {
        Ok(self.inner.auth.session.set(token.into()).map_err(ConfigError::InvalidToken)?)
    }

    /// Returns the token's scopes if they are known. A [limited](Self::limited_to) client returns only those that it is limited to.
    pub fn scopes(&self) -> Option<ScopeSet> {
        let token = self.inner.auth.session.token()?;
        let granted = token.scopes()?;
        Some(self.inner.scopes.as_ref().map_or_else(|| granted.clone(), |limit| limit.intersection(granted)))
    }

    /// Returns the current time by the client's clock.
    pub fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.inner.shared.clock.now()
    }

    /// Returns a key that identifies the account and contains no secret: its name, or else a hash of its token.
    pub fn account_key(&self) -> String {
        self.key().map_or_else(|| "app".to_owned(), |key| key.to_string())
    }

    /// The key of the client's account, if it is known.
    pub(crate) fn key(&self) -> Option<AccountKey> {
        let session = &self.inner.auth.session;
        AccountKey::new(session.account(), session.token().as_deref())
    }

    /// Creates a `GET` call to any path of the API, including a query. The response is JSON, with status and headers.
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

    /// Creates a `POST` call to any path of the API.
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

    /// Creates a `PUT` call to any path of the API.
    pub fn put(&self, path: &str) -> Call<Value> {
        self.api().call(Method::PUT, path)
    }

    /// Creates a `PATCH` call to any path of the API.
    pub fn patch(&self, path: &str) -> Call<Value> {
        self.api().call(Method::PATCH, path)
    }

    /// Creates a `HEAD` call to any path of the API, for the headers alone. The value of the response is JSON `null`.
    pub fn head(&self, path: &str) -> Call<Value> {
        self.api().call(Method::HEAD, path)
    }

    /// Creates an `OPTIONS` call to any path of the API. The headers of the response list the methods of the path.
    pub fn options(&self, path: &str) -> Call<Value> {
        self.api().call(Method::OPTIONS, path)
    }

    /// Creates a `DELETE` call to any path of the API.
    pub fn delete(&self, path: &str) -> Call<Value> {
        self.api().call(Method::DELETE, path)
    }

    /// Returns a clone of the settings of a module that depends on this one. Mutable state in it is behind an `Arc`.
    #[cfg_attr(not(any(feature = "download", feature = "upload")), allow(dead_code))]
    pub(crate) fn extension<T: Clone + Default + Send + Sync + 'static>(&self) -> T {
        let mut extensions = self.inner.shared.extensions.lock().unwrap_or_else(PoisonError::into_inner);
        extensions.get_or_insert_default::<T>().clone()
    }

    /// The account's name, if its upload journal is separate from those of other accounts.
    #[cfg_attr(not(feature = "upload"), allow(dead_code))]
    pub(crate) fn isolated_account(&self) -> Option<&str> {
        self.inner.auth.session.account().filter(|_| self.inner.isolated_journal)
    }

    /// Creates a client for another account with all its settings.
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

    /// The retry policy of calls without their own.
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
