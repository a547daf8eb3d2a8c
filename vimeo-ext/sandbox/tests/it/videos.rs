//! Videos: create, get, edit, delete.

use std::time::Duration;

use chrono::DateTime;
use serde_json::{Value, json};
use vimeo_sandbox::{Clock, PullOutcome, Quota, Sandbox, Transcode};

use crate::client::{Client, id_of};

#[tokio::test]
async fn video_lifecycle() {
    let start = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    let sandbox = Sandbox::builder()
        .clock(Clock::frozen(start))
        .transcode(Transcode::After(Duration::from_secs(30)))
        .start()
        .await
        .unwrap();
    let client = Client::new(&sandbox);
    let body = json!({
        "name": "A video",
        "description": "About it",
        "privacy": {"view": "nobody", "download": true},
        "content_rating": ["safe"],
        "license": "by",
        "upload": {"approach": "tus", "size": "5"},
    });
    let created = client.send("POST", "/me/videos", body).await;
    assert_eq!(created.status, 200);
    assert_eq!(created.header("content-type"), "application/vnd.vimeo.video+json");
    let video = &created.body;
    assert_eq!(video["created_time"], "2023-11-14T22:13:20+00:00");
    assert_eq!(video["privacy"]["view"], "nobody");
    assert_eq!(video["status"], "uploading");
    assert_eq!(video["upload"]["status"], "in_progress");
    assert_eq!(video["upload"]["size"], 5);
    assert_eq!(video["pictures"]["default_picture"], true);
    assert_eq!(video["pictures"]["sizes"].as_array().unwrap().len(), 7);
    assert_eq!(video["content_rating_class"], "safe");
    assert_eq!(video["user"]["upload_quota"]["periodic"]["used"], 5);
    let link = video["upload"]["upload_link"].as_str().unwrap();
    assert!(link.starts_with(sandbox.upload_url().as_str()));

    let uri = video["uri"].as_str().unwrap();
    client.patch(link, 0, "12345").send().await.unwrap();
    for (advance, status, transcode) in [(0, "transcoding", "in_progress"), (30, "available", "complete")] {
        sandbox.clock().advance(Duration::from_secs(advance));
        let video = client.get(uri).await.body;
        assert_eq!(video["status"], status);
        assert_eq!(video["transcode"]["status"], transcode);
        assert_eq!(video["upload"]["status"], "complete");
        assert_eq!(video["upload"]["upload_link"], Value::Null);
        assert_eq!(video["is_playable"], status == "available");
    }

    let stranger = Client::with_token(&sandbox, &sandbox.add_user("Stranger").token);
    assert_eq!(stranger.get(uri).await.status, 404);
    assert_eq!(client.call("DELETE", uri).await.status, 204);
    let gone = client.get(uri).await;
    assert_eq!((gone.status, &gone.body["error_code"]), (404, &json!(5000)));
    assert_eq!(client.get("/me/videos").await.body["total"], 0);
}

#[tokio::test]
async fn creation_status_is_configurable() {
    let tus = json!({"upload": {"approach": "tus", "size": 1}});
    let form = json!({"upload": {"approach": "post", "size": 1}});
    let pull = json!({"upload": {"approach": "pull", "link": "https://example.com/film.mp4"}});
    for (as_described, path, body, status) in [
        (false, "/me/videos?fields=uri,upload", &tus, 200),
        (false, "/me/videos", &tus, 200),
        (false, "/me/videos?fields=uri,upload", &form, 201),
        (false, "/me/videos", &pull, 201),
        (true, "/me/videos?fields=uri,upload", &tus, 201),
        (true, "/me/videos", &tus, 201),
    ] {
        let sandbox = Sandbox::builder().create_answers_201(as_described).start().await.unwrap();
        let answer = Client::new(&sandbox).send("POST", path, body.clone()).await;
        assert_eq!(answer.status, status, "{path} {body}");
        if path.contains("fields") {
            assert_eq!(answer.body.as_object().unwrap().len(), 2);
        }
    }
}

