//! A service, a sandbox, and a client that checks every response against the service's own document.

use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use vimeo_connector::{Connector, ConnectorBuilder, KeyPolicy};
use vimeo_ext::Vimeo;
use vimeo_ext::accounts::{Accounts, Key, KeyRing, MemoryStore, ServiceStore};
use vimeo_sandbox::Sandbox;

/// A running service.
pub(crate) struct Service {
    pub(crate) sandbox: Sandbox,
    pub(crate) connector: Connector,
    pub(crate) address: SocketAddr,
    /// The text of an API key that may do everything.
    pub(crate) key: String,
    pub(crate) shutdown: CancellationToken,
    pub(crate) serving: JoinHandle<std::io::Result<()>>,
    document: Value,
    /// The spool of progressive uploads.
    pub(crate) spool: tempfile::TempDir,
}

/// A temporary folder that only its owner can write, whatever the umask is.
pub(crate) fn private_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    folder
}

/// A response whose body fits the document.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
}

impl Service {
    pub(crate) async fn start() -> Self {
        Self::start_with(Arc::new(MemoryStore::default())).await
    }

    /// Starts a service without the operator's page.
    pub(crate) async fn start_without_page() -> Self {
        Self::start_as(Arc::new(MemoryStore::default()), |builder| builder.page(false)).await
    }

    /// Starts a service that stores at most this many bytes of progressive uploads; `None` if it accepts none.
    pub(crate) async fn start_with_spool(max_bytes: Option<u64>) -> Self {
        Self::start_inner(Arc::new(MemoryStore::default()), max_bytes, |builder| builder).await
    }

    /// Starts a service with this store.
    pub(crate) async fn start_with(store: Arc<MemoryStore>) -> Self {
        Self::start_as(store, |builder| builder).await
    }

    async fn start_as(
        store: Arc<MemoryStore>,
        configure: impl FnOnce(ConnectorBuilder) -> ConnectorBuilder,
    ) -> Self {
        Self::start_inner(store, Some(1 << 24), configure).await
    }

    async fn start_inner(
        store: Arc<MemoryStore>,
        spool_limit: Option<u64>,
        configure: impl FnOnce(ConnectorBuilder) -> ConnectorBuilder,
    ) -> Self {
        let sandbox = start_sandbox().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let spool = private_folder();
        let configure = |builder: ConnectorBuilder| {
            let builder = match spool_limit {
                Some(limit) => builder.spool(spool.path(), limit),
                None => builder,
            };
            configure(builder).shutdown(shutdown.clone())
        };
        let connector = connector(&sandbox, store, Key::generate(), address, configure).await;
        let serving = tokio::spawn(connector.clone().serve(listener));
        Self { spool, ..Self::of(sandbox, connector, address, shutdown, serving).await }
    }

    /// Starts a service that does only what requests ask for, with these settings.
    pub(crate) async fn start_routes(
        store: Arc<dyn ServiceStore>,
        key: Key,
        configure: impl FnOnce(ConnectorBuilder) -> ConnectorBuilder,
    ) -> Self {
        let sandbox = start_sandbox().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connector = connector(&sandbox, store, key, address, configure).await;
        let serve = axum::serve(listener, connector.clone().into_router()).into_future();
        Self::of(sandbox, connector, address, CancellationToken::new(), tokio::spawn(serve)).await
    }

    async fn of(
        sandbox: Sandbox,
        connector: Connector,
        address: SocketAddr,
        shutdown: CancellationToken,
        serving: JoinHandle<std::io::Result<()>>,
    ) -> Self {
        let kinds = vimeo_agent::tools::Disclosure::ALL;
        let (_, key) = connector.api_keys().create(KeyPolicy::new("all").allow(kinds)).await.unwrap();
        let document = reqwest::get(format!("http://{address}/openapi.json")).await.unwrap();
        let document = serde_json::from_slice(&document.bytes().await.unwrap()).unwrap();
        let key = key.expose_secret().to_owned();
        Self { sandbox, connector, address, key, shutdown, serving, document, spool: private_folder() }
    }

    pub(crate) fn document(&self) -> &Value {
        &self.document
    }

