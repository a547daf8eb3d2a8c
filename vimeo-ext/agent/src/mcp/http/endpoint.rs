//! The HTTP endpoint: authenticates callers, checks scopes and limits, and passes requests to rmcp.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{any, get};
use bytes::Bytes;
use http::{HeaderMap, Method, header};
use http_body_util::{BodyExt as _, Full};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{
    SessionManager as _, StreamableHttpServerConfig, StreamableHttpService,
};
use serde_json::Value;
use tokio::time::timeout;
use vimeo_ext::ScopeSet;

use super::super::api_key::{ApiKey, ApiKeys, Caller};
use super::super::handler::Handler;
use super::super::repair::repair;
use super::super::{ServerError, Settings};
use super::caller_limits::CallerLimits;
use super::error_responses::{self, AuthResponses};
use super::origins::{self, Origins};
use super::{HttpOptions, MAX_BODY_BYTES};
use crate::tools::{self, ToolError};

/// The path of the protocol.
pub(super) const PATH: &str = "/mcp";

/// How long a client may take to send the body of a request.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Among how many callers the limits are divided if another service authenticates them.
const UPSTREAM_CALLERS: usize = 32;

const SESSION_HEADER: &str = "mcp-session-id";

/// The state of the HTTP endpoint.
pub(super) struct Endpoint {
    settings: Arc<Settings>,
    api_keys: ApiKeys,
    is_authenticated_upstream: bool,
    auth_responses: AuthResponses,
    origins: Origins,
    service: StreamableHttpService<Handler, LocalSessionManager>,
    sessions: Arc<LocalSessionManager>,
    limits: CallerLimits,
}

impl Endpoint {
    /// Creates the endpoint of a server that listens on this address.
    pub(super) fn new(
        settings: Arc<Settings>,
        options: HttpOptions,
        address: SocketAddr,
    ) -> Result<Arc<Self>, ServerError> {
        let origins = Origins::new(&options, address).map_err(ServerError::InvalidOrigin)?;
        let own = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let config = StreamableHttpServerConfig::default()
            .with_allowed_hosts(own.into_iter().chain(options.allowed_hosts.iter().cloned()))
            .with_allowed_origins(origins.with_ports())
            .enforce_origin_validation()
            .with_cancellation_token(options.shutdown.clone())
            .with_max_request_body_bytes(MAX_BODY_BYTES);
        let handler = Handler::over_http(Arc::clone(&settings));
        let sessions = Arc::new(LocalSessionManager::default());
        let service = StreamableHttpService::new(move || Ok(handler.clone()), Arc::clone(&sessions), config);
        let auth_responses = AuthResponses::new(&options, address);
        let callers = match options.authenticated_upstream {
            true => UPSTREAM_CALLERS,
            false => options.api_keys.len(),
        };
        let limits = CallerLimits::new(callers, options.shutdown);
        Ok(Arc::new(Self {
            settings,
            api_keys: options.api_keys,
            is_authenticated_upstream: options.authenticated_upstream,
            auth_responses,
            origins,
            service,
            sessions,
            limits,
        }))
    }

    /// Returns the routes of the protocol and of its metadata.
    fn routes(&self) -> Router<Arc<Self>> {
        let protocol = || {
            any(|State(endpoint): State<Arc<Self>>, request| async move {
                endpoint.protocol(request).await.unwrap_or_else(|error| *error)
            })
        };
        let routes = Router::new().route(PATH, protocol()).route(&format!("{PATH}/"), protocol());
        if self.api_keys.is_empty() && !self.is_authenticated_upstream {
            return routes;
        }
        let metadata =
            || get(|State(endpoint): State<Arc<Self>>| async move { endpoint.auth_responses.metadata() });
        routes
            .route("/.well-known/oauth-protected-resource", metadata())
            .route(&format!("/.well-known/oauth-protected-resource{PATH}"), metadata())
    }

