//! The calls that the guide of another connector shows, to the letter, and what they have to return.

use serde_json::{Value, json};

/// What the edit in [`check`] sends: exactly the fields that it names.
pub(crate) fn edit_body() -> Value {
    json!({
        "name": "Q3 Product Demo — Final Cut",
        "description": "For the board.",
        "privacy": {"view": "anybody", "embed": "public", "download": false},
    })
}

/// The input of the edit of a video.
pub(crate) fn edit(video: &str) -> Value {
    json!({
        "video_id": video,
        "name": "Q3 Product Demo — Final Cut",
        "description": "For the board.",
        "privacy_view": "anybody",
        "privacy_embed": "public",
        "privacy_download": false,
    })
}

/// Makes the calls, with `call` returning what a program gets, and checks the results.
pub(crate) async fn check(video: &str, mut call: impl AsyncFnMut(&'static str, Value) -> Value) {
    let listed =
        call("vimeo_my_videos_list", json!({"sort": "date", "direction": "desc", "per_page": 25})).await;
    let items = listed["items"].as_array().unwrap_or_else(|| panic!("{listed}"));
    assert_eq!(items.len(), 3, "{listed}");
    for item in items {
        assert!(item["uri"].as_str().unwrap().starts_with("/videos/"), "{item}");
        assert!(item["name"].as_str().unwrap().starts_with("Video "), "{item}");
        assert!(item["description"].is_string(), "{item}");
        assert_eq!(item["privacy"], json!({"view": "anybody"}), "{item}");
        assert!(item["stats"].is_object(), "{item}");
    }

    let edited = call("vimeo_video_edit", edit(video)).await;
    assert_eq!(edited["uri"], format!("/videos/{video}"), "{edited}");
    assert_eq!(edited["name"], "Q3 Product Demo — Final Cut", "{edited}");
    assert_eq!(edited["description"], "For the board.", "{edited}");
    let privacy = &edited["privacy"];
    assert_eq!((&privacy["view"], &privacy["embed"]), (&json!("anybody"), &json!("public")), "{edited}");
    assert_eq!(privacy["download"], false, "{edited}");

    let create = json!({
        "name": "Board",
        "description": "Private.",
        "privacy": "password",
        "password": "open sesame",
        "sort": "added_first",
    });
    let showcase = call("vimeo_showcase_create", create).await;
    assert_eq!((&showcase["name"], &showcase["description"]), (&json!("Board"), &json!("Private.")));
    assert_eq!(showcase["privacy"], json!({"view": "password"}), "{showcase}");
    let album = showcase["uri"].as_str().unwrap().rsplit('/').next().unwrap();
    let added = call("vimeo_showcase_video_add", json!({"album_id": album, "video_id": video})).await;
    assert_eq!(added["id"], video, "{added}");
    let inside = call("vimeo_showcase_videos_list", json!({"album_id": album})).await;
    assert_eq!(inside["items"][0]["name"], "Q3 Product Demo — Final Cut", "{inside}");

    let hooks = json!({
        "url": "https://example.com/events",
        "event_types": ["video.upload.complete", "video.transcode.complete", "video.privacy.change"],
    });
    let hooks = call("vimeo_webhook_create", hooks).await;
    let events = hooks["webhooks"].as_array().unwrap_or_else(|| panic!("{hooks}"));
    let events: Vec<&str> = events.iter().filter_map(|hook| hook["webhook_type"].as_str()).collect();
    assert_eq!(events, ["video-created", "video-transcode-complete"]);
    assert_eq!(hooks["not_registered"], json!(["video.privacy.change"]), "{hooks}");
    let notes = hooks["notes"].to_string();
    assert!(notes.contains("For video.upload.complete Vimeo has video-created"), "{notes}");
    assert!(notes.contains("Vimeo sends no event for a change of privacy"), "{notes}");
}
