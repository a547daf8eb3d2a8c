//! Likes, comments, follows, folders, showcases, channels, categories and webhooks.

use serde_json::{Value, json};
use vimeo_sandbox::Sandbox;

use crate::client::{Client, id_of};

/// A sandbox with three videos, and clients for their owner and for another user.
async fn started() -> (Sandbox, Vec<u64>, Client, Client) {
    let sandbox = Sandbox::start().await.unwrap();
    let ids = sandbox.add_videos(3);
    let stranger = sandbox.add_user("Stranger");
    let (owner, stranger) = (Client::new(&sandbox), Client::with_token(&sandbox, &stranger.token));
    (sandbox, ids, owner, stranger)
}

#[tokio::test]
async fn likes_and_watch_later() {
    let (sandbox, ids, owner, stranger) = started().await;
    let like = |id: u64| format!("/me/likes/{id}");
    assert_eq!(owner.call("PUT", &like(ids[0])).await.status, 400);
    assert_eq!(stranger.get(&like(ids[0])).await.status, 404);
    for id in [ids[0], ids[2], ids[0]] {
        assert_eq!(stranger.call("PUT", &like(id)).await.status, 204);
    }
    assert_eq!(stranger.get(&like(ids[0])).await.status, 204);
    assert_eq!(stranger.get("/me/likes").await.names(), ["Video 3", "Video 1"]);
    assert_eq!(owner.get(&format!("/videos/{}/likes", ids[0])).await.names(), ["Stranger"]);
    let seen = stranger.get(&format!("/videos/{}", ids[0])).await.body;
    assert_eq!(seen["metadata"]["interactions"]["like"]["added"], true);
    assert_eq!(seen["metadata"]["connections"]["likes"]["total"], 1);
    assert_eq!(owner.get("/me/videos?sort=likes&per_page=1").await.names(), ["Video 3"]);
    assert_eq!(stranger.call("DELETE", &like(ids[2])).await.status, 204);

    let later = format!("/me/watchlater/{}", ids[1]);
    assert_eq!(owner.get(&later).await.status, 404);
    assert_eq!(owner.call("PUT", &later).await.status, 204);
    assert_eq!(owner.get(&later).await.body["name"], "Video 2");
    assert_eq!(owner.get("/me/watchlater").await.names(), ["Video 2"]);
    assert_eq!(stranger.get(&format!("/users/{}/watchlater", sandbox.user_id())).await.status, 403);
    owner.call("DELETE", &format!("/videos/{}", ids[1])).await;
    assert_eq!(owner.get("/me/watchlater").await.body["total"], 0);
}

#[tokio::test]
async fn follows_users() {
    let (sandbox, _, owner, stranger) = started().await;
    let other = sandbox.add_user("Other");
    let stranger_id = id_of(&stranger.get("/me").await.body);
    assert_eq!(owner.call("PUT", &format!("/me/following/{}", other.user_id)).await.status, 204);
    let body = json!([{"uri": format!("/users/{stranger_id}")}]);
    assert_eq!(owner.send("POST", "/me/following", body).await.status, 204);
    assert_eq!(owner.get("/me/following?sort=alphabetical").await.names(), ["Other", "Stranger"]);
    assert_eq!(stranger.get("/me/followers").await.names(), ["Sandbox User"]);
    assert_eq!(owner.get("/me").await.body["metadata"]["connections"]["following"]["total"], 2);
    for (body, code) in
        [(json!({}), 2205), (json!({"users": ["/users/5"]}), 2900), (json!([{"uri": 5}]), 2205)]
    {
        let answer = owner.send("POST", "/me/following", body).await;
        assert_eq!((answer.status, &answer.body["error_code"]), (400, &json!(code)));
    }
    assert_eq!(owner.call("DELETE", &format!("/me/following/{stranger_id}")).await.status, 204);
    assert_eq!(owner.get(&format!("/me/following/{stranger_id}")).await.status, 404);
    assert_eq!(owner.get("/users?query=stra").await.names(), ["Stranger"]);
}

