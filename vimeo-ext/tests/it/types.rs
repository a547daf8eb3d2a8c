//! Guarantees of the types.

use std::time::Duration;
use vimeo_api::types::TextTrackType;

use serde_json::json;
use vimeo_ext::auth::{Auth, Authorization, DeviceLogin, Grant};
use vimeo_ext::{AccessToken, Items, Pages, RateLimiters, UploadVideo, Vimeo, VimeoBuilder};

use crate::fake::{Fake, respond};

fn everywhere<T: Send + Sync + 'static>() {}
fn sendable<T: Send + 'static>(_: T) {}

#[test]
fn clients_streams_and_futures_are_send() {
    everywhere::<Vimeo>();
    everywhere::<vimeo_api::Client>();
    everywhere::<Auth>();
    everywhere::<Authorization>();
    everywhere::<DeviceLogin>();
    everywhere::<Grant>();
    everywhere::<AccessToken>();
    everywhere::<RateLimiters>();
    everywhere::<vimeo_ext::Error>();
    let fake = Fake::new(|_, _| respond(200).json(json!({"data": []})));
    let vimeo = Vimeo::builder().access_token("t").transport(fake).build().unwrap();
    sendable::<VimeoBuilder>(Vimeo::builder());
    sendable::<Items<_>>(vimeo.api().videos().list_my_videos().items());
    sendable::<Pages<_>>(vimeo.api().videos().list_my_videos().pages());
    sendable(vimeo.api().videos().get_video(1).send());
    sendable(vimeo.get("/me").send());
    sendable::<UploadVideo>(vimeo.upload("film.mp4"));
    sendable(vimeo.upload("film.mp4").send());
    sendable(vimeo.replace(1, "film.mp4").send());
    sendable(vimeo.upload_many(["film.mp4"]).send());
    sendable(vimeo.upload_from_url("https://example.com/film.mp4").send());
    sendable(vimeo.upload_form("https://example.com/").send());
    sendable(vimeo.upload_ticket(1).send());
    sendable(vimeo.upload_picture("/me", "me.png").send());
    sendable(vimeo.upload_text_track(1, TextTrackType::Captions, "en", "captions.vtt").send());
    sendable(vimeo.thumbnail_at(1, Duration::ZERO).send());
    sendable(vimeo.animated_thumbnail(1, Duration::ZERO, Duration::ZERO).send());
    sendable(vimeo.wait_transcoded(1).send());
    sendable(vimeo.transcribe(1).send());
    sendable(vimeo.dub(1, "de").start());
    sendable(vimeo.job("dub/1/de").unwrap().wait().send());
    sendable(vimeo.rate_limiter().changes());
    let auth = vimeo.auth().clone();
    sendable(async move { auth.client_credentials("public").await });
    sendable(async move { vimeo.auth().verify().await });
}

#[tokio::test(start_paused = true)]
async fn dropping_a_call_releases_its_permit() {
    let fake = Fake::new(|_, _| respond(200).json(json!({})).after(Duration::from_secs(60)));
    let vimeo = fake.vimeo();
    let call = tokio::time::timeout(Duration::from_secs(1), vimeo.get("/me").send()).await;
    assert!(call.is_err());
    assert_eq!(vimeo.rate_limiter().status().in_flight, 0);
}
