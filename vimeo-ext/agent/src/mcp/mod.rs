//! The tools over the Model Context Protocol: on standard input and output, and over HTTP.
//!
//! ```no_run
//! use vimeo_ext::Vimeo;
//! use vimeo_agent::mcp::Server;
//!
//! # async fn demo() -> Result<(), Box<dyn std::error::Error>> {
//! // For a client that starts this program: Claude, Cursor, VS Code and the like.
//! Server::for_account(Vimeo::from_env()?).serve_stdio().await?;
//! # Ok(())
//! # }
//! ```
//!
//! Both eras of the protocol are served, the one that begins with `initialize` and the stateless one of 2026-07-28.
//! Standard output belongs to the protocol alone: send logs elsewhere.
//!
//! Over HTTP callers show bearer tokens of this server's own ([`ApiKey::generate`] makes one), unless the server is opened to
//! every program of this machine; Vimeo's tokens are never taken from a caller. See [`Server::serve_http`].
//!
//! The protocol's library stays inside: none of its types is part of this module's interface.

mod access;
mod accounts;
mod calls;
mod consent;
mod eof;
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

pub use access::{ApiKey, ApiKeys};
pub use accounts::ClientResolver;
pub use http::{HttpOptions, HttpServer};
use vimeo_ext::Vimeo;

use self::accounts::Source;
use self::consent::Consents;
use self::handler::Handler;
use crate::tools::{AuditLog, Disclosure, ToolSelection, Uploads};

/// A server of the Vimeo tools; cheap to clone.
#[derive(Clone)]
pub struct Server {
    settings: Arc<Settings>,
}

/// All that the server's parts go by.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) source: Source,
    pub(crate) selection: ToolSelection,
    pub(crate) audit: Option<AuditLog>,
    pub(crate) uploads: Uploads,
    pub(crate) allowed: BTreeSet<Disclosure>,
    pub(crate) schemas: OutputSchemas,
    pub(crate) key: [u8; 32],
    pub(crate) consents: Arc<Consents>,
    pub(crate) name: String,
    pub(crate) version: String,
}

/// Where clients find the schemas of answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OutputSchemas {
    /// Beside the list of tools, which a model reads whole and which stays below 20,000 bytes with the basic tools: as
    /// resources, `vimeo://tools/{name}/schema`. Answers come as text and as structured content.
    #[default]
    AsResources,
    /// In the list of tools, which takes four times as much with them. Clients check structured content against them, so
    /// answers come as text and as structured content, and errors, which have other fields, as text alone.
    InToolList,
    /// Nowhere, and answers come as text alone: for clients that stumble over the other two.
    Omitted,
}

impl OutputSchemas {
    /// Whether answers come as structured content too.
    pub(crate) fn structured(self) -> bool {
        self != Self::Omitted
    }
}

/// Why a server cannot run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Others could call without showing who they are.
    #[error("{0} can be reached by others: give the callers bearer tokens, or listen on 127.0.0.1")]
    AuthRequired(std::net::SocketAddr),
    /// Every program of this machine could call, and it was not said that they may.
    #[error(
        "callers over HTTP need bearer tokens of the server's own: give some, or open the server to every program and user of \
         this machine"
    )]
    NoApiKeys,
    /// A bearer token could be guessed.
    #[error(
        "a bearer token has fewer than {} characters: give a longer one, made at random",
        ApiKey::MIN_LENGTH
    )]
    ApiKeyTooShort,
    /// Pages of this origin were to be allowed, and it is none.
    #[error("`{0}` is no origin of a web page; give one such as https://app.example.com, without a path")]
    InvalidOrigin(String),
    /// There are several accounts and no way to tell whose a call is.
    #[error("the server has several accounts, so its callers need bearer tokens, which only HTTP has")]
    AmbiguousAccount,
    /// No key could be made.
    #[error("the operating system gives no random bytes for a key")]
    NoRandomBytes,
    /// The client did not open the conversation as the protocol has it.
    #[error("the client did not open the conversation: {0}")]
    InitializeFailed(String),
}

impl Server {
    /// A server for one account.
    pub fn for_account(client: Vimeo) -> Self {
        Self::new(Source::One(client))
    }

    /// A server for several accounts, over HTTP alone: each caller's bearer token says which of them are the caller's
    /// ([`HttpOptions::api_keys`]).
    pub fn for_accounts(clients: impl ClientResolver) -> Self {
        Self::new(Source::Many(Arc::new(clients)))
    }