    /// Returns the routes for another service's router.
    pub(super) fn into_router<S: Clone + Send + Sync + 'static>(self: Arc<Self>) -> Router<S> {
        self.finish(self.routes())
    }

    /// Returns the router of a whole server.
    pub(super) fn into_server_router(self: Arc<Self>) -> Router {
        let health = get(|| async { error_responses::health() });
        self.finish(
            self.routes().route("/health", health).fallback(|| async { error_responses::not_found() }),
        )
    }

    fn finish<S>(self: &Arc<Self>, routes: Router<Arc<Self>>) -> Router<S> {
        routes.layer(from_fn_with_state(Arc::clone(self), check_origin)).with_state(Arc::clone(self))
    }

    async fn protocol(&self, request: Request) -> Result<Response, Box<Response>> {
        let caller = self.caller(&request)?;
        let id = caller.id();
        let permit =
            self.limits.acquire(&id).ok_or_else(|| Box::new(error_responses::too_many_requests()))?;
        let session = session_of(request.headers());
        let (mut parts, body) = request.into_parts();
        let session_end = match &session {
            // Only the caller that created a session can use it.
            Some(session) => self.limits.session(&id, session),
            None => Some(self.limits.shutdown()),
        };
        parts.extensions.insert(session_end.ok_or_else(|| Box::new(error_responses::unknown_session()))?);
        let body = match timeout(BODY_TIMEOUT, to_bytes(body, MAX_BODY_BYTES)).await {
            Ok(Ok(body)) => repaired(body),
            Ok(Err(_)) => return Err(Box::new(error_responses::body_too_large())),
            Err(_) => return Err(Box::new(error_responses::body_timeout())),
        };
        self.check_scopes(&body, &caller).await?;
        if let Some(session) = session.as_deref()
            && parts.method == Method::DELETE
        {
            // rmcp would wait for running calls.
            self.limits.end_session(&id, session);
        }
        // The API key is not passed on.
        parts.headers.remove(header::AUTHORIZATION);
        parts.extensions.insert(caller);
        let response = self.service.handle(Request::from_parts(parts, Full::new(body))).await;
        if let Some(new) = session_of(response.headers()).filter(|new| session.as_ref() != Some(new)) {
            self.add_session(&id, new);
        }
        // The response holds the permit until it is sent or dropped.
        Ok(response.map(|body| {
            Body::new(body.map_err(move |never| {
                let _held = &permit;
                never
            }))
        }))
    }

    /// Returns the caller by its API key. Access tokens of Vimeo are not accepted.
    fn caller(&self, request: &Request) -> Result<Caller, Box<Response>> {
        let headers = request.headers();
        if self.is_authenticated_upstream {
            let key = request.extensions().get::<ApiKey>();
            return key.map(|key| Caller::Known(Arc::new(key.clone()))).ok_or_else(|| {
                Box::new(self.auth_responses.unauthorized(headers.contains_key(header::AUTHORIZATION)))
            });
        }
        if self.api_keys.is_empty() {
            return Ok(Caller::Local);
        }
        let authorization = headers.get(header::AUTHORIZATION);
        let token = authorization.and_then(|value| value.to_str().ok()).and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
        });
        let found = token.and_then(|token| self.api_keys.find(token));
        match found {
            Some(key) => Ok(Caller::Known(key)),
            None => Err(Box::new(self.auth_responses.unauthorized(authorization.is_some()))),
        }
    }

    /// Refuses a tool call that the caller's scopes do not allow; the response names all scopes that it needs.
    async fn check_scopes(&self, body: &Bytes, caller: &Caller) -> Result<(), Box<Response>> {
        let Caller::Known(key) = caller else { return Ok(()) };
        let Some(granted) = key.granted() else { return Ok(()) };
        let Ok(message) = serde_json::from_slice::<Value>(body) else { return Ok(()) };
        let text = |pointer: &str| message.pointer(pointer).and_then(Value::as_str);
        let called = text("/params/name").filter(|_| text("/method") == Some("tools/call"));
        let selected = &self.settings.selection;
        let tool = called.and_then(tools::tool).filter(|tool| caller.is_offered(selected, tool.spec()));
        match tool {
            Some(tool) if !key.covers(tool.spec().scopes) => {
                let needed = ScopeSet::from(tool.spec().scopes.join(" "));
                let all: ScopeSet = granted.iter().chain(needed.iter()).cloned().collect();
                let arguments = message.pointer("/params/arguments").unwrap_or(&Value::Null);
                let error = ToolError::scope(tool.spec().name, tool.spec().scopes, granted);
                self.settings.record_refusal(caller, tool.spec(), None, arguments, &error).await;
                Err(Box::new(self.auth_responses.insufficient_scope(&all)))
            }
            _ => Ok(()),
        }
    }

    fn add_session(&self, caller: &str, session: String) {
        if let Some(evicted) = self.limits.add_session(caller, session) {
            let sessions = Arc::clone(&self.sessions);
            tokio::spawn(async move {
                if let Err(error) = sessions.close_session(&evicted.into()).await {
                    tracing::debug!(%error, "cannot close an evicted session");
                }
            });
        }
    }
}

/// Refuses web pages that may not call, and lets the others read the response.
async fn check_origin(State(endpoint): State<Arc<Endpoint>>, request: Request, next: Next) -> Response {
    let Ok(page) = endpoint.origins.check(request.headers()) else {
        return error_responses::forbidden_origin();
    };
    let Some(page) = page else { return next.run(request).await };
    let mut response = match *request.method() {
        Method::OPTIONS => origins::preflight(),
        _ => next.run(request).await,
    };
    origins::add_cors_headers(&mut response, page);
    response
}

/// Repairs a request if necessary.
fn repaired(body: Bytes) -> Bytes {
    let Ok(mut message) = serde_json::from_slice::<Value>(&body) else { return body };
    if !repair(&mut message) {
        return body;
    }
    serde_json::to_vec(&message).map_or(body, Bytes::from)
}

fn session_of(headers: &HeaderMap) -> Option<String> {
    headers.get(SESSION_HEADER).and_then(|value| value.to_str().ok()).map(str::to_owned)
}
