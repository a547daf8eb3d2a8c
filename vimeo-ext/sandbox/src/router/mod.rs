//! From a request to the API to its answer: the operation is found, the token and what was sent are checked, and the handler
//! asked.

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
use crate::config::MissingPrivate;
use crate::config::rate_limit::{LimitHeaders, RateLimit, RateLimitStatus};
use crate::config::scopes::Scopes;
use crate::config::tokens::looks_real;
use crate::handlers;
use crate::protocol::error::{ApiError, InvalidField};
use crate::protocol::fields::Selection;
use crate::protocol::query::Query;
use crate::request_log::{self, EntryHandle};
use crate::world::State;
use crate::world::registry::WorldHandle;
use crate::world::resolver::WorldResolver;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Answers a request whose body was read.
pub(crate) fn answer(
    resolver: &WorldResolver<'_>,
    upload_base: &str,
    method: &Method,
    request: &Request,
    log_entry: &EntryHandle,
) -> Response<Body> {
    // What can be got can be asked for its headers alone; the server leaves the body out.
    let wanted = if *method == Method::HEAD { &Method::GET } else { method };
    let (operation, params) = match catalog::find(wanted, &request.path) {
        Found::Operation(operation, params) => (operation, params),
        Found::OtherMethods(methods) if *method == Method::OPTIONS => {
            let mut response = empty(StatusCode::NO_CONTENT);
            put(&mut response, header::ALLOW, &allowed(&methods));
            return response;
        }
        Found::OtherMethods(methods) => {
            log_entry.update(|entry| entry.nearest_operation = nearest(method, &request.path));
            return other_method(&methods);
        }
        Found::Nothing => {
            log_entry.update(|entry| entry.nearest_operation = nearest(method, &request.path));
            return refusal(&no_operation(method, &request.path));
        }
    };
    let unknown = validation::unknown_parameters(operation, &request.query);
    log_entry.update(|entry| {
        entry.operation = Some(operation.name);
        entry.unknown_parameters = unknown;
    });
    if let Some(open) = table::without_token(operation.name) {
        return answer_without_token(resolver, upload_base, request, log_entry, operation, params, open);
    }
    let Some(token) = request_log::bearer(&request.headers) else {
        return refusal(&ApiError::unauthorized(
            "No access token was sent: the Authorization header must be `bearer …`.",
        ));
    };
    let handle = match resolver.of(token) {
        Some(handle) => handle,
        None => match world_for_unknown_token(resolver, token) {
            Ok(handle) => handle,
            Err(error) => return refusal(&error),
        },
    };
    log_entry.set_world(handle.id);
    let (mut state, now) = if method.is_safe() { handle.read() } else { handle.write() };
    let (caller, rate, standing) = match admit(&mut state, token, request, now) {
        Ok(admitted) => admitted,
        Err(error) => return refusal(&error),
    };
    let mut outcome = if standing.exceeded {
        Err(too_many())
    } else {
        let selection = Selection::parse(request.query.get("fields"));
        let caller = Some(caller);
        run(Call { state: &mut state, now, request, operation, params, caller, selection, upload_base })
    };
    if let (Some(drift), Ok(Answer { body: Content::Json(body), .. })) = (state.drift, &mut outcome) {
        drift.apply(body, state.seed);
    }
    drop(state);
    let mut response = finish(outcome, operation, request);
    // A client may reckon the reset by the server's own clock, so that must be the world's.
    put(&mut response, header::DATE, &http_date(now));
    put_limit_headers(&mut response, &rate, &standing);
    response
}

/// The world of a token that is not known, where such tokens are let in.
fn world_for_unknown_token(resolver: &WorldResolver<'_>, token: &str) -> Result<Arc<WorldHandle>, ApiError> {
    if !resolver.config().allow_any_token {
        return Err(ApiError::unauthorized(match looks_real(token) {
            true => {
                "The access token looks like a real one of Vimeo's, and the sandbox takes none: use the token that it printed."
            }
            false => "The access token is not known here, or was revoked.",
        }));
    }
    let handle = resolver.first()?;
    {
        let (mut state, _) = handle.write();
        let user = Some(state.first_user);
        // Another request may have brought it in a moment ago, which is as good.
        let _ = state.add_token(token, user, Scopes::all(), None);
    }
    Ok(handle)
}

/// Finds who a token stands for and counts the request against its limit.
fn admit(
    state: &mut State,
    text: &str,
    request: &Request,
    now: DateTime<Utc>,
) -> Result<(Caller, RateLimit, RateLimitStatus), ApiError> {
    let Some(token) = state.token(text) else {
        return Err(ApiError::unauthorized("The access token is not known here, or was revoked."));
    };
    if token.expires.is_some_and(|expires| now >= expires) {
        return Err(ApiError::unauthorized("The access token has expired."));
    }
    let with_fields = request.query.get("fields").is_some_and(|fields| !fields.is_empty());
    let rate = token.rate;
    let standing = token.usage.count(&rate, with_fields, now);
    let caller = Caller { user: token.user, scopes: token.scopes.clone() };
    Ok((caller, rate, standing))
}

