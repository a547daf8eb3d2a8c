//! The builder of a client.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock};

use http::Extensions;
use reqwest::redirect;
use secrecy::SecretString;
use vimeo_api::{ACCEPT, API_BASE_URL, DecodeMode, Request, Transport, TransportFuture, is_loopback};

use crate::auth::{AppCredentials, Refresher};
use crate::pipeline::{HttpBackend, HttpSend, Middleware, VERIFY};
use crate::rate_limit::{RateLimitPolicy, RateLimiters};
use crate::tls::{self, HttpVersions};
use crate::{AccessToken, Clock, ConfigError, Error, RetryPolicy, ScopeSet, Timeouts};

use super::{ClientIdentity, Shared, Vimeo};

/// The default `User-Agent`.
const USER_AGENT: &str = concat!("vimeo-ext/", env!("CARGO_PKG_VERSION"));

/// The default maximum size of a response body. A page of a hundred videos with all their fields has about 4 MB.
const MAX_RESPONSE_SIZE: u64 = 64 * 1024 * 1024;

/// Configures a [`Vimeo`] client; from [`Vimeo::builder`].
///
/// ```
/// use std::time::Duration;
/// use vimeo_ext::{RateLimitPolicy, RetryPolicy, Scope, Timeouts, Vimeo};
///
/// let vimeo = Vimeo::builder()
///     .access_token("token from the app's settings")
///     .scopes([Scope::Private, Scope::Upload])
///     .timeouts(Timeouts::default().total(Duration::from_secs(300)))
///     .retry(RetryPolicy::default().attempts(6))
///     .rate_limit_policy(RateLimitPolicy::FailFast)
///     .build()?;
/// # Ok::<(), vimeo_ext::Error>(())
/// ```
#[must_use = "a builder does nothing until build() is called"]
pub struct VimeoBuilder {
    token: Option<AccessToken>,
    scopes: Option<ScopeSet>,
    account: Option<String>,
    app: Option<AppCredentials>,
    refresher: Option<Arc<dyn Refresher>>,
    base_url: String,
    accept: String,
    decode_mode: DecodeMode,
    timeouts: Timeouts,
    max_response_size: u64,
    retry: RetryPolicy,
    rate_limit_policy: RateLimitPolicy,
    rate_limiters: RateLimiters,
    check_scopes: bool,
    user_agent: String,
    http: TransportConfig,
    per_call_middleware: Vec<Arc<dyn Middleware>>,
    per_attempt_middleware: Vec<Arc<dyn Middleware>>,
    clock: Clock,
    extensions: Extensions,
}

/// How requests are sent.
enum TransportConfig {
    /// With an HTTP client of the default settings.
    Default,
    /// With this HTTP client.
    Client(reqwest::Client),
    /// With an HTTP client built from this.
    Builder(Box<reqwest::ClientBuilder>),
    /// Without HTTP.
    Custom(Arc<dyn Transport>),
}

impl VimeoBuilder {
    pub(crate) fn new() -> Self {
        Self {
            token: None,
            scopes: None,
            account: None,
            app: None,
            refresher: None,
            base_url: API_BASE_URL.to_owned(),
            accept: ACCEPT.to_owned(),
            decode_mode: DecodeMode::default(),
            timeouts: Timeouts::default(),
            max_response_size: MAX_RESPONSE_SIZE,
            retry: RetryPolicy::default(),
            rate_limit_policy: RateLimitPolicy::default(),
            rate_limiters: RateLimiters::default(),
            check_scopes: true,
            user_agent: USER_AGENT.to_owned(),
            http: TransportConfig::Default,
            per_call_middleware: Vec::new(),
            per_attempt_middleware: Vec::new(),
            clock: Clock::default(),
            extensions: Extensions::new(),
        }
    }

