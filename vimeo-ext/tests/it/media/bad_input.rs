//! Invalid files and unexpected responses.

use std::io;

use serde_json::json;
use vimeo_api::Quota;
use vimeo_ext::upload::{BoxFuture, IntoSource, Source, UploadError};
use vimeo_ext::{Error, Vimeo, Warning};
use vimeo_sandbox::Sandbox;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{UploadFixture, film};
use crate::fake::{Fake, respond as answer_of};
use crate::tus_server::TusServer;

/// An unreadable file. Root can read any file, so the error of the system is simulated.
struct Forbidden;

impl IntoSource for Forbidden {
    fn into_source(self) -> BoxFuture<'static, Result<Box<dyn Source>, UploadError>> {
        let error = io::Error::from(io::ErrorKind::PermissionDenied);
        Box::pin(std::future::ready(Err(UploadError::io("open", "film.mp4", error))))
    }
}

#[tokio::test]
async fn unreadable_file_sends_no_request() {
    let fixture = UploadFixture::new().await;
    let vimeo = fixture.vimeo();
    let empty = fixture.file("empty.mp4", b"");
    // (upload, part of the message)
    let mut cases = vec![
        (vimeo.upload("no/such/film.mp4"), "cannot open no/such/film.mp4"),
        (vimeo.upload(fixture.folder.path()), "is a folder, not a file; upload the files in it one by one"),
        (vimeo.upload(empty), "there is nothing to upload: the file is empty"),
        (vimeo.upload(Vec::new()), "there is nothing to upload"),
        (vimeo.upload(Forbidden), "cannot open film.mp4: permission denied"),
    ];
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let locked = fixture.file("locked.mp4", b"film");
        std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o000)).unwrap();
        if std::fs::File::open(&locked).is_err() {
            cases.push((vimeo.upload(locked), "Permission denied"));
        }
    }
    for (upload, message) in cases {
        let error = upload.send().await.unwrap_err();
        assert!(matches!(error, Error::Upload { ticket: None, .. }), "{error:?}");
        assert!(error.to_string().contains(message), "{error}");
    }
    assert_eq!(fixture.requests(), [""; 0]);
    assert_eq!(fixture.journal_files(), 0);
}

