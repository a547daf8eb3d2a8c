//! Upload tokens, event streams and callbacks in hostile hands.

use futures_util::StreamExt;
use futures_util::future::join_all;
use reqwest::{Client, Method};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use url::Url;
use vimeo_connector::KeyPolicy;

use super::client::{Answer, Target};
use super::routes::OWN;
use crate::harness::Service;

const TUS: &str = "tus-resumable: 1.0.0";

impl Target {
    async fn upload_token(&self, body: Value) -> String {
        let path = format!("/v1/accounts/{OWN}/upload-tokens");
        let created = self.service.call(Method::POST, &path, Some(body)).await;
        assert_eq!(created.status, 201, "{created:?}");
        created.body["upload_url"].as_str().unwrap().split_once("token=").unwrap().1.to_owned()
    }

    async fn begin(&self, token: &str, headers: &[&str]) -> Answer {
        self.request("POST", &format!("/v1/uploads?token={token}"), headers, b"").await
    }
}

#[tokio::test]
async fn twenty_uploads_at_once_use_one_use_once() {
    let target = Target::start().await;
    let text = target.upload_token(json!({"max_uploads": 1})).await;
    let begun = join_all((0..20).map(|_| target.begin(&text, &[TUS, "upload-length: 5"]))).await;
    let mut outcomes: Vec<_> = begun.iter().map(Answer::outcome).collect();
    outcomes.sort();
    assert_eq!(outcomes[0], "201");
    assert!(outcomes[1..].iter().all(|refused| refused == "403 upload_token_used_up"), "{outcomes:?}");
}

#[tokio::test]
async fn hostile_sizes_are_refused() {
    let target = Target::start().await;
    let text = target.upload_token(json!({"max_uploads": 2})).await;
    for length in ["-5", "+5", "0", "", "5.0", "0x5", "9223372036854775808", "18446744073709551616", "5, 5"] {
        let answer = target.begin(&text, &[TUS, &format!("upload-length: {length}")]).await;
        assert_eq!(answer.outcome(), "400 invalid_field", "{length}: {answer:?}");
        answer.assert_problem();
    }
    let two = target.begin(&text, &[TUS, "upload-length: 5", "upload-length: 5"]).await;
    assert_eq!(two.outcome(), "400 invalid_field");
}

#[tokio::test]
async fn a_token_does_not_tell_about_its_account() {
    let target = Target::start().await;
    let text = target.upload_token(json!({"max_uploads": 5})).await;
    let begin = async || target.begin(&text, &[TUS, "upload-length: 5"]).await;
    let refused = |answer: &Answer| {
        assert_eq!(answer.outcome(), "409 account_unavailable", "{answer:?}");
        assert!(!answer.body.contains(OWN) && !answer.body.contains("unpaid"), "{answer:?}");
    };
    let body = json!({"reason": "unpaid"});
    target.service.call(Method::POST, &format!("/v1/accounts/{OWN}/disable"), Some(body)).await;
    refused(&begin().await);
    target.service.call(Method::POST, &format!("/v1/accounts/{OWN}/enable"), None).await;
    assert_eq!(begin().await.outcome(), "201");
    assert!(target.service.sandbox.world().revoke_token(target.service.sandbox.token()));
    refused(&begin().await);
    // Now the service knows that the user has to log in.
    refused(&begin().await);
}

#[tokio::test]
async fn a_token_does_not_outlive_its_account() {
    let target = Target::start().await;
    let text = target.upload_token(json!({"max_uploads": 5})).await;
    let path = format!("/v1/accounts/{OWN}");
    assert_eq!(target.service.call(Method::DELETE, &path, None).await.status, 204);
    // The next user under the same identifier is somebody else.
    assert_eq!(target.service.call(Method::PUT, &path, None).await.status, 200);
    let answer = target.begin(&text, &[TUS, "upload-length: 5"]).await;
    assert_eq!(answer.outcome(), "401 unknown_upload_token");
}

#[tokio::test]
async fn a_stream_ends_with_its_key() {
    let service = Service::start().await;
    let (info, key) = service.connector.api_keys().create(KeyPolicy::new("a")).await.unwrap();
    let url = format!("http://{}/v1/events", service.address);
    let stream = Client::new().get(url).bearer_auth(key.expose_secret()).send().await.unwrap();
    let mut stream = stream.bytes_stream();
    service.call(Method::PUT, "/v1/accounts/before", None).await;
    let first = stream.next().await.unwrap().unwrap();
    assert!(std::str::from_utf8(&first).unwrap().contains("before"));
    service.connector.api_keys().revoke(&info.id).await.unwrap();
    service.call(Method::PUT, "/v1/accounts/after", None).await;
    while let Some(bytes) = stream.next().await {
        let text = String::from_utf8(bytes.unwrap().to_vec()).unwrap();
        assert!(!text.contains("after"), "{text}");
    }
}

#[tokio::test]
async fn a_callback_passes_on_only_what_vimeo_sends() {
    let target = Target::start().await;
    let body = json!({"return_url": "http://localhost:3000/app/", "completion": "caller"});
    let path = format!("/v1/accounts/{OWN}/authorization-links");
    let link = target.service.call(Method::POST, &path, Some(body)).await;
    let link = Url::parse(link.body["url"].as_str().unwrap()).unwrap();
    let state = link.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let callback = format!(
        "/v1/callback?code=a&state={state}&status=active&identifier=victim&return_url=https://evil.example/"
    );
    let answer = target.request("GET", &callback, &[], b"").await;
    assert_eq!(answer.status, 303);
    let expected = format!("http://localhost:3000/app/?code=a&state={state}");
    assert_eq!(answer.header("location"), Some(&*expected));
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    // The callback works once.
    assert_eq!(target.request("GET", &callback, &[], b"").await.status, 400);
    for query in [
        "",
        "state=%3Cscript%3E&code=%3Cscript%3E",
        "error=%3Cimg%20src=x%3E&state=a",
        "state=%00",
        "state=%FF",
    ] {
        let answer = target.request("GET", &format!("/v1/callback?{query}"), &[], b"").await;
        assert_eq!(answer.status, 400, "{query}");
        assert!(!answer.body.contains("<script") && !answer.body.contains("<img"), "{answer:?}");
    }
}
