//! IDs and domains are sent as the caller gave them: the hash of an unlisted video, the host of a domain.

use std::time::Duration;
use vimeo_api::types::TextTrackType;

use vimeo_ext::PictureTarget;
use vimeo_ext::api::VideoId;

use super::UploadFixture;

const LINK: &str = "https://vimeo.com/76979871/a1b2c3d4e5";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

#[tokio::test]
async fn videos_are_accepted_as_number_id_uri_and_link() {
    let fixture = UploadFixture::new().await;
    let vimeo = fixture.vimeo();
    let id: VideoId = LINK.parse().unwrap();
    let time = Duration::from_secs(1);
    // (call, the video in its request; `None` if refused before it is sent)
    let calls = [
        (vimeo.thumbnail_at(7, time), Some("7")),
        (vimeo.thumbnail_at("7", time), Some("7")),
        (vimeo.thumbnail_at("7:a1b2", time), Some("7:a1b2")),
        (vimeo.thumbnail_at("/videos/7:a1b2", time), Some("7:a1b2")),
        (vimeo.thumbnail_at("/users/3/videos/7", time), Some("7")),
        (vimeo.thumbnail_at("/videos/7?fields=uri", time), Some("7")),
        (vimeo.thumbnail_at(LINK, time), Some("76979871:a1b2c3d4e5")),
        (vimeo.thumbnail_at(LINK.to_owned(), time), Some("76979871:a1b2c3d4e5")),
        (vimeo.thumbnail_at(&id, time), Some("76979871:a1b2c3d4e5")),
        (vimeo.thumbnail_at(id.clone(), time), Some("76979871:a1b2c3d4e5")),
        (vimeo.thumbnail_at("https://vimeo.com/7/settings", time), Some("7")),
        (vimeo.thumbnail_at("/users/7", time), None),
        (vimeo.thumbnail_at("https://vimeo.com/showcase/7", time), None),
        (vimeo.thumbnail_at("", time), None),
    ];
    for (call, video) in calls {
        fixture.sandbox.clear_request_log();
        let name = format!("{call:?}");
        let error = call.send().await.unwrap_err();
        let expected: Vec<String> = video.iter().map(|id| format!("POST /videos/{id}/pictures")).collect();
        assert_eq!(fixture.requests(), expected, "{name}");
        assert_eq!(error.to_string().contains("expected a video"), video.is_none(), "{name}: {error}");
    }
}

#[tokio::test]
async fn every_upload_call_sends_the_video_hash() {
    let fixture = UploadFixture::new().await;
    let vimeo = fixture.vimeo();
    let film = fixture.file("film.mp4", &[7; 100]);
    let second = Duration::from_secs(1);
    // None of these videos exists; only the requests matter.
    let _ = vimeo.wait_transcoded(LINK).send().await;
    let _ = vimeo.replace(LINK, film.as_path()).send().await;
    let _ = vimeo.thumbnail_at(LINK, second).send().await;
    let _ = vimeo.animated_thumbnail(LINK, second, second).send().await;
    let _ = vimeo.upload_text_track(LINK, TextTrackType::Captions, "en", b"WEBVTT".as_slice()).send().await;
    let _ = vimeo.upload_picture(LINK, PNG).send().await;
    let _ = vimeo.upload_picture(PictureTarget::chapter(LINK, 3), PNG).send().await;
    let _ = vimeo.upload_picture(PictureTarget::timeline_thumbnail(LINK), PNG).send().await;
    let video = "/videos/76979871:a1b2c3d4e5";
    let steps = [
        format!("GET {video}"),
        format!("POST {video}/versions"),
        format!("POST {video}/pictures"),
        format!("POST {video}/animated_thumbsets"),
        format!("POST {video}/texttracks"),
        format!("POST {video}/pictures"),
        format!("POST {video}/chapters/3/pictures"),
        format!("POST {video}/timelinethumbnails"),
    ];
    assert_eq!(fixture.requests(), steps);
}

#[tokio::test]
async fn embed_domains_are_sent_as_hosts() {
    let fixture = UploadFixture::new().await;
    let film = fixture.file("film.mp4", &[7; 100]);
    let domains = ["https://example.com", "shop.example.com", "http://example.org/"];
    let uploaded = fixture.vimeo().upload(film.as_path()).embed_domains(domains).send().await.unwrap();
    let list = format!("{}/privacy/domains", uploaded.uri);
    let list = fixture.vimeo().get(&list).fields("domain").send().await.unwrap();
    let mut stored: Vec<&str> =
        list["data"].as_array().unwrap().iter().filter_map(|item| item["domain"].as_str()).collect();
    stored.sort_unstable();
    assert_eq!(stored, ["example.com", "example.org", "shop.example.com"]);

    fixture.sandbox.clear_request_log();
    for wrong in ["https://example.com/page", "example.com:8080", ""] {
        let refused = fixture.vimeo().upload(film.as_path()).embed_domains([wrong]).send().await.unwrap_err();
        assert!(refused.to_string().contains("embed_domains: "), "{wrong}: {refused}");
        let refused = fixture
            .vimeo()
            .upload_from_url("https://example.com/film.mp4")
            .embed_domains([wrong])
            .send()
            .await;
        assert!(refused.is_err(), "{wrong}");
    }
    assert_eq!(fixture.requests(), Vec::<String>::new());
}
