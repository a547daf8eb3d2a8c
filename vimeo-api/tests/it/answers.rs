//! What comes of an answer.

use serde::Deserialize;
use serde_json::json;
use vimeo_api::types::{TextTrack, User, Video};
use vimeo_api::{Error, OpenEnum, Sent, Strictness, decode};

use crate::{Memory, now};

/// BEHAVIOUR.md: D05.
#[test]
fn a_partial_response_decodes_into_the_full_and_into_a_user_type() {
    #[derive(Debug, Deserialize)]
    struct Own {
        uri: String,
        name: String,
    }
    let memory = Memory::answering(200, r#"{"uri": "/videos/7", "name": "Surf"}"#);
    let client = memory.client();
    let call = || client.videos().get_video(7).fields("uri,name");
    let video = now(call().send()).unwrap();
    assert_eq!((video.uri.as_deref(), video.name.as_deref()), (Some("/videos/7"), Some("Surf")));
    assert_eq!(video.duration, None);
    let own = now(call().send_as::<Own>()).unwrap().into_inner();
    assert_eq!((own.uri.as_str(), own.name.as_str()), ("/videos/7", "Surf"));
}

/// BEHAVIOUR.md: D03, D04.
#[test]
fn unknown_words_fields_and_kinds_leave_the_rest_of_the_response_intact() {
    let body = r#"{
        "uri": "/videos/7", "name": null, "duration": {"seconds": 7}, "brand_new": [1],
        "privacy": {"view": "martians", "download": "maybe"}, "width": 640,
        "user": {"uri": "/users/9", "account": "platinum", "pictures": []}
    }"#;
    let memory = Memory::answering(200, body);
    let video = now(memory.client().videos().get_video(7).send()).unwrap();
    assert_eq!(video.width, Some(640));
    assert_eq!(video.user.as_ref().and_then(|user| user.uri.as_deref()), Some("/users/9"));
    let view = video.privacy.as_ref().and_then(|privacy| privacy.view.clone()).unwrap();
    assert_eq!((view.as_str(), view.is_known()), ("martians", false));
    assert_eq!(serde_json::to_value(&view).unwrap(), "martians");
    let mut paths: Vec<&str> = video.drift().iter().map(|drift| drift.path()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["duration", "privacy.download", "user.pictures"]);
    assert!(std::str::from_utf8(video.bytes()).unwrap().contains("brand_new"));

    match now(memory.strict_client().videos().get_video(7).send()) {
        Err(Error::Decode(error)) => {
            assert_eq!(error.drift().len(), 3);
            assert!(error.to_string().contains("3 pieces do not fit"), "{error}");
            assert_eq!(error.status(), 200);
        }
        other => panic!("{other:?}"),
    }
}

/// Bodies in the recorded shapes that contradict what Vimeo's description claims.
/// BEHAVIOUR.md: D01, D02, D04.
#[test]
fn recorded_shapes_decode_without_a_mismatch() {
    let users = [
        json!({"account": "free", "content_filter": ["language", "safe"], "upload_quota": {"lifetime": null}}),
        json!({"account": "standard", "preferences": {"videos": {"privacy": "anybody"}}}),
        json!({"preferences": {"videos": {"privacy": {"view": "nobody", "download": true}}}}),
    ];
    for user in users {
        let decoded = decode::<User>(user.to_string().as_bytes(), Strictness::Strict);
        assert!(decoded.is_ok(), "{user}: {decoded:?}");
    }
    let videos = [
        json!({"license": null, "upload": {"form": null, "link": null, "complete_uri": null, "redirect_url": null}}),
        json!({"created_time": "2023-04-08T09:21:35+00:00", "player_embed_url": "https://player.example/7", "is_playable": true}),
        json!({"transcode": null, "categories": [], "privacy": {"view": "unlisted"}}),
    ];
    for video in videos {
        let decoded = decode::<Video>(video.to_string().as_bytes(), Strictness::Strict);
        assert!(decoded.is_ok(), "{video}: {decoded:?}");
    }
    let track =
        json!({"uri": "/videos/7/texttracks/9", "link_expires_time": 1_680_982_193, "type": "captions"});
    let track = decode::<TextTrack>(track.to_string().as_bytes(), Strictness::Strict).unwrap().value;
    assert_eq!(track.link_expires_time, Some(1_680_982_193));
}

/// BEHAVIOUR.md: D08.
#[test]
fn any_2xx_is_a_success_and_an_empty_body_is_reported() {
    for status in [200, 201, 202, 204] {
        let memory = Memory::answering(status, "");
        assert!(now(memory.client().videos().delete_video(7).send()).is_ok(), "{status}");
        match now(memory.client().videos().get_video(7).send()) {
            Err(Error::NoContent { operation, status: told, .. }) => {
                assert_eq!((operation.as_str(), told.as_u16()), ("get_video", status));
            }
            other => panic!("{other:?}"),
        }
    }
    let client = Memory::answering(204, "").client();
    let added = now(client.videos().add_video_permitted_user(7, 9).send()).unwrap();
    assert!(added.is_none());
    let client = Memory::answering(200, r#"{"uri": "/users/9"}"#).client();
    let added = now(client.videos().add_video_permitted_user(7, 9).send()).unwrap().into_inner();
    assert_eq!(added.and_then(|user| user.uri).as_deref(), Some("/users/9"));
}

/// BEHAVIOUR.md: E01, E02.
#[test]
fn errors_carry_what_vimeo_said() {
    let body =
        r#"{"error": "Gone.", "link": null, "developer_message": "No such video.", "error_code": 5000}"#;
    let memory = Memory::answering(404, body);
    let error = now(memory.client().videos().get_video(7).send()).unwrap_err();
    assert_eq!(error.status().map(|status| status.as_u16()), Some(404));
    assert_eq!(error.sent(), Sent::Yes);
    let told = error.api().expect("an answer of Vimeo");
    assert_eq!((told.error_code(), told.developer_message()), (Some(5000), Some("No such video.")));
    assert_eq!(told.operation().map(|operation| operation.id), Some("get_video"));
    assert_eq!(told.bytes().len(), body.len());
}

#[test]
fn not_modified_is_no_failure_of_decoding() {
    let memory = Memory::answering(304, "");
    assert!(matches!(
        now(memory.client().videos().list_my_videos().send()),
        Err(Error::NotModified { operation, .. }) if operation == "list_my_videos"
    ));
}
