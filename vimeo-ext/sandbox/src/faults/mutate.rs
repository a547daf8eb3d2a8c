//! Faults that change a real response: truncate it, slow it down, or change its JSON.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, Response, header};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use super::Effect;
use crate::protocol::names::UPLOAD_OFFSET;

/// Applies an effect to a response.
pub(crate) async fn mutate(mut response: Response<Body>, effect: &Effect) -> Response<Body> {
    match effect {
        Effect::Truncate(bytes) => truncate(response, *bytes).await,
        Effect::Dribble { bytes, every } => dribble(response, *bytes, *every).await,
        Effect::WrongShape(pointer) => rewrite_value(response, pointer, wrong_shape).await,
        Effect::UnknownValue(pointer) => rewrite_value(response, pointer, unknown_value).await,
        Effect::WrongOffset(offset) => {
            response.headers_mut().insert(UPLOAD_OFFSET, HeaderValue::from(*offset));
            response
        }
        _ => response,
    }
}

/// Buffers the body and sets `Content-Length`.
async fn buffer(response: Response<Body>) -> (http::response::Parts, Bytes) {
    let (mut parts, body) = response.into_parts();
    let bytes = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    (parts, bytes)
}

/// Sends only the first bytes, although `Content-Length` announces all of them.
async fn truncate(response: Response<Body>, bytes: usize) -> Response<Body> {
    let (parts, body) = buffer(response).await;
    let part = body.slice(..bytes.min(body.len()));
    let frames = stream::unfold(Some(part), |part| async move {
        match part {
            Some(part) => Some((Ok(part), None)),
            None => {
                // The part must be sent before the connection ends.
                tokio::task::yield_now().await;
                Some((Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)), None))
            }
        }
    });
    Response::from_parts(parts, Body::from_stream(frames))
}

/// Sends the body in small chunks with pauses between them.
async fn dribble(response: Response<Body>, bytes: usize, every: Duration) -> Response<Body> {
    let (parts, body) = buffer(response).await;
    let frames = stream::unfold(body, move |mut left| async move {
        if left.is_empty() {
            return None;
        }
        tokio::time::sleep(every).await;
        let chunk = left.split_to(bytes.clamp(1, left.len()));
        Some((Ok::<_, std::io::Error>(chunk), left))
    });
    Response::from_parts(parts, Body::from_stream(frames))
}

/// Changes one value of a JSON response; other responses stay as they are.
async fn rewrite_value(
    response: Response<Body>,
    pointer: &str,
    change: fn(&Value) -> Value,
) -> Response<Body> {
    let (mut parts, bytes) = buffer(response).await;
    let Ok(mut body) = serde_json::from_slice::<Value>(&bytes) else {
        return Response::from_parts(parts, Body::from(bytes));
    };
    if let Some(value) = body.pointer_mut(pointer) {
        *value = change(value);
    }
    let body = body.to_string();
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    Response::from_parts(parts, Body::from(body))
}

fn wrong_shape(value: &Value) -> Value {
    match value {
        Value::Null => json!({}),
        Value::Bool(boolean) => json!(boolean.to_string()),
        Value::Number(_) | Value::String(_) => json!({"value": value}),
        Value::Array(_) => json!({"data": value}),
        Value::Object(_) => json!([value]),
    }
}

fn unknown_value(value: &Value) -> Value {
    match value {
        Value::String(text) => json!(format!("{text}-that-nobody-described")),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn changes_values_and_content_length() {
        let body =
            json!({"name": "a", "tags": ["b"], "privacy": {"view": "anybody"}, "plays": 3, "link": null});
        for (effect, pointer, expected) in [
            (Effect::WrongShape("/name".into()), "/name", json!({"value": "a"})),
            (Effect::WrongShape("/tags".into()), "/tags", json!({"data": ["b"]})),
            (Effect::WrongShape("/privacy".into()), "/privacy", json!([{"view": "anybody"}])),
            (Effect::WrongShape("/plays".into()), "/plays", json!({"value": 3})),
            (Effect::WrongShape("/link".into()), "/link", json!({})),
            (Effect::WrongShape("/absent".into()), "/name", json!("a")),
            (
                Effect::UnknownValue("/privacy/view".into()),
                "/privacy/view",
                json!("anybody-that-nobody-described"),
            ),
            (Effect::UnknownValue("/plays".into()), "/plays", json!(3)),
        ] {
            let (parts, bytes) =
                buffer(mutate(Response::new(Body::from(body.to_string())), &effect).await).await;
            let read: Value = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(read.pointer(pointer), Some(&expected), "{effect:?}");
            assert_eq!(parts.headers[header::CONTENT_LENGTH], bytes.len().to_string().as_str());
        }
        let text = mutate(Response::new(Body::from("no JSON")), &Effect::UnknownValue(String::new())).await;
        assert_eq!(buffer(text).await.1, "no JSON");
    }

    #[tokio::test(start_paused = true)]
    async fn dribble_sends_whole_body() {
        let effect = Effect::Dribble { bytes: 3, every: Duration::from_millis(5) };
        let before = tokio::time::Instant::now();
        let slow = mutate(Response::new(Body::from("12345678")), &effect).await;
        assert_eq!(buffer(slow).await.1, "12345678");
        assert_eq!(before.elapsed(), Duration::from_millis(15));
    }
}
