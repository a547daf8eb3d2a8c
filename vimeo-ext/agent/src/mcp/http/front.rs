//! What stands before the protocol: who calls, what may be called, and to whom a session belongs.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{SessionManager as _, StreamableHttpService};
use serde_json::Value;
use tokio::time::timeout;
use vimeo_ext::ScopeSet;

use super::super::Settings;
use super::super::access::{Bearers, Caller};
use super::super::handler::Handler;
use super::super::repair::repair;
use super::caller_limits::{CallerLimits, PermitBody};
use super::origins::{self, Origins};
use super::refusals::Refusals;
use super::{HttpOptions, LARGEST};
use crate::tools::{self, ToolError};

pub(super) type Body = BoxBody<Bytes, Infallible>;

/// The path of the protocol.
pub(super) const PATH: &str = "/mcp";

/// How long a client may take to send the body of a request.
const BODY: Duration = Duration::from_secs(30);

const SESSION: &str = "mcp-session-id";

pub(super) struct Front {
    settings: Arc<Settings>,
    bearers: Bearers,
    refusals: Refusals,
    origins: Origins,
    service: StreamableHttpService<Handler, LocalSessionManager>,
    sessions: Arc<LocalSessionManager>,
    limits: CallerLimits,
}

impl Front {
    pub(super) fn new(
        settings: Arc<Settings>,
        options: HttpOptions,
        address: SocketAddr,
        origins: Origins,
        service: StreamableHttpService<Handler, LocalSessionManager>,
        sessions: Arc<LocalSessionManager>,
    ) -> Self {
        let refusals = Refusals::new(&options, address);
        let limits = CallerLimits::among(options.bearers.len());
        Self { settings, bearers: options.bearers, refusals, origins, service, sessions, limits }
    }

    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let Ok(page) = self.origins.page(request.headers()) else { return self.refusals.foreign_page() };
        let asks = page.is_some() && request.method() == Method::OPTIONS;
        let mut answer = if asks { origins::preflight() } else { self.to(request).await };
        if let Some(page) = page {
            origins::show(&mut answer, page);
        }
        answer
    }

    async fn to(&self, request: Request<Incoming>) -> Response<Body> {
        let path = request.uri().path().trim_end_matches('/');
        match (request.method(), path) {
            (&Method::GET, "/health") => self.refusals.health(),
            (
                &Method::GET,
                "/.well-known/oauth-protected-resource" | "/.well-known/oauth-protected-resource/mcp",
            ) if !self.bearers.is_empty() => self.refusals.metadata(),
            (_, PATH) => match self.protocol(request).await {
                Ok(answer) => answer,
                Err(refusal) => *refusal,
            },
            _ => self.refusals.nothing_here(),
        }
    }

    async fn protocol(&self, request: Request<Incoming>) -> Result<Response<Body>, Box<Response<Body>>> {
        let caller = self.caller(request.headers())?;
        let id = caller.id();
        let place = self.limits.request(&id).ok_or_else(|| Box::new(self.refusals.too_many()))?;
        let session = session_of(request.headers());
        // A session is its beginner's: to others there is none.
        let gone = match &session {
            Some(session) => match self.limits.session(&id, session) {
                Some(gone) => Some(gone),
                None => return Err(Box::new(self.refusals.no_session())),
            },
            None => None,
        };
        let (mut parts, body) = request.into_parts();
        let body = match timeout(BODY, Limited::new(body, LARGEST).collect()).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(_)) => return Err(Box::new(self.refusals.too_large())),
            Err(_) => return Err(Box::new(self.refusals.too_slow())),
        };
        let body = repaired(body);
        self.check_scopes(&body, &caller).await?;
        if let Some(session) = session.as_deref()
            && parts.method == Method::DELETE
        {
            // The protocol's library would wait for what is under way.
            self.limits.end(&id, session);
        } else if let Some(gone) = gone {
            parts.extensions.insert(gone);
        }
        // The bearer token goes no further than here.
        parts.headers.remove(header::AUTHORIZATION);
        parts.extensions.insert(caller.clone());
        let answer = self.service.handle(Request::from_parts(parts, Full::new(body))).await;
        if let Some(begun) = session_of(answer.headers()).filter(|begun| session.as_ref() != Some(begun)) {
            self.remember(&id, begun);
        }
        Ok(answer.map(|body| PermitBody::new(body, place).boxed()))
    }

    /// Who calls, by the bearer token; nobody else's token is looked at, and Vimeo's are none of ours.
    fn caller(&self, headers: &HeaderMap) -> Result<Caller, Box<Response<Body>>> {
        if self.bearers.is_empty() {
            return Ok(Caller::Local);
        }
        let given = headers.get(header::AUTHORIZATION);
        let token = given.and_then(|value| value.to_str().ok()).and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
        });
        let found = token.and_then(|token| self.bearers.find(token));
        match found {
            Some(bearer) => Ok(Caller::Known(bearer)),
            None => Err(Box::new(self.refusals.unauthorized(given.is_some()))),
        }
    }

    /// A call of a tool that the bearer's scopes do not allow is refused with all that would be needed.
    async fn check_scopes(&self, body: &Bytes, caller: &Caller) -> Result<(), Box<Response<Body>>> {
        let Caller::Known(bearer) = caller else { return Ok(()) };
        let Some(granted) = bearer.granted() else { return Ok(()) };
        let Ok(message) = serde_json::from_slice::<Value>(body) else { return Ok(()) };
        let text = |pointer: &str| message.pointer(pointer).and_then(Value::as_str);
        let called = text("/params/name").filter(|_| text("/method") == Some("tools/call"));
        let tool = called.and_then(tools::tool).filter(|tool| self.settings.offer.has(tool.spec()));
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

    /// Stops what is under way in all sessions.
    pub(super) fn end_all(&self) {
        self.limits.end_all();
    }
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
