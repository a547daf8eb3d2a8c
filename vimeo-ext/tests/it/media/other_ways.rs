//! Uploads by URL, form and ticket.

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use vimeo_api::types::{CommentPrivacy, LicenseCode, VideoViewPrivacy};
use vimeo_ext::upload::{Upload, UploadError, UploadTicket};
use vimeo_ext::{Error, MediaError};

use super::{UploadFixture, film};
use crate::fake::{Fake, broken, respond};

fn body(fake: &Fake, number: usize) -> Value {
    serde_json::from_slice(&fake.log()[number].body).unwrap()
}

#[tokio::test]
async fn pull_upload_sends_the_url() {
    let fake = Fake::new(|seen, _| {
        assert_eq!(seen.query("fields"), Some("uri,link"));
        respond(201).json(json!({"uri": "/videos/7", "link": "https://vimeo.com/7"}))
    });
    let url = "https://example.com/film.mp4?sig=s3cret";
    let create = fake
        .vimeo()
        .upload_from_url(url)
        .name("Surf")
        .comments(CommentPrivacy::Nobody)
        .license(LicenseCode::BySa);
    assert!(!format!("{create:?}").contains("s3cret"), "{create:?}");
    let video = create.send().await.unwrap();
    assert_eq!((video.uri.as_str(), video.id()), ("/videos/7", Some(7.into())));
    let expected = json!({
        "name": "Surf", "license": "by-sa", "privacy": {"comments": "nobody"},
        "upload": {"approach": "pull", "link": url},
    });
    assert_eq!(body(&fake, 0), expected);

    let Err(Error::Media(error)) = fake.vimeo().upload_from_url("film.mp4").send().await else {
        panic!("an error")
    };
    assert!(matches!(*error, MediaError::InvalidUrl { .. }), "{error:?}");
    assert_eq!(fake.count(), 1);
}

#[tokio::test]
async fn form_upload_returns_the_form() {
    let fake = Fake::new(|seen, number| {
        assert_eq!(seen.path, "/me/videos");
        match number {
            0 => respond(201).json(json!({"uri": "/videos/7", "upload": {
                "form": "<form action=\"https://files.example/?sig=s3cret\">",
                "upload_link": "https://files.example/?sig=s3cret",
                "redirect_url": "https://example.com/done",
            }})),
            _ => respond(201).json(json!({"uri": "/videos/7", "upload": {"form": null}})),
        }
    });
    let form = fake
        .vimeo()
        .upload_form("https://example.com/done")
        .privacy(VideoViewPrivacy::Nobody)
        .size(5)
        .send()
        .await;
    let form = form.unwrap();
    assert!(form.html.as_ref().unwrap().expose().starts_with("<form "));
    assert_eq!(form.redirect_url.as_deref(), Some("https://example.com/done"));
    assert!(!format!("{form:?}").contains("s3cret"), "{form:?}");
    let expected = json!({
        "privacy": {"view": "nobody"},
        "upload": {"approach": "post", "redirect_url": "https://example.com/done", "size": 5},
    });
    assert_eq!(body(&fake, 0), expected);

    let Err(Error::Upload { source, .. }) = fake.vimeo().upload_form("https://example.com/").send().await
    else {
        panic!("an error")
    };
    assert!(matches!(*source, UploadError::MissingUploadLink { .. }), "{source:?}");
    let error = fake.vimeo().upload_form("done.html").send().await.unwrap_err();
    assert!(error.to_string().contains("the redirect URL is invalid"), "{error}");
}

#[tokio::test]
async fn ticket_is_enough_to_upload() {
    let fixture = UploadFixture::new().await;
    let film = film(200_000);
    let ticket = fixture.vimeo().upload_ticket(200_000).name("Surf").send().await.unwrap();
    assert!(ticket.upload_link().expose_secret().starts_with(fixture.sandbox.upload_url().as_str()));
    let json = serde_json::to_string(&ticket).unwrap();

    let ticket: UploadTicket = serde_json::from_str(&json).unwrap();
    let uploaded = Upload::new(ticket, film.clone()).run().await.unwrap();
    let id = uploaded.video_uri.rsplit('/').next().unwrap().parse().unwrap();
    assert_eq!(fixture.sandbox.upload_bytes(id).unwrap(), film);
    assert_eq!(fixture.requests(), ["POST /me/videos", "HEAD link", "PATCH link", "HEAD link"]);

    let error = fixture.vimeo().upload_ticket(0).send().await.unwrap_err();
    assert!(error.to_string().contains("nothing to upload"), "{error}");
}

#[tokio::test]
async fn lost_response_is_outcome_unknown_for_every_approach() {
    let fake = Fake::new(|_, _| broken(vimeo_api::Delivery::Unknown));
    let vimeo = fake.vimeo();
    let errors = [
        vimeo.upload_from_url("https://example.com/film.mp4").send().await.unwrap_err(),
        vimeo.upload_form("https://example.com/done").send().await.unwrap_err(),
        vimeo.upload_ticket(5).send().await.unwrap_err(),
        vimeo.upload(vec![1; 5]).send().await.unwrap_err(),
        vimeo.replace(7, vec![1; 5]).send().await.unwrap_err(),
    ];
    for error in errors {
        let Error::Upload { source, ticket: None } = error else { panic!("{error:?}") };
        assert!(matches!(*source, UploadError::OutcomeUnknown { .. }), "{source:?}");
    }
    assert_eq!(fake.count(), 5, "no request is repeated");
}

#[tokio::test]
async fn builders_implement_into_future() {
    let fixture = UploadFixture::new().await;
    let file = fixture.file("film.mp4", &film(1000));
    let video = fixture.vimeo().upload(&file).name("Surf").await.unwrap();
    let told = serde_json::to_value(&video).unwrap();
    assert_eq!(told["uri"], json!(video.uri));
    assert_eq!(told["uploaded"]["size"], 1000);
    assert!(told["uploaded"]["elapsed"].is_f64(), "{told}");
    let picture = fixture.file("cover.png", super::pictures::PNG);
    fixture.vimeo().upload_picture(&video.uri, &picture).await.unwrap();
}
