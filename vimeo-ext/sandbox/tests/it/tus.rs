//! tus uploads, with faults.

use std::time::Duration;

use bytes::Bytes;
use chrono::DateTime;
use futures_util::stream;
use vimeo_sandbox::{Clock, Effect, Fault, Host, Phase, Sandbox, Transcode};

use crate::client::{Client, offset};

/// Bytes with a period that is not a power of two, so that a misplaced chunk is detected.
fn file(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at % 251) as u8).collect()
}

#[tokio::test]
async fn receives_file_in_chunks() {
    let sandbox = Sandbox::builder().keep_bytes(true).start().await.unwrap();
    let client = Client::new(&sandbox);
    let file = file(300_000);
    let (id, link) = client.create("File", file.len() as u64).await;
    assert_eq!(client.offset(&link).await, 0);
    for (from, to) in [(0, 1), (1, 100_000), (100_000, 300_000)] {
        let response = client.patch(&link, from as u64, file[from..to].to_vec()).send().await.unwrap();
        assert_eq!((response.status().as_u16(), offset(&response)), (204, to as u64));
        assert_eq!(response.headers()["tus-resumable"], "1.0.0");
    }
    let head = client.head(&link).send().await.unwrap();
    assert_eq!((offset(&head), head.headers()["upload-length"].to_str().unwrap()), (300_000, "300000"));
    let stored = sandbox.stored_upload(id).unwrap();
    assert!(stored.complete && stored.received == 300_000);
    assert_eq!(sandbox.upload_bytes(id).unwrap(), file);
    // An empty PATCH to a complete upload succeeds.
    let nothing = client.patch(&link, 300_000, "").send().await.unwrap();
    assert_eq!(nothing.status(), 204);
}

#[tokio::test]
async fn rejects_invalid_tus_requests() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    let (id, link) = client.create("File", 10).await;
    let send = |builder: reqwest::RequestBuilder| async { builder.send().await.unwrap() };

    let unversioned = send(client.bare("HEAD", &link)).await;
    assert_eq!(
        (unversioned.status().as_u16(), &unversioned.headers()["tus-version"]),
        (412, &"1.0.0".parse().unwrap())
    );
    assert_eq!(send(client.bare("HEAD", &link).header("tus-resumable", "0.2.2")).await.status(), 412);
    for target in [link.as_str(), sandbox.upload_url().as_str()] {
        let created = send(client.bare("POST", target).header("tus-resumable", "1.0.0")).await;
        assert_eq!(created.status(), 400);
        assert!(created.text().await.unwrap().contains("Invalid bucket"));
    }
    assert_eq!(send(client.patch(&link, 5, "12345")).await.status(), 409);
    assert_eq!(send(client.patch(&link, 0, "12345678901")).await.status(), 413);
    let media =
        client.bare("PATCH", &link).header("tus-resumable", "1.0.0").header("upload-offset", "0").body("1");
    assert_eq!(send(media).await.status(), 415);
    let pieces = stream::iter([Ok::<_, std::io::Error>(Bytes::from("12345")), Ok(Bytes::from("678901"))]);
    let unannounced = client.patch(&link, 0, reqwest::Body::wrap_stream(pieces));
    assert_eq!(send(unannounced).await.status(), 413);
    let (unsigned, _) = link.split_once('?').unwrap();
    assert_eq!(send(client.head(unsigned)).await.status(), 404);
    assert_eq!(send(client.head(&link.replace("sig=", "sig=0"))).await.status(), 404);
    assert_eq!(send(client.bare("GET", &link)).await.status(), 405);
    assert!(!sandbox.stored_upload(id).unwrap().complete);
}

