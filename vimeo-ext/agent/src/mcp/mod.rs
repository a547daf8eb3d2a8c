//! The tools over the Model Context Protocol: on standard input and output, and over HTTP.
//!
//! ```no_run
//! use vimeo_ext::Vimeo;
//! use vimeo_agent::mcp::Server;
//!
//! # async fn demo() -> Result<(), Box<dyn std::error::Error>> {
//! // For a client that starts this program, such as Claude, Cursor or VS Code.
//! Server::for_account(Vimeo::from_env()?).serve_stdio().await?;
//! # Ok(())
//! # }
//! ```
//!
//! The server supports the older protocol, which starts with `initialize`, and the stateless one of 2026-07-28. Standard
//! output is reserved for the protocol: write logs elsewhere.
//!
//! Over HTTP, callers authenticate with an API key of this server ([`ApiKey::generate`] creates one), sent as a bearer token,
//! unless the server accepts every program of this machine. It never accepts access tokens of Vimeo from a caller. See
//! [`Server::serve_http`].
//!
//! No type of rmcp, the protocol's library, is part of this module's public interface.

mod accounts;
mod api_key;
mod approval;
mod calls;
mod client_gone;
mod handler;
mod http;
mod lines;
mod listing;
mod progress;
mod repair;
mod resources;
mod stdio;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

pub use accounts::ClientResolver;
pub use api_key::{ApiKey, ApiKeys};
pub use http::{HttpOptions, HttpServer};
use vimeo_ext::Vimeo;

use self::accounts::ClientSource;
use self::approval::UsedApprovals;
use self::handler::Handler;
use crate::tools::{AuditLog, Disclosure, ToolSelection, Uploads};

/// An MCP server of the Vimeo tools. Cheap to clone.
#[derive(Clone)]
pub struct Server {
    settings: Arc<Settings>,
}

/// The server's settings.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) source: ClientSource,
    pub(crate) selection: ToolSelection,
    pub(crate) audit: Option<AuditLog>,
    pub(crate) uploads: Uploads,
    pub(crate) allowed: BTreeSet<Disclosure>,
    pub(crate) schemas: OutputSchemas,
    pub(crate) key: [u8; 32],
    pub(crate) used_approvals: Arc<UsedApprovals>,
    pub(crate) name: String,
    pub(crate) version: String,
}

/// Where clients find the output schemas of tools.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OutputSchemas {
    /// In resources, `vimeo://tools/{name}/schema`. The list of tools, all of which a model reads, stays below 20,000 bytes with
    /// the default tools. Results contain text and structured content.
    #[default]
    AsResources,
    /// In the list of tools, which is then four times as long. Clients validate structured content against the schemas, so
    /// results contain text and structured content, but errors, which have other fields, only text.
    InToolList,
    /// Nowhere. Results contain only text, for clients that cannot handle the other two.
    Omitted,
}

impl OutputSchemas {
    /// Returns whether results contain structured content too.
    pub(crate) fn structured(self) -> bool {
        self != Self::Omitted
    }
}

/// Why a server cannot start or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The server cannot listen on the address.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// The cause.
        source: std::io::Error,
    },
    /// Other machines could call without an API key.
    #[error("{0} is reachable from other machines: configure API keys, or listen on 127.0.0.1")]
    AuthRequired(std::net::SocketAddr),
    /// There are no API keys, and calls without one are not allowed.
    #[error(
        "callers over HTTP need API keys: configure some, or allow every program and user of this machine to call"
    )]
    NoApiKeys,
    /// An API key is too short.
    #[error("an API key has fewer than {} characters: use a longer random one", ApiKey::MIN_LENGTH)]
    ApiKeyTooShort,
    /// An allowed origin is not an origin.
    #[error("invalid origin `{0}`: use one such as https://app.example.com, without a path")]
    InvalidOrigin(String),
    /// There are several accounts, but calls do not identify their caller.
    #[error("a server with several accounts needs API keys, which only work over HTTP")]
    AmbiguousAccount,
    /// No key could be generated.
    #[error("the operating system provides no random bytes for a key")]
    NoRandomBytes,
    /// The client did not initialize the session as the protocol requires.
    #[error("MCP initialization failed: {0}")]
    InitializeFailed(String),
}

impl Server {
    /// Creates a server for one account.
    pub fn for_account(client: Vimeo) -> Self {
        Self::new(ClientSource::Single(client))
    }

    /// Creates a server for several accounts, only for HTTP: each caller's API key names the accounts it may use
    /// ([`HttpOptions::api_keys`]).
    pub fn for_accounts(clients: impl ClientResolver) -> Self {
        Self::new(ClientSource::Multiple(Arc::new(clients)))
    }