    /// Reads the variables of [`Vimeo::from_env`] from a source other than the environment: `lookup` returns the value of a
    /// variable. An empty value counts as missing.
    ///
    /// ```
    /// use vimeo_ext::Vimeo;
    /// let vimeo = Vimeo::builder()
    ///     .from_variables(|name| (name == "VIMEO_ACCESS_TOKEN").then(|| "token".to_owned()))?
    ///     .build()?;
    /// # Ok::<(), vimeo_ext::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ConfigError::NoCredentials`] and [`ConfigError::IncompleteAppCredentials`].
    pub fn from_variables(mut self, lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        const ID: &str = "VIMEO_CLIENT_ID";
        const SECRET: &str = "VIMEO_CLIENT_SECRET";
        let value =
            |name: &str| lookup(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        if let Some(token) = value("VIMEO_ACCESS_TOKEN") {
            self = self.access_token(token);
        }
        match (value(ID), value(SECRET)) {
            (Some(id), Some(secret)) => self = self.app(id, secret),
            (Some(_), None) => {
                return Err(ConfigError::IncompleteAppCredentials { present: ID, missing: SECRET }.into());
            }
            (None, Some(_)) => {
                return Err(ConfigError::IncompleteAppCredentials { present: SECRET, missing: ID }.into());
            }
            (None, None) => {}
        }
        if self.token.is_none() && self.app.is_none() {
            return Err(ConfigError::NoCredentials.into());
        }
        if let Some(url) = value("VIMEO_BASE_URL") {
            self = self.base_url(url);
        }
        Ok(self)
    }

    /// Sets the access token.
    ///
    /// Without one, but with an [`app`](Self::app), calls use a token of the app alone, which only sees public content.
    pub fn access_token(mut self, token: impl Into<AccessToken>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Sets the scopes that the access token was granted. A call that needs another scope then fails before it is sent. Otherwise
    /// the scopes are unknown until [`Auth::verify`](crate::auth::Auth::verify) requests them.
    pub fn scopes(mut self, scopes: impl Into<ScopeSet>) -> Self {
        self.scopes = Some(scopes.into());
        self
    }

    /// Names the account that the token acts for. The name appears in errors, and clients of one account share a rate limiter even if
    /// their tokens differ. Default: no name, and one rate limiter per token.
    pub fn account(mut self, name: impl Into<String>) -> Self {
        self.account = Some(name.into());
        self
    }

    /// Sets the app's client ID and client secret, for [`Vimeo::auth`].
    pub fn app(mut self, client_id: impl Into<String>, client_secret: impl Into<SecretString>) -> Self {
        self.app = Some(AppCredentials::new(client_id, client_secret));
        self
    }

    /// Sets the refresher, which obtains a new token if the old one expires or is rejected, or if there is none yet.
    pub fn refresher(mut self, refresher: impl Refresher) -> Self {
        self.refresher = Some(Arc::new(refresher));
        self
    }

    /// Sets the base URL of the API, such as that of a sandbox: `https`, or `http` to a loopback address. Default:
    /// [`API_BASE_URL`].
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = url.into();
        self
    }

    /// Sets the `Accept` header, which selects the version of the API. Default: [`ACCEPT`]. For a single call, use
    /// [`Call::header`](vimeo_api::Call::header).
    pub fn accept(mut self, accept: impl Into<String>) -> Self {
        self.accept = accept.into();
        self
    }

    /// Sets whether a response that does not match its type is an error. Default: [`DecodeMode::Lenient`].
    pub fn decode_mode(mut self, decode_mode: DecodeMode) -> Self {
        self.decode_mode = decode_mode;
        self
    }

    /// Sets the timeouts.
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// Sets the maximum size of a response body, in bytes. A larger body is [`vimeo_api::Error::ResponseTooLarge`]. Default:
    /// 64 MiB. Not used with a [`transport`](Self::transport) of your own.
    pub fn max_response_size(mut self, bytes: u64) -> Self {
        self.max_response_size = bytes;
        self
    }

    /// Sets when and how often calls are retried. For a single call, use [`Call::extension`](vimeo_api::Call::extension).
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Sets what happens to calls beyond the account's rate limit. For a single call, use
    /// [`Call::extension`](vimeo_api::Call::extension).
    pub fn rate_limit_policy(mut self, policy: RateLimitPolicy) -> Self {
        self.rate_limit_policy = policy;
        self
    }

    /// Shares rate limiters with other clients.
    pub fn rate_limiters(mut self, rate_limiters: RateLimiters) -> Self {
        self.rate_limiters = rate_limiters;
        self
    }

    /// Sets whether a call whose token is known to lack a scope fails before it is sent. Default: yes.
    pub fn check_scopes(mut self, check: bool) -> Self {
        self.check_scopes = check;
        self
    }

    /// Sets the `User-Agent` header. Default: `vimeo-ext/` and the version.
    pub fn user_agent(mut self, name: impl Into<String>) -> Self {
        self.user_agent = name.into();
        self
    }

    /// Builds the HTTP client for calls from this builder, for a proxy or certificates of your own. The connect timeout, the user
    /// agent and the redirect policy are overridden: only redirects within the API's scheme, host and port are followed, and `301`,
    /// `302` and `303` only for reads.
    ///
    /// With rustls, reqwest uses the process's default `CryptoProvider` for such a client. If there is none yet,
    /// [`build`](Self::build) installs the one of this crate's features.
    pub fn http_builder(mut self, builder: reqwest::ClientBuilder) -> Self {
        self.http = TransportConfig::Builder(Box::new(builder));
        self
    }

    /// Uses this HTTP client unchanged, to share its connections. Its own connect timeout, user agent and redirect policy apply.
    /// reqwest drops the token when a redirect leads to another host. It also turns a `POST` with the response `302` into a `GET`,
    /// whose success then looks like that of the `POST`. To avoid this, pass a client with
    /// [`Policy::none`](reqwest::redirect::Policy::none).
    pub fn http_client(mut self, client: reqwest::Client) -> Self {
        self.http = TransportConfig::Client(client);
        self
    }

    /// Sends requests through this transport instead of HTTP, below all middleware; for tests. It sees the access token.
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.http = TransportConfig::Custom(Arc::new(transport));
        self
    }

