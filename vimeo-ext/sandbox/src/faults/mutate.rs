//! True answers, altered: cut short, slowed down, of another shape.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, Response, header};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use super::Effect;
use crate::protocol::names::UPLOAD_OFFSET;

/// The answer as the effect leaves it.
pub(crate) async fn mutated(mut response: Response<Body>, effect: &Effect) -> Response<Body> {
    match effect {
        Effect::Truncate(bytes) => truncated(response, *bytes).await,
        Effect::Dribble { bytes, every } => dribbled(response, *bytes, *every).await,
        Effect::WrongShape(pointer) => rewritten(response, pointer, wrong_shape).await,
        Effect::UnknownWord(pointer) => rewritten(response, pointer, unknown_word).await,
        Effect::WrongOffset(offset) => {
            response.headers_mut().insert(UPLOAD_OFFSET, HeaderValue::from(*offset));
            response
        }
        _ => response,
    }
}

/// The whole body of an answer of ours, with its length told.
async fn whole(response: Response<Body>) -> (http::response::Parts, Bytes) {
    let (mut parts, body) = response.into_parts();
    let whole = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(whole.len()));
    (parts, whole)
}

/// The first bytes of an answer that promises all of them.
async fn truncated(response: Response<Body>, bytes: usize) -> Response<Body> {
    let (parts, whole) = whole(response).await;
    let part = whole.slice(..bytes.min(whole.len()));
    let frames = stream::unfold(Some(part), |part| async move {
        match part {
            Some(part) => Some((Ok(part), None)),
            None => {
                // The part must be on its way before the connection ends.
                tokio::task::yield_now().await;
                Some((Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)), None))
            }
        }
    });
    Response::from_parts(parts, Body::from_stream(frames))
}

/// All of the answer, in small pieces with pauses between them.
async fn dribbled(response: Response<Body>, bytes: usize, every: Duration) -> Response<Body> {
    let (parts, whole) = whole(response).await;
    let frames = stream::unfold(whole, move |mut left| async move {
        if left.is_empty() {
            return None;
        }
        tokio::time::sleep(every).await;
        let piece = left.split_to(bytes.clamp(1, left.len()));
        Some((Ok::<_, std::io::Error>(piece), left))
    });
    Response::from_parts(parts, Body::from_stream(frames))
}

/// An answer in JSON with one of its values changed; any other is left as it is.
async fn rewritten(response: Response<Body>, pointer: &str, change: fn(&Value) -> Value) -> Response<Body> {
    let (mut parts, whole) = whole(response).await;
    let Ok(mut body) = serde_json::from_slice::<Value>(&whole) else {
        return Response::from_parts(parts, Body::from(whole));
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
        Value::Bool(truth) => json!(truth.to_string()),
        Value::Number(_) | Value::String(_) => json!({"value": value}),
        Value::Array(_) => json!({"data": value}),
        Value::Object(_) => json!([value]),
    }
}

fn unknown_word(value: &Value) -> Value {
    match value {
        Value::String(word) => json!(format!("{word}-that-nobody-described")),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn answers_take_another_shape_and_keep_their_length_true() {
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
                Effect::UnknownWord("/privacy/view".into()),
                "/privacy/view",
                json!("anybody-that-nobody-described"),
            ),
            (Effect::UnknownWord("/plays".into()), "/plays", json!(3)),
        ] {
            let (parts, whole) =
                whole(mutated(Response::new(Body::from(body.to_string())), &effect).await).await;
            let read: Value = serde_json::from_slice(&whole).unwrap();
            assert_eq!(read.pointer(pointer), Some(&expected), "{effect:?}");
            assert_eq!(parts.headers[header::CONTENT_LENGTH], whole.len().to_string().as_str());
        }
        let text = mutated(Response::new(Body::from("no JSON")), &Effect::UnknownWord(String::new())).await;
        assert_eq!(whole(text).await.1, "no JSON");
    }

    #[tokio::test(start_paused = true)]
    async fn a_dribble_loses_nothing() {
        let effect = Effect::Dribble { bytes: 3, every: Duration::from_millis(5) };
        let before = tokio::time::Instant::now();
        let slow = mutated(Response::new(Body::from("12345678")), &effect).await;
        assert_eq!(whole(slow).await.1, "12345678");
        assert_eq!(before.elapsed(), Duration::from_millis(15));
    }
}
