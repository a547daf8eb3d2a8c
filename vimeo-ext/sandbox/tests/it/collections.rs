//! Generic collections: live events, On Demand pages, groups, presets and others.

use std::time::Duration;

use chrono::DateTime;
use serde_json::json;
use vimeo_sandbox::{Clock, Sandbox};

use crate::client::{Client, id_of, read};

async fn started() -> (Sandbox, Client, u64) {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    let video = sandbox.add_videos(3)[0];
    (sandbox, client, video)
}

/// For each collection: the body that creates an item, the member to check, and a change.
#[tokio::test]
async fn collection_item_lifecycle() {
    let (sandbox, client, video) = started().await;
    let me = sandbox.user_id();
    let event = client.send("POST", "/me/live_events", json!({"title": "Event"})).await.body;
    let event = event["uri"].as_str().unwrap();
    let page = json!({"name": "Page", "description": "Films", "type": "film", "content_rating": "safe"});
    let page = client.send("POST", "/me/ondemand/pages", page).await.body;
    let page = page["uri"].as_str().unwrap();
    let credit = json!({"name": "Someone", "role": "Director", "email": "someone@example.com", "user_uri": format!("/users/{me}")});
    let videos = format!("/videos/{video}");
    for (list, body, field, change) in [
        ("/me/presets".to_owned(), json!({"name": "Preset"}), "name", json!({"outro": "nothing"})),
        (
            format!("{videos}/chapters"),
            json!({"title": "One", "timecode": 3}),
            "title",
            json!({"title": "Two"}),
        ),
        (format!("{videos}/credits"), credit, "role", json!({"role": "Editor"})),
        (
            "/live_events".to_owned(),
            json!({"title": "Other", "chat_enabled": "true"}),
            "title",
            json!({"title": "Again"}),
        ),
        (format!("{event}/pictures"), json!({"active": true}), "active", json!({"active": false})),
        (format!("{page}/pictures"), json!({}), "active", json!({"active": true})),
        (format!("{page}/backgrounds"), json!({}), "active", json!({"active": true})),
    ] {
        let made = client.send("POST", &list, body.clone()).await;
        assert!(matches!(made.status, 200 | 201), "{list}: {made:?}");
        let uri = made.body["uri"].as_str().unwrap();
        if body.get(field).is_some() {
            assert_eq!(made.body[field], body[field], "{list}");
        }
        assert_eq!(client.get(uri).await.body[field], made.body[field], "{list}");
        let listed = client.get(&format!("{list}?fields=uri")).await.body;
        assert!(listed["data"].as_array().unwrap().contains(&json!({"uri": uri})), "{list}: {listed}");
        let changed = client.send("PATCH", uri, change.clone()).await;
        assert_eq!(changed.status, 200, "{list}: {changed:?}");
        if change.get(field).is_some() {
            assert_eq!(client.get(uri).await.body[field], change[field], "{list}");
        }
        if list.ends_with("/pictures") && list.contains("ondemand") {
            continue;
        }
        assert_eq!(client.call("DELETE", uri).await.status, 204, "{list}");
        assert_eq!(client.get(uri).await.status, 404, "{list}");
        assert_eq!(client.call("DELETE", uri).await.status, 404, "{list}");
    }
}

#[tokio::test]
async fn only_owner_edits_and_delete_cascades() {
    let (sandbox, client, _) = started().await;
    let stranger = Client::with_token(&sandbox, &sandbox.add_user("Stranger").token);
    let event = client.send("POST", "/me/live_events", json!({"title": "Event"})).await.body;
    let event = event["uri"].as_str().unwrap();
    let picture = client.send("POST", &format!("{event}/pictures"), json!({})).await.body;
    let picture = picture["uri"].as_str().unwrap();
    assert_eq!(stranger.get("/me/live_events").await.body["total"], 0);
    assert_eq!(stranger.send("PATCH", event, json!({"title": "Mine"})).await.status, 404);
    assert_eq!(stranger.call("DELETE", picture).await.status, 403);
    assert_eq!(client.get(event).await.body["metadata"]["connections"]["pictures"]["total"], 1);
    assert_eq!(client.call("DELETE", event).await.status, 204);
    assert_eq!(client.get(picture).await.status, 404);
    assert_eq!(client.send("POST", &format!("{event}/pictures"), json!({})).await.status, 404);
}

