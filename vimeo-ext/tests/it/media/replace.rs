//! Replacing the file of a video.

use http::Method;
use serde_json::json;
use vimeo_ext::upload::UploadError;
use vimeo_ext::{Error, Vimeo};
use vimeo_sandbox::{Effect, Fault, Host, Phase};
use wiremock::matchers::{body_partial_json, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{UploadFixture, film, no_backoff};
use crate::tus_server::TusServer;

/// BEHAVIOUR.md: U15.
#[tokio::test]
async fn replace_returns_the_callers_video_and_the_version() {
    let fixture = UploadFixture::new().await;
    let video = fixture.vimeo().upload(film(5000)).send().await.unwrap();
    fixture.sandbox.clear_request_log();
    let film = film(700_000);
    let file = fixture.file("second-cut.mp4", &film);
    let replaced = fixture.vimeo().replace(&video, &file).send().await.unwrap();
    assert_eq!(replaced.video.uri(), video.uri);
    let version = replaced.version_uri.unwrap();
    assert!(version.starts_with(&format!("{}/versions/", video.uri)), "{version}");
    assert_eq!(fixture.sandbox.upload_bytes(video.id().unwrap().number()).unwrap(), film);
    let create = format!("POST {}/versions", video.uri);
    assert_eq!(fixture.requests(), [create.as_str(), "HEAD link", "PATCH link", "HEAD link"]);
    let read = fixture.vimeo().get(&version).fields("filename").send().await.unwrap();
    assert_eq!(read["filename"], "second-cut.mp4");
    assert_eq!(fixture.journal_files(), 0);
}

#[tokio::test]
async fn a_killed_replacement_resumes_with_the_same_version() {
    let fixture = UploadFixture::new().await;
    let video = fixture.vimeo().upload(film(5000)).send().await.unwrap();
    let file = fixture.file("cut.mp4", &film(700_000));
    // Each time: a response to a body that is still being sent can get lost, and then the body is sent again.
    fixture
        .sandbox
        .add_fault(Fault::new(Effect::Status(400)).host(Host::Upload).method(Method::PATCH).times(100));
    fixture.vimeo().replace(&video, &file).send().await.unwrap_err();
    fixture.sandbox.clear_faults();
    let replaced = fixture.vimeo().replace(&video, &file).options(no_backoff()).send().await.unwrap();
    assert!(replaced.continued && replaced.version_uri.is_some(), "{replaced:?}");
    let versions = fixture.vimeo().get(&format!("{}/versions", video.uri)).send().await.unwrap();
    assert_eq!(versions["total"], 2);
    // A new video of the same file is another upload.
    assert!(!fixture.vimeo().upload(&file).send().await.unwrap().continued);
}

#[tokio::test]
async fn a_replacement_without_a_response_can_be_adopted() {
    let fixture = UploadFixture::new().await;
    let video = fixture.vimeo().upload(film(5000)).send().await.unwrap();
    let film = film(70_000);
    let file = fixture.file("cut.mp4", &film);
    fixture
        .sandbox
        .add_fault(Fault::new(Effect::Reset).operation("create_video_version").phase(Phase::AfterCommit));
    let error = fixture.vimeo().replace(&video, &file).send().await.unwrap_err();
    assert!(error.to_string().contains(&format!("a version of {} for ", video.uri)), "{error}");
    let pending = fixture.vimeo().pending_uploads().unwrap();
    let [entry] = &pending.list().await.unwrap()[..] else { panic!("one entry") };
    let candidates = pending.candidates(entry).await.unwrap();
    let [candidate] = &candidates[..] else { panic!("{candidates:?}") };
    assert_eq!(candidate.name.as_deref(), Some("cut.mp4"));
    let uploaded = pending.adopt(entry, &candidate.uri).await.unwrap().run().await.unwrap();
    assert_eq!(uploaded.video_uri, video.uri);
    assert_eq!(fixture.sandbox.upload_bytes(video.id().unwrap().number()).unwrap(), film);
    assert_eq!(fixture.journal_files(), 0);
}

/// BEHAVIOUR.md: U15.
#[tokio::test]
async fn a_replacement_needs_no_uri_in_the_response() {
    let film = film(1000);
    let tus = TusServer::start(1000, []).await;
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/videos/7:5ecret/versions"))
        .and(query_param("fields", "uri,upload.approach,upload.upload_link"))
        .and(body_partial_json(json!({"file_name": "cut.mp4", "upload": {"approach": "tus", "size": 1000}})))
        .respond_with(
            ResponseTemplate::new(201).set_body_json(json!({"upload": {"upload_link": tus.link()}})),
        )
        .expect(1)
        .mount(&server)
        .await;
    let vimeo = Vimeo::builder().access_token("t0ken").base_url(server.uri()).build().unwrap();
    let replaced = vimeo.replace("/videos/7:5ecret", film.clone()).file_name("cut.mp4").send().await.unwrap();
    assert_eq!((replaced.video.uri().as_str(), replaced.version_uri), ("/videos/7:5ecret", None));
    assert_eq!(tus.data(), film);
    tus.assert_well_behaved();
}

#[tokio::test]
async fn invalid_video_is_refused_before_sending() {
    let fixture = UploadFixture::new().await;
    for wrong in ["", "/users/7", "film", "/videos/x"] {
        let error = fixture.vimeo().replace(wrong, film(10)).send().await.unwrap_err();
        assert!(error.to_string().contains("expected a video"), "{error}");
    }
    assert_eq!(fixture.requests(), [""; 0]);
    let error = fixture.vimeo().replace(99, film(10)).send().await.unwrap_err();
    assert!(error.call().unwrap().is_not_found(), "{error}");
    let error = fixture.vimeo().replace(99, "missing.mp4").send().await.unwrap_err();
    let Error::Upload { source, ticket: None } = error else { panic!("{error:?}") };
    assert!(matches!(*source, UploadError::Io { .. }));
}
