//! The tools of the toolset `player`: each with a call that works and one that fails.

use serde_json::{Value, json};
use vimeo_agent::tools::{ErrorKind, Tools, Toolset};
use vimeo_ext::Vimeo;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::every_tool::{check, print_header};
use super::tool_cases::ToolCase;
use super::world::{World, id_of};

async fn cases(world: &World) -> Vec<ToolCase> {
    use ErrorKind::{Input, NotFound};
    let video = world.videos[0].to_string();
    let vimeo = world.vimeo();
    let chapter = json!({"title": "Start", "timecode": 30});
    let chapter = vimeo.post(&format!("/videos/{video}/chapters")).json(&chapter).send().await.unwrap();
    let chapter = id_of(&chapter).to_string();
    let preset = vimeo.post("/me/presets").json(&json!({"name": "Bare"})).send().await.unwrap();
    let preset = id_of(&preset);
    let whitelist = json!({"privacy": {"embed": "whitelist"}, "embed_domains": ["example.org"]});
    vimeo.patch(&format!("/videos/{video}")).json(&whitelist).send().await.unwrap();
    let done: fn(&Value) -> bool = |output| output["done"].is_string();
    let items: fn(&Value) -> bool = |output| !output["items"].as_array().unwrap().is_empty();
    vec![
        (
            "vimeo_chapters_list",
            json!({"video_id": video}),
            |output| output["items"][0]["title"] == "Start" && output["items"][0]["timecode"] == 30,
            json!({"video_id": "9"}),
            NotFound,
            None,
        ),
        (
            "vimeo_chapter_add",
            json!({"video_id": video, "title": "End", "timecode": 70}),
            |output| output["title"] == "End" && output["timecode"] == 70,
            json!({"video_id": video, "title": " ", "timecode": 70}),
            Input,
            Some("title"),
        ),
        (
            "vimeo_chapter_edit",
            json!({"video_id": video, "chapter_id": chapter, "title": "Opening"}),
            |output| output["title"] == "Opening" && output["timecode"] == 30,
            json!({"video_id": video, "chapter_id": chapter}),
            Input,
            Some("chapter_id"),
        ),
        (
            "vimeo_chapter_delete",
            json!({"video_id": video, "chapter_id": chapter, "confirm": "Opening"}),
            done,
            json!({"video_id": video, "chapter_id": "9", "confirm": "Opening"}),
            NotFound,
            None,
        ),
        (
            "vimeo_video_tags_set",
            json!({"video_id": video, "tags": ["Surf", "waves"]}),
            |output| output["tags"] == json!(["Surf", "waves"]),
            json!({"video_id": video, "tags": [" "]}),
            Input,
            Some("tags"),
        ),
        (
            "vimeo_embed_domains_list",
            json!({"video_id": video}),
            items,
            json!({"video_id": "9"}),
            NotFound,
            None,
        ),
        (
            "vimeo_embed_domain_add",
            json!({"video_id": video, "domain": "example.com"}),
            done,
            json!({"video_id": video, "domain": "../me"}),
            Input,
            Some("domain"),
        ),
        (
            "vimeo_embed_domain_remove",
            json!({"video_id": video, "domain": "example.com"}),
            done,
            json!({"video_id": video, "domain": "example.net"}),
            NotFound,
            None,
        ),
        (
            "vimeo_embed_presets_list",
            json!({}),
            |output| output["items"].as_array().unwrap().iter().any(|preset| preset["name"] == "Bare"),
            json!({"page": 0}),
            Input,
            Some("page"),
        ),
        (
            "vimeo_embed_preset_assign",
            json!({"video_id": video, "preset_id": preset}),
            done,
            json!({"video_id": video, "preset_id": "bare"}),
            Input,
            Some("preset_id"),
        ),
        (
            "vimeo_video_thumbnail_add",
            json!({"video_id": video, "time": 5}),
            |output| output["active"] == true && output["uri"].is_string(),
            json!({"video_id": "9", "time": 5}),
            NotFound,
            None,
        ),
        (
            "vimeo_video_downloads_list",
            json!({"video_id": video}),
            |output| output["download"][0]["link"].as_str().unwrap().starts_with("http"),
            json!({"video_id": "9"}),
            NotFound,
            None,
        ),
    ]
}

