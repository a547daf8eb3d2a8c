//! Pictures: create, upload, activate.

use std::time::Duration;

use http::Method;
use serde_json::json;
use vimeo_ext::upload::{TransientError, UploadOptions};
use vimeo_ext::{Error, MediaError, PictureTarget, Vimeo, Warning};
use vimeo_sandbox::{Effect, Fault, Host};
use wiremock::matchers::{body_json, body_string, header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{UploadFixture, no_backoff};

pub(super) const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

/// BEHAVIOUR.md: U03, M01.
#[tokio::test]
async fn a_thumbnail_is_created_uploaded_and_activated() {
    let fixture = UploadFixture::new().await;
    let id = fixture.sandbox.add_videos(1)[0];
    let file = fixture.file("thumbnail.png", PNG);
    let picture = fixture.vimeo().upload_picture(format!("/videos/{id}"), &file).activate(true).send().await;
    let picture = picture.unwrap();
    assert!(picture.active && picture.warnings.is_empty() && picture.orphaned_uri.is_none(), "{picture:?}");
    let (create, switch) = (format!("POST /videos/{id}/pictures"), format!("PATCH {}", picture.uri));
    assert_eq!(fixture.requests(), [create.as_str(), "PUT link", switch.as_str()]);
    let sent = &fixture.sandbox.request_log()[1];
    assert_eq!((sent.header("content-type"), sent.body_length), (Some("image/png"), PNG.len() as u64));
    assert_eq!(sent.header("content-length"), Some("16"), "no chunked encoding at a signed link");
    assert_eq!(sent.header("transfer-encoding"), None);
    let video = fixture.vimeo().get(&format!("/videos/{id}")).fields("pictures.uri").send().await.unwrap();
    assert_eq!(video["pictures"]["uri"], picture.uri);
}

/// BEHAVIOUR.md: M01.
#[tokio::test]
async fn a_portrait_stays_inactive_unless_activated() {
    let fixture = UploadFixture::new().await;
    let picture = fixture.vimeo().upload_picture(PictureTarget::me(), PNG).send().await.unwrap();
    assert!(!picture.active);
    assert_eq!(fixture.requests(), ["POST /me/pictures", "PUT link"]);
}

/// BEHAVIOUR.md: M01.
#[tokio::test]
async fn an_expired_picture_link_is_renewed_once() {
    let fixture = UploadFixture::new().await;
    let id = fixture.sandbox.add_videos(1)[0];
    let gone = || Fault::new(Effect::Status(403)).host(Host::Upload).method(Method::PUT);
    fixture.sandbox.add_fault(gone());
    let picture = fixture.vimeo().upload_picture(PictureTarget::video(id), PNG).activate(true).send().await;
    let picture = picture.unwrap();
    let steps = fixture.requests();
    let create = format!("POST /videos/{id}/pictures");
    assert_eq!(steps[..4], [create.as_str(), "PUT link", create.as_str(), "PUT link"]);
    assert!(steps[4].starts_with(&format!("DELETE /videos/{id}/pictures/")), "{steps:?}");
    assert_eq!(steps[5], format!("PATCH {}", picture.uri));
    assert_eq!(picture.orphaned_uri, None);

    fixture.sandbox.clear_request_log();
    fixture.sandbox.add_fault(gone().times(2));
    let error = fixture.vimeo().upload_picture(PictureTarget::video(id), PNG).send().await.unwrap_err();
    let Error::Media(error) = error else { panic!("{error:?}") };
    assert!(matches!(*error, MediaError::LinkGone { status: 403, .. }), "{error:?}");
    assert_eq!(fixture.requests(), [create.as_str(), "PUT link", create.as_str(), "PUT link"]);
    assert!(!format!("{error} {error:?}").contains("sig="), "{error:?}");
}

#[tokio::test]
async fn put_is_retried_with_the_whole_file() {
    let fixture = UploadFixture::new().await;
    let put = |effect| Fault::new(effect).host(Host::Upload).method(Method::PUT);
    for effect in [Effect::Status(503), Effect::Reset, Effect::Html(502)] {
        fixture.sandbox.add_fault(put(effect));
    }
    let upload = fixture.vimeo().upload_picture(PictureTarget::me(), PNG.to_vec()).options(no_backoff());
    upload.send().await.unwrap();
    assert_eq!(fixture.requests(), ["POST /me/pictures", "PUT link", "PUT link", "PUT link", "PUT link"]);
    assert_eq!(fixture.sandbox.request_log()[4].body_length, PNG.len() as u64);

    fixture.sandbox.add_fault(put(Effect::Status(500)).times(3));
    let upload = fixture.vimeo().upload_picture(PictureTarget::me(), PNG).options(no_backoff().attempts(3));
    let Err(Error::Media(error)) = upload.send().await else { panic!("an error") };
    assert!(matches!(*error, MediaError::Exhausted { attempts: 3, .. }), "{error:?}");
    fixture.sandbox.add_fault(put(Effect::Status(400)));
    let upload = fixture.vimeo().upload_picture(PictureTarget::me(), PNG).options(no_backoff());
    let Err(Error::Media(error)) = upload.send().await else { panic!("an error") };
    assert!(matches!(*error, MediaError::Refused { status: 400, .. }), "{error:?}");
}

/// A wait that would end after the limit is not begun.
#[tokio::test]
async fn put_is_not_retried_beyond_max_elapsed() {
    let fixture = UploadFixture::new().await;
    let hour = Duration::from_secs(3_600);
    // (wait, limit, attempts)
    for (wait, limit, expected) in
        [(hour, hour - Duration::from_secs(1), 1), (hour, Duration::ZERO, 1), (Duration::ZERO, hour, 3)]
    {
        fixture.sandbox.clear_request_log();
        let busy = Fault::new(Effect::Status(503)).host(Host::Upload).method(Method::PUT);
        fixture.sandbox.add_fault(busy.times(u64::from(expected)));
        let retry = UploadOptions::default_retry().attempts(3).backoff(wait, wait).jitter(|| 1.0);
        let options = UploadOptions::new().retry(retry.max_elapsed(limit));
        let upload = fixture.vimeo().upload_picture(PictureTarget::me(), PNG).options(options).send();
        let Ok(Err(Error::Media(error))) = tokio::time::timeout(hour / 60, upload).await else {
            panic!("{wait:?} within {limit:?}: no error, or a wait that was begun")
        };
        let MediaError::Exhausted { attempts, last, .. } = *error else { panic!("{error:?}") };
        assert_eq!((attempts, last), (expected, TransientError::Server(503)), "{wait:?} within {limit:?}");
        let puts = fixture.requests().iter().filter(|step| *step == "PUT link").count();
        assert_eq!(puts, expected as usize, "{wait:?} within {limit:?}");
    }
}

#[tokio::test]
async fn invalid_pictures_are_refused_or_warned_about() {
    let fixture = UploadFixture::new().await;
    let vimeo = fixture.vimeo();
    let error = vimeo.upload_picture("/me", "no/such.png").send().await.unwrap_err();
    assert!(error.to_string().contains("cannot open no/such.png"), "{error}");
    let error = vimeo.upload_picture("/me", Vec::new()).send().await.unwrap_err();
    assert!(error.to_string().contains("the file is empty"), "{error}");
    let error = vimeo.upload_picture("film.mp4", PNG).send().await.unwrap_err();
    assert!(error.to_string().contains("expected a video"), "{error}");
    let error = vimeo.upload_picture(PictureTarget::custom_logo(), PNG).activate(true).send().await;
    let Err(Error::Media(error)) = error else { panic!("an error") };
    assert!(matches!(*error, MediaError::ActivationUnsupported { .. }), "{error:?}");
    assert_eq!(fixture.requests(), [""; 0]);

    let picture = vimeo.upload_picture("/me", b"%PDF-1.7".as_slice()).send().await.unwrap();
    let [Warning::MediaType { found, .. }] = &picture.warnings[..] else { panic!("{picture:?}") };
    assert_eq!(found, "application/pdf");
}

#[tokio::test]
async fn every_picture_target_uploads() {
    // (target, its collection, whether it can be activated)
    let table = [
        (PictureTarget::user(7), "/users/7/pictures", true),
        (PictureTarget::live_event(3), "/live_events/3/pictures", true),
        (PictureTarget::on_demand_poster(5), "/ondemand/pages/5/pictures", true),
        (PictureTarget::on_demand_background(5), "/ondemand/pages/5/backgrounds", true),
        (PictureTarget::showcase_logo("/users/7/albums/9"), "/users/7/albums/9/logos", true),
        (PictureTarget::showcase_thumbnail("/users/7/albums/9"), "/users/7/albums/9/custom_thumbnails", true),
        (PictureTarget::chapter(1, 2), "/videos/1/chapters/2/pictures", true),
        (PictureTarget::custom_logo(), "/me/customlogos", false),
        (PictureTarget::timeline_thumbnail(1), "/videos/1/timelinethumbnails", false),
        (PictureTarget::from("/channels/8"), "/channels/8/pictures", true),
    ];
    for (target, collection, active) in table {
        let (api, links) = (MockServer::start().await, MockServer::start().await);
        let uri = format!("{collection}/4");
        let link = format!("{}/image?expires=1&sig=s3cret", links.uri());
        let connection = json!({"metadata": {"connections": {"pictures": {"uri": collection}}}});
        Mock::given(method("GET"))
            .and(path("/channels/8"))
            .and(query_param("fields", "metadata.connections.pictures.uri"))
            .respond_with(ResponseTemplate::new(200).set_body_json(connection))
            .mount(&api)
            .await;
        Mock::given(method("POST"))
            .and(path(collection))
            .respond_with(ResponseTemplate::new(201).set_body_json(json!({"uri": uri, "link": link})))
            .expect(1)
            .mount(&api)
            .await;
        Mock::given(method("PATCH"))
            .and(path(&uri))
            .and(body_json(json!({"active": true})))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({"active": true})))
            .expect(u64::from(active))
            .mount(&api)
            .await;
        // The response of another service, which is not Vimeo's JSON.
        Mock::given(method("PUT"))
            .and(path("/image"))
            .and(query_param("sig", "s3cret"))
            .and(header("content-type", "image/gif"))
            .and(body_string("GIF89a"))
            .respond_with(ResponseTemplate::new(200).set_body_string("<Status>"))
            .expect(1)
            .mount(&links)
            .await;
        let vimeo = Vimeo::builder().access_token("t0ken").base_url(api.uri()).build().unwrap();
        let mut upload = vimeo.upload_picture(target, b"GIF89a".as_slice());
        if active {
            upload = upload.activate(true);
        }
        let picture = upload.send().await.unwrap();
        assert_eq!((picture.uri, picture.active), (uri, active));
        for request in links.received_requests().await.unwrap() {
            assert!(!request.headers.contains_key("authorization"), "{collection}");
        }
    }
}

