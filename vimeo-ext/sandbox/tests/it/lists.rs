//! Lists: paging, sorting, filtering, field selection and conditional requests.

use std::time::Duration;

use chrono::DateTime;
use serde_json::{Value, json};
use vimeo_sandbox::{Clock, Sandbox};

use crate::client::{Client, read};

#[tokio::test]
async fn paging_visits_every_video_once() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    sandbox.add_videos(7);
    let mut path = "/me/videos?fields=uri,name&per_page=3".to_owned();
    let mut names = Vec::new();
    let mut pages = 0;
    loop {
        let page = client.get(&path).await;
        assert_eq!((page.status, &page.body["total"]), (200, &json!(7)));
        assert_eq!(page.body["data"][0].as_object().unwrap().len(), 2);
        names.extend(page.names().into_iter().map(str::to_owned));
        pages += 1;
        match page.body["paging"]["next"].as_str() {
            Some(next) => path = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(pages, 3);
    assert_eq!(names, (1..=7).rev().map(|n| format!("Video {n}")).collect::<Vec<_>>());
    let last = client.get(&path).await.body;
    assert_eq!(last["paging"]["first"], "/me/videos?fields=uri%2Cname&per_page=3&page=1");
    assert_eq!(last["paging"]["previous"], "/me/videos?fields=uri%2Cname&per_page=3&page=2");
}

#[tokio::test]
async fn rejects_invalid_paging_parameters() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    sandbox.add_videos(3);
    let past = client.get("/me/videos?page=2").await;
    assert_eq!((past.status, &past.body["error_code"]), (400, &json!(2286)));
    assert_eq!(past.body["link"], Value::Null);
    for query in
        ["page=0", "page=x", "page=1.0", "per_page=101", "sort=size", "direction=up", "filter_playable=maybe"]
    {
        let answer = client.get(&format!("/me/videos?{query}")).await;
        assert_eq!((answer.status, &answer.body["error_code"]), (400, &json!(2204)), "{query}");
        assert_eq!(answer.body["invalid_parameters"][0]["field"], query.split('=').next().unwrap());
    }
}

#[tokio::test]
async fn sorts_and_filters_lists() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    let ids = sandbox.add_videos(3);
    for (id, name, tags) in
        [(ids[0], "Blue", "sea"), (ids[1], "amber", "sea,stone"), (ids[2], "Coral", "sea")]
    {
        client
            .send("PATCH", &format!("/videos/{id}"), json!({"name": name, "description": "a colour"}))
            .await;
        let tags: Vec<Value> = tags.split(',').map(|tag| json!({"name": tag})).collect();
        assert_eq!(client.send("PUT", &format!("/videos/{id}/tags"), json!(tags)).await.status, 200);
    }
    let owner = sandbox.user_id();
    for (path, names) in [
        ("/me/videos".to_owned(), vec!["Coral", "amber", "Blue"]),
        ("/me/videos?direction=asc".to_owned(), vec!["Blue", "amber", "Coral"]),
        (format!("/users/{owner}/videos?sort=alphabetical"), vec!["amber", "Blue", "Coral"]),
        ("/me/videos?sort=alphabetical&direction=desc".to_owned(), vec!["Coral", "Blue", "amber"]),
        ("/me/videos?sort=duration".to_owned(), vec!["Coral", "amber", "Blue"]),
        ("/me/videos?query=AMB".to_owned(), vec!["amber"]),
        ("/me/videos?query=colour&query_fields=title".to_owned(), vec![]),
        ("/me/videos?query=stone".to_owned(), vec!["amber"]),
        ("/me/videos?filter_tag=stone".to_owned(), vec!["amber"]),
        ("/me/videos?filter_tag_exclude=stone".to_owned(), vec!["Coral", "Blue"]),
        ("/me/videos?filter_tag_all_of=sea,stone".to_owned(), vec!["amber"]),
        ("/me/videos?filter=live".to_owned(), vec![]),
        ("/videos?query=colour".to_owned(), vec!["Coral", "amber", "Blue"]),
        (format!("/videos?uris=/videos/{}", ids[0]), vec!["Blue"]),
        ("/tags/sea/videos?sort=name".to_owned(), vec!["amber", "Blue", "Coral"]),
    ] {
        assert_eq!(client.get(&path).await.names(), names, "{path}");
    }
    assert_eq!(client.get("/videos").await.body["total"], 3);
}

#[tokio::test]
async fn lists_languages_ratings_and_licences() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    let english = json!({"name": "English", "code": "en"});
    let violence = json!({"uri": "/contentrating/violence", "name": "Violence", "code": "violence"});
    let share_alike =
        json!({"uri": "/creativecommons/by-sa", "name": "Attribution Share Alike", "code": "by-sa"});
    for (path, total, item) in
        [("/languages", 17, english), ("/contentratings", 7, violence), ("/creativecommons", 7, share_alike)]
    {
        let list = client.get(path).await.body;
        assert_eq!(list["total"], total, "{path}");
        assert!(list["data"].as_array().unwrap().contains(&item), "{path}: {list}");
    }
}

#[tokio::test]
async fn selects_nested_fields() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    let id = sandbox.add_videos(1)[0];
    let fields = "uri,pictures.sizes.width,metadata.connections.comments.total,user.name,nothing";
    let video = client.get(&format!("/videos/{id}?fields={fields}")).await.body;
    let widths: Vec<Value> =
        [100, 200, 295, 640, 960, 1280, 1920].iter().map(|width| json!({"width": width})).collect();
    assert_eq!(
        video,
        json!({
            "uri": format!("/videos/{id}"),
            "pictures": {"sizes": widths},
            "metadata": {"connections": {"comments": {"total": 0}}},
            "user": {"name": "Sandbox User"},
        })
    );
}

#[tokio::test]
async fn unchanged_list_returns_304() {
    let start = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    let sandbox = Sandbox::builder().clock(Clock::frozen(start)).start().await.unwrap();
    let client = Client::new(&sandbox);
    let id = sandbox.add_videos(2)[0];
    let first = client.get("/me/videos").await;
    let since = first.header("last-modified").to_owned();
    let again = || read(client.request("GET", "/me/videos").header("if-modified-since", &since));
    let unchanged = again().await;
    assert_eq!((unchanged.status, unchanged.body), (304, Value::Null));
    sandbox.clock().advance(Duration::from_secs(5));
    assert_eq!(again().await.status, 304);
    client.send("PATCH", &format!("/videos/{id}"), json!({"name": "Changed"})).await;
    assert_eq!(again().await.status, 200);
    let since = client.get("/me/videos").await.header("last-modified").to_owned();
    sandbox.clock().advance(Duration::from_secs(5));
    client.call("DELETE", &format!("/videos/{id}")).await;
    let after = read(client.request("GET", "/me/videos").header("if-modified-since", &since)).await;
    assert_eq!(after.status, 200);
    // Operations without a documented 304 ignore the header.
    let me = read(client.request("GET", "/me").header("if-modified-since", &since)).await;
    assert_eq!(me.status, 200);
}
