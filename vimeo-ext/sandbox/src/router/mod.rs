//! The API's router: finds the operation, checks the token and the parameters, and calls the handler.

pub(crate) mod page_threads;
mod table;

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};
use serde_json::Value;

use crate::call::validation;
use crate::call::{Answer, Call, Caller, Content, Outcome, Request};
use crate::catalog::suggest::nearest;
use crate::catalog::{self, Found, Operation, Params};
use crate::clock::{http_date, iso, parse_http_date};
use crate::config::MissingPrivateScope;
use crate::config::rate_limit::{RateLimit, RateLimitHeaders, RateLimitStatus};
use crate::config::scopes::Scopes;
use crate::config::tokens::looks_real;
use crate::handlers;
use crate::handlers::upload;
use crate::protocol::error::{ApiError, InvalidField};
use crate::protocol::fields::Selection;
use crate::protocol::query::Query;
use crate::request_log::EntryHandle;
use crate::world::State;
use crate::world::registry::WorldHandle;
use crate::world::resolver::WorldResolver;
use page_threads::PageThreads;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Handles a request whose body has been read.
pub(crate) async fn handle(
    resolver: &WorldResolver<'_>,
    threads: &PageThreads,
    upload_base: &str,
    method: &Method,
    request: Request,
    log_entry: &EntryHandle,
) -> Response<Body> {
    match begin(resolver, upload_base, method, request, log_entry) {
        Progress::Done(response) => response,
        Progress::Page(page) => threads.run(move || page.render()).await.unwrap_or_else(|| {
            let message = "The thread that rendered the page panicked.";
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            error_response(&ApiError::new(status, None, "Something went wrong.", message))
        }),
    }
}

/// Handles a request like [`handle`], but renders pages on this thread.
pub(crate) fn handle_here(
    resolver: &WorldResolver<'_>,
    upload_base: &str,
    method: &Method,
    request: Request,
    log_entry: &EntryHandle,
) -> Response<Body> {
    match begin(resolver, upload_base, method, request, log_entry) {
        Progress::Done(response) => response,
        Progress::Page(page) => page.render(),
    }
}

/// How far a request is handled while the world is locked.
enum Progress {
    Done(Response<Body>),
    Page(Box<PageRequest>),
}

impl From<Response<Body>> for Progress {
    fn from(response: Response<Body>) -> Self {
        Self::Done(response)
    }
}

fn begin(
    resolver: &WorldResolver<'_>,
    upload_base: &str,
    method: &Method,
    request: Request,
    log_entry: &EntryHandle,
) -> Progress {
    // HEAD is handled like GET; the server omits the body.
    let effective_method = if *method == Method::HEAD { &Method::GET } else { method };
    let (operation, params) = match catalog::find(effective_method, &request.path) {
        Found::Operation(operation, params) => (operation, params),
        Found::OtherMethods(methods) if *method == Method::OPTIONS => {
            let mut response = empty(StatusCode::NO_CONTENT);
            put(&mut response, header::ALLOW, &allowed(&methods));
            return response.into();
        }
        Found::OtherMethods(methods) => {
            log_unknown(resolver, method, &request, log_entry);
            return method_not_allowed(&methods).into();
        }
        Found::Nothing => {
            log_unknown(resolver, method, &request, log_entry);
            return error_response(&unknown_path(method, &request.path)).into();
        }
    };
    let unknown = validation::unknown_parameters(operation, &request.query, resolver.config());
    log_entry.update(|entry| {
        entry.operation = Some(operation.name);
        entry.unknown_parameters = unknown;
    });
    if let Some(open) = table::without_token(operation.name) {
        return handle_without_token(resolver, upload_base, &request, log_entry, operation, params, open)
            .into();
    }
    let Some(token) = request.token(resolver.config()) else {
        return error_response(&ApiError::unauthorized(
            "No access token was sent; the Authorization header must be `bearer …`.",
        ))
        .into();
    };
    let handle = match resolver.of(token) {
        Some(handle) => handle,
        None => match world_for_unknown_token(resolver, token) {
            Ok(handle) => handle,
            Err(error) => return error_response(&error).into(),
        },
    };
    log_entry.set_world(handle.id);
    let (mut state, now) = if method.is_safe() { handle.read() } else { handle.write() };
    let (caller, rate, rate_status) = match authenticate(&mut state, token, &request, now) {
        Ok(authenticated) => authenticated,
        Err(error) => return error_response(&error).into(),
    };
    let reply = Reply { now, operation, rate, rate_status };
    if reply.rate_status.exceeded {
        drop(state);
        return reply.response(Err(too_many_requests()), &request).into();
    }
    let selection = Selection::parse(request.query.get("fields"));
    let caller = Some(caller);
    if operation.method == Method::GET && operation.returns_page {
        let upload_base = upload_base.to_owned();
        let state = state.share();
        return Progress::Page(Box::new(PageRequest {
            state,
            request,
            params,
            caller,
            selection,
            upload_base,
            reply,
        }));
    }
    let request = &request;
    let outcome =
        run(Call { state: &mut state, now, request, operation, params, caller, selection, upload_base });
    drop(state);
    reply.response(outcome, request).into()
}