#[tokio::test]
async fn showcase_logo_and_custom_logo_upload() {
    let fixture = UploadFixture::new().await;
    let vimeo = fixture.vimeo();
    let showcase = vimeo.post("/me/albums").json(&json!({"name": "Trailers"})).send().await.unwrap();
    let uri = showcase["uri"].as_str().unwrap();
    let logo = vimeo.upload_picture(PictureTarget::showcase_logo(uri), PNG).activate(true).send().await;
    let logo = logo.unwrap();
    let read = vimeo.get(uri).fields("custom_logo.uri").send().await.unwrap();
    assert_eq!(read["custom_logo"]["uri"], logo.uri);
    let custom = vimeo.upload_picture(PictureTarget::custom_logo(), PNG).send().await.unwrap();
    assert!(!custom.active && custom.uri.contains("/customlogos/"), "{custom:?}");
    let (create, switch, read) =
        (format!("POST {uri}/logos"), format!("PATCH {}", logo.uri), format!("GET {uri}"));
    assert_eq!(
        fixture.requests(),
        [
            "POST /me/albums",
            create.as_str(),
            "PUT link",
            switch.as_str(),
            read.as_str(),
            "POST /me/customlogos",
            "PUT link"
        ]
    );
}

#[tokio::test]
async fn missing_pictures_and_links_are_errors() {
    let api = MockServer::start().await;
    let empty = ResponseTemplate::new(200).set_body_json(json!({}));
    Mock::given(method("GET")).respond_with(empty).mount(&api).await;
    let waiting = ResponseTemplate::new(201).set_body_json(json!({"uri": "/me/pictures/1"}));
    Mock::given(method("POST")).respond_with(waiting).mount(&api).await;
    let vimeo = Vimeo::builder().access_token("t0ken").base_url(api.uri()).build().unwrap();
    let Err(Error::Media(error)) = vimeo.upload_picture("/groups/1", PNG).send().await else { panic!() };
    assert!(matches!(&*error, MediaError::NoPictures { uri } if uri == "/groups/1"), "{error:?}");
    let Err(Error::Media(error)) = vimeo.upload_picture("/me", PNG).send().await else { panic!() };
    assert!(matches!(&*error, MediaError::MissingUploadLink { uri } if uri == "/me/pictures/1"), "{error:?}");
}

