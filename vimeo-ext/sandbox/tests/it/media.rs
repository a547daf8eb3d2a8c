//! Thumbnails, portraits, text tracks and tags.

use serde_json::{Value, json};
use vimeo_sandbox::{Host, Sandbox};

use crate::client::{Client, id_of, read};

#[tokio::test]
async fn creates_and_activates_thumbnail() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    let id = sandbox.add_videos(1)[0];
    let video = client.get(&format!("/videos/{id}")).await.body;
    let pictures = video["metadata"]["connections"]["pictures"]["uri"].as_str().unwrap();

    let created = client.call("POST", pictures).await;
    assert_eq!((created.status, &created.body["active"]), (201, &json!(false)));
    let (uri, link) = (created.body["uri"].as_str().unwrap(), created.body["link"].as_str().unwrap());
    let early = client.send("PATCH", uri, json!({"active": true})).await;
    assert_eq!(early.status, 400);

    let sent = read(client.bare("PUT", link).header("content-type", "image/png").body("image")).await;
    let path = format!("/video/{}", id_of(&created.body));
    assert_eq!(sent.body, json!({"Status": "success", "Notes": "", "Path": path}));
    assert_eq!(client.send("PATCH", uri, json!({"active": "yes"})).await.status, 400);
    assert_eq!(client.send("PATCH", uri, json!({"active": true})).await.body["active"], true);
    assert_eq!(client.get(&format!("/videos/{id}")).await.body["pictures"]["uri"], uri);
    let list = client.get(pictures).await.body;
    assert_eq!(list["total"], 2);
    assert_eq!(
        list["data"].as_array().unwrap().iter().filter(|picture| picture["active"] == true).count(),
        1
    );

    assert_eq!(client.call("DELETE", uri).await.status, 204);
    assert_eq!(client.get(uri).await.status, 404);
    assert_eq!(client.bare("PUT", link).body("image").send().await.unwrap().status(), 404);
    // go-vimeo sends fractions.
    let fraction = client.send("POST", pictures, json!({"time": 1.5})).await;
    assert_eq!((fraction.status, &fraction.body["active"]), (201, &json!(false)));
    let negative = client.send("POST", pictures, json!({"time": -1.5})).await;
    assert_eq!(negative.body["invalid_parameters"][0]["field"], "time", "{negative:?}");
    let still = client.send("POST", pictures, json!({"time": 3, "active": true})).await;
    assert_eq!((still.status, &still.body["active"]), (201, &json!(true)));
}

#[tokio::test]
async fn creates_and_activates_portrait() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    let created = client.call("POST", "/me/pictures").await;
    assert_eq!(created.status, 200);
    let (uri, link) = (created.body["uri"].as_str().unwrap(), created.body["link"].as_str().unwrap());
    assert_eq!(client.bare("PUT", link).body("image").send().await.unwrap().status(), 200);
    assert_eq!(client.send("PATCH", uri, json!({"active": true})).await.status, 200);
    let me = client.get("/me").await.body;
    assert_eq!(me["pictures"]["uri"], uri);
    assert_eq!(me["pictures"]["sizes"].as_array().unwrap().len(), 9);
    assert_eq!(client.call("DELETE", uri).await.status, 204);
    assert_eq!(client.get("/me").await.body["pictures"]["default_picture"], true);
}

#[tokio::test]
async fn text_track_lifecycle() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    let id = sandbox.add_videos(1)[0];
    let tracks = format!("/videos/{id}/texttracks");
    let body = json!({"type": "captions", "language": "en", "name": "English"});
    let created = client.send("POST", &tracks, body).await;
    assert_eq!(created.status, 201);
    assert_eq!(created.header("content-type"), "application/vnd.vimeo.video.texttrack+json");
    assert_eq!(created.body["active"], false);
    assert_eq!(created.body["display_language"], "English");
    assert!(created.body["link_expires_time"].is_i64());
    let (uri, link) = (created.body["uri"].as_str().unwrap(), created.body["link"].as_str().unwrap());

    for (media, status) in
        [("application/json", 400), ("multipart/form-data; boundary=x", 400), ("text/vtt", 200)]
    {
        let sent =
            client.bare("PUT", link).header("content-type", media).body("WEBVTT").send().await.unwrap();
        assert_eq!(sent.status(), status, "{media}");
    }
    let track = id_of(&created.body);
    assert_eq!(sandbox.world().text_track_file(id, track).unwrap(), "WEBVTT");
    assert_eq!(client.bare("GET", link).send().await.unwrap().text().await.unwrap(), "WEBVTT");
    assert!(
        sandbox
            .request_log()
            .iter()
            .filter(|entry| entry.host == Host::Upload)
            .all(|entry| !entry.has_authorization)
    );

    let edited = client.send("PATCH", uri, json!({"active": true, "language": "fr"})).await.body;
    assert_eq!((&edited["active"], &edited["display_language"]), (&json!(true), &json!("French")));
    assert_eq!(client.get(&tracks).await.body["total"], 1);
    assert_eq!(client.call("DELETE", uri).await.status, 204);
    assert_eq!(client.get(uri).await.status, 404);
    let bad = client.send("POST", &tracks, json!({"type": "lyrics", "language": "en"})).await;
    let fields: Vec<&Value> =
        bad.body["invalid_parameters"].as_array().unwrap().iter().map(|wrong| &wrong["field"]).collect();
    assert_eq!(fields, ["name", "type"]);
}

#[tokio::test]
async fn adds_checks_and_removes_tags() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    let id = sandbox.add_videos(1)[0];
    let tag = client.call("PUT", &format!("/videos/{id}/tags/Big%20Sky")).await;
    assert_eq!(tag.status, 200);
    assert_eq!((&tag.body["name"], &tag.body["canonical"]), (&json!("Big Sky"), &json!("bigsky")));
    assert_eq!(tag.body["metadata"]["connections"]["videos"]["total"], 1);
    assert_eq!(client.get(&format!("/videos/{id}/tags/bigsky")).await.status, 200);
    assert_eq!(client.get(&format!("/videos/{id}/tags/small")).await.status, 404);
    assert_eq!(client.get("/tags/bigsky").await.body["uri"], "/tags/bigsky");

    let many = client.send("PUT", &format!("/videos/{id}/tags"), json!([{"name": "a"}, {"name": "b"}])).await;
    assert_eq!(many.names(), ["a", "b"]);
    assert_eq!(client.send("PUT", &format!("/videos/{id}/tags"), json!({"name": "a"})).await.status, 400);
    assert_eq!(client.call("DELETE", &format!("/videos/{id}/tags/a")).await.status, 204);
    assert_eq!(client.get(&format!("/videos/{id}/tags?fields=name")).await.names(), ["Big Sky", "b"]);
    assert_eq!(client.get("/tags/a/videos").await.body["total"], 0);
}