/// A request for a page of a list. It has a copy of the world: rendering a page takes much longer than anything else, and
/// nobody has to wait for it.
struct PageRequest {
    state: State,
    request: Request,
    params: Params,
    caller: Option<Caller>,
    selection: Selection,
    upload_base: String,
    reply: Reply,
}

impl PageRequest {
    fn render(self) -> Response<Body> {
        let Self { mut state, request, params, caller, selection, upload_base, reply } = self;
        let (now, operation) = (reply.now, reply.operation);
        let outcome = run(Call {
            state: &mut state,
            now,
            request: &request,
            operation,
            params,
            caller,
            selection,
            upload_base: &upload_base,
        });
        debug_assert!(!state.has_changed(), "{} changes a copy of the world", operation.name);
        reply.response(outcome, &request)
    }
}

/// What a response contains besides the outcome of its operation.
struct Reply {
    now: DateTime<Utc>,
    operation: &'static Operation,
    rate: RateLimit,
    rate_status: RateLimitStatus,
}

impl Reply {
    fn response(&self, outcome: Outcome, request: &Request) -> Response<Body> {
        let mut response = into_response(outcome, self.operation, request);
        // Clients may compute the reset relative to `Date`, so it must follow the world's clock.
        put(&mut response, header::DATE, &http_date(self.now));
        put_limit_headers(&mut response, &self.rate, &self.rate_status);
        response
    }
}

/// The world for an unknown token, if the sandbox accepts any token.
fn world_for_unknown_token(resolver: &WorldResolver<'_>, token: &str) -> Result<Arc<WorldHandle>, ApiError> {
    if !resolver.config().allow_any_token {
        return Err(ApiError::unauthorized(match looks_real(token) {
            true => {
                "The access token looks like a real Vimeo token, which the sandbox rejects: use the token that it printed."
            }
            false => "The access token is unknown or was revoked.",
        }));
    }
    let handle = resolver.first()?;
    {
        let (mut state, _) = handle.write();
        let user = Some(state.first_user);
        // A concurrent request may have added it already, which is fine.
        let _ = state.add_token(token, user, Scopes::all(), None);
    }
    Ok(handle)
}

/// Identifies the caller by the token and counts the request against the token's rate limit.
fn authenticate(
    state: &mut State,
    text: &str,
    request: &Request,
    now: DateTime<Utc>,
) -> Result<(Caller, RateLimit, RateLimitStatus), ApiError> {
    let Some(token) = state.token(text) else {
        return Err(ApiError::unauthorized("The access token is unknown or was revoked."));
    };
    if token.expires.is_some_and(|expires| now >= expires) {
        return Err(ApiError::unauthorized("The access token has expired."));
    }
    let with_fields = request.query.get("fields").is_some_and(|fields| !fields.is_empty());
    let rate = token.rate;
    let status = token.usage.count(&rate, with_fields, now);
    let caller = Caller { user: token.user, scopes: token.scopes.clone() };
    Ok((caller, rate, status))
}

