//! The service as a value: built once, then a router or a server.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use chrono::Utc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use url::Url;
use vimeo_agent::mcp::ServerError;
use vimeo_agent::tools::AuditLog;
use vimeo_ext::Clock;
use vimeo_ext::accounts::{Accounts, AccountsError, ServiceStore};

use crate::accept;
use crate::key_limiters::KeyLimiters;
use crate::keys::ApiKeys;
use crate::metrics::Metrics;
use crate::polling::{ClientError, POLL_INTERVALS, Polling};
use crate::progressive::sender;
use crate::progressive::spool::Spool;
use crate::recent::Recent;
use crate::return_urls::{InvalidReturnUrl, ReturnUrls};
use crate::routes;
use crate::service::Service;

/// The service. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Connector {
    service: Arc<Service>,
    router: Router,
}

/// Configures a [`Connector`].
#[must_use]
pub struct ConnectorBuilder {
    accounts: Accounts,
    store: Arc<dyn ServiceStore>,
    public_url: Option<String>,
    return_urls: Vec<String>,
    audit: Option<AuditLog>,
    sealing_key: Option<[u8; 32]>,
    page: bool,
    poll_interval: Option<Duration>,
    deliver_to_private_addresses: bool,
    clock: Clock,
    spool: Option<(PathBuf, u64)>,
    shutdown: CancellationToken,
}