    /// Creates another API key; returns its text.
    pub(crate) async fn key(&self, policy: KeyPolicy) -> String {
        self.connector.api_keys().create(policy).await.unwrap().1.expose_secret().to_owned()
    }

    /// Connects an account with the sandbox's token.
    pub(crate) async fn connect(&self, identifier: &str) {
        let body = json!({"access_token": self.sandbox.token()});
        let path = format!("/v1/accounts/{identifier}/access-token");
        let connected = self.call(Method::PUT, &path, Some(body)).await;
        assert_eq!(connected.status, 200, "{connected:?}");
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Checked {
        self.call_with(&self.key, method, path, body).await
    }

    /// Sends a request with this API key, and checks the response against the document.
    pub(crate) async fn call_with(
        &self,
        key: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Checked {
        let url = format!("http://{}{path}", self.address);
        let mut request = reqwest::Client::new().request(method.clone(), url).bearer_auth(key);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        self.send(request, &method, path).await
    }

    /// Sends a request, and checks the response against the document.
    pub(crate) async fn send(
        &self,
        request: reqwest::RequestBuilder,
        method: &Method,
        path: &str,
    ) -> Checked {
        let response = request.send().await.unwrap();
        let status = response.status();
        let media_type =
            response.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        let bytes = response.bytes().await.unwrap();
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        self.check(method, path, status, media_type.as_deref(), &body);
        Checked { status, body }
    }

    /// Checks a response against the schema that the document has for its route and status.
    fn check(&self, method: &Method, path: &str, status: StatusCode, media_type: Option<&str>, body: &Value) {
        let path = path.split('?').next().unwrap();
        let fits = |template: &str| {
            let (template, path): (Vec<_>, Vec<_>) =
                (template.split('/').collect(), path.split('/').collect());
            template.len() == path.len()
                && template.iter().zip(path).all(|(part, name)| part.starts_with('{') || *part == name)
        };
        let paths = self.document["paths"].as_object().unwrap();
        let Some((_, operations)) = paths.iter().find(|(template, _)| fits(template)) else {
            assert_eq!(status, 404, "{path} is not described");
            return;
        };
        let Some(operation) = operations.get(method.as_str().to_ascii_lowercase()) else {
            assert_eq!(status, 405, "{method} {path} is not described");
            return;
        };
        let responses = &operation["responses"];
        let described = responses.get(status.as_str()).or_else(|| responses.get("default"));
        let described = described.unwrap_or_else(|| panic!("{method} {path}: {status} is not described"));
        if status.is_client_error() || status.is_server_error() {
            assert_eq!(media_type, Some("application/problem+json"), "{method} {path}: {body}");
            assert_eq!(body["status"], status.as_u16());
        } else {
            assert!(status.as_u16() < 400);
        }
        let Some(content) = described.get("content") else {
            assert_eq!(*body, Value::Null, "{method} {path}: a body that is not described");
            return;
        };
        let essence = media_type.unwrap().split(';').next().unwrap();
        let mut schema = content[essence]["schema"].clone();
        assert!(schema.is_object(), "{method} {path}: {essence} is not described");
        schema["components"] = self.document["components"].clone();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let errors: Vec<_> = validator.iter_errors(body).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{method} {path}: {errors:?} in {body}");
    }
}

async fn start_sandbox() -> Sandbox {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Sandbox::builder().keep_bytes(true).start().await.unwrap()
}

/// Creates a connector whose accounts are the sandbox's, as each process with this store does.
pub(crate) async fn connector(
    sandbox: &Sandbox,
    store: Arc<dyn ServiceStore>,
    key: Key,
    address: SocketAddr,
    configure: impl FnOnce(ConnectorBuilder) -> ConnectorBuilder,
) -> Connector {
    let (id, secret) = (sandbox.client_id(), sandbox.client_secret());
    let app = Vimeo::builder().base_url(sandbox.url().as_str()).app(id, secret).build().unwrap();
    let accounts = Accounts::builder(app, store.clone(), KeyRing::new(key))
        .redirect_uri(format!("http://{address}/v1/callback"))
        .build()
        .await
        .unwrap();
    let builder = Connector::builder(accounts, store)
        .public_url(format!("http://{address}"))
        .return_urls(["http://localhost:3000/app/"]);
    configure(builder).build().unwrap()
}