#[tokio::test]
async fn every_player_tool_works_and_explains_its_errors() {
    let world = World::new().await.with_toolsets(&[Toolset::Player, Toolset::Edit, Toolset::Uploads]);
    let cases = cases(&world).await;
    for tool in vimeo_agent::tools::all().iter().filter(|tool| tool.spec().toolset == Toolset::Player) {
        let name = tool.spec().name;
        assert!(cases.iter().any(|case| case.0 == name), "{name} has no case");
    }
    print_header();
    for case in cases {
        check(&world, case).await;
    }
}

#[tokio::test]
async fn setting_tags_removes_the_others() {
    let world = World::new().await.with_toolsets(&[Toolset::Edit, Toolset::Read]);
    let video = world.videos[0];
    for tags in [json!(["Surf", "waves"]), json!(["surf", "Board"]), json!([])] {
        let set = json!({"video_id": video, "tags": tags});
        world.call("vimeo_video_tags_set", set).await.unwrap();
        let listed = world.call("vimeo_video_tags_list", json!({"video_id": video})).await.unwrap();
        let names = listed["items"].as_array().unwrap().iter();
        let mut names: Vec<String> = names.map(|tag| tag["name"].as_str().unwrap().to_lowercase()).collect();
        names.sort();
        let mut wanted: Vec<String> =
            tags.as_array().unwrap().iter().map(|tag| tag.as_str().unwrap().to_lowercase()).collect();
        wanted.sort();
        assert_eq!(names, wanted);
    }
    world.sandbox.clear_request_log();
    let many: Vec<String> = (0..21).map(|number| format!("tag {number}")).collect();
    let error =
        world.call("vimeo_video_tags_set", json!({"video_id": video, "tags": many})).await.unwrap_err();
    assert_eq!((error.kind, error.field.as_deref()), (ErrorKind::Input, Some("tags")));
    assert!(world.sandbox.request_log().is_empty());
}

#[tokio::test]
async fn new_embed_domains_need_approval() {
    let world = World::new().await;
    let tools = Tools::for_account(world.vimeo().clone()).selection(World::selection_of(&[Toolset::Player]));
    let video = world.videos[0];
    let add = json!({"video_id": video, "domain": "example.com"});
    let error = tools.call("vimeo_embed_domain_add", add).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Approval, "{error:?}");
    assert!(world.sandbox.request_log().is_empty(), "nothing is sent before the approval");
}

#[tokio::test]
async fn download_links_are_returned_whole() {
    let server = MockServer::start().await;
    let link = format!("https://download.example.com/film?sig={}", "x".repeat(600));
    let files = json!([{"quality": "hd", "type": "video/mp4", "width": 1280, "size": 5, "link": link}]);
    let video = ResponseTemplate::new(200).set_body_json(json!({"download": files}));
    Mock::given(method("GET")).and(path("/videos/7")).respond_with(video).mount(&server).await;
    let empty = ResponseTemplate::new(200).set_body_json(json!({}));
    Mock::given(method("GET")).and(path("/videos/8")).respond_with(empty).mount(&server).await;
    let client = Vimeo::builder().access_token("token").base_url(server.uri()).journal(None).build().unwrap();
    let tools = Tools::for_account(client).selection(World::selection_of(&[Toolset::Uploads]));
    let found = tools.call("vimeo_video_downloads_list", json!({"video_id": "7"})).await.unwrap();
    assert_eq!(found["download"][0]["link"], link);
    assert_eq!(found["download"][0]["quality"], "hd");
    let error = tools.call("vimeo_video_downloads_list", json!({"video_id": "8"})).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound, "{error:?}");
}
