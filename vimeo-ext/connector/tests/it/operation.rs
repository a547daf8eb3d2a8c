//! Health, metrics, limits and the stop.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use futures_util::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use vimeo_ext::accounts::{Document, DocumentStore, MemoryStore};

use crate::harness::Service;

#[tokio::test]
async fn metrics_count_by_route_and_hold_no_identifier() {
    let service = Service::start().await;
    service.connect("a-person").await;
    service.call(Method::POST, "/v1/accounts/a-person/tools/vimeo_me_get", Some(json!({}))).await;
    assert_eq!(service.call(Method::GET, "/healthz", None).await.body, json!({"status": "ok"}));
    assert_eq!(service.call(Method::GET, "/readyz", None).await.body, json!({"status": "ok"}));
    let url = format!("http://{}/metrics", service.address);
    let text = reqwest::Client::new().get(url).bearer_auth(&service.key).send().await.unwrap();
    let text = text.text().await.unwrap();
    for line in [
        "vimeo_connector_http_requests_total{method=\"POST\",route=\"/v1/accounts/{identifier}/tools/{name}\",status=\"200\"} 1",
        "vimeo_connector_tool_calls_total{tool=\"vimeo_me_get\",outcome=\"ok\"} 1",
        "vimeo_connector_http_requests_in_flight 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("a-person"), "{text}");
}

#[tokio::test]
async fn events_continue_where_a_client_stopped() {
    let service = Service::start().await;
    service.call(Method::PUT, "/v1/accounts/a", None).await;
    service.connect("a").await;
    let url = format!("http://{}/v1/events?after=0", service.address);
    let read = async |request: reqwest::RequestBuilder, count: usize| -> Vec<Value> {
        let response = request.bearer_auth(&service.key).send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut stream = response.bytes_stream();
        let mut text = String::new();
        while text.matches("\n\n").count() < count {
            text.push_str(std::str::from_utf8(&stream.next().await.unwrap().unwrap()).unwrap());
        }
        let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
        data.map(|data| serde_json::from_str(data).unwrap()).collect()
    };
    let first = read(reqwest::Client::new().get(&url), 2).await;
    let changes: Vec<_> = first.iter().map(|event| (&event["from"], &event["to"])).collect();
    assert_eq!(changes, [(&Value::Null, &json!("pending")), (&json!("pending"), &json!("active"))]);
    service.call(Method::POST, "/v1/accounts/a/disable", None).await;
    let request = reqwest::Client::new().get(&url).header("last-event-id", first[1]["number"].to_string());
    let rest = read(request, 1).await;
    assert_eq!((&rest[0]["from"], &rest[0]["to"]), (&json!("active"), &json!("disabled")));
}

#[tokio::test]
async fn expired_documents_are_deleted() {
    let store = Arc::new(MemoryStore::default());
    let long_ago = DateTime::UNIX_EPOCH;
    let document = Document::new("a", "").expires(long_ago + TimeDelta::hours(1));
    store.insert_document("upload-tokens", &document, long_ago).await.unwrap();
    assert!(store.document("upload-tokens", "a", long_ago).await.unwrap().is_some());
    let _service = Service::start_with(store.clone()).await;
    let swept = async {
        while store.document("upload-tokens", "a", long_ago).await.unwrap().is_some() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), swept).await.unwrap();
}

#[tokio::test]
async fn bodies_are_bounded() {
    let service = Service::start().await;
    let body = json!({"reason": "x".repeat(1024 * 1024)});
    let refused = service.call(Method::POST, "/v1/accounts/a/disable", Some(body)).await;
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (413, &json!("body_too_large")));
    let unknown = service.call(Method::GET, "/v1/nothing", None).await;
    assert_eq!((unknown.status.as_u16(), &unknown.body["code"]), (404, &json!("unknown_route")));
    let wrong = service.call(Method::PATCH, "/v1/accounts", None).await;
    assert_eq!((wrong.status.as_u16(), &wrong.body["code"]), (405, &json!("method_not_allowed")));
}

#[tokio::test]
async fn a_stop_finishes_the_requests_in_flight() {
    let service = Service::start().await;
    let mut connection = TcpStream::connect(service.address).await.unwrap();
    let body = json!({"reason": "the end"}).to_string();
    let head = format!(
        "POST /v1/accounts/a/disable HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        service.key,
        body.len()
    );
    service.call(Method::PUT, "/v1/accounts/a", None).await;
    let events = reqwest::Client::new().get(format!("http://{}/v1/events", service.address));
    let mut events = events.bearer_auth(&service.key).send().await.unwrap().bytes_stream();
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(&body.as_bytes()[..5]).await.unwrap();
    // The request is in flight once the service has read its head.
    let url = format!("http://{}/metrics", service.address);
    loop {
        let text = reqwest::Client::new().get(&url).bearer_auth(&service.key).send().await.unwrap();
        if text.text().await.unwrap().contains("vimeo_connector_http_requests_in_flight 2") {
            break;
        }
        tokio::task::yield_now().await;
    }
    service.shutdown.cancel();
    while events.next().await.is_some() {}
    connection.write_all(&body.as_bytes()[5..]).await.unwrap();
    let mut response = String::new();
    connection.read_to_string(&mut response).await.unwrap();
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    tokio::time::timeout(Duration::from_secs(60), service.serving).await.unwrap().unwrap().unwrap();
    assert!(TcpStream::connect(service.address).await.is_err());
}