/// Checks what the token may do, and does it.
fn run(mut call: Call<'_>) -> Outcome {
    let operation = call.operation;
    if operation.needs_user {
        call.me()?;
    }
    if let Some(caller) = &call.caller {
        let missing: Vec<&str> =
            operation.scopes.iter().copied().filter(|scope| !caller.scopes.contains(scope)).collect();
        if !missing.is_empty() {
            let silent = call.state.config.missing_private == MissingPrivate::Empty;
            if silent && missing == ["private"] && operation.answers_page {
                return call.page::<()>("video", &[], |_, (), _| Value::Null);
            }
            return Err(ApiError::missing_scope(missing.first().copied().unwrap_or_default()));
        }
    }
    let Some(handler) = table::handler(operation) else {
        return Err(not_built(operation));
    };
    let mut wrong = Vec::new();
    validation::query(operation, &call.request.query, &mut wrong);
    if call.state.config.refuse_unknown_parameters {
        let unknown = validation::unknown_parameters(operation, &call.request.query);
        wrong.extend(unknown.iter().map(|name| InvalidField::new(name, "is no parameter of this operation")));
    }
    if operation.body.is_some() {
        validation::body(operation, &call.input()?, &call.request.query, &mut wrong);
    }
    validation::into_result(wrong)?;
    let mut answer = handler(&mut call)?;
    if operation.method != Method::GET {
        call.state.changed = call.state.changed.max(Some(call.now));
    }
    if operation.knows_modified_since {
        answer.modified = answer.modified.or(call.state.changed);
    }
    Ok(answer)
}

/// An operation that is asked without a token: it says itself who may.
fn answer_without_token(
    resolver: &WorldResolver<'_>,
    upload_base: &str,
    request: &Request,
    log_entry: &EntryHandle,
    operation: &'static Operation,
    params: Params,
    open: handlers::Open,
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
    finish(outcome, operation, request)
}

fn finish(outcome: Outcome, operation: &Operation, request: &Request) -> Response<Body> {
    match outcome {
        Ok(answer) if operation.knows_modified_since && unchanged(&answer, request) => {
            empty(StatusCode::NOT_MODIFIED)
        }
        Ok(answer) => success(answer),
        Err(error) => refusal(&error),
    }
}

/// Whether nothing in the answer is newer than what the client says it has.
fn unchanged(answer: &Answer, request: &Request) -> bool {
    let since = request.headers.get(header::IF_MODIFIED_SINCE).and_then(|value| value.to_str().ok());
    match (answer.modified, since.and_then(parse_http_date)) {
        (Some(modified), Some(since)) => modified.timestamp() <= since.timestamp(),
        _ => false,
    }
}

fn success(answer: Answer) -> Response<Body> {
    let mut response = match answer.body {
        Content::Json(body) => with_json(answer.status, &answer.media, &body),
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

/// A refusal in Vimeo's error shape.
pub(crate) fn refusal(error: &ApiError) -> Response<Body> {
    let mut response = with_json(error.status, "error", &error.body());
    if let Some(challenge) = error.challenge {
        put(&mut response, header::WWW_AUTHENTICATE, challenge);
    }
    response
}

fn with_json(status: StatusCode, media: &str, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    put(&mut response, header::CONTENT_TYPE, &format!("application/vnd.vimeo.{media}+json"));
    response
}

fn put(response: &mut Response<Body>, name: HeaderName, value: &str) {
    // Everything that is written here is ours and printable; a value that is not is left out rather than fatal.
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

fn put_limit_headers(response: &mut Response<Body>, rate: &RateLimit, standing: &RateLimitStatus) {
    let reset = match rate.headers {
        LimitHeaders::Absent => return,
        LimitHeaders::Iso => iso(standing.reset),
        LimitHeaders::Unix => standing.reset.timestamp().to_string(),
    };
    put(response, LIMIT, &standing.limit.to_string());
    put(response, REMAINING, &standing.remaining.to_string());
    put(response, RESET, &reset);
}

fn too_many() -> ApiError {
    let message = "The token's rate limit is used up; X-RateLimit-Reset tells when its window ends.";
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, None, "Too many requests.", message)
}

fn not_built(operation: &Operation) -> ApiError {
    let message = format!(
        "The sandbox does not do {} ({} {}); it answers only what it can answer truly.",
        operation.name, operation.method, operation.path
    );
    ApiError::new(StatusCode::NOT_IMPLEMENTED, None, "Not built yet.", message)
}

fn no_operation(method: &Method, path: &str) -> ApiError {
    let message = format!("The API has no {method} {path}.");
    ApiError::new(StatusCode::NOT_FOUND, None, "This does not exist.", message)
}

/// The methods of a path as `Allow` has them.
fn allowed(methods: &[Method]) -> String {
    methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ")
}

fn other_method(methods: &[Method]) -> Response<Body> {
    let allowed = allowed(methods);
    let error = ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        None,
        "This method is not supported here.",
        format!("The path takes {allowed}."),
    );
    let mut response = refusal(&error);
    put(&mut response, header::ALLOW, &allowed);
    response
}

/// Reads what a request asks for out of its head and its body.
pub(crate) fn request(parts: &http::request::Parts, body: Bytes) -> Request {
    Request {
        path: parts.uri.path().to_owned(),
        query: Query::parse(parts.uri.query().unwrap_or_default()),
        headers: parts.headers.clone(),
        body,
    }
}

/// Vimeo's name of the operation that a request means, for the faults.
pub(crate) fn operation_name(method: &Method, path: &str) -> Option<&'static str> {
    match catalog::find(method, path) {
        Found::Operation(operation, _) => Some(operation.name),
        _ => None,
    }
}