#[tokio::test]
async fn live_event_leaves_recording_each_time() {
    let (_sandbox, client, _) = started().await;
    let event = client.send("POST", "/me/live_events", json!({"title": "Weekly"})).await.body;
    let uri = event["uri"].as_str().unwrap();
    assert!(event["stream_key"].is_string() && event["streamable_clip"].is_null());
    assert_eq!(client.call("POST", &format!("{uri}/end")).await.status, 400);
    for times in 1..=2 {
        let on_air = client.call("POST", &format!("{uri}/activate")).await;
        assert_eq!((on_air.status, &on_air.body["name"]), (200, &json!("Weekly")));
        let again = client.call("POST", &format!("{uri}/activate")).await;
        assert_eq!(again.body["uri"], on_air.body["uri"]);
        let seen = client.get(uri).await.body;
        assert_eq!(
            (&seen["status"], &seen["streamable_clip"]["uri"]),
            (&json!("started"), &on_air.body["uri"])
        );
        assert_eq!(client.call("POST", &format!("{uri}/end?clip_id=1")).await.status, 400);
        let recording = client.call("POST", &format!("{uri}/end")).await;
        assert_eq!((recording.status, &recording.body["status"]), (200, &json!("available")));
        assert_eq!(client.get(uri).await.body["status"], "ended");
        assert_eq!(client.get(&format!("{uri}/videos")).await.body["total"], times);
    }
}

#[tokio::test]
async fn words_in_place_of_nested_urls_are_left_out() {
    let (_sandbox, client, _) = started().await;
    let event = client.send("POST", "/me/live_events", json!({"title": "Weekly"})).await.body;
    let uri = event["uri"].as_str().unwrap();
    for (link, shown) in [("none", false), ("https://example.com/logo", true)] {
        let embed = json!({"logos": {"custom": {"link": link}}, "color": "ff0000"});
        client.send("PATCH", uri, json!({"embed": embed})).await;
        let embed = &client.get(uri).await.body["embed"];
        assert_eq!(embed["color"], "ff0000");
        assert_eq!(embed["logos"]["custom"]["link"] == link, shown, "{embed}");
    }
}

#[tokio::test]
async fn m3u8_playback_is_an_object() {
    let (_sandbox, client, video) = started().await;
    let event = client.send("POST", "/me/live_events", json!({"title": "Event"})).await.body;
    let event = id_of(&event);
    for path in [format!("/me/videos/{video}"), format!("/me/live_events/{event}")] {
        let playback = client.get(&format!("{path}/m3u8_playback")).await;
        assert_eq!(playback.status, 200);
        let url = playback.body["m3u8_playback_url"].as_str().unwrap();
        assert!(url.ends_with(".m3u8"), "{url}");
    }
}

#[tokio::test]
async fn publishes_on_demand_page() {
    let (_sandbox, client, video) = started().await;
    let body = json!({"name": "Page", "description": "Films", "type": "film", "content_rating": "safe"});
    let page = client.send("POST", "/me/ondemand/pages", body).await;
    assert_eq!((page.status, &page.body["published"]["enabled"]), (201, &json!(false)));
    let uri = page.body["uri"].as_str().unwrap();
    // The link of a response is a URL, whatever word was sent.
    for link in ["", "surf"] {
        let edited = client.send("PATCH", uri, json!({"link": link})).await;
        assert_eq!(edited.status, 200, "{edited:?}");
        assert!(edited.body["link"].as_str().unwrap().starts_with("https://vimeo.com/"), "{edited:?}");
    }
    let put = client.send("PUT", &format!("{uri}/videos/{video}"), json!({"type": "main"})).await;
    assert_eq!((put.status, &put.body["type"]), (200, &json!("main")));
    assert_eq!(client.get(&format!("{uri}/videos/{video}")).await.body["uri"], format!("/videos/{video}"));
    assert_eq!(client.send("PUT", &format!("{uri}/videos/1"), json!({"type": "main"})).await.status, 404);
    assert_eq!(client.call("PUT", &format!("{uri}/regions/DE")).await.body["country_code"], "DE");
    let many = client.send("PUT", &format!("{uri}/regions"), json!({"countries": ["FR", "IT"]})).await;
    assert_eq!(many.status, 200, "{many:?}");
    assert_eq!(client.get(&format!("{uri}/regions")).await.body["total"], 3);
    assert_eq!(client.call("DELETE", &format!("{uri}/regions/DE")).await.status, 204);
    assert_eq!(client.get(&format!("{uri}/regions")).await.body["total"], 2);
    // Names stay text, even if they consist of digits.
    assert_eq!(client.call("PUT", &format!("{uri}/regions/0")).await.body["country_code"], "0");
    assert_eq!(client.call("PUT", &format!("{uri}/genres/7")).await.body["canonical"], "7");
    let published = client.send("PATCH", uri, json!({"publish": {"active": true}})).await;
    assert_eq!(published.body["published"]["enabled"], true, "{published:?}");
    assert!(client.get(uri).await.body["published"]["time"].is_string());
}

