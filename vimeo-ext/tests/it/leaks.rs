//! Leaks: where each sending path sends the token, and what it prints and logs.

use serde_json::json;
use vimeo_api::types::TextTrackType;
use vimeo_ext::auth::RefreshError;
use vimeo_ext::upload::{Journal, Upload};
use vimeo_ext::{AccessToken, PictureTarget, Vimeo};
use vimeo_sandbox::Host;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::fake::{Fake, respond};
use crate::media::UploadFixture;
use crate::secrets::{logged_from_here, take_log};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n picture";

/// BEHAVIOUR.md: U03.
#[tokio::test]
async fn no_sending_path_leaks_tokens_or_secrets() {
    logged_from_here();
    let place = UploadFixture::new().await;
    let sandbox = &place.sandbox;
    let app = (sandbox.client_id(), sandbox.client_secret());
    let vimeo = place.builder().app(&app.0, app.1.as_str()).build().unwrap();
    let mut shown = format!("{vimeo:?}");

    // Uploads of bytes over every kind of signed link.
    let film = place.file("film.mp4", &[7; 100_000]);
    let upload = vimeo.upload(&film).name("Surf");
    shown += &format!("{upload:?}");
    let video = upload.send().await.unwrap();
    let id = video.id().unwrap();
    shown += &format!("{video:?} {:?}", vimeo.replace(&id, &film).send().await.unwrap());
    let picture = vimeo.upload_picture(PictureTarget::video(&id), PNG).activate(true);
    shown += &format!("{picture:?}");
    shown += &format!("{:?}", picture.send().await.unwrap());
    let track = vimeo.upload_text_track(id, TextTrackType::Captions, "en", b"WEBVTT\n".to_vec()).active(true);
    shown += &format!("{track:?}");
    shown += &format!("{:?}", track.send().await.unwrap());
    let ticket = vimeo.upload_ticket(1_000).send().await.unwrap();
    shown += &format!("{ticket:?} {:?}", place.journal());
    let pending = vimeo.pending_uploads().unwrap();
    shown += &format!("{pending:?}");
    // An upload link that no longer exists produces an error that contains it.
    assert!(sandbox.world().lose_upload(ticket_id(ticket.video_uri())));
    let upload = Upload::new(ticket, vec![7; 1_000]);
    shown += &format!("{upload:?}");
    let error = upload.run().await.unwrap_err();
    shown += &format!("{error} {error:?}");

    // Lists, untyped calls, and calls that fail.
    vimeo.api().videos().list_my_videos().per_page(1u64).fields("uri").items().collect().await.unwrap();
    for path in ["/videos/1", "/me/videos?page=99&password=passw0rd", "/no/such/path"] {
        let error = vimeo.get(path).send().await.unwrap_err();
        shown += &format!("{error} {error:?}");
    }

    // Logins and revocations.
    let app_token = vimeo.auth().client_credentials("public").await.unwrap();
    let grant = vimeo.auth().verify().await.unwrap();
    let login = vimeo.auth().authorization("https://example.com/back").unwrap().begin().unwrap();
    let device = vimeo.auth().device("private").await.unwrap();
    shown += &format!("{app_token:?} {grant:?} {login:?} {device:?} {:?}", vimeo.auth());
    let callback = format!("code=c0de-s3cret&state={}", login.state());
    let error = vimeo.auth().exchange_code(&login, &callback).await.unwrap_err();
    shown += &format!("{error} {error:?}");
    let old = AccessToken::from("0ld-s3cret");
    for error in [
        vimeo_ext::Error::from(vimeo.auth().verify_token(&old).await.unwrap_err()),
        vimeo_ext::Error::from(vimeo.auth().revoke_token(&old).await.unwrap_err()),
        vimeo_ext::Error::from(vimeo.for_account("b", old).unwrap().get("/me").send().await.unwrap_err()),
    ] {
        shown += &format!("{error} {error:?}");
    }
    shown += &format!("{:?}", RefreshError::login_required("gone"));
    vimeo.auth().revoke().await.unwrap();
    let error = vimeo.get("/me").send().await.unwrap_err();
    shown += &format!("{error} {error:?}");
    let logged = take_log();

    let request_log = sandbox.request_log();
    for method in ["HEAD", "PATCH", "PUT"] {
        let sent = |entry: &&vimeo_sandbox::RequestLogEntry| {
            entry.host == Host::Upload && entry.method.as_str() == method
        };
        assert!(request_log.iter().any(|entry| sent(&entry)), "nothing was sent with {method} to a link");
    }
    let secrets = [sandbox.token(), app.1.as_str(), "c0de-s3cret", "0ld-s3cret", "passw0rd", login.state()];
    for entry in &request_log {
        assert_eq!(entry.has_authorization, entry.host == Host::Api, "{entry:?}");
        if entry.host == Host::Upload {
            let sent = format!("{} {} {:?}", entry.path, entry.query, entry.headers);
            assert!(secrets.iter().all(|secret| !sent.contains(secret)), "{sent}");
        }
    }
    assert!(logged.contains("call completed"), "{logged}");
    for (output, text) in [("printed", &shown), ("logged", &logged)] {
        for secret in secrets.iter().chain(&["sig="]) {
            let at = text
                .find(secret)
                .map(|at| text[at.saturating_sub(200)..].chars().take(400).collect::<String>());
            assert_eq!(at, None, "{secret} is {output}");
        }
    }
}