#[tokio::test]
async fn link_expires_and_upload_can_be_lost() {
    let start = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    let hour = Duration::from_secs(3600);
    let sandbox = Sandbox::builder().clock(Clock::frozen(start)).link_lifetime(hour).start().await.unwrap();
    let client = Client::new(&sandbox);
    let (_, link) = client.create("File", 10).await;
    sandbox.clock().advance(hour - Duration::from_secs(1));
    assert_eq!(client.offset(&link).await, 0);
    sandbox.clock().advance(Duration::from_secs(1));
    assert_eq!(client.head(&link).send().await.unwrap().status(), 404);

    let (id, link) = client.create("File", 10).await;
    assert!(sandbox.world().lose_upload(id));
    assert_eq!(client.head(&link).send().await.unwrap().status(), 404);
    let (_, link) = client.create("File", 10).await;
    sandbox.add_fault(Fault::new(Effect::LoseUpload).host(Host::Upload));
    assert_eq!(client.patch(&link, 0, "12345").send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn keeps_bytes_received_before_reset() {
    let sandbox = Sandbox::builder().keep_bytes(true).transcode(Transcode::Immediate).start().await.unwrap();
    let client = Client::new(&sandbox);
    let file = file(1_000_000);
    let (id, link) = client.create("File", file.len() as u64).await;
    let fault = Fault::new(Effect::Reset).host(Host::Upload).method(http::Method::PATCH);
    sandbox.add_fault(fault.phase(Phase::MidBody(123_457)));
    assert!(client.patch(&link, 0, file.clone()).send().await.is_err());
    assert_eq!(client.offset(&link).await, 123_457);
    let entry = sandbox.request_log().into_iter().find(|entry| entry.fault.is_some()).unwrap();
    assert_eq!((entry.status, entry.body_length), (None, 123_457));

    let response = client.patch(&link, 123_457, file[123_457..].to_vec()).send().await.unwrap();
    assert_eq!(response.status(), 204);
    assert_eq!(sandbox.upload_bytes(id).unwrap(), file);
    assert_eq!(client.get(&format!("/videos/{id}")).await.body["status"], "available");
    assert_eq!(sandbox.fault_hits().len(), 1);
}

#[tokio::test]
async fn lost_response_keeps_received_bytes() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    let (_, link) = client.create("File", 10).await;
    sandbox.add_fault(Fault::new(Effect::Reset).host(Host::Upload).phase(Phase::AfterCommit));
    assert!(client.patch(&link, 0, "12345").send().await.is_err());
    assert_eq!(client.offset(&link).await, 5);
    sandbox.add_fault(Fault::new(Effect::WrongOffset(2)).host(Host::Upload));
    assert_eq!(client.offset(&link).await, 2);
    assert_eq!(client.offset(&link).await, 5);
}

#[tokio::test]
async fn new_patch_supersedes_stalled_one() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    let (id, link) = client.create("File", 10).await;
    sandbox.add_fault(Fault::new(Effect::Stall).host(Host::Upload).phase(Phase::MidBody(3)));
    let stalled = tokio::spawn(client.patch(&link, 0, "1234567890").send());
    // The fault takes effect after three bytes.
    while client.offset(&link).await < 3 {
        tokio::task::yield_now().await;
    }
    let response = client.patch(&link, 3, "4567890").send().await.unwrap();
    assert_eq!((response.status().as_u16(), offset(&response)), (204, 10));
    assert_eq!(stalled.await.unwrap().unwrap().status(), 423);
    assert!(sandbox.stored_upload(id).unwrap().complete);
}

#[tokio::test]
async fn logs_or_rejects_token_on_upload_host() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    let (_, link) = client.create("File", 10).await;
    assert_eq!(client.head(&link).bearer_auth(sandbox.token()).send().await.unwrap().status(), 200);
    let entry = sandbox.request_log().pop().unwrap();
    assert!(entry.has_authorization && entry.host == Host::Upload && entry.token_fingerprint.is_some());
    assert!(!format!("{entry:?}").contains(sandbox.token()));

    let sandbox = Sandbox::builder().refuse_upload_authorization(true).start().await.unwrap();
    let client = Client::new(&sandbox);
    let (_, link) = client.create("File", 10).await;
    assert_eq!(client.head(&link).bearer_auth(sandbox.token()).send().await.unwrap().status(), 403);
    assert_eq!(client.offset(&link).await, 0);
}

#[tokio::test]
async fn stores_bytes_in_folder() {
    let folder = crate::test_folder();
    let sandbox = Sandbox::builder().keep_bytes_in(folder.path().join("uploads")).start().await.unwrap();
    let client = Client::new(&sandbox);
    let id = client.upload("File", b"some bytes").await;
    assert_eq!(sandbox.upload_bytes(id).unwrap(), "some bytes");
    assert_eq!(std::fs::read_dir(folder.path().join("uploads")).unwrap().count(), 1);
}
