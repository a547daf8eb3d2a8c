//! Tests of decoding responses.

use serde::Deserialize;
use serde_json::json;
use vimeo_api::types::{
    LiveQuotaStatus, ShowcasePictures, TextTrack, User, UserBadgeType, Video, VideoFileLogSetting,
};
use vimeo_api::{DecodeMode, Delivery, Error, OpenEnum, decode};

use crate::{FakeTransport, run};

/// BEHAVIOUR.md: D05.
#[test]
fn partial_response_decodes_into_model_and_own_type() {
    #[derive(Debug, Deserialize)]
    struct Own {
        uri: String,
        name: String,
    }
    let transport = FakeTransport::responding(200, r#"{"uri": "/videos/7", "name": "Surf"}"#);
    let client = transport.client();
    let call = || client.videos().get_video(7).fields("uri,name");
    let video = run(call().send()).unwrap();
    assert_eq!((video.uri.as_deref(), video.name.as_deref()), (Some("/videos/7"), Some("Surf")));
    assert_eq!(video.duration, None);
    let own = run(call().send_as::<Own>()).unwrap().into_inner();
    assert_eq!((own.uri.as_str(), own.name.as_str()), ("/videos/7", "Surf"));
}

/// BEHAVIOUR.md: D03, D04.
#[test]
fn schema_mismatches_leave_the_rest_intact() {
    let body = r#"{
        "uri": "/videos/7", "name": null, "duration": {"seconds": 7}, "brand_new": [1],
        "privacy": {"view": "martians", "download": "maybe"}, "width": 640,
        "user": {"uri": "/users/9", "account": "platinum", "pictures": []}
    }"#;
    let transport = FakeTransport::responding(200, body);
    let video = run(transport.client().videos().get_video(7).send()).unwrap();
    assert_eq!(video.width, Some(640));
    assert_eq!(video.user.as_ref().and_then(|user| user.uri.as_deref()), Some("/users/9"));
    let view = video.privacy.as_ref().and_then(|privacy| privacy.view.clone()).unwrap();
    assert_eq!((view.as_str(), view.is_known()), ("martians", false));
    assert_eq!(serde_json::to_value(&view).unwrap(), "martians");
    let mut paths: Vec<&str> = video.mismatches().iter().map(|mismatch| mismatch.path()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["duration", "privacy.download", "user.pictures"]);
    assert!(std::str::from_utf8(video.bytes()).unwrap().contains("brand_new"));

    match run(transport.strict_client().videos().get_video(7).send()) {
        Err(Error::Decode(error)) => {
            assert_eq!(error.mismatches().len(), 3);
            assert!(error.to_string().contains("3 schema mismatches"), "{error}");
            assert_eq!(error.status(), 200);
        }
        other => panic!("{other:?}"),
    }
}

/// Bodies of recorded shapes that contradict Vimeo's published description.
/// BEHAVIOUR.md: D01, D02, D04.
#[test]
fn recorded_shapes_decode_without_a_mismatch() {
    let users = [
        json!({"account": "free", "content_filter": ["language", "safe"], "upload_quota": {"lifetime": null}}),
        json!({"account": "standard", "preferences": {"videos": {"privacy": "anybody"}}}),
        json!({"preferences": {"videos": {"privacy": {"view": "nobody", "download": true}}}}),
    ];
    for user in users {
        let decoded = decode::<User>(user.to_string().as_bytes(), DecodeMode::Strict);
        assert!(decoded.is_ok(), "{user}: {decoded:?}");
    }
    let videos = [
        json!({"license": null, "upload": {"form": null, "link": null, "complete_uri": null, "redirect_url": null}}),
        json!({"created_time": "2023-04-08T09:21:35+00:00", "player_embed_url": "https://player.example/7", "is_playable": true}),
        json!({"transcode": null, "categories": [], "privacy": {"view": "unlisted"}}),
    ];
    for video in videos {
        let decoded = decode::<Video>(video.to_string().as_bytes(), DecodeMode::Strict);
        assert!(decoded.is_ok(), "{video}: {decoded:?}");
    }
    let track =
        json!({"uri": "/videos/7/texttracks/9", "link_expires_time": 1_680_982_193, "type": "captions"});
    let track = decode::<TextTrack>(track.to_string().as_bytes(), DecodeMode::Strict).unwrap().value;
    assert_eq!(track.link_expires_time, Some(1_680_982_193));
}

