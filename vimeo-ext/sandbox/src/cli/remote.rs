//! Talking to a sandbox that runs already.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::Value;
use url::Url;

use super::Failure;
use crate::outbound;

/// Asks the control API at `base`.
pub(super) async fn ask(
    base: &Url,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<Value, Failure> {
    let failed = |reason: String| Failure::Remote(format!("the sandbox at {base} does not answer: {reason}"));
    let url = base.join(path).map_err(|error| failed(error.to_string()))?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let body = body.map(ToString::to_string).unwrap_or_default();
    let (status, answer) = outbound::send(method, &url, headers, Bytes::from(body))
        .await
        .map_err(|error| failed(error.to_string()))?;
    let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
    match status {
        200..=299 => Ok(answer),
        _ => Err(Failure::Remote(match answer.get("error").and_then(Value::as_str) {
            Some(reason) => reason.to_owned(),
            None => format!("{base} answered {status}: that is no sandbox"),
        })),
    }
}