#[tokio::test]
async fn joins_groups_and_moderates_channels() {
    let (sandbox, client, video) = started().await;
    let account = sandbox.add_user("Stranger");
    let stranger = Client::with_token(&sandbox, &account.token);
    let group = client.send("POST", "/groups", json!({"name": "Group"})).await;
    assert_eq!((group.status, &group.body["name"]), (200, &json!("Group")));
    let id = id_of(&group.body);
    assert_eq!(stranger.get(&format!("/me/groups/{id}")).await.status, 404);
    assert_eq!(stranger.call("PUT", &format!("/me/groups/{id}")).await.status, 204);
    assert_eq!(stranger.get("/me/groups").await.names(), ["Group"]);
    assert_eq!(client.get(&format!("/groups/{id}/users")).await.names(), ["Sandbox User", "Stranger"]);
    assert_eq!(client.call("PUT", &format!("/groups/{id}/videos/{video}")).await.status, 200);
    assert_eq!(stranger.get(&format!("/groups/{id}/videos")).await.body["total"], 1);
    assert_eq!(stranger.call("DELETE", &format!("/me/groups/{id}")).await.status, 204);
    assert_eq!(
        client.get(&format!("/groups/{id}")).await.body["metadata"]["connections"]["users"]["total"],
        1
    );

    let channel =
        client.send("POST", "/channels", json!({"name": "Channel", "privacy": "anybody"})).await.body;
    let moderators = format!("{}/moderators", channel["uri"].as_str().unwrap());
    assert_eq!(stranger.call("PUT", &format!("{moderators}/{}", account.user_id)).await.status, 403);
    let body = json!([{"user_uri": format!("/users/{}", account.user_id)}]);
    assert_eq!(client.send("PUT", &moderators, body).await.status, 200);
    assert_eq!(client.get(&moderators).await.body["total"], 2);
    let uri = channel["uri"].as_str().unwrap();
    assert_eq!(stranger.send("PATCH", uri, json!({"name": "Ours"})).await.body["name"], "Ours");
    assert_eq!(client.call("DELETE", &format!("{moderators}/{}", account.user_id)).await.status, 204);
    assert_eq!(stranger.send("PATCH", uri, json!({"name": "Mine"})).await.status, 403);
    let owner = format!("{moderators}/{}", sandbox.user_id());
    client.call("DELETE", &owner).await;
    assert_eq!(client.get(&owner).await.status, 200, "the owner stays a moderator");
}

#[tokio::test]
async fn uploads_and_activates_logo() {
    let (_sandbox, client, _) = started().await;
    let showcase = client.send("POST", "/me/albums", json!({"name": "Showcase"})).await.body;
    assert_eq!(showcase["custom_logo"], json!(null));
    let uri = showcase["uri"].as_str().unwrap();
    let logo = client.call("POST", &format!("{uri}/logos")).await;
    assert_eq!((logo.status, &logo.body["active"]), (201, &json!(false)));
    let sent = client
        .bare("PUT", logo.body["link"].as_str().unwrap())
        .header("content-type", "image/png")
        .body("png");
    assert_eq!(sent.send().await.unwrap().status(), 200);
    let logo = logo.body["uri"].as_str().unwrap();
    assert!(client.get(logo).await.body.get("link").is_none(), "the link is returned only at creation");
    assert_eq!(client.send("PATCH", logo, json!({"active": true})).await.body["active"], true);
    assert_eq!(client.get(uri).await.body["custom_logo"]["uri"], logo);
    let other = client.call("POST", &format!("{uri}/logos")).await.body;
    client.send("PATCH", other["uri"].as_str().unwrap(), json!({"active": true})).await;
    assert_eq!(client.get(logo).await.body["active"], false);
}