/// Checks scopes and parameters, and calls the handler.
fn run(mut call: Call<'_>) -> Outcome {
    let operation = call.operation;
    if operation.needs_user {
        call.me()?;
    }
    if let Some(caller) = &call.caller {
        let missing: Vec<&str> =
            operation.scopes.iter().copied().filter(|scope| !caller.scopes.contains(scope)).collect();
        if !missing.is_empty() {
            let returns_empty = call.state.config.missing_private_scope == MissingPrivateScope::EmptyList;
            if returns_empty && missing == ["private"] && operation.returns_page {
                return call.page::<()>("video", &[], |_, (), _| Value::Null);
            }
            return Err(ApiError::missing_scope(missing.first().copied().unwrap_or_default()));
        }
    }
    let Some(handler) = table::handler(operation) else {
        return Err(not_implemented(operation));
    };
    let mut invalid = Vec::new();
    validation::query(operation, &call.request.query, &mut invalid);
    if call.state.config.refuse_unknown_parameters {
        let unknown = validation::unknown_parameters(operation, &call.request.query, &call.state.config);
        invalid.extend(
            unknown.iter().map(|name| InvalidField::new(name, "is not a parameter of this operation")),
        );
    }
    if operation.body.is_some() {
        let input = call.input()?;
        validation::body(operation, &input, &call.request.query, &mut invalid);
        if upload::takes_name(&call, &input) {
            invalid.retain(|field| field.field != "file_name");
        }
    }
    validation::into_result(invalid)?;
    let mut answer = handler(&mut call)?;
    if operation.method != Method::GET {
        call.state.changed = call.state.changed.max(Some(call.now));
    }
    if operation.knows_modified_since {
        answer.modified = answer.modified.or(call.state.changed);
    }
    if let (Some(mutation), Content::Json(body)) = (call.state.mutation, &mut answer.body) {
        mutation.apply(body, call.state.seed);
    }
    Ok(answer)
}

/// Records what an unknown path or method is closest to, and the world of the token, whose owner looks for the request.
fn log_unknown(resolver: &WorldResolver<'_>, method: &Method, request: &Request, log_entry: &EntryHandle) {
    let nearest = nearest(method, &request.path);
    log_entry.update(|entry| entry.nearest_operation = nearest);
    if let Some(handle) = request.token(resolver.config()).and_then(|token| resolver.of(token)) {
        log_entry.set_world(handle.id);
    }
}

/// Handles an operation that needs no token and authorizes the request itself.
fn handle_without_token(
    resolver: &WorldResolver<'_>,
    upload_base: &str,
    request: &Request,
    log_entry: &EntryHandle,
    operation: &'static Operation,
    params: Params,
    open: handlers::WorldOpener,
) -> Response<Body> {
    let outcome = open(resolver, request, operation).and_then(
        |(handle, handler): (Arc<WorldHandle>, handlers::Handler)| {
            log_entry.set_world(handle.id);
            let (mut state, now) = handle.write();
            let selection = Selection::parse(request.query.get("fields"));
            handler(&mut Call {
                state: &mut state,
                now,
                request,
                operation,
                params,
                caller: None,
                selection,
                upload_base,
            })
        },
    );
    into_response(outcome, operation, request)
}

fn into_response(outcome: Outcome, operation: &Operation, request: &Request) -> Response<Body> {
    match outcome {
        Ok(answer) if operation.knows_modified_since && not_modified(&answer, request) => {
            empty(StatusCode::NOT_MODIFIED)
        }
        Ok(answer) => success_response(answer),
        Err(error) => error_response(&error),
    }
}

/// Whether nothing in the response is newer than `If-Modified-Since`.
fn not_modified(answer: &Answer, request: &Request) -> bool {
    let since = request.headers.get(header::IF_MODIFIED_SINCE).and_then(|value| value.to_str().ok());
    match (answer.modified, since.and_then(parse_http_date)) {
        (Some(modified), Some(since)) => modified.timestamp() <= since.timestamp(),
        _ => false,
    }
}

