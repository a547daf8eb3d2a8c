//! Setting up a client.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock};

use http::Extensions;
use reqwest::redirect;
use secrecy::SecretString;
use vimeo_api::{ACCEPT, API_BASE_URL, DecodeMode, Request, Transport, TransportFuture};

use crate::auth::{AppCredentials, Refresher};
use crate::loopback::is_loopback;
use crate::pipeline::{HttpBackend, HttpSend, Middleware, TimerKeepAlive, VERIFY};
use crate::rate_limit::{RateLimitPolicy, RateLimiters};
use crate::tls::{self, HttpVersions};
use crate::{AccessToken, Clock, ConfigError, Error, RetryPolicy, ScopeSet, Timeouts};

use super::{ClientIdentity, Shared, Vimeo};

/// How the client calls itself.
const USER_AGENT: &str = concat!("vimeo-ext/", env!("CARGO_PKG_VERSION"));

/// As much of an answer as is taken: a page of a hundred videos with all their fields has some 4 MB.
const MAX_RESPONSE_SIZE: u64 = 64 * 1024 * 1024;

/// Sets up a [`Vimeo`]; from [`Vimeo::builder`].
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
    http: Http,
    per_call_middleware: Vec<Arc<dyn Middleware>>,
    per_attempt_middleware: Vec<Arc<dyn Middleware>>,
    clock: Clock,
    extensions: Extensions,
}