#[tokio::test]
async fn other_file_type_is_a_warning() {
    let fixture = UploadFixture::new().await;
    let image = fixture.file("film.mp4", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
    let video = fixture.vimeo().upload(image).send().await.unwrap();
    let [Warning::MediaType { found, .. }] = &video.warnings[..] else { panic!("{video:?}") };
    assert_eq!(found, "image/png");
    assert!(fixture.vimeo().upload(film(100)).send().await.unwrap().warnings.is_empty());
}

/// BEHAVIOUR.md: E04.
#[tokio::test]
async fn full_quota_is_a_typed_error() {
    for (space, periodic, full) in [(500, 5000, Quota::Storage), (5000, 500, Quota::Period)] {
        let fixture =
            UploadFixture::of(Sandbox::builder().quota(vimeo_sandbox::Quota::new(space, periodic))).await;
        let path = fixture.file("film.mp4", &film(1000));
        let error = fixture.vimeo().upload(path).send().await.unwrap_err();
        let Error::Call(vimeo_api::Error::QuotaExceeded(exceeded)) = error else { panic!("{error:?}") };
        assert_eq!(exceeded.quota, full);
        assert_eq!(fixture.requests(), ["POST /me/videos"]);
        assert_eq!(fixture.journal_files(), 0);
    }
}

/// BEHAVIOUR.md: U16.
#[tokio::test]
async fn any_2xx_creation_is_a_success() {
    for status in [200, 201, 202] {
        let film = film(1000);
        let tus = TusServer::start(1000, []).await;
        let server = MockServer::start().await;
        let body =
            json!({"uri": "/videos/7", "link": 5, "upload": {"upload_link": tus.link(), "size": "1000"}});
        respond(&server, ResponseTemplate::new(status).set_body_json(body)).await;
        let video = client(&server).upload(film.clone()).send().await.unwrap();
        assert_eq!(video.uri, "/videos/7");
        assert_eq!(tus.data(), film, "{status}");
    }
}

/// BEHAVIOUR.md: U16.
#[tokio::test]
async fn creation_without_upload_link_is_an_error() {
    let fixture = UploadFixture::new().await;
    let film = fixture.file("film.mp4", &film(1000));
    let server = MockServer::start().await;
    respond(&server, ResponseTemplate::new(204)).await;
    let vimeo = Vimeo::builder()
        .access_token("t0ken")
        .base_url(server.uri())
        .journal(fixture.journal())
        .build()
        .unwrap();
    let error = vimeo.upload(&film).send().await.unwrap_err();
    assert!(matches!(error.call(), Some(vimeo_api::Error::NoContent { .. })), "{error:?}");
    let Error::Upload { source, .. } = error else { panic!("{error:?}") };
    let UploadError::OutcomeUnknown { entry: Some(id), .. } = *source else { panic!("{source:?}") };
    assert!(fixture.journal().discard(&id).await.unwrap());

    server.reset().await;
    respond(&server, ResponseTemplate::new(201).set_body_json(json!({"uri": "/videos/7"}))).await;
    let error = vimeo.upload(&film).send().await.unwrap_err();
    let Error::Upload { source, .. } = error else { panic!("{error:?}") };
    assert!(matches!(&*source, UploadError::MissingUploadLink { video_uri } if video_uri == "/videos/7"));
    assert_eq!(fixture.journal_files(), 0, "a known video needs no entry");

    server.reset().await;
    respond(&server, ResponseTemplate::new(201).set_body_json(json!({}))).await;
    let error = vimeo.upload(vec![1; 5]).send().await.unwrap_err();
    let Error::Upload { source, .. } = error else { panic!("{error:?}") };
    assert!(matches!(*source, UploadError::InvalidTicket { .. }));
}

async fn respond(server: &MockServer, answer: ResponseTemplate) {
    Mock::given(method("POST")).and(path("/me/videos")).respond_with(answer).mount(server).await;
}

fn client(server: &MockServer) -> Vimeo {
    Vimeo::builder().access_token("t0ken").base_url(server.uri()).build().unwrap()
}

#[tokio::test]
async fn other_upload_approach_is_an_error() {
    let fixture = UploadFixture::new().await;
    let film = fixture.file("film.mp4", &film(1000));
    // (upload in the response, part of the message)
    let table = [
        (
            json!({"approach": "post", "form": "<form>", "upload_link": "https://up.example/?ticket_id=s3cret"}),
            "did not open a tus upload for /videos/7, but one with the approach `post`",
        ),
        (
            json!({"approach": "\u{1b}[31mstreaming ticket", "upload_link": "https://up.example/s3cret"}),
            "the approach `31mstreamingticket`",
        ),
        (json!({"approach": "tus", "upload_link": "/files/s3cret"}), "is not a URL"),
        (json!({"upload_link": "http://files.example/s3cret"}), "is plain http"),
        (json!({"upload_link": "ftp://files.example/s3cret"}), "is not https"),
    ];
    for (upload, said) in table {
        let server = MockServer::start().await;
        let body = json!({"uri": "/videos/7", "upload": upload});
        respond(&server, ResponseTemplate::new(201).set_body_json(body)).await;
        let vimeo = Vimeo::builder()
            .access_token("t0ken")
            .base_url(server.uri())
            .journal(fixture.journal())
            .build()
            .unwrap();
        let ticket = vimeo.upload_ticket(1000).send().await.unwrap_err();
        for error in [vimeo.upload(&film).send().await.unwrap_err(), ticket] {
            let shown = format!("{error} {error:?}");
            assert!(shown.contains(said) && shown.contains("/videos/7"), "{said}: {shown}");
            assert!(!shown.contains("s3cret"), "{shown}");
        }
        assert_eq!(fixture.journal_files(), 0, "{said}");
        assert_eq!(server.received_requests().await.unwrap().len(), 2, "nothing was sent to the link");
    }
}

/// A loopback link is valid from a local sandbox. From Vimeo it would lead to whatever listens on this machine.
#[tokio::test]
async fn loopback_link_needs_a_loopback_api() {
    let fake = Fake::new(|_, _| {
        answer_of(201)
            .json(json!({"uri": "/videos/7", "upload": {"upload_link": "https://127.0.0.1:9/s3cret"}}))
    });
    let error = fake.vimeo().upload_ticket(5).send().await.unwrap_err();
    assert!(error.to_string().contains("it leads to this machine"), "{error}");
    let local = fake.builder().base_url("http://127.0.0.1:9/").build().unwrap();
    assert_eq!(local.upload_ticket(5).send().await.unwrap().video_uri(), "/videos/7");
}

#[tokio::test]
async fn privacy_mismatch_is_a_warning() {
    // (requested, in the response, whether there is a warning)
    let table = [
        (Some("nobody"), json!({"view": "nobody"}), false),
        (Some("unlisted"), json!({"view": "anybody"}), true),
        (None, json!({"view": "anybody"}), false),
        (Some("nobody"), json!({}), false),
    ];
    for (asked, privacy, told) in table {
        let tus = TusServer::start(1000, []).await;
        let server = MockServer::start().await;
        let body = json!({"uri": "/videos/7", "privacy": privacy, "upload": {"upload_link": tus.link()}});
        respond(&server, ResponseTemplate::new(201).set_body_json(body)).await;
        let vimeo = client(&server);
        let mut upload = vimeo.upload(film(1000));
        if let Some(asked) = asked {
            upload = upload.privacy(asked.parse().unwrap());
        }
        let warnings = upload.send().await.unwrap().warnings;
        let expected = Warning::PrivacyMismatch { requested: "unlisted".into(), found: "anybody".into() };
        assert_eq!(warnings.contains(&expected), told, "{asked:?} {privacy}: {warnings:?}");
        assert_eq!(warnings.len(), usize::from(told), "{warnings:?}");
    }
}

#[tokio::test]
async fn unexpected_offset_of_a_new_upload_is_an_error() {
    let film = film(1000);
    for there in [1, 1000] {
        let tus = TusServer::start(1000, []).await;
        tus.preload(&film[..there]);
        let server = MockServer::start().await;
        let body = json!({"uri": "/videos/7", "upload": {"approach": "tus", "upload_link": tus.link()}});
        respond(&server, ResponseTemplate::new(201).set_body_json(body)).await;
        let error = client(&server).upload(film.clone()).send().await.unwrap_err();
        let Error::Upload { source, .. } = error else { panic!("{error:?}") };
        assert!(matches!(*source, UploadError::UnexpectedOffset { .. }), "{source:?}");
        assert_eq!(tus.log(), ["HEAD"]);
    }
}