fn ticket_id(uri: &str) -> u64 {
    uri.rsplit('/').next().unwrap().parse().unwrap()
}

/// A server that redirects every request.
async fn redirecting(status: u16, to: &str) -> MockServer {
    let server = MockServer::start().await;
    let away = ResponseTemplate::new(status).insert_header("location", to);
    Mock::given(any()).respond_with(away).mount(&server).await;
    server
}

#[tokio::test]
async fn redirects_to_another_origin_are_not_followed() {
    let elsewhere = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"access_token": "stolen"})))
        .mount(&elsewhere)
        .await;
    let port = elsewhere.address().port();
    for to in [
        format!("http://127.0.0.1:{port}/oauth/verify"),
        format!("http://localhost:{port}/me"),
        format!("https://127.0.0.1:{port}/me"),
        format!("//127.0.0.1:{port}/me"),
    ] {
        for status in [301, 302, 303, 307, 308] {
            let api = redirecting(status, &to).await;
            let vimeo = Vimeo::builder().access_token("t0ken").app("app", "s3cret").base_url(api.uri());
            let vimeo = vimeo.build().unwrap();
            let auth = vimeo.auth();
            let failed = |error: Option<&vimeo_api::Error>| {
                assert_eq!(error.and_then(vimeo_api::Error::status).unwrap(), status, "{to}");
            };
            failed(vimeo.get("/me").send().await.err().as_ref());
            failed(vimeo.post("/me/albums").json(&json!({})).send().await.err().as_ref());
            failed(vimeo.api().videos().list_my_videos().items().collect().await.err().as_ref());
            failed(auth.client_credentials("public").await.unwrap_err().call());
            failed(auth.device("public").await.unwrap_err().call());
            failed(auth.verify().await.unwrap_err().call());
            failed(auth.revoke().await.unwrap_err().call());
            let login = auth.authorization("https://example.com/back").unwrap().begin().unwrap();
            let callback = format!("code=c&state={}", login.state());
            failed(auth.exchange_code(&login, &callback).await.unwrap_err().call());
            assert_eq!(api.received_requests().await.unwrap().len(), 8, "{to}");
        }
    }
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
}

/// BEHAVIOUR.md: U03.
#[tokio::test]
async fn redirects_of_picture_links_are_not_followed() {
    let elsewhere = MockServer::start().await;
    let link = redirecting(307, &format!("{}/picture", elsewhere.uri())).await;
    let to = format!("{}/picture?expires=1&sig=s1gnature", link.uri());
    let fake = Fake::new(move |seen, _| match seen.method.as_str() {
        "POST" => respond(201).json(json!({"uri": "/users/1/pictures/2", "link": to, "active": false})),
        _ => respond(200).json(json!({
            "uri": "/users/1",
            "metadata": {"connections": {"pictures": {"uri": "/users/1/pictures"}}},
        })),
    });
    // A loopback link is allowed only for an API on a loopback address.
    let vimeo = fake.builder().base_url(link.uri()).journal(None::<Journal>).build().unwrap();
    let error = vimeo.upload_picture(PictureTarget::me(), PNG).send().await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("s1gnature"), "{error:?}");
    let sent = link.received_requests().await.unwrap();
    assert!(!sent.is_empty());
    for request in sent {
        assert!(!request.headers.contains_key("authorization"));
    }
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
}
