//! Extractors: JSON bodies and query strings, with bounds and with errors of this API.

use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use http::StatusCode;
use http::request::Parts;
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use vimeo_ext::accounts::AccountId;

use crate::callers::Caller;
use crate::error::ApiError;

/// The maximum size of a body.
pub(crate) const MAX_BODY_BYTES: usize = 1024 * 1024;

/// How long a client may take to send a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// A JSON body.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let bytes = match timeout(BODY_TIMEOUT, to_bytes(request.into_body(), MAX_BODY_BYTES)).await {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(_)) => {
                return Err(ApiError::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "body_too_large",
                    format!("the body has more than {MAX_BODY_BYTES} bytes, or ended early"),
                ));
            }
            Err(_) => {
                return Err(ApiError::new(
                    StatusCode::REQUEST_TIMEOUT,
                    "body_timeout",
                    format!("the body did not arrive within {} s", BODY_TIMEOUT.as_secs()),
                ));
            }
        };
        // An empty body stands for an object without members.
        let bytes: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        let mut parser = serde_json::Deserializer::from_slice(bytes);
        let parsed: T = serde_path_to_error::deserialize(&mut parser).map_err(|error| {
            let path = error.path().to_string();
            let reason = error.inner().to_string();
            match path.as_str() {
                "." => ApiError::new(StatusCode::BAD_REQUEST, "invalid_body", format!("the body: {reason}")),
                _ => ApiError::invalid_field(path, reason),
            }
        })?;
        parser.end().map_err(|_| {
            ApiError::new(StatusCode::BAD_REQUEST, "invalid_body", "the body has more than one JSON value")
        })?;
        Ok(Self(parsed))
    }
}

/// The parameters of a query string.
pub(crate) struct QueryOf<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for QueryOf<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(query)) => Ok(Self(query)),
            Err(error) => Err(ApiError::new(StatusCode::BAD_REQUEST, "invalid_query", error.body_text())),
        }
    }
}

/// The account in the path, which the caller may use.
pub(crate) struct AccountPath(pub(crate) AccountId);

#[derive(serde::Deserialize)]
struct IdentifierPath {
    identifier: String,
}

impl<S: Send + Sync> FromRequestParts<S> for AccountPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(path) = Path::<IdentifierPath>::from_request_parts(parts, state)
            .await
            .map_err(|error| ApiError::invalid_field("identifier", error.body_text()))?;
        let caller = Caller::from_request_parts(parts, state).await?;
        Ok(Self(caller.account(&path.identifier)?))
    }
}