#[tokio::test]
async fn thumbnail_is_created_from_a_frame() {
    let fixture = UploadFixture::new().await;
    let id = fixture.sandbox.add_videos(1)[0];
    let at = Duration::from_secs(3);
    let picture = fixture.vimeo().thumbnail_at(id, at).activate(true).send().await.unwrap();
    assert_eq!(picture.active, Some(true));
    assert_eq!(fixture.requests(), [format!("POST /videos/{id}/pictures")]);
}

#[tokio::test(start_paused = true)]
async fn animated_thumbnail_is_polled() {
    use crate::fake::{Fake, respond};
    for (last, well) in [("completed", true), ("failed", false)] {
        let fake = Fake::new(move |seen, number| {
            let status = if number < 3 { "started" } else { last };
            let path = match number {
                0 => "/videos/7/animated_thumbsets",
                _ => "/videos/7/animated_thumbsets/ab-1c-2d/status",
            };
            assert_eq!(seen.path, path);
            respond(200).json(json!({"uri": "/videos/7/animated_thumbsets/ab-1c-2d", "status": status}))
        });
        let seconds = Duration::from_secs;
        let made = fake.vimeo().animated_thumbnail(7, seconds(12), seconds(4)).send().await;
        let body: serde_json::Value = serde_json::from_slice(&fake.log()[0].body).unwrap();
        assert_eq!(body, json!({"duration": 4, "start_time": 12}));
        match made {
            Ok(set) => assert!(well && set.uri.is_some()),
            Err(Error::Media(error)) => {
                assert!(!well && matches!(*error, MediaError::AnimationFailed { .. }), "{error:?}");
            }
            Err(error) => panic!("{error:?}"),
        }
        assert_eq!(fake.count(), 4);
    }
}

