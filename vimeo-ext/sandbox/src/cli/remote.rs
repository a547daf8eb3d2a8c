//! Talking to a sandbox that runs already.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::Value;
use url::Url;

use super::Failure;
use crate::outbound::{self, Bounds};

/// Asks the control API at `base`.
pub(super) async fn ask(
    base: &Url,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<Value, Failure> {
    let body = body.map(ToString::to_string).unwrap_or_default();
    let answer = send(base, method, path, Bytes::from(body), Bounds::SMALL).await?;
    Ok(serde_json::from_slice(&answer).unwrap_or_default())
}

/// As [`ask`], for documents that are carried as they are.
pub(super) async fn exchange(base: &Url, method: Method, path: &str, body: Bytes) -> Result<Bytes, Failure> {
    send(base, method, path, body, Bounds::WORLDS).await
}

async fn send(base: &Url, method: Method, path: &str, body: Bytes, bounds: Bounds) -> Result<Bytes, Failure> {
    let failed = |reason: String| Failure::Remote(format!("the sandbox at {base} does not answer: {reason}"));
    let url = base.join(path).map_err(|error| failed(error.to_string()))?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let sent = outbound::send(method, &url, headers, body, bounds).await;
    let (status, answer) = sent.map_err(|error| failed(error.to_string()))?;
    match status {
        200..=299 => Ok(answer),
        _ => {
            let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
            Err(Failure::Remote(match answer.get("error").and_then(Value::as_str) {
                Some(reason) => reason.to_owned(),
                None => format!("{base} answered {status}: that is no sandbox"),
            }))
        }
    }
}
