//! The calls of another connector's guide, made by a program and checked at the API.

use serde_json::{Value, json};
use vimeo_agent::tools::{Disclosure, Tools};
use vimeo_ext::Vimeo;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::connector_calls;
use super::world::{World, undelimited};

#[tokio::test]
async fn calls_of_another_connector_work_unchanged() {
    let world = World::new().await;
    let video = world.videos[0].to_string();
    connector_calls::check(&video, async |tool, arguments| {
        let result = world.call(tool, arguments.clone()).await;
        result.unwrap_or_else(|error| panic!("{tool} {arguments}: {error:?}")).into_value()
    })
    .await;
    let stored = world.vimeo().get("/me/albums").fields("name,sort").send().await.unwrap();
    let board = stored["data"].as_array().unwrap().iter().find(|album| album["name"] == "Board");
    assert_eq!(board.map(|album| &album["sort"]), Some(&json!("added_first")), "{stored:?}");
    let app = world.vimeo().auth().verify().await.unwrap().app.unwrap().uri.unwrap();
    let hooks = world.vimeo().get(&format!("{app}/webhooks")).fields("webhook_url").send().await.unwrap();
    let ours = hooks["data"].as_array().unwrap().iter();
    assert_eq!(ours.filter(|hook| hook["webhook_url"] == "https://example.com/events").count(), 2);
}

/// Removes the time of the last change, and the embed code, which contains the title.
fn without_derived_fields(mut video: Value) -> Value {
    video.as_object_mut().unwrap().remove("modified_time");
    video["embed"].as_object_mut().unwrap().remove("html");
    video
}

#[tokio::test]
async fn an_edit_changes_only_the_fields_it_names() {
    let world = World::new().await;
    let path = format!("/videos/{}", world.videos[0]);
    let set = json!({
        "license": "by", "content_rating": ["safe"], "embed": {"color": "00adef"},
        "privacy": {"view": "nobody", "comments": "nobody", "add": false, "download": true},
    });
    world.vimeo().patch(&path).json(&set).send().await.unwrap();
    let before = without_derived_fields(world.vimeo().get(&path).send().await.unwrap().into_inner());
    world.call("vimeo_video_edit", connector_calls::edit(&world.videos[0].to_string())).await.unwrap();
    let mut after = without_derived_fields(world.vimeo().get(&path).send().await.unwrap().into_inner());
    assert_eq!(after["name"], "Q3 Product Demo — Final Cut");
    assert_eq!(after["privacy"]["view"], "anybody");
    for field in ["name", "description"] {
        after[field] = before[field].clone();
    }
    for field in ["view", "embed", "download"] {
        after["privacy"][field] = before["privacy"][field].clone();
    }
    let changed: Vec<&String> = before
        .as_object()
        .unwrap()
        .keys()
        .filter(|field| before[field.as_str()] != after[field.as_str()])
        .collect();
    assert_eq!(changed, Vec::<&String>::new());
}

#[tokio::test]
async fn an_edit_sends_only_the_fields_it_names() {
    let server = MockServer::start().await;
    let video = ResponseTemplate::new(200).set_body_json(json!({"uri": "/videos/7", "name": "Sent"}));
    Mock::given(method("PATCH")).and(path("/videos/7")).respond_with(video).mount(&server).await;
    let client = Vimeo::builder().access_token("token").base_url(server.uri()).journal(None).build().unwrap();
    let tools = Tools::for_account(client).allow([Disclosure::Publish]);
    tools.call("vimeo_video_edit", connector_calls::edit("7")).await.unwrap();
    let sent = server.received_requests().await.unwrap();
    let [patch] = sent.as_slice() else { panic!("{sent:?}") };
    let body: Value = serde_json::from_slice(&patch.body).unwrap();
    assert_eq!(body, connector_calls::edit_body());
}

#[tokio::test]
async fn only_the_copy_for_models_delimits_text() {
    let world = World::new().await;
    let result = world.call("vimeo_video_get", json!({"video_id": world.videos[0]})).await.unwrap();
    assert_eq!((&result["name"], &result["description"]), (&json!("Video 1"), &json!("")), "{result:?}");
    assert_eq!(result["no_such_member"], Value::Null);
    let text: Value = serde_json::from_str(&result.to_text()).unwrap();
    assert_eq!(undelimited(&text["name"]), "Video 1");
    assert_eq!(text["description"], "", "an empty text needs no delimiters");
    assert_eq!(result["created_time"], text["created_time"]);
    assert!(result["created_time"].is_string() && result["duration"].is_u64(), "Vimeo's names: {result:?}");
}

#[tokio::test]
async fn text_of_the_account_is_not_called_untrusted() {
    let world = World::new().await;
    let own = world.call("vimeo_my_videos_list", json!({})).await.unwrap();
    assert_eq!(own["untrusted"], Value::Null, "{own:?}");
    let text: Value = serde_json::from_str(&own.to_text()).unwrap();
    assert_eq!(undelimited(&text["items"][0]["name"]), own["items"][0]["name"].as_str().unwrap());
    assert!(text["fence"].as_str().unwrap().contains("the account's own"), "{text}");
    let found = world.call("vimeo_videos_search", json!({"query": "video"})).await.unwrap();
    assert!(found["untrusted"].is_array(), "{found:?}");
}