enum Http {
    Default,
    Own(reqwest::Client),
    Builder(Box<reqwest::ClientBuilder>),
    Transport(Arc<dyn Transport>),
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
            http: Http::Default,
            per_call_middleware: Vec::new(),
            per_attempt_middleware: Vec::new(),
            clock: Clock::default(),
            extensions: Extensions::new(),
        }
    }

    /// Reads what [`Vimeo::from_env`] reads, from another place than the environment: `lookup` gives the value of a
    /// variable. An empty value counts as none.
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

    /// The access token to go with.
    ///
    /// Without one, but with an [`app`](Self::app), calls go with a token of the app alone, which sees what is public.
    pub fn access_token(mut self, token: impl Into<AccessToken>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// The scopes that the access token was granted. A call that needs others then fails before it is sent; without
    /// this the scopes are not known until [`Auth::verify`](crate::auth::Auth::verify) asks for them.
    pub fn scopes(mut self, scopes: impl Into<ScopeSet>) -> Self {
        self.scopes = Some(scopes.into());
        self
    }

    /// A name for the account that the token acts for: it stands in errors, and clients of one account share a rate_limiter
    /// even when their tokens differ. Default: none, then a rate_limiter goes with its token.
    pub fn account(mut self, name: impl Into<String>) -> Self {
        self.account = Some(name.into());
        self
    }

    /// The app's client identifier and client secret, for [`Vimeo::auth`].
    pub fn app(mut self, client_id: impl Into<String>, client_secret: impl Into<SecretString>) -> Self {
        self.app = Some(AppCredentials::new(client_id, client_secret));
        self
    }

    /// Gets a new token when the old one expires or is refused, or when there is none yet.
    pub fn refresher(mut self, refresher: impl Refresher) -> Self {
        self.refresher = Some(Arc::new(refresher));
        self
    }

    /// Another address of the API, such as a sandbox: `https`, or `http` to a loopback address. Default:
    /// [`API_BASE_URL`].
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = url.into();
        self
    }

    /// Another `Accept` header, for another version of the API. Default: [`ACCEPT`]. For a single call set it with
    /// [`Call::header`](vimeo_api::Call::header).
    pub fn accept(mut self, accept: impl Into<String>) -> Self {
        self.accept = accept.into();
        self
    }

    /// Whether an answer that does not wholly fit its type is an error. Default: [`DecodeMode::Lenient`].
    pub fn decode_mode(mut self, decode_mode: DecodeMode) -> Self {
        self.decode_mode = decode_mode;
        self
    }

    /// How long to wait for what.
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// The most bytes of one answer to a call that are taken into memory; a longer one ends with
    /// [`vimeo_api::Error::ResponseTooLarge`]. Default: 64 MiB. Not used with a [`transport`](Self::transport) of your own.
    pub fn max_response_size(mut self, bytes: u64) -> Self {
        self.max_response_size = bytes;
        self
    }

    /// How often, and when, a call is sent again.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// What to do with calls beyond the account's rate limit. For a single call give the policy as an
    /// [`extension`](vimeo_api::Call::extension).
    pub fn rate_limit_policy(mut self, policy: RateLimitPolicy) -> Self {
        self.rate_limit_policy = policy;
        self
    }

    /// Shares what is known of rate limits with other clients.
    pub fn rate_limiters(mut self, rate_limiters: RateLimiters) -> Self {
        self.rate_limiters = rate_limiters;
        self
    }

    /// Whether a call whose token is known to lack a scope is stopped before it is sent. Default: yes.
    pub fn check_scopes(mut self, check: bool) -> Self {
        self.check_scopes = check;
        self
    }

    /// What the client calls itself. Default: `vimeo-ext/` and its version.
    pub fn user_agent(mut self, name: impl Into<String>) -> Self {
        self.user_agent = name.into();
        self
    }

    /// Makes the HTTP client for calls out of this, for a proxy or certificates of one's own. Connect timeout, user agent and
    /// redirects are set on top: only redirects within the API's scheme, host and port are followed, and those with
    /// `301`, `302` or `303` only for reading calls.
    ///
    /// With rustls, reqwest takes the cryptography for such a client from the process. If the process has no default
    /// `CryptoProvider` yet, [`build`](Self::build) installs the one of this crate's features.
    pub fn http_builder(mut self, builder: reqwest::ClientBuilder) -> Self {
        self.http = Http::Builder(Box::new(builder));
        self
    }

    /// Uses this HTTP client as it is, to share its connections. Its own settings hold for connect timeout, user agent and
    /// redirects; reqwest drops the token when a redirect leads to another host. It also makes a `GET` of a `POST` that is
    /// answered with `302`, and its success then looks like the first call's: give a client with
    /// [`Policy::none`](reqwest::redirect::Policy::none).
    pub fn http_client(mut self, client: reqwest::Client) -> Self {
        self.http = Http::Own(client);
        self
    }

    /// Sends requests through this instead of HTTP, below all layers; for tests. It is handed the access token.
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.http = Http::Transport(Arc::new(transport));
        self
    }

    /// Adds a layer that sees each call once. The first added is outermost.
    pub fn per_call_middleware(mut self, layer: impl Middleware) -> Self {
        self.per_call_middleware.push(Arc::new(layer));
        self
    }

    /// Adds a layer that sees each attempt. The first added is outermost.
    pub fn per_attempt_middleware(mut self, layer: impl Middleware) -> Self {
        self.per_attempt_middleware.push(Arc::new(layer));
        self
    }

    /// What time it is; for tests.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The client. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], and [`vimeo_api::Error::Invalid`] when the base URL or the `Accept` header cannot be.
    pub fn build(self) -> Result<Vimeo, Error> {
        // The settings are checked before the token is told where it may go.
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
                // What is followed, and where to, is decided where the method is known.
                .redirect(redirect::Policy::none())
                .build()
                .map_err(ConfigError::Http)
        };
        let end = match self.http {
            Http::Own(client) => HttpBackend::Client(client),
            Http::Transport(transport) => HttpBackend::Own(transport),
            Http::Builder(builder) => {
                tls::prepare_foreign_builder()?;
                HttpBackend::Http(client(*builder)?)
            }
            Http::Default if !tls::AVAILABLE && settings.base_url().scheme() == "https" => {
                return Err(ConfigError::NoTls(settings.base_url().to_string()).into());
            }
            Http::Default => {
                let builder = tls::client_builder(HttpVersions::Any)?;
                // A proxy would get the token in clear, and have a loopback address of its own.
                let direct = is_loopback(settings.base_url());
                HttpBackend::Http(client(if direct { builder.no_proxy() } else { builder })?)
            }
        };
        let mut verify = settings.base_url().clone();
        verify.set_path(&format!("{}{VERIFY}", verify.path().trim_end_matches('/')));
        let send = HttpSend {
            backend: end,
            keep_alive: TimerKeepAlive::default(),
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
            apart: false,
        };
        Ok(Vimeo::build_client(Arc::new(shared), identity)?)
    }

    /// The settings of a module above this one.
    #[cfg_attr(not(feature = "upload"), allow(dead_code))]
    pub(crate) fn extension_mut<T: Clone + Default + Send + Sync + 'static>(&mut self) -> &mut T {
        self.extensions.get_or_insert_default()
    }
}

/// Sends nothing, and costs nothing to set up.
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