#[tokio::test]
async fn comments_and_replies() {
    let (_sandbox, ids, owner, stranger) = started().await;
    let comments = format!("/videos/{}/comments", ids[0]);
    let empty = stranger.send("POST", &comments, json!({"text": " "})).await;
    assert_eq!((empty.status, &empty.body["error_code"]), (400, &json!(2207)));
    let first = stranger.send("POST", &comments, json!({"text": "First"})).await;
    assert_eq!((first.status, &first.body["user"]["name"]), (201, &json!("Stranger")));
    let uri = first.body["uri"].as_str().unwrap();
    let reply = owner.send("POST", &format!("{uri}/replies"), json!({"text": "Second"})).await;
    assert_eq!(reply.status, 201);
    let page = owner.get(&comments).await.body;
    assert_eq!((&page["total"], &page["data"][0]["replies"][0]["text"]), (&json!(1), &json!("Second")));
    assert_eq!(owner.get(&format!("{uri}/replies")).await.body["total"], 1);
    assert_eq!(owner.send("PATCH", uri, json!({"text": "Mine"})).await.status, 403);
    assert_eq!(stranger.send("PATCH", uri, json!({"text": "Changed"})).await.body["text"], "Changed");
    assert_eq!(owner.call("DELETE", uri).await.status, 204);
    assert_eq!(owner.get(&comments).await.body["total"], 0);

    owner.send("PATCH", &format!("/videos/{}", ids[0]), json!({"privacy": {"comments": "nobody"}})).await;
    let closed = stranger.send("POST", &comments, json!({"text": "Hello"})).await;
    assert_eq!((closed.status, &closed.body["error_code"]), (403, &json!(3413)));
}

#[tokio::test]
async fn nested_folders() {
    let (_sandbox, ids, owner, stranger) = started().await;
    let outer = owner.send("POST", "/me/projects", json!({"name": "Outer"})).await;
    assert_eq!((outer.status, outer.header("content-type")), (201, "application/vnd.vimeo.folder+json"));
    let outer_uri = outer.body["uri"].as_str().unwrap();
    let inner =
        owner.send("POST", "/me/folders", json!({"name": "Inner", "parent_folder_uri": outer_uri})).await;
    assert_eq!(inner.body["metadata"]["connections"]["ancestor_path"][0]["name"], "Outer");
    // The URI of the parent must include its owner.
    let number = outer_uri.rsplit('/').next().unwrap();
    for parent in [format!("/me/projects/{number}"), number.to_owned(), format!("/projects/{number}")] {
        let body = json!({"name": "Lost", "parent_folder_uri": parent});
        let refused = owner.send("POST", "/me/projects", body).await;
        assert_eq!((refused.status, &refused.body["error_code"]), (400, &json!(2204)), "{parent}");
        assert_eq!(refused.body["invalid_parameters"][0]["field"], "parent_folder_uri");
    }
    let inner_uri = inner.body["uri"].as_str().unwrap();

    assert_eq!(owner.call("PUT", &format!("{outer_uri}/videos/{}", ids[0])).await.status, 204);
    let uris = json!({"uris": format!("/videos/{},/videos/{}", ids[1], ids[0])});
    assert_eq!(owner.send("PUT", &format!("{inner_uri}/videos"), uris).await.status, 204);
    // A video is in one folder only.
    assert_eq!(owner.get(&format!("{outer_uri}/videos")).await.body["total"], 0);
    assert_eq!(owner.get(&format!("{outer_uri}/videos?include_subfolders=true")).await.body["total"], 2);
    assert_eq!(
        owner.get(&format!("{inner_uri}/videos?sort=alphabetical")).await.names(),
        ["Video 1", "Video 2"]
    );
    let items = owner.get(&format!("{outer_uri}/items?fields=type,folder.name")).await.body;
    assert_eq!(items["data"], json!([{"type": "folder", "folder": {"name": "Inner"}}]));
    let video = owner.get(&format!("/videos/{}", ids[0])).await.body;
    assert_eq!(video["parent_folder"]["uri"], inner_uri);
    let body = json!({"upload": {"approach": "tus", "size": 1}, "folder_uri": inner_uri});
    assert_eq!(owner.send("POST", "/me/videos", body).await.body["parent_folder"]["name"], "Inner");

    let list = owner.get("/me/folders/?fields=name").await;
    assert_eq!(list.names(), ["Inner", "Outer"]);
    assert_eq!(list.body["paging"]["first"], "/me/folders/?fields=name&page=1");
    assert_eq!(stranger.get(outer_uri).await.status, 403);
    assert_eq!(owner.send("PATCH", outer_uri, json!({"name": "Renamed"})).await.body["name"], "Renamed");
    assert_eq!(owner.call("DELETE", &format!("{inner_uri}/videos/{}", ids[0])).await.status, 204);
    assert_eq!(owner.call("DELETE", &format!("{inner_uri}/videos/{}", ids[0])).await.status, 404);
    assert_eq!(owner.send("DELETE", outer_uri, json!({"should_delete_clips": true})).await.status, 204);
    assert_eq!(owner.get(inner_uri).await.status, 404);
    assert_eq!(owner.get("/me/videos").await.names(), ["Video 3", "Video 1"]);
}

