//! What stands before the protocol: who calls, what may be called, and to whom a session belongs.

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

use super::super::access::{ApiKeys, Caller};
use super::super::handler::Handler;
use super::super::repair::repair;
use super::super::{ServerError, Settings};
use super::caller_limits::CallerLimits;
use super::origins::{self, Origins};
use super::refusals::{self, Refusals};
use super::{HttpOptions, LARGEST};
use crate::tools::{self, ToolError};

/// The path of the protocol.
pub(super) const PATH: &str = "/mcp";

/// How long a client may take to send the body of a request.
const BODY: Duration = Duration::from_secs(30);

const SESSION: &str = "mcp-session-id";

/// The protocol's place on the web, for those who may call.
pub(super) struct Endpoint {
    settings: Arc<Settings>,
    api_keys: ApiKeys,
    refusals: Refusals,
    origins: Origins,
    service: StreamableHttpService<Handler, LocalSessionManager>,
    sessions: Arc<LocalSessionManager>,
    limits: CallerLimits,
}

impl Endpoint {
    /// The endpoint of a server that listens on this address.
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
            .with_max_request_body_bytes(LARGEST);
        let handler = Handler::over_http(Arc::clone(&settings));
        let sessions = Arc::new(LocalSessionManager::default());
        let service = StreamableHttpService::new(move || Ok(handler.clone()), Arc::clone(&sessions), config);
        let refusals = Refusals::new(&options, address);
        let limits = CallerLimits::among(options.api_keys.len(), options.shutdown);
        Ok(Arc::new(Self {
            settings,
            api_keys: options.api_keys,
            refusals,
            origins,
            service,
            sessions,
            limits,
        }))
    }

    /// The protocol, and who gives out its tokens.
    fn routes(&self) -> Router<Arc<Self>> {
        let protocol = || {
            any(|State(endpoint): State<Arc<Self>>, request| async move {
                endpoint.protocol(request).await.unwrap_or_else(|refusal| *refusal)
            })
        };
        let routes = Router::new().route(PATH, protocol()).route(&format!("{PATH}/"), protocol());
        if self.api_keys.is_empty() {
            return routes;
        }
        let metadata =
            || get(|State(endpoint): State<Arc<Self>>| async move { endpoint.refusals.metadata() });
        routes
            .route("/.well-known/oauth-protected-resource", metadata())
            .route(&format!("/.well-known/oauth-protected-resource{PATH}"), metadata())
    }

    /// The routes beside which a service has others.
    pub(super) fn into_router<S: Clone + Send + Sync + 'static>(self: Arc<Self>) -> Router<S> {
        self.finish(self.routes())
    }

    /// A whole site.
    pub(super) fn into_site(self: Arc<Self>) -> Router {
        let health = get(|| async { refusals::health() });
        self.finish(self.routes().route("/health", health).fallback(|| async { refusals::nothing_here() }))
    }

    fn finish<S>(self: &Arc<Self>, routes: Router<Arc<Self>>) -> Router<S> {
        routes.layer(from_fn_with_state(Arc::clone(self), for_pages)).with_state(Arc::clone(self))
    }

    async fn protocol(&self, request: Request) -> Result<Response, Box<Response>> {
        let caller = self.caller(request.headers())?;
        let id = caller.id();
        let place = self.limits.request(&id).ok_or_else(|| Box::new(refusals::too_many()))?;
        let session = session_of(request.headers());
        let (mut parts, body) = request.into_parts();
        let ended = match &session {
            // A session is its beginner's: to others there is none.
            Some(session) => self.limits.session(&id, session),
            None => Some(self.limits.shutdown()),
        };
        parts.extensions.insert(ended.ok_or_else(|| Box::new(refusals::no_session()))?);
        let body = match timeout(BODY, to_bytes(body, LARGEST)).await {
            Ok(Ok(body)) => repaired(body),
            Ok(Err(_)) => return Err(Box::new(refusals::too_large())),
            Err(_) => return Err(Box::new(refusals::too_slow())),
        };
        self.check_scopes(&body, &caller).await?;
        if let Some(session) = session.as_deref()
            && parts.method == Method::DELETE
        {
            // The protocol's library would wait for what is under way.
            self.limits.end(&id, session);
        }
        // The bearer token goes no further than here.
        parts.headers.remove(header::AUTHORIZATION);
        parts.extensions.insert(caller);
        let answer = self.service.handle(Request::from_parts(parts, Full::new(body))).await;
        if let Some(begun) = session_of(answer.headers()).filter(|begun| session.as_ref() != Some(begun)) {
            self.remember(&id, begun);
        }
        // The answer holds the place of its request until it is sent or given up.
        Ok(answer.map(|body| {
            Body::new(body.map_err(move |never| {
                let _held = &place;
                never
            }))
        }))
    }

    /// Who calls, by the bearer token; nobody else's token is looked at, and Vimeo's are none of ours.
    fn caller(&self, headers: &HeaderMap) -> Result<Caller, Box<Response>> {
        if self.api_keys.is_empty() {
            return Ok(Caller::Local);
        }
        let given = headers.get(header::AUTHORIZATION);
        let token = given.and_then(|value| value.to_str().ok()).and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
        });
        let found = token.and_then(|token| self.api_keys.find(token));
        match found {
            Some(bearer) => Ok(Caller::Known(bearer)),
            None => Err(Box::new(self.refusals.unauthorized(given.is_some()))),
        }
    }

    /// A call of a tool that the bearer's scopes do not allow is refused with all that would be needed.
    async fn check_scopes(&self, body: &Bytes, caller: &Caller) -> Result<(), Box<Response>> {
        let Caller::Known(bearer) = caller else { return Ok(()) };
        let Some(granted) = bearer.granted() else { return Ok(()) };
        let Ok(message) = serde_json::from_slice::<Value>(body) else { return Ok(()) };
        let text = |pointer: &str| message.pointer(pointer).and_then(Value::as_str);
        let called = text("/params/name").filter(|_| text("/method") == Some("tools/call"));
        let tool = called.and_then(tools::tool).filter(|tool| self.settings.selection.includes(tool.spec()));
        match tool {
            Some(tool) if !bearer.covers(tool.spec().scopes) => {
                let needed = ScopeSet::from(tool.spec().scopes.join(" "));
                let all: ScopeSet = granted.iter().chain(needed.iter()).cloned().collect();
                let arguments = message.pointer("/params/arguments").unwrap_or(&Value::Null);
                let error = ToolError::scope(tool.spec().name, tool.spec().scopes, granted);
                self.settings.note_refused(caller, tool.spec(), None, arguments, &error).await;
                Err(Box::new(self.refusals.insufficient_scope(&all)))
            }
            _ => Ok(()),
        }
    }

    fn remember(&self, caller: &str, session: String) {
        if let Some(over) = self.limits.begin(caller, session) {
            let sessions = Arc::clone(&self.sessions);
            tokio::spawn(async move {
                if let Err(error) = sessions.close_session(&over.into()).await {
                    tracing::debug!(%error, "a session that made place for another was not closed");
                }
            });
        }
    }
}

/// Refuses pages that may not call, and lets the others read what they are answered.
async fn for_pages(State(endpoint): State<Arc<Endpoint>>, request: Request, next: Next) -> Response {
    let Ok(page) = endpoint.origins.page(request.headers()) else { return refusals::foreign_page() };
    let Some(page) = page else { return next.run(request).await };
    let mut answer = match *request.method() {
        Method::OPTIONS => origins::preflight(),
        _ => next.run(request).await,
    };
    origins::show(&mut answer, page);
    answer
}

/// A request as the protocol has it, where that is what it means.
fn repaired(body: Bytes) -> Bytes {
    let Ok(mut message) = serde_json::from_slice::<Value>(&body) else { return body };
    if !repair(&mut message) {
        return body;
    }
    serde_json::to_vec(&message).map_or(body, Bytes::from)
}

fn session_of(headers: &HeaderMap) -> Option<String> {
    headers.get(SESSION).and_then(|value| value.to_str().ok()).map(str::to_owned)
}
