//! Uploads to the sandbox: created with the token, uploaded without it.

use std::time::Duration;

use http::Method;
use vimeo_ext::upload::{Backoff, Upload, UploadError, UploadOptions, UploadTicket};
use vimeo_sandbox::{Effect, Fault, Host, Phase, Sandbox};

async fn create(sandbox: &Sandbox, size: usize) -> UploadTicket {
    let answer = crate::http::client()
        .post(sandbox.url().join("me/videos").unwrap())
        .header("authorization", format!("bearer {}", sandbox.token()))
        .header("accept", "application/vnd.vimeo.*+json;version=3.4")
        .header("content-type", "application/json")
        .body(format!(r#"{{"upload":{{"approach":"tus","size":{size}}}}}"#))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let video: serde_json::Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    UploadTicket::new(text(&video["uri"]), text(&video["upload"]["upload_link"]), size as u64).unwrap()
}

fn no_backoff() -> UploadOptions {
    UploadOptions::new().backoff(Backoff::new(Duration::ZERO, Duration::ZERO))
}

/// BEHAVIOUR.md: U01, U03, U12.
#[tokio::test]
async fn faulty_upload_completes_without_the_token() {
    let film: Vec<u8> = (0..3_000_000u32).map(|at| (at ^ (at >> 8)) as u8).collect();
    let sandbox =
        Sandbox::builder().keep_bytes(true).refuse_upload_authorization(true).start().await.unwrap();
    let ticket = create(&sandbox, film.len()).await;
    let upload_host = |effect| Fault::new(effect).host(Host::Upload);
    sandbox.add_fault(upload_host(Effect::Status(503)).method(Method::HEAD));
    sandbox.add_fault(upload_host(Effect::Reset).method(Method::PATCH).phase(Phase::MidBody(1_000_000)));
    sandbox.add_fault(upload_host(Effect::Reset).method(Method::PATCH).skip(1).phase(Phase::AfterCommit));

    let uploaded = Upload::new(ticket, film.clone()).options(no_backoff()).run().await.unwrap();

    assert!(uploaded.verified);
    let video = uploaded.video_uri.rsplit('/').next().unwrap().parse().unwrap();
    assert!(sandbox.stored_upload(video).unwrap().complete);
    assert!(sandbox.upload_bytes(video).unwrap() == film, "the bytes differ");
    let request_log = sandbox.request_log();
    let mut requests = 0;
    for entry in request_log.iter().filter(|entry| entry.host == Host::Upload) {
        assert!(matches!(entry.method.as_str(), "HEAD" | "PATCH"), "{entry:?}");
        assert!(!entry.has_authorization, "{entry:?}");
        assert_eq!(entry.header("tus-resumable"), Some("1.0.0"));
        requests += 1;
    }
    assert!(requests >= 6, "{request_log:?}");
}

/// BEHAVIOUR.md: U08.
#[tokio::test]
async fn lost_upload_is_link_gone() {
    let sandbox = Sandbox::start().await.unwrap();
    let ticket = create(&sandbox, 1000).await;
    let video = ticket.video_uri().to_owned();
    sandbox.add_fault(Fault::new(Effect::LoseUpload).host(Host::Upload).method(Method::PATCH));
    let error = Upload::new(ticket, vec![1; 1000]).options(no_backoff()).run().await.unwrap_err();
    let UploadError::LinkGone { video_uri, .. } = error else { panic!("{error:?}") };
    assert_eq!(video_uri, video);
}