/// NTSC footage has fractional frame rates.
#[test]
fn decodes_fractional_frame_rates() {
    let body = json!({
        "files": [{"quality": "hd", "fps": 23.98}, {"fps": 25}],
        "download": [{"quality": "source", "fps": 29.97}],
        "play": {"progressive": [{"fps": 59.94}]},
    });
    let video = decode::<Video>(body.to_string().as_bytes(), DecodeMode::Strict).unwrap().value;
    let fps = |files: &Option<Vec<vimeo_api::types::VideoFile>>| {
        files.iter().flatten().map(|file| file.fps.unwrap()).collect::<Vec<_>>()
    };
    assert_eq!((fps(&video.files), fps(&video.download)), (vec![23.98, 25.0], vec![29.97]));
    let played = video.play.unwrap().progressive.unwrap();
    assert_eq!(played[0].fps, Some(59.94));
}

#[test]
fn decodes_file_log_as_url_or_object() {
    let address = "https://api.example/videos/7/log/8";
    let body = json!({
        "files": [{"log": address}, {"log": {"play": address}}],
        "play": {
            "progressive": [{"log": address}, {"log": {"play": address}}],
            "hls": {"log": address},
            "dash": {"log": {"play": address}},
        },
    });
    let video = decode::<Video>(body.to_string().as_bytes(), DecodeMode::Strict).unwrap().value;
    let play = video.play.unwrap();
    let logs = [
        video.files.unwrap().into_iter().filter_map(|file| file.log).collect::<Vec<_>>(),
        play.progressive.unwrap().into_iter().filter_map(|file| file.log).collect(),
        [play.hls.unwrap().log, play.dash.unwrap().log].into_iter().flatten().collect(),
    ];
    for logs in logs {
        assert!(matches!(&logs[0], VideoFileLogSetting::Text(text) if text == address), "{logs:?}");
        let VideoFileLogSetting::VideoFileLog(log) = &logs[1] else { panic!("{logs:?}") };
        assert_eq!(log.play.as_deref(), Some(address));
    }
}

#[test]
fn decodes_showcase_pictures_as_object_or_list() {
    let picture =
        json!({"uri": "/videos/3/pictures/4", "active": true, "sizes": [{"width": 100, "height": 75}]});
    let read = |pictures: serde_json::Value| {
        let body = json!({"uri": "/users/1/albums/2", "name": "A", "pictures": pictures}).to_string();
        let showcase =
            decode::<vimeo_api::types::Showcase>(body.as_bytes(), DecodeMode::Strict).unwrap().value;
        showcase.pictures.unwrap()
    };
    assert!(matches!(read(picture.clone()), ShowcasePictures::Picture(one) if one.active == Some(true)));
    match read(json!([picture, picture])) {
        ShowcasePictures::List(all) => assert_eq!(all[1].uri.as_deref(), Some("/videos/3/pictures/4")),
        other => panic!("{other:?}"),
    }
    assert!(matches!(read(json!([])), ShowcasePictures::List(all) if all.is_empty()));
}

