//! Text tracks: create, upload without the token, activate.

use http::Method;
use vimeo_api::types::TextTrackType;
use vimeo_ext::{Error, MediaError, Warning};
use vimeo_sandbox::{Effect, Fault, Host};

use super::UploadFixture;

const VTT: &[u8] = b"WEBVTT\n\n00:00.000 --> 00:02.000\nAt sea\n";

/// BEHAVIOUR.md: U03, M02.
#[tokio::test]
async fn a_text_track_is_created_uploaded_raw_and_activated() {
    let fixture = UploadFixture::new().await;
    let id = fixture.sandbox.add_videos(1)[0];
    let file = fixture.file("captions.vtt", VTT);
    let track = fixture
        .vimeo()
        .upload_text_track(id, TextTrackType::Captions, "pt-BR", &file)
        .name("Brasil")
        .active(true);
    let track = track.send().await.unwrap();
    assert!(track.active && track.warnings.is_empty(), "{track:?}");
    let (create, switch) = (format!("POST /videos/{id}/texttracks"), format!("PATCH {}", track.uri));
    assert_eq!(fixture.requests(), [create.as_str(), "PUT link", switch.as_str()]);
    let sent = &fixture.sandbox.request_log()[1];
    assert_eq!(sent.header("content-type"), Some("text/vtt"));
    let number = track.uri.rsplit('/').next().unwrap().parse().unwrap();
    assert_eq!(fixture.sandbox.world().text_track_file(id, number).unwrap(), VTT);
    let read = fixture.vimeo().get(&track.uri).send().await.unwrap();
    assert_eq!(
        (&read["name"], &read["language"], &read["active"]),
        (&"Brasil".into(), &"pt-BR".into(), &true.into())
    );
}

/// BEHAVIOUR.md: M02.
#[tokio::test]
async fn an_expired_text_track_link_is_renewed_once() {
    let fixture = UploadFixture::new().await;
    let id = fixture.sandbox.add_videos(1)[0];
    let gone = || Fault::new(Effect::Status(404)).host(Host::Upload).method(Method::PUT);
    fixture.sandbox.add_fault(gone());
    let track =
        fixture.vimeo().upload_text_track(id, TextTrackType::Subtitles, "de", VTT).active(true).send().await;
    let track = track.unwrap();
    let steps = fixture.requests();
    let create = format!("POST /videos/{id}/texttracks");
    assert_eq!(steps[..4], [create.as_str(), "PUT link", create.as_str(), "PUT link"]);
    assert!(steps[4].starts_with(&format!("DELETE /videos/{id}/texttracks/")), "{steps:?}");
    assert_eq!(steps[5], format!("PATCH {}", track.uri));
    let list = fixture.vimeo().get(&format!("/videos/{id}/texttracks")).send().await.unwrap();
    assert_eq!((&list["total"], &list["data"][0]["uri"]), (&1.into(), &track.uri.as_str().into()));

    fixture.sandbox.clear_request_log();
    fixture.sandbox.add_fault(gone().times(2));
    let upload = fixture.vimeo().upload_text_track(id, TextTrackType::Subtitles, "de", VTT);
    let Err(Error::Media(error)) = upload.send().await else { panic!("an error") };
    assert!(matches!(*error, MediaError::LinkGone { status: 404, .. }), "{error:?}");
    assert_eq!(fixture.requests(), [create.as_str(), "PUT link", create.as_str(), "PUT link"]);
}

#[tokio::test]
async fn undeletable_text_track_is_reported() {
    let fixture = UploadFixture::new().await;
    let id = fixture.sandbox.add_videos(1)[0];
    let token = fixture.sandbox.issue_token("public private upload edit");
    let vimeo = fixture.builder().access_token(token).build().unwrap();
    fixture.sandbox.add_fault(Fault::new(Effect::Status(403)).host(Host::Upload).method(Method::PUT));
    let track = vimeo.upload_text_track(id, TextTrackType::Captions, "en", VTT).send().await.unwrap();
    let left = track.orphaned_uri.unwrap();
    assert!(left.starts_with(&format!("/videos/{id}/texttracks/")) && left != track.uri, "{left}");
}

#[tokio::test]
async fn invalid_text_track_input_is_refused() {
    let fixture = UploadFixture::new().await;
    let vimeo = fixture.vimeo();
    let error = "lyrics".parse::<TextTrackType>().unwrap_err();
    assert!(
        error.to_string().starts_with("`lyrics` is not a known value; known values are captions, "),
        "{error}"
    );
    // (language, part of the message)
    let table = [
        ("xx", "`xx` is not a registered language tag"),
        ("en_US", "`en_US` is not a registered language tag"),
        ("", "`` is not a registered language tag"),
    ];
    for (language, message) in table {
        let error =
            vimeo.upload_text_track(1, TextTrackType::Captions, language, VTT).send().await.unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
    }
    let error =
        vimeo.upload_text_track("/users/7", TextTrackType::Captions, "en", VTT).send().await.unwrap_err();
    assert!(error.to_string().contains("expected a video"), "{error}");
    let error = vimeo.upload_text_track(1, TextTrackType::Captions, "en", "no.vtt").send().await.unwrap_err();
    assert!(error.to_string().contains("cannot open no.vtt"), "{error}");
    let error =
        vimeo.upload_text_track(1, TextTrackType::Captions, "en", Vec::new()).send().await.unwrap_err();
    assert!(error.to_string().contains("the file is empty"), "{error}");
    assert_eq!(fixture.requests(), [""; 0]);

    let id = fixture.sandbox.add_videos(1)[0];
    let odd = vimeo
        .upload_text_track(id, TextTrackType::Metadata, "qq", b"%PDF-1.7".as_slice())
        .check_language(false);
    let track = odd.send().await.unwrap();
    assert!(matches!(&track.warnings[..], [Warning::MediaType { .. }]), "{track:?}");
    let read = vimeo.get(&track.uri).fields("name,active").send().await.unwrap();
    assert_eq!((&read["name"], &read["active"]), (&"qq".into(), &false.into()));
}
