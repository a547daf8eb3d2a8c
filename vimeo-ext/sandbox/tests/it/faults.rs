//! Faults on the API host.

use serde_json::json;
use vimeo_sandbox::{Effect, Fault, Host, Phase, Sandbox};

use crate::client::Client;

#[tokio::test]
async fn fault_replaces_response_n_times() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    let id = sandbox.add_fault(Fault::new(Effect::Status(503)).path("/me").times(2));
    for status in [503, 503, 200] {
        assert_eq!(client.get("/me").await.status, status);
    }
    let fired = sandbox.fault_hits();
    assert_eq!(fired.iter().map(|fired| fired.fault).collect::<Vec<_>>(), [id, id]);
    assert_eq!(fired.iter().map(|fired| fired.seq).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(sandbox.pending_faults(), 0);

    sandbox.add_fault(Fault::new(Effect::Html(504)).operation("get_user_alt1"));
    let response = client.request("GET", "/me").send().await.unwrap();
    assert_eq!(response.status(), 504);
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    assert!(response.text().await.unwrap().contains("<html>"));

    sandbox.add_fault(Fault::new(Effect::Body(200, "application/json".into(), b"{\"na".to_vec())));
    assert_eq!(client.request("GET", "/me").send().await.unwrap().text().await.unwrap(), "{\"na");
}

#[tokio::test]
async fn reset_after_commit_keeps_change() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    let body = json!({"name": "Once", "upload": {"approach": "tus", "size": 1}});
    for (phase, left_behind) in [(Phase::Before, 0), (Phase::MidBody(10), 0), (Phase::AfterCommit, 1)] {
        sandbox.add_fault(Fault::new(Effect::Reset).method(http::Method::POST).phase(phase));
        assert!(client.request("POST", "/me/videos").json(&body).send().await.is_err());
        assert_eq!(client.get("/me/videos").await.body["total"], left_behind, "{phase:?}");
    }
    let posts: Vec<_> =
        sandbox.request_log().into_iter().filter(|entry| entry.method == http::Method::POST).collect();
    assert!(posts.iter().all(|entry| entry.status.is_none() && entry.fault.is_some()));
}

#[tokio::test]
async fn picture_creation_can_fail_temporarily() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    let video = sandbox.add_videos(1)[0];
    let pictures = format!("/videos/{video}/pictures");
    sandbox.add_fault(Fault::new(Effect::Status(503)).times(2));
    let failed = client.call("POST", &pictures).await;
    assert_eq!((failed.status, &failed.body["error_code"]), (503, &json!(7001)));
    // Other requests have no such code.
    let other = client.get(&pictures).await;
    assert_eq!((other.status, other.body.get("error_code")), (503, None));
    assert_eq!(client.call("POST", &pictures).await.status, 201);
}

#[tokio::test]
async fn truncates_response() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    sandbox.add_fault(Fault::new(Effect::Truncate(20)).host(Host::Api));
    let response = client.request("GET", "/me").send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.bytes().await.is_err());
    assert_eq!(client.get("/me").await.status, 200);
}

#[tokio::test]
async fn stop_ends_stalled_request() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    sandbox.add_fault(Fault::new(Effect::Stall));
    let stalled = tokio::spawn(client.request("GET", "/me").send());
    while sandbox.fault_hits().is_empty() {
        tokio::task::yield_now().await;
    }
    drop(sandbox);
    assert!(stalled.await.unwrap().is_err());
}
