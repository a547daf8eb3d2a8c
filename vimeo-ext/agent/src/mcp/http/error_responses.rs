//! HTTP responses outside of the protocol: errors, metadata and health.

use std::net::SocketAddr;

use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use vimeo_ext::{Scope, ScopeSet};

use super::HttpOptions;
use super::endpoint::PATH;

/// Builds the responses that contain the server's public URL or its authorization servers.
pub(super) struct AuthResponses {
    base: String,
    authorization_servers: Vec<String>,
}

impl AuthResponses {
    pub(super) fn new(options: &HttpOptions, address: SocketAddr) -> Self {
        let base = options.public_url.clone().unwrap_or_else(|| format!("http://{address}"));
        Self {
            base: base.trim_end_matches('/').to_owned(),
            authorization_servers: options.authorization_servers.clone(),
        }
    }

    /// Returns the protected resource metadata (RFC 9728).
    pub(super) fn metadata(&self) -> Response {
        let scopes = [
            Scope::Public,
            Scope::Private,
            Scope::Create,
            Scope::Edit,
            Scope::Delete,
            Scope::Interact,
            Scope::Upload,
        ];
        let mut metadata = json!({
            "resource": format!("{}{PATH}", self.base),
            "bearer_methods_supported": ["header"],
            "scopes_supported": scopes.map(|scope| scope.to_string()),
            "resource_name": "Vimeo tools",
        });
        if let (Value::Object(fields), false) = (&mut metadata, self.authorization_servers.is_empty()) {
            fields.insert("authorization_servers".to_owned(), json!(self.authorization_servers));
        }
        json_response(StatusCode::OK, &metadata)
    }

    /// Returns the response to a request without a valid API key. `has_token`: it has an invalid one.
    pub(super) fn unauthorized(&self, has_token: bool) -> Response {
        let error = if has_token { "error=\"invalid_token\", " } else { "" };
        let text =
            "send an API key of this server as the bearer token; access tokens of Vimeo are not accepted";
        let body = json!({"error": "invalid_token", "error_description": text});
        self.challenge(StatusCode::UNAUTHORIZED, error, &body)
    }

    /// Returns the response for missing scopes. `all` are the scopes that the caller has and needs.
    pub(super) fn insufficient_scope(&self, all: &ScopeSet) -> Response {
        let error = format!("error=\"insufficient_scope\", scope=\"{all}\", ");
        let body = json!({"error": "insufficient_scope", "scope": all.to_string()});
        self.challenge(StatusCode::FORBIDDEN, &error, &body)
    }

    fn challenge(&self, status: StatusCode, error: &str, body: &Value) -> Response {
        let mut response = json_response(status, body);
        let metadata_url = format!("{}/.well-known/oauth-protected-resource{PATH}", self.base);
        let challenge = format!("Bearer {error}resource_metadata=\"{metadata_url}\"");
        if let Ok(challenge) = HeaderValue::from_str(&challenge) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// Returns that the server is running, and nothing more.
pub(super) fn health() -> Response {
    json_response(StatusCode::OK, &json!({"status": "ok"}))
}

pub(super) fn not_found() -> Response {
    error(StatusCode::NOT_FOUND, "not_found", "use the path /mcp")
}

pub(super) fn forbidden_origin() -> Response {
    let text = "web pages of this origin may not call; the server's operator can allow them";
    error(StatusCode::FORBIDDEN, "forbidden", text)
}

pub(super) fn unknown_session() -> Response {
    let text = "unknown session; start with initialize";
    error(StatusCode::NOT_FOUND, "not_found", text)
}

pub(super) fn body_too_large() -> Response {
    let text = "a request can have at most 1 MiB";
    error(StatusCode::PAYLOAD_TOO_LARGE, "too_large", text)
}

pub(super) fn body_timeout() -> Response {
    let text = "the request body was not complete after 30 s";
    error(StatusCode::REQUEST_TIMEOUT, "too_slow", text)
}

/// Returns the response to a caller with too many requests in flight.
pub(super) fn too_many_requests() -> Response {
    let text = "too many requests in flight; wait until some of them end";
    let body = json!({"error": "too_many_requests", "error_description": text});
    let mut response = json_response(StatusCode::TOO_MANY_REQUESTS, &body);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

fn error(status: StatusCode, error: &str, text: &str) -> Response {
    json_response(status, &json!({"error": error, "error_description": text}))
}

fn json_response(status: StatusCode, body: &Value) -> Response {
    let head = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (status, head, body.to_string()).into_response()
}