/// An API that creates a picture whose link is at `links`.
async fn picture_api(links: &MockServer, switched: ResponseTemplate) -> MockServer {
    let api = MockServer::start().await;
    let link = format!("{}/image?expires=1&sig=s3cret", links.uri());
    Mock::given(method("POST"))
        .and(path("/videos/1/pictures"))
        .respond_with(
            ResponseTemplate::new(201).set_body_json(json!({"uri": "/videos/1/pictures/2", "link": link})),
        )
        .mount(&api)
        .await;
    Mock::given(method("PATCH")).respond_with(switched).mount(&api).await;
    api
}

fn client(api: &MockServer) -> Vimeo {
    let retry = vimeo_ext::RetryPolicy::default().jitter(|| 0.0);
    Vimeo::builder().access_token("t0ken").base_url(api.uri()).retry(retry).build().unwrap()
}

#[tokio::test]
async fn active_state_is_what_vimeo_returns() {
    // (response to the change, the picture itself, whether it is active)
    let table = [
        (json!({"active": true}), None, true),
        (json!({"active": false}), None, false),
        (json!({}), Some(json!({"active": false})), false),
        (json!({}), Some(json!({"active": true})), true),
        (json!({}), Some(json!({})), true),
    ];
    for (switched, itself, active) in table {
        let links = MockServer::start().await;
        Mock::given(method("PUT")).respond_with(ResponseTemplate::new(200)).mount(&links).await;
        let api = picture_api(&links, ResponseTemplate::new(200).set_body_json(&switched)).await;
        if let Some(itself) = &itself {
            Mock::given(method("GET"))
                .and(path("/videos/1/pictures/2"))
                .respond_with(ResponseTemplate::new(200).set_body_json(itself))
                .expect(1)
                .mount(&api)
                .await;
        }
        let picture =
            client(&api).upload_picture(PictureTarget::video(1), PNG).activate(true).send().await.unwrap();
        assert_eq!(picture.active, active, "{switched} {itself:?}");
    }
}