#[tokio::test]
async fn showcases() {
    let (sandbox, ids, owner, stranger) = started().await;
    let body = json!({"name": "Best", "privacy": "password", "password": "word", "sort": "alphabetical"});
    let made = owner.send("POST", "/me/albums", body).await;
    assert_eq!((made.status, made.header("content-type")), (201, "application/vnd.vimeo.album+json"));
    let uri = made.body["uri"].as_str().unwrap();
    assert_eq!(made.body["privacy"], json!({"view": "password", "password": "word"}));
    for id in [ids[2], ids[0]] {
        assert_eq!(owner.call("PUT", &format!("{uri}/videos/{id}")).await.status, 204);
    }
    assert_eq!(owner.get(&format!("{uri}/videos")).await.names(), ["Video 3", "Video 1"]);
    assert_eq!(owner.get(&format!("{uri}/videos/{}", ids[1])).await.status, 404);
    assert_eq!(stranger.get(&format!("{uri}/videos")).await.status, 404);
    assert_eq!(stranger.get(&format!("{uri}/videos?password=word")).await.body["total"], 2);
    assert!(stranger.get(uri).await.body["privacy"].get("password").is_none());
    assert_eq!(stranger.send("PATCH", uri, json!({"name": "Mine"})).await.status, 403);
    let list = stranger.get(&format!("/users/{}/albums", sandbox.user_id())).await;
    assert_eq!(list.body["total"], 0);

    let replaced =
        owner.send("PUT", &format!("{uri}/videos"), json!({"videos": format!("/videos/{}", ids[1])})).await;
    assert_eq!(replaced.status, 201);
    assert_eq!(owner.call("DELETE", &format!("{uri}/videos/{}", ids[1])).await.status, 204);
    assert_eq!(
        owner.send("PATCH", uri, json!({"brand_color": "ff0000"})).await.body["brand_color"],
        "ff0000"
    );
    assert_eq!(owner.send("POST", "/me/albums", json!({"privacy": "secret"})).await.status, 400);
    assert_eq!(owner.call("DELETE", uri).await.status, 204);
    assert_eq!(owner.get("/me/albums").await.body["total"], 0);
}