#[tokio::test]
async fn duplicates_video_and_edits_showcases() {
    let (_sandbox, client, video) = started().await;
    let copy = client.send("POST", &format!("/me/videos/{video}/copy"), json!({"name": "Copy"})).await;
    assert_eq!(
        (copy.status, &copy.body["name"], &copy.body["status"]),
        (200, &json!("Copy"), &json!("available"))
    );
    assert_ne!(id_of(&copy.body), video);
    let one = client.send("POST", "/me/albums", json!({"name": "One"})).await.body["uri"].clone();
    let two = client.send("POST", "/me/albums", json!({"name": "Two"})).await.body["uri"].clone();
    let albums = format!("/videos/{video}/albums");
    client.send("PATCH", &albums, json!({"add": [{"uri": one}]})).await;
    let moved = client.send("PATCH", &albums, json!({"add": [{"uri": two}], "remove": [{"uri": one}]})).await;
    assert_eq!(moved.body[0]["uri"], two);
    assert_eq!(client.get(&albums).await.names(), ["Two"]);
    assert_eq!(client.get(&format!("/videos/{video}/available_albums")).await.names(), ["One"]);
    assert_eq!(client.send("PATCH", &albums, json!({"add": [{"uri": "/albums/1"}]})).await.status, 400);
    let again = client.call("POST", &format!("{}/copy", two.as_str().unwrap())).await.body;
    assert_eq!(again["metadata"]["connections"]["videos"]["total"], 1);
    let featured = format!("{}/videos/{video}/set_featured_video", two.as_str().unwrap());
    assert_eq!(client.call("PATCH", &featured).await.body["has_featured_content"], true);
}

#[tokio::test]
async fn synthesized_responses_are_stable_and_consistent() {
    let (one, _, _) = started().await;
    let (client, path) = (Client::new(&one), "/ondemand/genres");
    let list = client.get(path).await.body;
    assert_eq!((list["total"].as_u64(), list["data"].as_array().unwrap().len()), (Some(3), 3));
    let first = &list["data"][0];
    assert_eq!(client.get(first["uri"].as_str().unwrap()).await.body, *first);
    let second = client.get(&format!("{path}?per_page=1&page=2&fields=uri,name")).await.body;
    assert_eq!(second["data"], json!([{"uri": list["data"][1]["uri"], "name": list["data"][1]["name"]}]));
    assert_eq!(second["paging"]["next"], format!("{path}?per_page=1&page=3&fields=uri%2Cname"));
    assert_eq!(client.get(&format!("{path}?page=2")).await.body["error_code"], 2286);
    let deep = client.get("/me/feed?fields=clip.user.metadata.connections.videos.uri").await.body;
    let videos = format!("/users/{}/videos", one.user_id());
    for item in deep["data"].as_array().unwrap().iter().filter(|item| !item["clip"].is_null()) {
        assert_eq!(item["clip"]["user"]["metadata"]["connections"]["videos"], json!({"uri": videos}));
    }
    let other = Sandbox::builder().seed(99).start().await.unwrap();
    assert_ne!(Client::new(&other).get(path).await.body["data"], list["data"]);
}

#[tokio::test]
async fn unchanged_collection_returns_304() {
    let start = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    let sandbox = Sandbox::builder().clock(Clock::frozen(start)).start().await.unwrap();
    let client = Client::new(&sandbox);
    let later = format!("/me/watchlater/{}", sandbox.add_videos(1)[0]);
    assert_eq!(client.call("PUT", &later).await.status, 204);
    sandbox.clock().advance(Duration::from_secs(5));
    let seen = client.get("/me/watchlater").await.header("last-modified").to_owned();
    let again = || read(client.request("GET", "/me/watchlater").header("if-modified-since", &seen));
    assert_eq!(again().await.status, 304);
    assert_eq!(client.call("DELETE", &later).await.status, 204);
    let emptied = again().await;
    assert_eq!((emptied.status, &emptied.body["total"]), (200, &json!(0)));
}

#[tokio::test]
async fn finds_page_containing_uri() {
    let (_sandbox, client, oldest) = started().await;
    let path = "/me/videos?per_page=1&fields=uri";
    let page = client.get(&format!("{path}&containing_uri=/videos/{oldest}")).await.body;
    assert_eq!((&page["page"], &page["data"][0]["uri"]), (&json!(3), &json!(format!("/videos/{oldest}"))));
    let first = client.get(&format!("{path}&containing_uri=/videos/1")).await.body;
    assert_eq!(first["page"], 1);
}

#[tokio::test]
async fn course_package_has_described_media_type() {
    let (sandbox, client, video) = started().await;
    let path = format!("/users/{}/lms/download/{video}", sandbox.user_id());
    let package = client.request("GET", &path).send().await.unwrap();
    assert_eq!(package.status(), 200);
    assert_eq!(package.headers()["content-type"], "application/octet-stream");
}

#[tokio::test]
async fn links_with_chosen_names_are_urls() {
    let (_sandbox, client, _) = started().await;
    let made =
        client.send("POST", "/channels", json!({"name": "Films", "privacy": "anybody", "link": "Ü 1"})).await;
    assert_eq!(made.body["link"], "https://vimeo.com/channels/%C3%9C%201");
    let genre = client.get("/ondemand/genres/%C3%9C").await;
    assert_eq!(genre.body["link"], "https://vimeo.com/ondemand/genres/%C3%9C");
}
