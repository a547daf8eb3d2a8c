//! Another file for a video that is there.

use http::Method;
use serde_json::json;
use vimeo_ext::upload::UploadError;
use vimeo_ext::{Error, Vimeo};
use vimeo_sandbox::{Effect, Fault, Host, Phase};
use wiremock::matchers::{body_partial_json, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{Place, at_once, film};
use crate::tus_server::TusServer;

/// BEHAVIOUR.md: U15.
#[tokio::test]
async fn replace_returns_the_callers_video_and_the_version() {
    let place = Place::new().await;
    let video = place.vimeo().upload(film(5000)).send().await.unwrap();
    place.sandbox.clear_request_log();
    let film = film(700_000);
    let file = place.file("second-cut.mp4", &film);
    let replaced = place.vimeo().replace(&video, &file).send().await.unwrap();
    assert_eq!(replaced.video.uri(), video.uri);
    let version = replaced.version_uri.unwrap();
    assert!(version.starts_with(&format!("{}/versions/", video.uri)), "{version}");
    assert_eq!(place.sandbox.upload_bytes(video.id().unwrap().number()).unwrap(), film);
    let create = format!("POST {}/versions", video.uri);
    assert_eq!(place.steps(), [create.as_str(), "HEAD link", "PATCH link", "HEAD link"]);
    let read = place.vimeo().get(&version).fields("filename").send().await.unwrap();
    assert_eq!(read["filename"], "second-cut.mp4");
    assert_eq!(place.written_down(), 0);
}

#[tokio::test]
async fn a_killed_replacement_resumes_with_the_same_version() {
    let place = Place::new().await;
    let video = place.vimeo().upload(film(5000)).send().await.unwrap();
    let file = place.file("cut.mp4", &film(700_000));
    // Each time: a response to a body that is still being sent can get lost, and then the body is sent again.
    place
        .sandbox
        .add_fault(Fault::new(Effect::Status(400)).host(Host::Upload).method(Method::PATCH).times(100));
    place.vimeo().replace(&video, &file).send().await.unwrap_err();
    place.sandbox.clear_faults();
    let replaced = place.vimeo().replace(&video, &file).options(at_once()).send().await.unwrap();
    assert!(replaced.continued && replaced.version_uri.is_some(), "{replaced:?}");
    let versions = place.vimeo().get(&format!("{}/versions", video.uri)).send().await.unwrap();
    assert_eq!(versions["total"], 2);
    // An upload of the same file is another thing, whatever became of the replacement.
    assert!(!place.vimeo().upload(&file).send().await.unwrap().continued);
}

#[tokio::test]
async fn a_replacement_without_a_response_can_be_adopted() {
    let place = Place::new().await;
    let video = place.vimeo().upload(film(5000)).send().await.unwrap();
    let film = film(70_000);
    let file = place.file("cut.mp4", &film);
    place
        .sandbox
        .add_fault(Fault::new(Effect::Reset).operation("create_video_version").phase(Phase::AfterCommit));
    let error = place.vimeo().replace(&video, &file).send().await.unwrap_err();
    assert!(error.to_string().contains(&format!("a version of {} for ", video.uri)), "{error}");
    let pending = place.vimeo().pending_uploads().unwrap();
    let [entry] = &pending.list().await.unwrap()[..] else { panic!("one entry") };
    let candidates = pending.candidates(entry).await.unwrap();
    let [candidate] = &candidates[..] else { panic!("{candidates:?}") };
    assert_eq!(candidate.name.as_deref(), Some("cut.mp4"));
    let uploaded = pending.adopt(entry, &candidate.uri).await.unwrap().run().await.unwrap();
    assert_eq!(uploaded.video_uri, video.uri);
    assert_eq!(place.sandbox.upload_bytes(video.id().unwrap().number()).unwrap(), film);
    assert_eq!(place.written_down(), 0);
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
async fn what_is_no_video_is_refused_before_anything_is_sent() {
    let place = Place::new().await;
    for wrong in ["", "/users/7", "film", "/videos/x"] {
        let error = place.vimeo().replace(wrong, film(10)).send().await.unwrap_err();
        assert!(error.to_string().contains("expected a video"), "{error}");
    }
    assert_eq!(place.steps(), [""; 0]);
    let error = place.vimeo().replace(99, film(10)).send().await.unwrap_err();
    assert!(error.call().unwrap().is_not_found(), "{error}");
    let error = place.vimeo().replace(99, "missing.mp4").send().await.unwrap_err();
    let Error::Upload { source, ticket: None } = error else { panic!("{error:?}") };
    assert!(matches!(*source, UploadError::Io { .. }));
}
