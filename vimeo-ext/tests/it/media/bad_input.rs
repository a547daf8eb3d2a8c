//! Files that cannot be uploaded, and answers that are not as they should be.

use std::io;

use serde_json::json;
use vimeo_api::Quota;
use vimeo_ext::upload::{BoxFuture, IntoSource, Source, UploadError};
use vimeo_ext::{Error, Vimeo, Warning};
use vimeo_sandbox::Sandbox;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{Place, film};
use crate::tus_server::TusServer;

/// A file that may not be read; root may read any, so that for root the system's answer is played.
struct Forbidden;

impl IntoSource for Forbidden {
    fn into_source(self) -> BoxFuture<'static, Result<Box<dyn Source>, UploadError>> {
        let error = io::Error::from(io::ErrorKind::PermissionDenied);
        Box::pin(std::future::ready(Err(UploadError::io("open", "film.mp4", error))))
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_read_makes_no_request() {
    let place = Place::new().await;
    let vimeo = place.vimeo();
    let empty = place.file("empty.mp4", b"");
    // (upload, what the message says)
    let mut cases = vec![
        (vimeo.upload("no/such/film.mp4"), "cannot open no/such/film.mp4"),
        (vimeo.upload(place.folder.path()), "is a folder, not a file; upload the files in it one by one"),
        (vimeo.upload(empty), "there is nothing to upload: the file is empty"),
        (vimeo.upload(Vec::new()), "there is nothing to upload"),
        (vimeo.upload(Forbidden), "cannot open film.mp4: permission denied"),
    ];
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let locked = place.file("locked.mp4", b"film");
        std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o000)).unwrap();
        if std::fs::File::open(&locked).is_err() {
            cases.push((vimeo.upload(locked), "Permission denied"));
        }
    }
    for (upload, complaint) in cases {
        let error = upload.send().await.unwrap_err();
        assert!(matches!(error, Error::Upload { ticket: None, .. }), "{error:?}");
        assert!(error.to_string().contains(complaint), "{error}");
    }
    assert_eq!(place.steps(), [""; 0]);
    assert_eq!(place.written_down(), 0);
}

#[tokio::test]
async fn another_kind_of_file_is_uploaded_with_a_warning() {
    let place = Place::new().await;
    let image = place.file("film.mp4", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
    let video = place.vimeo().upload(image).send().await.unwrap();
    let [Warning::MediaType { found, .. }] = &video.warnings[..] else { panic!("{video:?}") };
    assert_eq!(found, "image/png");
    assert!(place.vimeo().upload(film(100)).send().await.unwrap().warnings.is_empty());
}

/// BEHAVIOUR.md: E04.
#[tokio::test]
async fn a_full_quota_is_a_typed_error_and_not_retried() {
    for (space, periodic, full) in [(500, 5000, Quota::Storage), (5000, 500, Quota::Period)] {
        let place = Place::of(Sandbox::builder().quota(vimeo_sandbox::Quota::new(space, periodic))).await;
        let path = place.file("film.mp4", &film(1000));
        let error = place.vimeo().upload(path).send().await.unwrap_err();
        let Error::Call(vimeo_api::Error::QuotaExceeded(exceeded)) = error else { panic!("{error:?}") };
        assert_eq!(exceeded.quota, full);
        assert_eq!(place.steps(), ["POST /me/videos"]);
        assert_eq!(place.written_down(), 0);
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
        answer(&server, ResponseTemplate::new(status).set_body_json(body)).await;
        let video = client(&server).upload(film.clone()).send().await.unwrap();
        assert_eq!(video.uri, "/videos/7");
        assert_eq!(tus.data(), film, "{status}");
    }
}

/// BEHAVIOUR.md: U16.
#[tokio::test]
async fn a_creation_without_an_upload_link_is_a_typed_error() {
    let place = Place::new().await;
    let film = place.file("film.mp4", &film(1000));
    let server = MockServer::start().await;
    answer(&server, ResponseTemplate::new(204)).await;
    let vimeo = Vimeo::builder()
        .access_token("t0ken")
        .base_url(server.uri())
        .journal(place.journal())
        .build()
        .unwrap();
    let error = vimeo.upload(&film).send().await.unwrap_err();
    assert!(matches!(error.call(), Some(vimeo_api::Error::NoContent { .. })), "{error:?}");
    let Error::Upload { source, .. } = error else { panic!("{error:?}") };
    let UploadError::Unanswered { entry: Some(id), .. } = *source else { panic!("{source:?}") };
    assert!(place.journal().discard(&id).await.unwrap());

    server.reset().await;
    answer(&server, ResponseTemplate::new(201).set_body_json(json!({"uri": "/videos/7"}))).await;
    let error = vimeo.upload(&film).send().await.unwrap_err();
    let Error::Upload { source, .. } = error else { panic!("{error:?}") };
    assert!(matches!(&*source, UploadError::NoUploadLink { video_uri } if video_uri == "/videos/7"));
    assert_eq!(place.written_down(), 0, "what is known needs no entry");

    server.reset().await;
    answer(&server, ResponseTemplate::new(201).set_body_json(json!({}))).await;
    let error = vimeo.upload(vec![1; 5]).send().await.unwrap_err();
    let Error::Upload { source, .. } = error else { panic!("{error:?}") };
    assert!(matches!(*source, UploadError::BadTicket { .. }));
}

async fn answer(server: &MockServer, answer: ResponseTemplate) {
    Mock::given(method("POST")).and(path("/me/videos")).respond_with(answer).mount(server).await;
}

fn client(server: &MockServer) -> Vimeo {
    Vimeo::builder().access_token("t0ken").base_url(server.uri()).build().unwrap()
}
