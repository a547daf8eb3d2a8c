//! Lists: sizes, cursors, and query parameters.

use std::collections::HashSet;

use serde_json::json;
use vimeo_agent::tools::{ErrorKind, Listing, MyVideosList, MyVideosListInput, ToolResult, Tools, Video};

use super::world::{World, client};

/// A world whose titles and descriptions have their maximum length.
async fn world_with_long_texts() -> World {
    let world = World::new().await;
    let ids = world.sandbox.add_videos(97);
    for id in world.videos.iter().chain(&ids) {
        let body = json!({"name": format!("{id} {}", "\"Wörter\" ".repeat(11)), "description": "So weit. ".repeat(550)});
        world.vimeo().patch(&format!("/videos/{id}")).json(&body).send().await.unwrap();
    }
    world.sandbox.clear_request_log();
    world
}

fn size(output: &ToolResult) -> usize {
    json!({"jsonrpc": "2.0", "id": 1, "result": {
        "content": [{"type": "text", "text": output.to_text()}], "structuredContent": output.value(), "isError": false,
    }})
    .to_string()
    .len()
}

#[tokio::test]
async fn cut_pages_reach_every_video_once() {
    let world = world_with_long_texts().await;
    let tools = world.tools.clone().content_and_structured(true);
    for (detail, most, per_page) in [("brief", 20_000, 100), ("full", 60_000, 100), ("brief", 20_000, 25)] {
        world.sandbox.clear_request_log();
        let (mut seen, mut outputs) = (HashSet::new(), 0);
        let mut arguments = json!({"per_page": per_page, "detail": detail});
        loop {
            let output = tools.call("vimeo_my_videos_list", arguments.clone()).await.unwrap();
            let value = output.value();
            assert!(size(&output) <= most, "{} bytes", size(&output));
            assert_eq!(value["total"], 100);
            outputs += 1;
            for item in value["items"].as_array().unwrap() {
                assert!(
                    seen.insert(item["id"].as_str().unwrap().to_owned()),
                    "{} is in two results",
                    item["id"]
                );
            }
            assert_eq!(value["has_more"] == true, value["next_cursor"].is_string());
            let Some(cursor) = value["next_cursor"].as_str() else { break };
            arguments["cursor"] = json!(cursor);
        }
        assert_eq!(seen.len(), 100, "{detail}");
        assert!(outputs > 2 && outputs < 60, "{outputs}");
        for entry in world.sandbox.request_log() {
            assert!(entry.query.contains("fields=uri%2Cname%2Clink"), "{}", entry.query);
        }
    }
}

#[tokio::test]
async fn cursors_are_bound_to_account_tool_and_query() {
    let world = World::new().await;
    world.sandbox.add_videos(30);
    let first = world.call("vimeo_my_videos_list", json!({"sort": "date"})).await.unwrap();
    let cursor = first.value()["next_cursor"].as_str().unwrap().to_owned();
    assert!(!cursor.contains("videos"));
    let good = json!({"sort": "date", "cursor": cursor});
    let rest = world.call("vimeo_my_videos_list", good.clone()).await.unwrap();
    assert_eq!(rest.value()["items"].as_array().unwrap().len(), 8);
    assert_eq!(rest.value()["has_more"], false);
    world.sandbox.clear_request_log();
    let refused = |error: vimeo_agent::tools::ToolError| {
        assert_eq!((error.kind, error.field.as_deref()), (ErrorKind::Input, Some("cursor")), "{error:?}");
        assert!(error.next_step.contains("Start again"), "{error}");
    };
    let other_query = json!({"sort": "plays", "cursor": cursor});
    refused(world.call("vimeo_my_videos_list", other_query).await.unwrap_err());
    refused(world.call("vimeo_videos_search", json!({"query": "x", "cursor": cursor})).await.unwrap_err());
    refused(
        world
            .call("vimeo_my_videos_list", json!({"sort": "date", "cursor": &cursor[1..]}))
            .await
            .unwrap_err(),
    );
    let others_token = world.sandbox.add_user("Other").token;
    let other = Tools::for_account(client(&world.sandbox, &others_token)).sealing_key([7; 32]);
    let owner = world.tools.clone().sealing_key([7; 32]);
    let shared = owner.call("vimeo_my_videos_list", json!({"sort": "date"})).await.unwrap();
    let shared = json!({"sort": "date", "cursor": shared.value()["next_cursor"]});
    refused(other.call("vimeo_my_videos_list", shared.clone()).await.unwrap_err());
    let again = Tools::for_account(client(&world.sandbox, world.sandbox.token())).sealing_key([7; 32]);
    assert!(again.call("vimeo_my_videos_list", shared).await.is_ok(), "another process with the same key");
}