    fn new(source: Source) -> Self {
        let settings = Settings {
            source,
            selection: ToolSelection::default(),
            audit: None,
            uploads: Uploads::default(),
            allowed: BTreeSet::new(),
            schemas: OutputSchemas::default(),
            // ReplacedVersion before the first use when the system had none.
            key: crate::tools::random_bytes().unwrap_or_default(),
            consents: Arc::default(),
            name: "vimeo".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        Self { settings: Arc::new(settings) }
    }

    fn change(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self
    }

    /// Gives out these tools alone. Default: the basic ones.
    #[must_use]
    pub fn selection(self, selection: ToolSelection) -> Self {
        self.change(|settings| settings.selection = selection)
    }

    /// Notes every attempt to change something.
    #[must_use]
    pub fn audit_log(self, log: impl Into<Option<AuditLog>>) -> Self {
        self.change(|settings| settings.audit = log.into())
    }

    /// Allows uploads of this machine's files below these folders, by whoever may call. Default: none. The tools for it are
    /// those of the set `uploads`.
    #[must_use]
    pub fn upload_folders(self, folders: impl IntoIterator<Item = impl Into<std::path::PathBuf>>) -> Self {
        self.change(|settings| settings.uploads = Uploads::from_folders(folders))
    }

    /// Allows calls that disclose something of these kinds without asking the person. Default: none; a client that can ask
    /// does so each time, and of others such calls are refused.
    #[must_use]
    pub fn allow(self, kinds: impl IntoIterator<Item = Disclosure>) -> Self {
        self.change(|settings| settings.allowed = kinds.into_iter().collect())
    }

    /// Where clients find the schemas of answers. Default: [`OutputSchemas::AsResources`].
    #[must_use]
    pub fn output_schemas(self, schemas: OutputSchemas) -> Self {
        self.change(|settings| settings.schemas = schemas)
    }

    /// Seals cursors and questions with this key, which several processes behind one address share. Default: a random
    /// one. A person's answer is good once for each process, and with the accounts of one store once for all of them
    /// ([`ClientResolver::consume_approval`]).
    #[must_use]
    pub fn sealing_key(self, key: [u8; 32]) -> Self {
        self.change(|settings| settings.key = key)
    }

    /// The name and version that the server gives itself. Default: `vimeo`, and the version of this crate.
    #[must_use]
    pub fn server_info(self, name: impl Into<String>, version: impl Into<String>) -> Self {
        self.change(|settings| (settings.name, settings.version) = (name.into(), version.into()))
    }

    /// Serves one client on standard input and output until the input ends. Calls that are under way then are stopped.
    ///
    /// # Errors
    ///
    /// [`ServerError::AmbiguousAccount`] with several accounts, [`ServerError::InitializeFailed`] when the client speaks something
    /// else.
    pub async fn serve_stdio(&self) -> Result<(), ServerError> {
        self.check()?;
        stdio::serve_process(Handler::new(Arc::clone(&self.settings))).await
    }

    /// Serves one client on any pair of streams, as [`serve_stdio`](Self::serve_stdio) does.
    ///
    /// # Errors
    ///
    /// As [`serve_stdio`](Self::serve_stdio).
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
    /// [`ServerError::AuthRequired`] and [`ServerError::NoApiKeys`] when others could call without a bearer token,
    /// [`ServerError::ApiKeyTooShort`] when one could be guessed, [`ServerError::AmbiguousAccount`] with several accounts and no
    /// bearers, [`ServerError::InvalidOrigin`] for a wrong one of [`HttpOptions::allowed_origins`],
    /// [`ServerError::Listen`] when the address cannot be had.
    pub async fn serve_http(&self, options: HttpOptions) -> Result<HttpServer, ServerError> {
        if self.settings.key == [0; 32] {
            return Err(ServerError::NoRandomBytes);
        }
        http::serve(Arc::clone(&self.settings), options).await
    }

    /// The routes of the protocol, `/mcp` and the metadata of its bearer tokens, for a service of axum to have beside its own.
    ///
    /// All that holds for [`serve_http`](Self::serve_http) holds for them, but for what is of connections: how many there are, and
    /// how long the head of a request may take, is up to the service. Callers always show bearer tokens.
    ///
    /// ```no_run
    /// use axum::Router;
    /// use vimeo_agent::mcp::{ApiKey, HttpOptions, Server};
    ///
    /// # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), Box<dyn std::error::Error>> {
    /// let (bearer, token) = ApiKey::generate(["me"])?; // the caller gets the token
    /// let address = ([127, 0, 0, 1], 8080).into();
    /// let options = HttpOptions::new(address)
    ///     .api_keys([bearer])
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
    ///         stop.cancel(); // streams would keep the service open
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ServerError::NoApiKeys`], [`ServerError::ApiKeyTooShort`] and [`ServerError::InvalidOrigin`], as with
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
            Source::One(_) => Ok(()),
            Source::Many(_) => Err(ServerError::AmbiguousAccount),
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
