//! Answers that are not the protocol's own.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use vimeo_ext::{Scope, ScopeSet};

use super::HttpOptions;
use super::front::{Body, PATH};

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

    /// Up, and nothing more is told.
    pub(super) fn health(&self) -> Response<Body> {
        answer(StatusCode::OK, &json!({"status": "ok"}))
    }

    /// What kind of tokens the server takes and who gives them out (RFC 9728).
    pub(super) fn metadata(&self) -> Response<Body> {
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

    pub(super) fn nothing_here(&self) -> Response<Body> {
        answer(StatusCode::NOT_FOUND, &json!({"error": "not_found", "error_description": "the path is /mcp"}))
    }

    pub(super) fn foreign_page(&self) -> Response<Body> {
        let text = "pages of this origin may not call; the server's owner can allow them";
        answer(StatusCode::FORBIDDEN, &json!({"error": "forbidden", "error_description": text}))
    }

    pub(super) fn no_session(&self) -> Response<Body> {
        let text = "there is no such session of yours; begin with initialize";
        answer(StatusCode::NOT_FOUND, &json!({"error": "not_found", "error_description": text}))
    }

    pub(super) fn too_large(&self) -> Response<Body> {
        let text = "a request may have 1 MiB";
        answer(StatusCode::PAYLOAD_TOO_LARGE, &json!({"error": "too_large", "error_description": text}))
    }

    pub(super) fn too_slow(&self) -> Response<Body> {
        let text = "the request did not come to its end in 30 s";
        answer(StatusCode::REQUEST_TIMEOUT, &json!({"error": "too_slow", "error_description": text}))
    }

    /// The caller has as many requests under way as it may.
    pub(super) fn too_many(&self) -> Response<Body> {
        let text = "you have too many requests under way; wait until some of them have ended";
        let body = json!({"error": "too_many_requests", "error_description": text});
        let mut answer = answer(StatusCode::TOO_MANY_REQUESTS, &body);
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        answer
    }

    /// `given`: there was a token, but none of this server's.
    pub(super) fn unauthorized(&self, given: bool) -> Response<Body> {
        let error = if given { "error=\"invalid_token\", " } else { "" };
        let text = "send a bearer token of this server; tokens of Vimeo are not taken";
        let body = json!({"error": "invalid_token", "error_description": text});
        self.challenge(StatusCode::UNAUTHORIZED, error, &body)
    }

    /// Names all scopes that the caller would need, those it has included.
    pub(super) fn insufficient_scope(&self, all: &ScopeSet) -> Response<Body> {
        let error = format!("error=\"insufficient_scope\", scope=\"{all}\", ");
        let body = json!({"error": "insufficient_scope", "scope": all.to_string()});
        self.challenge(StatusCode::FORBIDDEN, &error, &body)
    }

    fn challenge(&self, status: StatusCode, error: &str, body: &Value) -> Response<Body> {
        let mut answer = answer(status, body);
        let place = format!("{}/.well-known/oauth-protected-resource{PATH}", self.base);
        let challenge = format!("Bearer {error}resource_metadata=\"{place}\"");
        if let Ok(challenge) = HeaderValue::from_str(&challenge) {
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        answer
    }
}

fn answer(status: StatusCode, body: &Value) -> Response<Body> {
    let mut answer = Response::new(Full::new(Bytes::from(body.to_string())).boxed());
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