    /// Adds middleware that runs once per call, outside retries. The first added is outermost.
    pub fn per_call_middleware(mut self, middleware: impl Middleware) -> Self {
        self.per_call_middleware.push(Arc::new(middleware));
        self
    }

    /// Adds middleware that runs on every attempt. The first added is outermost.
    pub fn per_attempt_middleware(mut self, middleware: impl Middleware) -> Self {
        self.per_attempt_middleware.push(Arc::new(middleware));
        self
    }

    /// Sets the clock; for tests.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Builds the client. This sends nothing.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], and [`vimeo_api::Error::Invalid`] if the base URL or the `Accept` header is invalid.
    pub fn build(self) -> Result<Vimeo, Error> {
        // Checks the settings before the token is tied to the base URL.
        let settings = vimeo_api::Client::builder()
            .base_url(self.base_url)
            .accept(self.accept)
            .decode_mode(self.decode_mode)
            .transport(NoopTransport)
            .build()?;
        let client = |builder: reqwest::ClientBuilder| {
            builder
                .connect_timeout(self.timeouts.connect)
                .user_agent(self.user_agent)
                .referer(false)
                // The pipeline follows redirects itself, because it knows the method of the call.
                .redirect(redirect::Policy::none())
                .build()
                .map_err(ConfigError::Http)
        };
        let backend = match self.http {
            TransportConfig::Client(client) => HttpBackend::Client(client),
            TransportConfig::Custom(transport) => HttpBackend::Custom(transport),
            TransportConfig::Builder(builder) => {
                tls::prepare_foreign_builder()?;
                HttpBackend::Http(client(*builder)?)
            }
            TransportConfig::Default if !tls::AVAILABLE && settings.base_url().scheme() == "https" => {
                return Err(ConfigError::NoTls(settings.base_url().to_string()).into());
            }
            TransportConfig::Default => {
                let builder = tls::client_builder(HttpVersions::Any)?;
                // A proxy would see the token unencrypted, and its loopback address is a different host.
                let direct = is_loopback(settings.base_url());
                HttpBackend::Http(client(if direct { builder.no_proxy() } else { builder })?)
            }
        };
        let mut verify = settings.base_url().clone();
        verify.set_path(&format!("{}{VERIFY}", verify.path().trim_end_matches('/')));
        let send = HttpSend {
            backend,
            stall: self.timeouts.stall,
            attempt: self.timeouts.attempt,
            max_response_size: self.max_response_size,
        };
        let shared = Shared {
            settings,
            verify: Arc::new(verify),
            send: Arc::new(send),
            total: self.timeouts.total,
            retry: Arc::new(self.retry),
            rate_limit_policy: self.rate_limit_policy,
            rate_limiters: self.rate_limiters,
            check_scopes: self.check_scopes,
            per_call_middleware: self.per_call_middleware.into(),
            per_attempt_middleware: self.per_attempt_middleware.into(),
            clock: self.clock,
            app: self.app,
            grants: Default::default(),
            extensions: Mutex::new(self.extensions),
            logins: OnceLock::new(),
        };
        let token = match (self.token, self.scopes) {
            (Some(token), Some(scopes)) => Some(token.with_scopes(scopes)),
            (token, _) => token,
        };
        let identity = ClientIdentity {
            account: self.account.map(Arc::from),
            token,
            refresher: self.refresher,
            app: None,
            isolated_journal: false,
        };
        Ok(Vimeo::build_client(Arc::new(shared), identity)?)
    }

    /// The settings of a module that depends on this one.
    #[cfg_attr(not(feature = "upload"), allow(dead_code))]
    pub(crate) fn extension_mut<T: Clone + Default + Send + Sync + 'static>(&mut self) -> &mut T {
        self.extensions.get_or_insert_default()
    }
}

/// A transport that sends nothing, for checking the settings.
struct NoopTransport;

impl Transport for NoopTransport {
    fn send(&self, request: Request) -> TransportFuture<'_> {
        Box::pin(async move { Err(vimeo_api::Error::invalid(request.name(), "this client sends nothing")) })
    }
}

impl fmt::Debug for VimeoBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VimeoBuilder")
            .field("base_url", &self.base_url)
            .field("account", &self.account)
            .field("token", &self.token)
            .field("app", &self.app)
            .field("timeouts", &self.timeouts)
            .field("retry", &self.retry)
            .field("rate_limit_policy", &self.rate_limit_policy)
            .finish_non_exhaustive()
    }
}
