//! The configuration of a sandbox.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use crate::clock::Clock;
use crate::config::mutation::Mutation;
use crate::config::rate_limit::RateLimit;
use crate::config::scopes::Scopes;
use crate::config::signature::WebhookSignature;
use crate::config::{Config, ContentStorage, MissingPrivateScope, Plan, PullOutcome, Quota, Transcode};

/// Configures and starts a [`Sandbox`](crate::Sandbox).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), vimeo_sandbox::StartError> {
/// use vimeo_sandbox::{RateLimit, Sandbox, Transcode};
///
/// let sandbox = Sandbox::builder()
///     .seed(7)
///     .rate_limit(RateLimit::new(10, 20))
///     .transcode(Transcode::Immediate)
///     .start()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct SandboxBuilder {
    pub(crate) config: Config,
    pub(crate) tokens: Vec<(String, Scopes)>,
    pub(crate) seed: u64,
    pub(crate) clock: Clock,
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
    pub(crate) upload_port: u16,
    pub(crate) request_log_size: usize,
    pub(crate) control_token: Option<SecretString>,
    pub(crate) state: Option<PathBuf>,
    pub(crate) one_host: bool,
    pub(crate) unix: Option<PathBuf>,
    #[cfg(feature = "tls")]
    pub(crate) https_port: Option<u16>,
    #[cfg(feature = "tls")]
    pub(crate) proxy_port: Option<u16>,
    #[cfg(feature = "tls")]
    pub(crate) tls_uploads: bool,
    #[cfg(feature = "tls")]
    pub(crate) ca_folder: Option<PathBuf>,
}

/// Omits tokens.
impl std::fmt::Debug for SandboxBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SandboxBuilder")
            .field("config", &self.config)
            .field("seed", &self.seed)
            .field("address", &self.address)
            .field("port", &self.port)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl Default for SandboxBuilder {
    fn default() -> Self {
        Self {
            config: Config::default(),
            tokens: Vec::new(),
            seed: 0,
            clock: Clock::real(),
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            upload_port: 0,
            request_log_size: 100_000,
            control_token: None,
            state: None,
            one_host: false,
            unix: None,
            #[cfg(feature = "tls")]
            https_port: None,
            #[cfg(feature = "tls")]
            proxy_port: None,
            #[cfg(feature = "tls")]
            tls_uploads: false,
            #[cfg(feature = "tls")]
            ca_folder: None,
        }
    }
}

impl SandboxBuilder {
    /// Adds an access token of the first user, with these scopes. [`Sandbox::token`](crate::Sandbox::token) returns
    /// the first one added. Without any, the sandbox creates an obviously fake token with all scopes.
    ///
    /// Starting the sandbox fails if a token has 32 hexadecimal digits, the form of real Vimeo tokens.
    pub fn token(mut self, text: impl Into<String>, scopes: impl Into<Scopes>) -> Self {
        self.tokens.push((text.into(), scopes.into()));
        self
    }

    /// Sets the seed of IDs, keys and synthesized data. The same seed and the same requests produce the same
    /// responses. Default: 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets the clock of the first world. Default: [`Clock::real`].
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Sets the users' plan. Default: [`Plan::Standard`].
    pub fn plan(mut self, plan: Plan) -> Self {
        self.config.plan = plan;
        self
    }

    /// Sets the users' storage quota. Default: 5 TB in total, 1 TB per period.
    pub fn quota(mut self, quota: Quota) -> Self {
        self.config.quota = quota;
        self
    }

    /// Sets the rate limit of every token. Default: [`RateLimit::default`], too high to be reached by accident.
    pub fn rate_limit(mut self, limit: RateLimit) -> Self {
        self.config.rate_limit = limit;
        self
    }

    /// Sets how an uploaded video becomes playable. Default: [`Transcode::After`] two seconds of the world's clock.
    pub fn transcode(mut self, rule: Transcode) -> Self {
        self.config.transcode = rule;
        self
    }

    /// Sets the outcome of pull uploads, which Vimeo fetches itself. Default: [`PullOutcome::Succeeds`].
    pub fn pull(mut self, outcome: PullOutcome) -> Self {
        self.config.pull = outcome;
        self
    }

    /// Sets whether uploaded bytes are stored in memory, for [`World::upload_bytes`](crate::World::upload_bytes).
    /// Their number is always known. Default: `false`.
    pub fn keep_bytes(mut self, keep: bool) -> Self {
        self.config.content = if keep { ContentStorage::Memory } else { ContentStorage::Nothing };
        self
    }

    /// Stores uploaded bytes in this folder, one file per upload. The folder is created if it does not exist.
    pub fn keep_bytes_in(mut self, folder: impl Into<PathBuf>) -> Self {
        self.config.content = ContentStorage::Folder(folder.into());
        self
    }