fn success_response(answer: Answer) -> Response<Body> {
    let mut response = match answer.body {
        Content::Json(body) => {
            json_response(answer.status, &answer.media, serde_json::to_vec(&body).unwrap_or_default())
        }
        Content::JsonText(text) => json_response(answer.status, &answer.media, text),
        Content::Nothing => empty(answer.status),
        Content::Html(page) => {
            let mut response = Response::new(Body::from(page));
            *response.status_mut() = answer.status;
            put(&mut response, header::CONTENT_TYPE, "text/html; charset=utf-8");
            response
        }
        Content::Bytes(media, bytes) => {
            let mut response = Response::new(Body::from(bytes));
            *response.status_mut() = answer.status;
            put(&mut response, header::CONTENT_TYPE, media);
            response
        }
        Content::Redirect(to) => {
            let mut response = empty(answer.status);
            put(&mut response, header::LOCATION, &to);
            response
        }
    };
    if let Some(modified) = answer.modified {
        put(&mut response, header::LAST_MODIFIED, &http_date(modified));
    }
    response
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// An error response in Vimeo's format.
pub(crate) fn error_response(error: &ApiError) -> Response<Body> {
    let mut response =
        json_response(error.status, "error", serde_json::to_vec(&error.body()).unwrap_or_default());
    if let Some(challenge) = error.challenge {
        put(&mut response, header::WWW_AUTHENTICATE, challenge);
    }
    response
}

fn json_response(status: StatusCode, media: &str, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    put(&mut response, header::CONTENT_TYPE, &format!("application/vnd.vimeo.{media}+json"));
    response
}

fn put(response: &mut Response<Body>, name: HeaderName, value: &str) {
    // All values set here are printable; an invalid one is left out.
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

fn put_limit_headers(response: &mut Response<Body>, rate: &RateLimit, status: &RateLimitStatus) {
    let reset = match rate.headers {
        RateLimitHeaders::Absent => return,
        RateLimitHeaders::Iso => iso(status.reset),
        RateLimitHeaders::Unix => status.reset.timestamp().to_string(),
    };
    put(response, LIMIT, &status.limit.to_string());
    put(response, REMAINING, &status.remaining.to_string());
    put(response, RESET, &reset);
}

fn too_many_requests() -> ApiError {
    let message = "The token's rate limit is exhausted; X-RateLimit-Reset is the end of its window.";
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, None, "Too many requests.", message)
}

fn not_implemented(operation: &Operation) -> ApiError {
    let message = format!(
        "The sandbox does not implement {} ({} {}).",
        operation.name, operation.method, operation.path
    );
    ApiError::new(StatusCode::NOT_IMPLEMENTED, None, "Not implemented.", message)
}

fn unknown_path(method: &Method, path: &str) -> ApiError {
    let message = format!("The API has no {method} {path}.");
    ApiError::new(StatusCode::NOT_FOUND, None, "This does not exist.", message)
}

/// The value of `Allow`.
fn allowed(methods: &[Method]) -> String {
    methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ")
}

fn method_not_allowed(methods: &[Method]) -> Response<Body> {
    let allowed = allowed(methods);
    let error = ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        None,
        "This method is not supported here.",
        format!("The path supports {allowed}."),
    );
    let mut response = error_response(&error);
    put(&mut response, header::ALLOW, &allowed);
    response
}

/// Builds the request that handlers see.
pub(crate) fn build_request(parts: &http::request::Parts, body: Bytes) -> Request {
    Request {
        path: parts.uri.path().to_owned(),
        query: Query::parse(parts.uri.query().unwrap_or_default()),
        headers: parts.headers.clone(),
        body,
    }
}

/// Vimeo's name of the operation that a request addresses, for faults.
pub(crate) fn operation_name(method: &Method, path: &str) -> Option<&'static str> {
    match catalog::find(method, path) {
        Found::Operation(operation, _) => Some(operation.name),
        _ => None,
    }
}