#[tokio::test]
async fn page_past_the_end_is_empty() {
    let world = world_with_long_texts().await;
    let past = world.call("vimeo_my_videos_list", json!({"page": 9})).await.unwrap();
    assert_eq!((&past.value()["items"], &past.value()["has_more"]), (&json!([]), &json!(false)));
    let input = MyVideosListInput { per_page: Some(100), ..MyVideosListInput::new() };
    let listing: Listing<Video> = world.tools.run::<MyVideosList>(input).await.unwrap();
    assert_eq!((listing.items.len(), listing.total, listing.has_more), (100, Some(100), false));
    let name = listing.items[0].untrusted.name.as_deref().unwrap();
    assert!(name.ends_with("\"Wörter\" ") || name.contains("Wörter"), "{name}");
}

/// Vimeo sorts lists; each list accepts only the values that Vimeo knows for it.
#[tokio::test]
async fn lists_pass_sort_and_direction_to_vimeo() {
    let world = World::new().await;
    let showcase = world.showcase.to_string();
    let channel = world.channel.to_string();
    let cases = [
        ("vimeo_channels_list", json!({"sort": "relevant", "direction": "asc", "query": "surf"})),
        ("vimeo_channels_list", json!({"which": "followed", "sort": "followers", "direction": "desc"})),
        ("vimeo_channels_list", json!({"which": "moderated", "sort": "videos"})),
        ("vimeo_channel_videos_list", json!({"channel_id": channel, "sort": "added", "direction": "asc"})),
        ("vimeo_categories_list", json!({"sort": "last_video_featured_time", "direction": "desc"})),
        ("vimeo_following_list", json!({"sort": "alphabetical", "direction": "desc"})),
        ("vimeo_watchlater_list", json!({"sort": "plays", "direction": "asc"})),
        ("vimeo_showcase_videos_list", json!({"showcase_id": showcase, "query": "surf", "sort": "manual"})),
    ];
    for (tool, arguments) in cases {
        world.sandbox.clear_request_log();
        let output = world.call(tool, arguments.clone()).await;
        assert!(output.is_ok(), "{tool} {arguments}: {output:?}");
        let query = format!("&{}&", world.sandbox.request_log()[0].query);
        for name in ["query", "sort", "direction"] {
            let sent = arguments[name].as_str().map(|word| format!("&{name}={word}&"));
            let is_sent =
                sent.as_ref().map_or(!query.contains(&format!("&{name}=")), |sent| query.contains(sent));
            assert!(is_sent, "{tool} {arguments}: {query}");
        }
    }
    world.sandbox.clear_request_log();
    for (tool, arguments, field) in [
        ("vimeo_channels_list", json!({"sort": "size"}), "sort"),
        ("vimeo_channels_list", json!({"sort": "relevant", "which": "followed"}), "sort"),
        ("vimeo_channels_list", json!({"direction": "up"}), "direction"),
        ("vimeo_categories_list", json!({"sort": "date"}), "sort"),
        ("vimeo_watchlater_list", json!({"sort": "manual"}), "sort"),
    ] {
        let error = world.call(tool, arguments.clone()).await.unwrap_err();
        assert_eq!((error.kind, error.field.as_deref()), (ErrorKind::Input, Some(field)), "{arguments}");
    }
    assert!(world.sandbox.request_log().is_empty());
}