    /// Sets whether uploads are hashed with SHA-256, for [`World::stored_upload`](crate::World::stored_upload).
    /// Hashing is the most expensive step of receiving a byte; without it, a large upload is received as fast as by a
    /// server that discards it. Default: `true`.
    pub fn digest(mut self, yes: bool) -> Self {
        self.config.digest = yes;
        self
    }

    /// Sets how a list responds to a token without the `private` scope. Default: [`MissingPrivateScope::Forbidden`].
    pub fn missing_private_scope(mut self, rule: MissingPrivateScope) -> Self {
        self.config.missing_private_scope = rule;
        self
    }

    /// Sets whether the upload host responds with 403 to requests that carry an `Authorization` header. The request
    /// log records the header either way. Default: `false`.
    pub fn refuse_upload_authorization(mut self, refuse: bool) -> Self {
        self.config.refuse_upload_authorization = refuse;
        self
    }

    /// Sets whether unknown tokens are accepted as tokens of the first user with all scopes, including tokens that
    /// look real. Default: `false`; unknown tokens are rejected, and the error points out those that look real.
    pub fn allow_any_token(mut self, yes: bool) -> Self {
        self.config.allow_any_token = yes;
        self
    }

    /// Sets whether creating a video with the approach `tus` responds with the described 201. Default: `false`; the
    /// status is 200, the only one that the official Python and PHP libraries and others accept. The approaches
    /// `pull` and `post` always respond with 201.
    pub fn create_answers_201(mut self, yes: bool) -> Self {
        self.config.create_answers_201 = yes;
        self
    }

    /// Sets whether `name` is accepted in place of the required `file_name` when a file is replaced, that is, when a
    /// version is created. go-vimeo's `ReplaceFile` sends `name`; the API description requires `file_name`, and the
    /// official libraries send it. What Vimeo does with `name` is unknown. Default: `false`; `file_name` is required.
    pub fn replace_by_name(mut self, accept: bool) -> Self {
        self.config.replace_by_name = accept;
        self
    }

    /// Sets whether creating a user's portrait responds with 201, the only status that the official Python and PHP
    /// libraries accept. Default: `false`; the status is the described 200. Vimeo's own status is unknown.
    pub fn portrait_answers_201(mut self, yes: bool) -> Self {
        self.config.portrait_answers_201 = yes;
        self
    }

    /// Sets whether query parameters that the API description does not list are rejected with 400. Default: `false`;
    /// they are ignored, because official clients send some. The request log lists them either way.
    pub fn refuse_unknown_parameters(mut self, refuse: bool) -> Self {
        self.config.refuse_unknown_parameters = refuse;
        self
    }

    /// Sets whether the app's client ID and client secret are also accepted in the form body, where django-allauth
    /// and social-core send them. Default: `false`; only Basic authorization is accepted, which Vimeo's official
    /// libraries use. What Vimeo accepts is unknown: a report of 2015 (node-oauth-shim#14) says that it
    /// requires Basic authorization, but both login libraries are in use today.
    pub fn form_credentials(mut self, take: bool) -> Self {
        self.config.form_credentials = take;
        self
    }

    /// Sets whether the access token is also accepted in the query parameter `access_token`, where social-core sends
    /// it. Default: `false`; only the `Authorization` header is accepted. What Vimeo accepts is unknown.
    pub fn query_token(mut self, take: bool) -> Self {
        self.config.query_token = take;
        self
    }

    /// Sets how long signed links are valid, by the world's clock. Default: 24 hours. Vimeo's lifetime is unknown.
    pub fn link_lifetime(mut self, lifetime: Duration) -> Self {
        self.config.link_lifetime = lifetime;
        self
    }

    /// Sets how long tokens granted by authorization code or device code are valid, by the world's clock. Their
    /// responses then contain `expires_on` and a `refresh_token`, which `POST /oauth/access_token` accepts with
    /// `grant_type=refresh_token`. Vimeo documents no such refresh; this is standard OAuth. Default: tokens do not
    /// expire.
    pub fn token_lifetime(mut self, lifetime: Duration) -> Self {
        self.config.token_lifetime = Some(lifetime);
        self
    }

