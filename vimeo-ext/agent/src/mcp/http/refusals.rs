//! Answers that are not the protocol's own.

use std::net::SocketAddr;

use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use vimeo_ext::{Scope, ScopeSet};

use super::HttpOptions;
use super::endpoint::PATH;

/// Where the server is, as clients see it, and who gives out its tokens.
pub(super) struct Refusals {
    base: String,
    authorization_servers: Vec<String>,
}

impl Refusals {
    pub(super) fn new(options: &HttpOptions, address: SocketAddr) -> Self {
        let base = options.public_url.clone().unwrap_or_else(|| format!("http://{address}"));
        Self {
            base: base.trim_end_matches('/').to_owned(),
            authorization_servers: options.authorization_servers.clone(),
        }
    }

    /// What kind of tokens the server takes and who gives them out (RFC 9728).
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
        answer(StatusCode::OK, &metadata)
    }

    /// `given`: there was a token, but none of this server's.
    pub(super) fn unauthorized(&self, given: bool) -> Response {
        let error = if given { "error=\"invalid_token\", " } else { "" };
        let text = "send a bearer token of this server; tokens of Vimeo are not taken";
        let body = json!({"error": "invalid_token", "error_description": text});
        self.challenge(StatusCode::UNAUTHORIZED, error, &body)
    }

    /// Names all scopes that the caller would need, those it has included.
    pub(super) fn insufficient_scope(&self, all: &ScopeSet) -> Response {
        let error = format!("error=\"insufficient_scope\", scope=\"{all}\", ");
        let body = json!({"error": "insufficient_scope", "scope": all.to_string()});
        self.challenge(StatusCode::FORBIDDEN, &error, &body)
    }

    fn challenge(&self, status: StatusCode, error: &str, body: &Value) -> Response {
        let mut answer = answer(status, body);
        let place = format!("{}/.well-known/oauth-protected-resource{PATH}", self.base);
        let challenge = format!("Bearer {error}resource_metadata=\"{place}\"");
        if let Ok(challenge) = HeaderValue::from_str(&challenge) {
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        answer
    }
}

/// Up, and nothing more is told.
pub(super) fn health() -> Response {
    answer(StatusCode::OK, &json!({"status": "ok"}))
}

pub(super) fn nothing_here() -> Response {
    refusal(StatusCode::NOT_FOUND, "not_found", "the path is /mcp")
}

pub(super) fn foreign_page() -> Response {
    let text = "pages of this origin may not call; the server's owner can allow them";
    refusal(StatusCode::FORBIDDEN, "forbidden", text)
}

pub(super) fn no_session() -> Response {
    let text = "there is no such session of yours; begin with initialize";
    refusal(StatusCode::NOT_FOUND, "not_found", text)
}

pub(super) fn too_large() -> Response {
    let text = "a request may have 1 MiB";
    refusal(StatusCode::PAYLOAD_TOO_LARGE, "too_large", text)
}

pub(super) fn too_slow() -> Response {
    let text = "the request did not come to its end in 30 s";
    refusal(StatusCode::REQUEST_TIMEOUT, "too_slow", text)
}

/// The caller has as many requests under way as it may.
pub(super) fn too_many() -> Response {
    let text = "you have too many requests under way; wait until some of them have ended";
    let body = json!({"error": "too_many_requests", "error_description": text});
    let mut answer = answer(StatusCode::TOO_MANY_REQUESTS, &body);
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    answer
}

fn refusal(status: StatusCode, error: &str, text: &str) -> Response {
    answer(status, &json!({"error": error, "error_description": text}))
}

fn answer(status: StatusCode, body: &Value) -> Response {
    let head = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (status, head, body.to_string()).into_response()
}