#[tokio::test]
async fn channels() {
    let (sandbox, ids, owner, stranger) = started().await;
    let body = json!({"name": "Channel", "privacy": "anybody", "link": "mychannel"});
    let made = owner.send("POST", "/channels", body).await;
    assert_eq!((made.status, made.header("content-type")), (200, "application/vnd.vimeo.channel+json"));
    let uri = made.body["uri"].as_str().unwrap();
    let videos =
        json!([{"video_uri": format!("/videos/{}", ids[0])}, {"video_uri": format!("/videos/{}", ids[1])}]);
    assert_eq!(owner.send("PUT", &format!("{uri}/videos"), videos).await.status, 200);
    assert_eq!(stranger.call("PUT", &format!("{uri}/videos/{}", ids[2])).await.status, 403);
    assert_eq!(stranger.get("/channels/mychannel/videos").await.names(), ["Video 2", "Video 1"]);
    assert_eq!(owner.call("DELETE", &format!("{uri}/videos/{}", ids[0])).await.status, 204);
    assert_eq!(stranger.get(&format!("{uri}/videos/{}", ids[0])).await.status, 404);

    assert_eq!(stranger.get("/me/channels/mychannel").await.status, 404);
    assert_eq!(stranger.call("PUT", "/me/channels/mychannel").await.status, 204);
    assert_eq!(stranger.get("/me/channels").await.names(), ["Channel"]);
    assert_eq!(stranger.get("/me/channels?filter=moderated").await.body["total"], 0);
    assert_eq!(
        owner.get(&format!("{uri}/users?sort=alphabetical")).await.names(),
        ["Sandbox User", "Stranger"]
    );
    assert_eq!(stranger.get(uri).await.body["metadata"]["interactions"]["follow"]["type"], "subscriber");

    owner.send("PATCH", uri, json!({"privacy": "moderators"})).await;
    assert_eq!(stranger.get(uri).await.status, 404);
    assert_eq!(stranger.get("/channels").await.body["total"], 0);
    assert_eq!(owner.call("DELETE", uri).await.status, 204);
    let user = sandbox.user_id();
    assert_eq!(owner.get(&format!("/users/{user}/channels")).await.body["total"], 0);
}

#[tokio::test]
async fn categories_domains_and_webhooks() {
    let (_sandbox, ids, owner, _) = started().await;
    let categories = owner.get("/categories").await;
    assert_eq!((categories.body["total"].as_u64(), categories.names()[0]), (Some(6), "Animation"));
    assert_eq!(owner.get("/categories/music").await.body["name"], "Music");
    assert_eq!(owner.get("/categories/noise").await.status, 404);

    let uri = format!("/videos/{}", ids[0]);
    let domain = format!("{uri}/privacy/domains/example.com");
    assert_eq!(owner.call("PUT", &domain).await.status, 403);
    owner.send("PATCH", &uri, json!({"privacy": {"embed": "whitelist"}})).await;
    assert_eq!(owner.call("PUT", &domain).await.status, 204);
    let domains = owner.get(&format!("{uri}/privacy/domains")).await.body;
    assert_eq!(
        domains["data"],
        json!([{"domain": "example.com", "allow_hd": true, "uri": "https://example.com"}])
    );
    assert_eq!(owner.call("DELETE", &domain).await.status, 204);
    assert_eq!(owner.call("DELETE", &domain).await.status, 404);
    let with_scheme = format!("{uri}/privacy/domains/https%3A%2F%2Fexample.com");
    assert_eq!(owner.call("PUT", &with_scheme).await.status, 404);

    let app = owner.get("/oauth/verify").await.body["app"]["uri"].as_str().unwrap().to_owned();
    let hooks = format!("{app}/webhooks");
    let body =
        json!({"webhook_type": "video-created", "webhook_url": "http://127.0.0.1:9/hook", "secret": "s"});
    let made = owner.send("POST", &hooks, body).await;
    assert_eq!((made.status, &made.body["is_enabled"]), (200, &json!(true)));
    let hook = made.body["uri"].as_str().unwrap();
    let off = owner.send("PATCH", hook, json!({"is_enabled": false, "secret": null})).await.body;
    assert_eq!((&off["secret"], &off["enabled_on"]), (&Value::Null, &Value::Null));
    assert!(off["disabled_on"].is_string());
    assert_eq!(owner.get(&hooks).await.body["total"], 1);
    assert_eq!(owner.call("DELETE", hook).await.status, 204);
    assert_eq!(owner.get(hook).await.status, 404);
    assert_eq!(owner.get("/apps/1/webhooks").await.status, 404);
    assert_eq!(owner.send("POST", &hooks, json!({"webhook_type": "video-sneezed"})).await.status, 400);
}