#[tokio::test]
async fn invalid_creation_names_fields() {
    let sandbox = Sandbox::builder().quota(Quota::new(1000, 100)).start().await.unwrap();
    let client = Client::new(&sandbox);
    for (body, field, code) in [
        (json!({}), "upload.approach", 2205),
        (json!({"upload": {"approach": "tus"}}), "upload.size", 2205),
        (json!({"upload": {"approach": "tus", "size": "big"}}), "upload.size", 2204),
        (json!({"upload": {"approach": "tus", "size": -1}}), "upload.size", 2204),
        (json!({"upload": {"approach": "tus", "size": 0}}), "upload.size", 2204),
        (json!({"upload": {"approach": "streaming", "size": 1}}), "upload.approach", 2552),
        (json!({"upload": {"approach": "carrier pigeon"}}), "upload.approach", 2204),
        (json!({"upload": {"approach": "pull"}}), "upload.link", 2204),
        (json!({"upload": {"approach": "tus", "size": 1}, "privacy": {"view": "all"}}), "privacy.view", 2204),
        (
            json!({"upload": {"approach": "tus", "size": 1}, "privacy": {"view": "password"}}),
            "password",
            2205,
        ),
        (json!({"upload": {"approach": "tus", "size": 1}, "name": 5}), "name", 2204),
        (json!({"upload": {"approach": "post", "redirect_url": "here"}}), "upload.redirect_url", 2204),
        (
            json!({"upload": {"approach": "tus", "size": 1}, "content_rating": ["mild"]}),
            "content_rating",
            2204,
        ),
    ] {
        let answer = client.send("POST", "/me/videos", body.clone()).await;
        assert_eq!((answer.status, &answer.body["error_code"]), (400, &json!(2204)), "{body}");
        let wrong = &answer.body["invalid_parameters"][0];
        assert_eq!((&wrong["field"], &wrong["error_code"]), (&json!(field), &json!(code)), "{body}");
    }
    for (size, code) in [(101, 4102), (1001, 4101)] {
        let answer =
            client.send("POST", "/me/videos", json!({"upload": {"approach": "tus", "size": size}})).await;
        assert_eq!((answer.status, &answer.body["error_code"]), (403, &json!(code)));
    }
    let text = client.request("POST", "/me/videos").header("content-type", "application/json").body("{");
    assert_eq!(crate::client::read(text).await.status, 400);
    assert_eq!(client.get("/me/videos").await.body["total"], 0);
}

#[tokio::test]
async fn quota_counts_videos() {
    let sandbox = Sandbox::builder().quota(Quota::videos(3, 2)).start().await.unwrap();
    let client = Client::new(&sandbox);
    let upload = |size: u64| json!({"upload": {"approach": "tus", "size": size}});
    let quota = async || client.get("/me?fields=upload_quota").await.body["upload_quota"].clone();
    // One video counts as one, whatever its size.
    let made = client.send("POST", "/me/videos", upload(9_000_000_000_000)).await;
    assert_eq!(made.status, 200);
    let reported = quota().await;
    for (part, free, max) in [("space", 1, 2), ("periodic", 1, 2), ("lifetime", 2, 3)] {
        let part = &reported[part];
        assert_eq!((&part["unit"], &part["used"]), (&json!("video_count"), &json!(1)), "{reported}");
        assert_eq!((&part["free"], &part["max"]), (&json!(free), &json!(max)), "{reported}");
    }
    assert_eq!(reported["periodic"]["period"], "month");
    assert_eq!(client.send("POST", "/me/videos", upload(5)).await.status, 200);
    let full = client.send("POST", "/me/videos", upload(5)).await;
    assert_eq!((full.status, &full.body["error_code"]), (403, &json!(4102)));
    // A new version is not a new video.
    let versions = format!("{}/versions", made.body["uri"].as_str().unwrap());
    let version = json!({"file_name": "a.mp4", "upload": {"approach": "tus", "size": 5}});
    assert_eq!(client.send("POST", &versions, version).await.status, 201);
}