    fn new(source: ClientSource) -> Self {
        let settings = Settings {
            source,
            selection: ToolSelection::default(),
            audit: None,
            uploads: Uploads::default(),
            allowed: BTreeSet::new(),
            schemas: OutputSchemas::default(),
            // All zeros if the system has no random bytes; serving then fails.
            key: crate::tools::random_bytes().unwrap_or_default(),
            used_approvals: Arc::default(),
            name: "vimeo".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        Self { settings: Arc::new(settings) }
    }

    fn change(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self
    }

    /// Offers only these tools. Default: the default toolsets.
    #[must_use]
    pub fn selection(self, selection: ToolSelection) -> Self {
        self.change(|settings| settings.selection = selection)
    }

    /// Records every attempt to change something.
    #[must_use]
    pub fn audit_log(self, log: impl Into<Option<AuditLog>>) -> Self {
        self.change(|settings| settings.audit = log.into())
    }

    /// Allows every caller to upload this machine's files below these folders. Default: none. Its tools are in the toolset
    /// `uploads`.
    #[must_use]
    pub fn upload_folders(self, folders: impl IntoIterator<Item = impl Into<std::path::PathBuf>>) -> Self {
        self.change(|settings| settings.uploads = Uploads::from_folders(folders))
    }

    /// Allows calls that disclose something of these kinds without approval. Default: none. A client that can ask the person
    /// does so each time; from other clients such calls are refused.
    #[must_use]
    pub fn allow(self, kinds: impl IntoIterator<Item = Disclosure>) -> Self {
        self.change(|settings| settings.allowed = kinds.into_iter().collect())
    }

    /// Sets where clients find the output schemas. Default: [`OutputSchemas::AsResources`].
    #[must_use]
    pub fn output_schemas(self, schemas: OutputSchemas) -> Self {
        self.change(|settings| settings.schemas = schemas)
    }

    /// Seals cursors and approval prompts with this key, which several processes behind one URL can share. Default: a random
    /// key. An approval is valid once per process, or once for all processes that share an accounts store
    /// ([`ClientResolver::consume_approval`]).
    #[must_use]
    pub fn sealing_key(self, key: [u8; 32]) -> Self {
        self.change(|settings| settings.key = key)
    }

    /// Sets the server's name and version. Default: `vimeo`, and the version of this crate.
    #[must_use]
    pub fn server_info(self, name: impl Into<String>, version: impl Into<String>) -> Self {
        self.change(|settings| (settings.name, settings.version) = (name.into(), version.into()))
    }

    /// Serves one client on standard input and output until the input ends. Running calls are stopped then.
    ///
    /// # Errors
    ///
    /// [`ServerError::AmbiguousAccount`] with several accounts, [`ServerError::InitializeFailed`] if the client does not
    /// speak the protocol.
    pub async fn serve_stdio(&self) -> Result<(), ServerError> {
        self.check()?;
        stdio::serve_process(Handler::new(Arc::clone(&self.settings))).await
    }

    /// Serves one client on a pair of streams, as [`serve_stdio`](Self::serve_stdio) does.
    ///
    /// # Errors
    ///
    /// As for [`serve_stdio`](Self::serve_stdio).
    pub async fn serve<R, W>(&self, reader: R, writer: W) -> Result<(), ServerError>
    where
        R: tokio::io::AsyncRead + Send + Unpin + 'static,
        W: tokio::io::AsyncWrite + Send + Unpin + 'static,
    {
        self.check()?;
        stdio::serve(Handler::new(Arc::clone(&self.settings)), reader, writer).await
    }

    /// Serves clients over HTTP, at the path `/mcp`, until the [`HttpServer`] is stopped or dropped.
    ///
    /// # Errors
    ///
    /// [`ServerError::AuthRequired`] and [`ServerError::NoApiKeys`] if anyone could call without an API key,
    /// [`ServerError::ApiKeyTooShort`] for a short API key, [`ServerError::AmbiguousAccount`] with several accounts and no API
    /// keys, [`ServerError::InvalidOrigin`] for an invalid one of [`HttpOptions::allowed_origins`], [`ServerError::Listen`] if
    /// the server cannot listen on the address.
    pub async fn serve_http(&self, options: HttpOptions) -> Result<HttpServer, ServerError> {
        if self.settings.key == [0; 32] {
            return Err(ServerError::NoRandomBytes);
        }
        http::serve(Arc::clone(&self.settings), options).await
    }

    /// Returns the protocol's routes, `/mcp` and the metadata of its authorization, for an axum service with other routes.
    ///
    /// They follow the rules of [`serve_http`](Self::serve_http), except for the limits of connections: the service decides how
    /// many there are, and how long the head of a request may take. Callers always need an API key.
    ///
    /// ```no_run
    /// use axum::Router;
    /// use vimeo_agent::mcp::{ApiKey, HttpOptions, Server};
    ///
    /// # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), Box<dyn std::error::Error>> {
    /// let (key, token) = ApiKey::generate(["me"])?; // give the token to the caller
    /// let address = ([127, 0, 0, 1], 8080).into();
    /// let options = HttpOptions::new(address)
    ///     .api_keys([key])
    ///     .allowed_hosts(["example.com"])
    ///     .public_url("https://example.com/agents");
    /// let stop = options.shutdown.clone();
    /// let service: Router = Router::new()
    ///     .route("/", axum::routing::get(|| async { "hello" }))
    ///     .nest("/agents", Server::for_account(vimeo).into_router(options)?);
    /// let listener = tokio::net::TcpListener::bind(address).await?;
    /// axum::serve(listener, service)
    ///     .with_graceful_shutdown(async move {
    ///         tokio::signal::ctrl_c().await.ok();
    ///         stop.cancel(); // open streams would keep the service running
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ServerError::NoApiKeys`], [`ServerError::ApiKeyTooShort`] and [`ServerError::InvalidOrigin`], as for
    /// [`serve_http`](Self::serve_http).
    pub fn into_router<S>(self, options: HttpOptions) -> Result<axum::Router<S>, ServerError>
    where
        S: Clone + Send + Sync + 'static,
    {
        if self.settings.key == [0; 32] {
            return Err(ServerError::NoRandomBytes);
        }
        http::router(self.settings, options)
    }

    fn check(&self) -> Result<(), ServerError> {
        if self.settings.key == [0; 32] {
            return Err(ServerError::NoRandomBytes);
        }
        match self.settings.source {
            ClientSource::Single(_) => Ok(()),
            ClientSource::Multiple(_) => Err(ServerError::AmbiguousAccount),
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("name", &self.settings.name)
            .field("selection", &self.settings.selection)
            .field("audit", &self.settings.audit)
            .finish_non_exhaustive()
    }
}