    /// Registers a redirect URI of the app. Without any, every redirect URI is accepted.
    pub fn redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.config.redirect_uris.push(uri.into());
        self
    }

    /// Sets the status of device-token responses while the user has not decided. Default: 400. Vimeo's status is
    /// unknown.
    pub fn device_pending_status(mut self, status: u16) -> Self {
        self.config.device_pending = status;
        self
    }

    /// Sets the API's port. Default: 0, a free port.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Sets the upload host's port. Default: 0, a free port.
    pub fn upload_port(mut self, port: u16) -> Self {
        self.upload_port = port;
        self
    }

    /// Sets the address to listen on. Any address other than a loopback address admits other machines; the control
    /// API then needs a [`control_token`](Self::control_token), and webhooks a
    /// [`webhook_receiver`](Self::webhook_receiver). Default: 127.0.0.1.
    pub fn listen(mut self, address: IpAddr) -> Self {
        self.address = address;
        self
    }

    /// Restricts the control API to requests that send this token as `X-Sandbox-Control-Token`. Default: on a
    /// loopback address, programs of the user who started the sandbox are admitted (any program of this machine if
    /// the system does not report the user of a connection); on any other address, nobody is.
    pub fn control_token(mut self, token: impl Into<String>) -> Self {
        self.control_token = Some(SecretString::from(token.into()));
        self
    }

    /// Allows webhooks to be sent to this address of this machine. On a loopback address, all addresses of this
    /// machine are allowed, and this has no effect. On any other address, other machines could reach programs of this
    /// machine through webhooks, so webhooks are sent only to these addresses and to those of
    /// [`forward_to`](Self::forward_to).
    pub fn webhook_receiver(mut self, url: Url) -> Self {
        self.config.webhooks.receivers.push(url);
        self
    }

    /// Returns responses that differ from the API description. Default: responses match it.
    pub fn mutation(mut self, mutation: Mutation) -> Self {
        self.config.mutation = Some(mutation);
        self
    }

    /// Signs the requests of webhooks that have a secret. Default: requests are not signed. Vimeo's signature is
    /// unknown.
    pub fn webhook_signature(mut self, signature: WebhookSignature) -> Self {
        self.config.webhooks.signature = Some(signature);
        self
    }

    /// Sets how many times an event that its receiver did not accept is sent again, without delay. Default: 0. What
    /// Vimeo does is unknown.
    pub fn webhook_retries(mut self, retries: u32) -> Self {
        self.config.webhooks.retries = retries;
        self
    }

    /// Sends every event of every world to this address of this machine as well, even if there are no webhooks.
    pub fn forward_to(mut self, url: Url) -> Self {
        self.config.webhooks.forward_to.push(url);
        self
    }

    /// Points signed links to the API's own address, for clients that reject any other host. Default: `false`.
    pub fn one_host(mut self, yes: bool) -> Self {
        self.one_host = yes;
        self
    }

    /// Serves both hosts on this Unix socket as well. Starting fails if another kind of file has this name.
    #[cfg(unix)]
    pub fn unix(mut self, path: impl Into<PathBuf>) -> Self {
        self.unix = Some(path.into());
        self
    }

    /// Listens for https as well, on this port (0 for a free one), under Vimeo's own host names, which select the API
    /// or the upload host. A certificate authority is created at each start, unless it is
    /// [kept](Self::ca_folder); see [`Sandbox::ca_file`](crate::Sandbox::ca_file).
    #[cfg(feature = "tls")]
    pub fn https(mut self, port: u16) -> Self {
        self.https_port = Some(port);
        self
    }

    /// Listens as an HTTP proxy as well, on this port (0 for a free one), for clients whose host cannot be changed.
    /// Requests to Vimeo's host names are served here; all others are rejected. Enables https.
    #[cfg(feature = "tls")]
    pub fn proxy(mut self, port: u16) -> Self {
        self.proxy_port = Some(port);
        self.https_port.get_or_insert(0);
        self
    }

    /// Makes signed links https, under the name of one of Vimeo's upload hosts. Only clients whose connections to
    /// that name are redirected here, by name resolution or by the proxy, can follow them. Enables https. Default:
    /// `false`; links are plain http.
    #[cfg(feature = "tls")]
    pub fn tls_uploads(mut self, yes: bool) -> Self {
        self.tls_uploads = yes;
        if yes {
            self.https_port.get_or_insert(0);
        }
        self
    }

    /// Keeps the certificate authority in this folder, so that it can be installed once, such as in the trust store of
    /// a browser or of Java. The first start creates it, for 397 days; later starts use it until it expires, and then
    /// replace it. The certificate is `ca.pem`, the private key `ca-key.pem`. The authority can only sign for
    /// `vimeo.com`, its subdomains and this machine. Enables https. Default: a new authority at each start.
    ///
    /// Starting fails if other users can write to the folder, or can read or write the key.
    #[cfg(feature = "tls")]
    pub fn ca_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.ca_folder = Some(folder.into());
        self.https_port.get_or_insert(0);
        self
    }

    /// Sets how many of the newest requests the request log retains; fewer if their paths, queries and headers exceed
    /// 64 MiB. Default: 100,000.
    pub fn request_log_size(mut self, entries: usize) -> Self {
        self.request_log_size = entries;
        self
    }

    /// Stores all worlds in this folder, so that a later start restores them. A request that changes something gets
    /// its response once the change is on disk. Restored worlds take precedence over the seed, clock and tokens set
    /// here. Uploads continue at their offset whether or not their bytes are stored. Default: worlds are not stored.
    pub fn state(mut self, folder: impl Into<PathBuf>) -> Self {
        self.state = Some(folder.into());
        self
    }
}