/// Why a service cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The public URL cannot be the address of the service.
    #[error("invalid public URL {0:?}: use one such as https://connector.example.com, without a query")]
    InvalidPublicUrl(String),
    /// A return URL is not a URL.
    #[error("invalid return URL {0:?}: use one such as https://app.example.com/")]
    InvalidReturnUrl(String),
    /// A return URL would send the result of a login over an open connection.
    #[error("return URL {0:?} is neither https nor on this machine")]
    InsecureReturnUrl(String),
    /// The poll interval is too short or too long.
    #[error("the poll interval must be 1 minute to 24 hours, not {} s", .0.as_secs_f64())]
    InvalidPollInterval(Duration),
    /// The HTTP client for events cannot be built.
    #[error("events cannot be delivered: {0}")]
    EventClient(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The folder for progressive uploads cannot be used.
    #[error("cannot use the spool folder {}: {source}", folder.display())]
    Spool {
        /// The folder.
        folder: PathBuf,
        /// Why it cannot be used.
        source: io::Error,
    },
    /// The MCP server cannot be built.
    #[error(transparent)]
    Mcp(#[from] ServerError),
}

impl Connector {
    /// Starts to configure a service of these accounts. `store` holds the API keys: the store of the accounts, or another one.
    pub fn builder(accounts: Accounts, store: Arc<dyn ServiceStore>) -> ConnectorBuilder {
        ConnectorBuilder {
            accounts,
            store,
            public_url: None,
            return_urls: Vec::new(),
            audit: None,
            sealing_key: None,
            page: true,
            poll_interval: None,
            deliver_to_private_addresses: false,
            clock: Clock::default(),
            spool: None,
            shutdown: CancellationToken::new(),
        }
    }

    /// Returns the service's API keys.
    pub fn api_keys(&self) -> &ApiKeys {
        &self.service.keys
    }

    /// Returns the routes, for an axum service with other routes. The other service decides how many connections there are, and
    /// how long the head of a request may take, and calls [`sweep`](Self::sweep) about once a day.
    pub fn into_router(self) -> Router {
        self.router
    }

    /// Deletes expired logins, upload tokens and leases, and status events older than 30 days, from the stores.
    /// [`serve`](Self::serve) does this when it starts and once an hour.
    ///
    /// # Errors
    ///
    /// [`AccountsError::Store`] if a store fails.
    pub async fn sweep(&self) -> Result<(), AccountsError> {
        self.service.accounts.sweep().await?;
        Ok(self.service.store.sweep_documents(Utc::now()).await?)
    }

    /// Polls every account with event subscriptions once, and sends the events that are due. [`serve`](Self::serve) does this
    /// by itself if there is a [poll interval](ConnectorBuilder::poll_interval); a service that uses
    /// [`into_router`](Self::into_router) calls it about once per interval, from one process at a time.
    ///
    /// # Errors
    ///
    /// [`AccountsError::Store`] if the store fails. An account that cannot be polled is logged, not an error.
    pub async fn poll_events(&self) -> Result<(), AccountsError> {
        Ok(self.service.polling.run_once().await?)
    }

    /// Sweeps the stores until the future is dropped. A failure is logged, and the next sweep deletes what was left.
    async fn sweep_regularly(&self) {
        loop {
            if let Err(error) = self.sweep().await {
                tracing::warn!(%error, "expired records were not deleted; trying again later");
            }
            tokio::time::sleep(SWEEP_INTERVAL).await;
        }
    }

    /// Sends complete [progressive uploads](ConnectorBuilder::spool) to Vimeo, those of an earlier process too, and removes
    /// expired ones, until the future is dropped. Without a spool it waits forever. [`serve`](Self::serve) does this; a
    /// program that uses [`into_router`](Self::into_router) has to.
    pub async fn send_progressive_uploads(&self) {
        let Some(spool) = self.service.spool.clone() else { return std::future::pending().await };
        sender::run(spool, self.service.accounts.clone(), Arc::clone(&self.service.metrics)).await;
    }

    /// Serves connections of this listener, deletes expired records from the stores and sends progressive uploads, until the
    /// [shutdown token](ConnectorBuilder::shutdown) is cancelled. Requests in flight then have 30 seconds to finish.
    ///
    /// # Errors
    ///
    /// The error of the listener.
    pub async fn serve(self, listener: TcpListener) -> std::io::Result<()> {
        let address = listener.local_addr()?;
        tracing::info!(%address, "the connector listens");
        let serving = accept::serve(listener, self.router.clone(), self.service.shutdown.clone());
        tokio::select! {
            () = serving => {}
            () = async {
                tokio::join!(
                    self.sweep_regularly(),
                    self.service.polling.run(),
                    self.send_progressive_uploads(),
                );
            } => {}
        }
        if let Some(audit) = self.service.audit.clone() {
            let flushed = tokio::task::spawn_blocking(move || audit.flush(AUDIT_FLUSH_TIMEOUT)).await;
            if !flushed.unwrap_or(false) {
                tracing::error!("the audit log is not complete");
            }
        }
        Ok(())
    }
}

/// How often expired records are deleted.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// How long the service waits for its audit log when it stops.
const AUDIT_FLUSH_TIMEOUT: Duration = Duration::from_secs(10);

impl ConnectorBuilder {
    /// Sets the URL under which callers and browsers reach the service. The redirect URI of the accounts is `/v1/callback`
    /// below it.
    pub fn public_url(mut self, url: impl Into<String>) -> Self {
        self.public_url = Some(url.into());
        self
    }

    /// Allows browsers to be sent to these URLs, and to what lies below them, after a login. Default: none.
    pub fn return_urls(mut self, urls: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.return_urls = urls.into_iter().map(Into::into).collect();
        self
    }

    /// Records every attempt of a tool to change something. If the log cannot be written, nothing is changed.
    pub fn audit_log(mut self, log: impl Into<Option<AuditLog>>) -> Self {
        self.audit = log.into();
        self
    }

    /// Seals the cursors of tools with this key, which several processes can share. Default: a key that is derived from the
    /// current key of the accounts, so processes with the same key accept each other's cursors.
    pub fn sealing_key(mut self, key: [u8; 32]) -> Self {
        self.sealing_key = Some(key);
        self
    }

    /// Whether browsers get the operator's page at `/`. The page holds no data: it asks for an API key and shows what that key
    /// may see. Default: true.
    pub fn page(mut self, page: bool) -> Self {
        self.page = page;
        self
    }

    /// Polls the accounts that have event subscriptions once per interval, 1 minute to 24 hours, for events that Vimeo has no
    /// webhooks for; see [events by polling](crate#events-by-polling). Default: no polling, and no such subscriptions.
    pub fn poll_interval(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.poll_interval = interval.into();
        self
    }

    /// Sends polled events to loopback and private addresses too, and to these also over http. Callers of the service can then
    /// make it send requests into its own network. Default: no.
    pub fn deliver_to_private_addresses(mut self, allow: bool) -> Self {
        self.deliver_to_private_addresses = allow;
        self
    }

    /// Sets the clock of polling and deliveries; for tests.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Accepts [progressive uploads](crate#the-http-api), and keeps their parts in this folder, in at most `max_bytes`, until
    /// Vimeo has the file. Default: none are accepted.
    ///
    /// The folder is created if it is missing, and refused if other users can write to it. Processes on one machine can share
    /// it: each accepts parts of every upload, and one of them sends the file. Processes with folders of their own need a proxy
    /// that sends the requests of an upload, by its path, to the process that created it. Until a part is stored, it takes
    /// twice its size.
    pub fn spool(mut self, folder: impl Into<PathBuf>, max_bytes: u64) -> Self {
        self.spool = Some((folder.into(), max_bytes));
        self
    }

    /// Stops the service when this token is cancelled. Default: a new token.
    pub fn shutdown(mut self, token: CancellationToken) -> Self {
        self.shutdown = token;
        self
    }

    /// Builds the service.
    ///
    /// # Errors
    ///
    /// [`BuildError`] if a URL or the poll interval is invalid, the spool folder cannot be used, or the HTTP client or the MCP
    /// server cannot be built.
    pub fn build(self) -> Result<Connector, BuildError> {
        let return_urls = ReturnUrls::new(&self.return_urls).map_err(|(url, error)| match error {
            InvalidReturnUrl::Unparseable => BuildError::InvalidReturnUrl(url),
            InvalidReturnUrl::Insecure => BuildError::InsecureReturnUrl(url),
        })?;
        let public_url = self.public_url.map(public_url).transpose()?;
        let sealing_key = self.sealing_key.unwrap_or_else(|| self.accounts.derive_key("cursors of tools"));
        if let Some(interval) = self.poll_interval
            && !(POLL_INTERVALS.0..=POLL_INTERVALS.1).contains(&interval)
        {
            return Err(BuildError::InvalidPollInterval(interval));
        }
        let metrics = Metrics::default();
        let polling = Polling::new(
            self.accounts.clone(),
            Arc::clone(&self.store),
            metrics.polls(),
            self.poll_interval,
            self.deliver_to_private_addresses,
            self.clock,
        )
        .map_err(event_client)?;
        let spool = match self.spool {
            Some((folder, max_bytes)) => match Spool::open(folder.clone(), max_bytes) {
                Ok(spool) => Some(Arc::new(spool)),
                Err(source) => return Err(BuildError::Spool { folder, source }),
            },
            None => None,
        };
        let service = Arc::new(Service {
            accounts: self.accounts,
            keys: ApiKeys::new(Arc::clone(&self.store)),
            store: self.store,
            limiters: KeyLimiters::default(),
            metrics: Arc::new(metrics),
            polling: Arc::new(polling),
            recent: Recent::default(),
            return_urls,
            public_url,
            audit: self.audit,
            sealing_key,
            spool,
            shutdown: self.shutdown,
        });
        let router = routes::router(&service, self.page)?;
        Ok(Connector { service, router })
    }
}

impl fmt::Debug for ConnectorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectorBuilder")
            .field("public_url", &self.public_url)
            .field("return_urls", &self.return_urls)
            .finish_non_exhaustive()
    }
}

fn event_client(error: ClientError) -> BuildError {
    BuildError::EventClient(Box::new(error))
}

fn public_url(text: String) -> Result<Url, BuildError> {
    let parsed = Url::parse(&text).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none()
    });
    parsed.ok_or(BuildError::InvalidPublicUrl(text))
}

#[cfg(test)]
mod tests {
    use vimeo_ext::Vimeo;
    use vimeo_ext::accounts::{Key, KeyRing, MemoryStore};

    use super::*;

    async fn sealing_key(keys: KeyRing) -> [u8; 32] {
        let store = Arc::new(MemoryStore::default());
        let app = Vimeo::builder().app("id", "secret").build().unwrap();
        let accounts = Accounts::builder(app, store.clone(), keys).build().await.unwrap();
        Connector::builder(accounts, store).build().unwrap().service.sealing_key
    }

    #[tokio::test]
    async fn processes_with_the_same_key_seal_cursors_alike() {
        let key = Key::generate();
        let one = sealing_key(KeyRing::new(key.clone())).await;
        assert_eq!(one, sealing_key(KeyRing::new(key)).await);
        assert_ne!(one, sealing_key(KeyRing::new(Key::generate())).await);
    }
}