#[tokio::test]
async fn uploads_by_browser_form() {
    let sandbox = Sandbox::builder().transcode(Transcode::Immediate).start().await.unwrap();
    let client = Client::new(&sandbox);
    let body = json!({"upload": {"approach": "post", "redirect_url": "http://127.0.0.1:9/back?x=1"}});
    let made = client.send("POST", "/me/videos", body).await;
    assert_eq!(made.status, 201);
    let link = made.body["upload"]["upload_link"].as_str().unwrap();
    let form = made.body["upload"]["form"].as_str().unwrap();
    assert!(form.contains(&link.replace('&', "&amp;")), "{form}");

    let browser = crate::http::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let send = |body: &str| {
        let request = browser.post(link).header("content-type", "multipart/form-data; boundary=cut");
        request.body(body.replace('\n', "\r\n")).send()
    };
    let part = "--cut\nContent-Disposition: form-data; name=\"any\"; filename=\"film.mp4\"\n\n";
    let other = "--cut\nContent-Disposition: form-data; name=\"title\"\n\nSurf\n";
    // (body, expected status); after each of the first three the form can be sent again.
    for (body, status) in [
        (format!("{other}--cut--\n"), 400),
        (format!("{part}abcd"), 400),
        (format!("{part}\n--cut--\n"), 400),
        (format!("{other}{part}abc\n--cut--\n"), 303),
        (format!("{part}abc\n--cut--\n"), 409),
    ] {
        let answer = send(&body).await.unwrap();
        assert_eq!(answer.status(), status, "{body}");
        if status == 303 {
            assert_eq!(answer.headers()["location"], "http://127.0.0.1:9/back?x=1");
        }
    }
    assert_eq!(browser.post(link).body("abc").send().await.unwrap().status(), 415);
    assert_eq!(browser.get(link).send().await.unwrap().status(), 405);
    assert_eq!(browser.post(link.replace("sig=", "sig=0")).send().await.unwrap().status(), 404);

    let id = made.body["uri"].as_str().unwrap().rsplit('/').next().unwrap().parse().unwrap();
    let stored = sandbox.world().stored_upload(id).unwrap();
    assert_eq!((stored.size, stored.received, stored.complete), (3, 3, true));
    assert_eq!(
        stored.sha256.as_deref(),
        Some("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    );
    assert_eq!(client.get(&format!("/videos/{id}")).await.body["status"], "available");
}

#[tokio::test]
async fn edit_changes_only_given_fields() {
    let sandbox = Sandbox::builder().transcode(Transcode::Immediate).start().await.unwrap();
    let client = Client::new(&sandbox);
    let id = client.upload("Before", b"bytes").await;
    let uri = format!("/videos/{id}");
    let before = client.get(&uri).await.body;

    let edits = json!({
        "name": "After <it>",
        "privacy": {"embed": "whitelist"},
        "embed_domains": ["example.com"],
        "embed": {"buttons": {"like": false}, "color": "ff0000"},
        "license": null,
    });
    let edited = client.send("PATCH", &uri, edits).await;
    assert_eq!(edited.status, 200);
    assert_eq!(edited.body["name"], "After <it>");
    assert_eq!(edited.body["privacy"]["embed"], "whitelist");
    assert_eq!(edited.body["embed"]["buttons"]["like"], false);
    assert_eq!(edited.body["embed"]["buttons"]["share"], true);
    assert!(edited.body["embed"]["html"].as_str().unwrap().contains("After &lt;it&gt;"));
    for same in ["description", "content_rating", "duration", "user", "pictures", "created_time"] {
        assert_eq!(edited.body[same], before[same], "{same}");
    }
    let hidden = client.send("PATCH", &uri, json!({"privacy": {"embed": "private"}})).await;
    assert_eq!(hidden.body["embed"]["html"], Value::Null);
    let domains = client.send("PATCH", &uri, json!({"embed_domains_add": ["example.org"]})).await;
    assert_eq!((domains.status, &domains.body["error_code"]), (400, &json!(2518)));

    let stranger = Client::with_token(&sandbox, &sandbox.add_user("Stranger").token);
    assert_eq!(stranger.send("PATCH", &uri, json!({"name": "Mine"})).await.status, 403);
    assert_eq!(stranger.call("DELETE", &uri).await.status, 403);
    let theirs = stranger.get(&uri).await.body;
    assert!(theirs.get("manage_link").is_none() && theirs["user"].get("upload_quota").is_none());
}

#[tokio::test]
async fn pull_upload_succeeds_or_fails() {
    for (outcome, upload, status) in [
        (PullOutcome::Succeeds, "complete", "available"),
        (PullOutcome::Fails("remote_not_found".into()), "error", "uploading_error"),
    ] {
        let start = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let sandbox = Sandbox::builder().clock(Clock::frozen(start)).pull(outcome).start().await.unwrap();
        let client = Client::new(&sandbox);
        let body = json!({"upload": {"approach": "pull", "link": "https://example.com/a.mp4"}});
        let created = client.send("POST", "/me/videos", body).await.body;
        assert_eq!(created["upload"]["link"], "https://example.com/a.mp4");
        assert_eq!(created["upload"]["upload_link"], Value::Null);
        sandbox.clock().advance(Duration::from_secs(10));
        let video = client.get(created["uri"].as_str().unwrap()).await.body;
        assert_eq!((&video["upload"]["status"], &video["status"]), (&json!(upload), &json!(status)));
        if status == "uploading_error" {
            assert_eq!(video["upload"]["error"], "remote_not_found");
        }
    }
}

#[tokio::test]
async fn new_version_replaces_file() {
    let sandbox = Sandbox::builder().transcode(Transcode::Immediate).keep_bytes(true).start().await.unwrap();
    let client = Client::new(&sandbox);
    let id = client.upload("Video", b"old").await;
    let versions = format!("/videos/{id}/versions");
    let body = json!({"file_name": "new.mp4", "upload": {"approach": "tus", "size": 3}});
    let created = client.send("POST", &versions, body.clone()).await;
    assert_eq!(created.status, 201);
    assert_eq!(created.header("content-type"), "application/vnd.vimeo.video.version+json");
    assert_eq!(created.body["active"], false);
    assert_eq!(sandbox.upload_bytes(id).unwrap(), "");
    let link = created.body["upload"]["upload_link"].as_str().unwrap();
    client.patch(link, 0, "new").send().await.unwrap();
    assert_eq!(sandbox.upload_bytes(id).unwrap(), "new");

    let list = client.get(&versions).await.body;
    assert_eq!(list["total"], 2);
    assert_eq!((&list["data"][0]["active"], &list["data"][1]["active"]), (&json!(true), &json!(false)));
    let old = list["data"][1]["uri"].as_str().unwrap();
    assert_eq!(client.send("PATCH", old, json!({"is_current": true})).await.body["active"], true);
    let current = &client.get(&format!("/videos/{id}")).await.body["metadata"]["connections"]["versions"]["current_uri"];
    assert_eq!(current, old);
    assert_eq!(client.call("DELETE", old).await.status, 403);

    // With `fields=upload` the response has the link and no URI.
    let answer = client.send("POST", &format!("{versions}?fields=upload"), body).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.body.as_object().unwrap().keys().collect::<Vec<_>>(), ["upload"]);
    assert_eq!(
        client.send("POST", &versions, json!({"upload": {"approach": "tus", "size": 1}})).await.status,
        400
    );
}

#[tokio::test]
async fn deletes_all_or_no_videos() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    let ids = sandbox.add_videos(3);
    let uris = |ids: &[u64]| ids.iter().map(|id| format!("/videos/{id}")).collect::<Vec<_>>().join(",");
    assert_eq!(client.call("DELETE", &format!("/me/videos?uris={},/videos/1", uris(&ids))).await.status, 404);
    assert_eq!(client.call("DELETE", "/me/videos").await.status, 400);
    assert_eq!(client.get("/me/videos").await.body["total"], 3);
    assert_eq!(client.call("DELETE", &format!("/me/videos?uris={}", uris(&ids[..2]))).await.status, 204);
    let left = client.get("/me/videos").await.body;
    assert_eq!((&left["total"], id_of(&left["data"][0])), (&json!(1), ids[2]));
}