#[tokio::test]
async fn web_page_response_is_an_error() {
    let page = "<html><title>Log in</title>sig=s3cret</html>";
    // (response to the file, whether it counts as a success)
    let table = [
        (ResponseTemplate::new(200).set_body_raw(page, "text/html; charset=utf-8"), false),
        (ResponseTemplate::new(200).set_body_raw("", "text/html"), true),
        (ResponseTemplate::new(200).set_body_raw("ok", "text/html"), true),
        (ResponseTemplate::new(200).set_body_raw("<Status>", "application/xml"), true),
    ];
    for (answer, taken) in table {
        let links = MockServer::start().await;
        Mock::given(method("PUT")).respond_with(answer).expect(1).mount(&links).await;
        let api = picture_api(&links, ResponseTemplate::new(200)).await;
        let sent = client(&api).upload_picture(PictureTarget::video(1), PNG).send().await;
        match (sent, taken) {
            (Ok(picture), true) => assert_eq!(picture.uri, "/videos/1/pictures/2"),
            (Err(error), false) => {
                let shown = format!("{error} {error:?}");
                assert!(shown.contains("with a web page (status 200)"), "{shown}");
                assert!(shown.contains("/videos/1/pictures/2") && !shown.contains("s3cret"), "{shown}");
            }
            (sent, _) => panic!("{sent:?}"),
        }
    }
}

#[tokio::test]
async fn error_7001_is_retried() {
    let again = json!({"error": "x", "developer_message": "Please retry.", "error_code": 7001});
    // (status, body with a code, attempts)
    let table = [(503, Some(&again), 3), (503, None, 1), (500, Some(&again), 1), (502, None, 1)];
    for (status, body, tries) in table {
        let links = MockServer::start().await;
        Mock::given(method("PUT")).respond_with(ResponseTemplate::new(200)).mount(&links).await;
        let api = MockServer::start().await;
        let refusal = match body {
            Some(body) => ResponseTemplate::new(status).set_body_json(body),
            None => ResponseTemplate::new(status).set_body_string("<html>"),
        };
        Mock::given(method("POST")).respond_with(refusal).up_to_n_times(2).mount(&api).await;
        let link = format!("{}/image", links.uri());
        Mock::given(method("POST"))
            .respond_with(
                ResponseTemplate::new(201)
                    .set_body_json(json!({"uri": "/videos/1/pictures/2", "link": link})),
            )
            .mount(&api)
            .await;
        let vimeo = client(&api);
        let picture = vimeo.upload_picture(PictureTarget::video(1), PNG).send().await.is_ok();
        assert_eq!(picture, tries == 3, "{status}");
        let asked = api.received_requests().await.unwrap().len();
        assert_eq!(asked, tries, "{status}");
    }
}

#[tokio::test]
async fn insecure_upload_links_are_refused() {
    for link in ["http://files.example/s3cret", "ftp://files.example/s3cret", "/s3cret"] {
        let api = MockServer::start().await;
        Mock::given(method("POST"))
            .respond_with(
                ResponseTemplate::new(201)
                    .set_body_json(json!({"uri": "/videos/1/pictures/2", "link": link})),
            )
            .mount(&api)
            .await;
        let error = client(&api).upload_picture(PictureTarget::video(1), PNG).send().await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(shown.contains("/videos/1/pictures/2 is invalid: it is "), "{shown}");
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}

#[tokio::test]
async fn fractional_seconds_are_refused() {
    let api = MockServer::start().await;
    let vimeo = client(&api);
    let (half, two) = (Duration::from_millis(2500), Duration::from_secs(2));
    let mut errors = vec![vimeo.thumbnail_at(1, half).send().await.unwrap_err()];
    for (start, length) in [(half, two), (two, half)] {
        errors.push(vimeo.animated_thumbnail(1, start, length).send().await.unwrap_err());
    }
    for error in errors {
        assert!(
            error.to_string().contains("2.5s, but Vimeo accepts only whole seconds; nothing was sent"),
            "{error}"
        );
    }
    assert!(api.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn empty_picture_creates_nothing() {
    let fixture = UploadFixture::new().await;
    let file = fixture.file("empty.png", b"");
    let error = fixture.vimeo().upload_picture(PictureTarget::video(1), &file).send().await.unwrap_err();
    assert!(error.to_string().contains("empty.png: the file is empty; nothing was created"), "{error}");
    assert_eq!(fixture.requests(), [""; 0]);
}
