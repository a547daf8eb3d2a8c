//! Extractors: JSON bodies and query strings, with bounds and with errors of this API.

use std::time::Duration;

use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use http_body_util::LengthLimitError;
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use vimeo_ext::accounts::AccountId;

use crate::callers::Caller;
use crate::error::ApiError;

/// The maximum size of a body.
pub(crate) const MAX_BODY_BYTES: usize = 1024 * 1024;

/// How long a client may take to send a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// The maximum length of a text of the caller in an error.
const MAX_SHOWN_CHARS: usize = 300;

/// A JSON body.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let is_json = has_json_type(request.headers());
        let bytes = read(request.into_body()).await?;
        // An empty body stands for an object without members.
        let bytes: &[u8] = match bytes.as_slice() {
            [] => b"{}",
            _ if !is_json => {
                let detail = "the body must be JSON, with the header `Content-Type: application/json`";
                return Err(ApiError::new(
                    StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    "unsupported_media_type",
                    detail,
                ));
            }
            bytes => bytes,
        };
        // serde takes an array for an object: its members in their order.
        if bytes.trim_ascii_start().first().is_some_and(|first| matches!(first, b'[' | b'"')) {
            return Err(ApiError::new(
                StatusCode::BAD_REQUEST,
                "invalid_body",
                "the body must be a JSON object",
            ));
        }
        let mut parser = serde_json::Deserializer::from_slice(bytes);
        let parsed: T = serde_path_to_error::deserialize(&mut parser).map_err(|error| {
            let path: String = error.path().to_string().chars().take(MAX_SHOWN_CHARS).collect();
            let reason = without_value(&error.inner().to_string());
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

/// Reads a whole body, within the limits of its size and its time.
async fn read(body: Body) -> Result<Vec<u8>, ApiError> {
    let too_large = || {
        let detail = format!("the body has more than {MAX_BODY_BYTES} bytes");
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
    };
    // A body that announces too much is not waited for.
    if usize::try_from(body.size_hint().lower()).map_or(true, |announced| announced > MAX_BODY_BYTES) {
        return Err(too_large());
    }
    match timeout(BODY_TIMEOUT, to_bytes(body, MAX_BODY_BYTES)).await {
        Ok(Ok(bytes)) => Ok(bytes.into()),
        Ok(Err(error)) => {
            let source = std::error::Error::source(&error);
            Err(if source.is_some_and(|source| source.is::<LengthLimitError>()) {
                too_large()
            } else {
                ApiError::new(StatusCode::BAD_REQUEST, "body_incomplete", "the body ended early")
            })
        }
        Err(_) => Err(ApiError::new(
            StatusCode::REQUEST_TIMEOUT,
            "body_timeout",
            format!("the body did not arrive within {} s", BODY_TIMEOUT.as_secs()),
        )),
    }
}

/// Whether a body can be JSON by its media type. A body without a type can.
fn has_json_type(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_none_or(|value| {
        let essence = value.to_str().ok().and_then(|text| text.split(';').next()).unwrap_or_default();
        let essence = essence.trim().to_ascii_lowercase();
        essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
    })
}

/// Returns a parser's message without the value that it complains about, which can be a secret in the wrong place.
fn without_value(message: &str) -> String {
    let has_value = ["invalid type: ", "invalid value: ", "invalid length ", "unknown variant `"]
        .iter()
        .any(|start| message.starts_with(start));
    let reason = match message.rsplit_once(", expected ") {
        Some((_, expected)) if has_value => format!("must be {expected}"),
        _ => message.to_owned(),
    };
    reason.chars().take(MAX_SHOWN_CHARS).collect()
}

/// The parameters in a path.
pub(crate) struct PathOf<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for PathOf<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(path)) => Ok(Self(path)),
            Err(error) => {
                let detail: String = error.body_text().chars().take(MAX_SHOWN_CHARS).collect();
                Err(ApiError::new(StatusCode::BAD_REQUEST, "invalid_path", detail))
            }
        }
    }
}

/// The parameters of a query string.
pub(crate) struct QueryOf<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for QueryOf<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(query)) => Ok(Self(query)),
            Err(error) => {
                let detail: String = error.body_text().chars().take(MAX_SHOWN_CHARS).collect();
                Err(ApiError::new(StatusCode::BAD_REQUEST, "invalid_query", detail))
            }
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
        let PathOf(path) = PathOf::<IdentifierPath>::from_request_parts(parts, state).await?;
        let caller = Caller::from_request_parts(parts, state).await?;
        Ok(Self(caller.account(&path.identifier)?))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream::{self, StreamExt};
    use serde_json::Value;

    use super::*;

    async fn refusal(request: Request) -> &'static str {
        match JsonBody::<Value>::from_request(request, &()).await {
            Ok(_) => "accepted",
            Err(error) => error.code(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_must_arrive_in_time() {
        let start = stream::iter([Ok::<_, std::io::Error>("{".as_bytes())]);
        let never_ends = Body::from_stream(start.chain(stream::pending()));
        assert_eq!(refusal(Request::new(never_ends)).await, "body_timeout");
        // Each byte comes in time, but not all of them.
        let slow = stream::repeat(()).then(|()| async {
            tokio::time::sleep(BODY_TIMEOUT / 4).await;
            Ok::<_, std::io::Error>(" ".as_bytes())
        });
        assert_eq!(refusal(Request::new(Body::from_stream(slow))).await, "body_timeout");
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_not_called_too_large() {
        let broken = stream::iter([Ok("{}".as_bytes()), Err(std::io::Error::other("reset"))]);
        assert_eq!(refusal(Request::new(Body::from_stream(broken))).await, "body_incomplete");
        let endless = stream::repeat(()).map(|()| Ok::<_, std::io::Error>(&[b' '; 4096][..]));
        assert_eq!(refusal(Request::new(Body::from_stream(endless))).await, "body_too_large");
    }

    #[test]
    fn bodies_have_the_type_of_json_or_none() {
        for (value, expected) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/merge-patch+json", true),
            ("text/json", false),
            ("application/jsonp", false),
            ("application/x-www-form-urlencoded", false),
            ("multipart/form-data; boundary=application/json", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, value.parse().unwrap())]);
            assert_eq!(has_json_type(&headers), expected, "{value}");
        }
        assert!(has_json_type(&HeaderMap::new()));
    }

    #[test]
    fn reasons_do_not_repeat_the_value() {
        for (message, expected) in [
            (
                "invalid type: string \"hush\", expected a map at line 1 column 6",
                "must be a map at line 1 column 6",
            ),
            ("invalid value: integer `7`, expected u32", "must be u32"),
            ("unknown variant `hush`, expected `a` or `b`", "must be `a` or `b`"),
            ("missing field `name`", "missing field `name`"),
        ] {
            assert_eq!(without_value(message), expected);
        }
        assert!(without_value(&"x".repeat(10_000)).len() <= MAX_SHOWN_CHARS);
    }
}