#[test]
fn decodes_account_details() {
    let body = json!({
        "membership": {
            "type": "live_pro",
            "badge": {"type": "staff", "text": "Staff", "alt_text": "About us", "url": "/about"},
            "subscription": {"renewal": {"display_date": "2029-10-31", "renewal_date": "2029-10-31T04:00:00+00:00"}},
        },
        "emails": [{"email": "someone@example.com"}],
        "live_quota": {
            "status": "available",
            "time": {"monthly_remaining": 36_000, "monthly_maximum": 36_000, "event_maximum": 7_200},
            "streams": {"remaining": 1, "maximum": 2},
        },
        "metadata": {"connections": {
            "violations": {"uri": "/users/1/violations", "options": ["GET"], "total": 0},
            "notifications": {
                "uri": "/me/notifications", "total": 31, "total_new": 25, "new_total": 25, "unread_total": 24,
                "type_count": {"comment": 0, "share": 1}, "type_unseen_count": {"comment": 0, "share": 1},
            },
        }},
    });
    let found = vimeo_api::decode::<User>(body.to_string().as_bytes(), DecodeMode::Strict).unwrap().value;
    let membership = found.membership.unwrap();
    assert_eq!(membership.badge.unwrap().type_, Some(UserBadgeType::Staff));
    let renewal = membership.subscription.unwrap().renewal.unwrap();
    assert_eq!(renewal.renewal_date.unwrap().timestamp(), 1_888_113_600);
    assert_eq!(found.emails.unwrap()[0].email.as_deref(), Some("someone@example.com"));
    let live = found.live_quota.unwrap();
    assert_eq!(live.status, Some(LiveQuotaStatus::Available));
    assert_eq!(live.time.unwrap().event_maximum, Some(7_200));
    assert_eq!(live.streams.unwrap().maximum, Some(2));
    let connections = found.metadata.unwrap().connections.unwrap();
    assert_eq!(connections.violations.unwrap().total, Some(0));
    let notifications = connections.notifications.unwrap();
    assert_eq!(notifications.unread_total, Some(24));
    assert_eq!(notifications.type_count.unwrap()["share"], 1);
}

/// Measured values, unlike counts, can be fractions.
#[test]
fn decodes_fractional_measures() {
    use vimeo_api::types::{Analytics, OnDemandPage, OnDemandPromotion, VideoSpatial};
    fn fits<T: serde::de::DeserializeOwned>(body: serde_json::Value) {
        let decoded = decode::<T>(body.to_string().as_bytes(), DecodeMode::Strict);
        assert!(decoded.is_ok(), "{body}");
    }
    fits::<Analytics>(
        json!({"average_percent_watched": 61.5, "average_time_watched": 12.4, "total_time_watched": 900.25}),
    );
    fits::<VideoSpatial>(json!({
        "field_of_view": 50.5,
        "director_timeline": [{"pitch": -12.5, "yaw": 180.25, "roll": 0.5, "time_code": 1.5}],
    }));
    fits::<OnDemandPage>(json!({"rating": 4.5}));
    fits::<OnDemandPromotion>(json!({"percent_off": 12.5}));
}

/// BEHAVIOUR.md: D08.
#[test]
fn accepts_any_2xx_and_reports_missing_bodies() {
    for status in [200, 201, 202, 204] {
        let transport = FakeTransport::responding(status, "");
        assert!(run(transport.client().videos().delete_video(7).send()).is_ok(), "{status}");
        match run(transport.client().videos().get_video(7).send()) {
            Err(Error::NoContent { operation, status: reported, .. }) => {
                assert_eq!((operation.as_str(), reported.as_u16()), ("get_video", status));
            }
            other => panic!("{other:?}"),
        }
    }
    let client = FakeTransport::responding(204, "").client();
    let added = run(client.videos().add_video_permitted_user(7, 9).send()).unwrap();
    assert!(added.is_none());
    let client = FakeTransport::responding(200, r#"{"uri": "/users/9"}"#).client();
    let added = run(client.videos().add_video_permitted_user(7, 9).send()).unwrap().into_inner();
    assert_eq!(added.and_then(|user| user.uri).as_deref(), Some("/users/9"));
}

/// BEHAVIOUR.md: E01, E02.
#[test]
fn errors_expose_the_error_response() {
    let body =
        r#"{"error": "Gone.", "link": null, "developer_message": "No such video.", "error_code": 5000}"#;
    let transport = FakeTransport::responding(404, body);
    let error = run(transport.client().videos().get_video(7).send()).unwrap_err();
    assert_eq!(error.status().map(|status| status.as_u16()), Some(404));
    assert_eq!(error.delivery(), Delivery::Delivered);
    let api_error = error.api().expect("an error response");
    assert_eq!((api_error.error_code(), api_error.developer_message()), (Some(5000), Some("No such video.")));
    assert_eq!(api_error.operation().map(|operation| operation.id), Some("get_video"));
    assert_eq!(api_error.bytes().len(), body.len());
}

#[test]
fn not_modified_is_not_a_decode_error() {
    let transport = FakeTransport::responding(304, "");
    assert!(matches!(
        run(transport.client().videos().list_my_videos().send()),
        Err(Error::NotModified { operation, .. }) if operation == "list_my_videos"
    ));
}
