//! What goes over the wire for a call.

use std::time::Duration;

use http::{HeaderValue, Method, header};
use serde_json::{Value, json};
use vimeo_api::Scope;
use vimeo_api::types::{
    CreateVideoBody, EditVideoBody, Showcase, UploadApproach, UploadInput, UserVideoSort, Video, VideoComment,
};
use vimeo_api::{CallTimeout, Client, Delivery, Error};

use crate::{Memory, now};

/// BEHAVIOUR.md: D06.
#[test]
fn parameters_go_into_the_query_and_integers_have_no_fraction() {
    let memory = Memory::answering(200, "{}");
    let videos = memory.client();
    let call =
        videos.videos().list_my_videos().page(2).per_page(50).sort(UserVideoSort::Date).fields("uri,name");
    now(call.send()).unwrap();
    let sent = memory.sent();
    assert_eq!(sent.method, Method::GET);
    assert_eq!(
        sent.url.as_str(),
        "https://api.vimeo.com/me/videos?page=2&per_page=50&sort=date&fields=uri%2Cname"
    );
    assert!(sent.body.is_empty());
}

/// BEHAVIOUR.md: A01.
#[test]
fn every_call_asks_for_the_api_version_and_sends_no_stray_header() {
    let memory = Memory::answering(200, "{}");
    now(memory.client().videos().get_video(7).send()).unwrap();
    let names: Vec<String> = memory.sent().headers.iter().map(|(name, _)| name.to_string()).collect();
    assert_eq!(names, ["accept"]);
    now(memory.client().videos().edit_video(7).name("a").send()).unwrap();
    let sent = memory.sent();
    assert_eq!(sent.headers[header::ACCEPT], vimeo_api::ACCEPT);
    assert_eq!(sent.headers[header::CONTENT_TYPE], "application/json");
    assert_eq!(sent.headers.len(), 2);

    let other = "application/vnd.vimeo.*+json;version=3.2";
    let client = Client::builder().transport(memory.clone()).accept(other).build().unwrap();
    now(client.users().get_me().send()).unwrap();
    assert_eq!(memory.sent().headers[header::ACCEPT], other);
    let call =
        client.users().get_me().into_call().header(header::ACCEPT, HeaderValue::from_static("text/plain"));
    now(call.send()).unwrap();
    assert_eq!(memory.sent().headers[header::ACCEPT], "text/plain");
}

#[test]
fn bodies_hold_what_was_set_and_nothing_else() {
    let memory = Memory::answering(201, "{}");
    let upload = UploadInput::new(UploadApproach::Tus).size(1000);
    let body = CreateVideoBody::new(upload).name("Surf").content_rating(["safe"]);
    now(memory.client().videos().create_my_video(body).send()).unwrap();
    let sent = memory.sent();
    let json: Value = serde_json::from_slice(&sent.body).unwrap();
    assert_eq!(
        json,
        json!({"name": "Surf", "content_rating": ["safe"], "upload": {"approach": "tus", "size": 1000}})
    );
    assert_eq!(sent.operation.unwrap().scopes, [Scope::Upload]);
}

#[test]
fn path_parameters_cannot_leave_their_segment() {
    let memory = Memory::answering(200, "{}");
    let client = memory.client();
    now(client.videos().add_video_tag(7, "a/b ?c#ü").send()).unwrap();
    assert_eq!(memory.sent().url.path(), "/videos/7/tags/a%2Fb%20%3Fc%23%C3%BC");
    for word in ["", ".", ".."] {
        match now(client.videos().add_video_tag(7, word).send()) {
            Err(error @ Error::Invalid { .. }) => {
                assert_eq!(error.delivery(), Delivery::NotSent);
                assert!(error.to_string().starts_with("add_video_tag: the path parameter word"), "{error}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(memory.count(), 0);
}

/// What the caller named reaches the path whole.
#[test]
fn ids_are_numbers_names_hashes_uris_and_links() {
    use vimeo_api::{ResourceUri, UserId, VideoId};

    let memory = Memory::answering(200, "{}");
    let client = memory.client();
    let (videos, users, channels, groups) =
        (client.videos(), client.users(), client.channels(), client.groups());
    let hashed: VideoId = "76979871:a1b2c3d4e5".parse().unwrap();
    let uri: ResourceUri = "/videos/76979871:a1b2c3d4e5".parse().unwrap();
    let cases = [
        (videos.get_video(76979871).into_call().path_and_query(), "/videos/76979871"),
        (videos.get_video("76979871").into_call().path_and_query(), "/videos/76979871"),
        (videos.get_video("76979871:a1b2c3d4e5").into_call().path_and_query(), "/videos/76979871:a1b2c3d4e5"),
        (videos.get_video(&hashed).into_call().path_and_query(), "/videos/76979871:a1b2c3d4e5"),
        (videos.get_video(&uri).into_call().path_and_query(), "/videos/76979871:a1b2c3d4e5"),
        (videos.get_video(hashed.uri()).into_call().path_and_query(), "/videos/76979871:a1b2c3d4e5"),
        (
            videos.get_video("https://vimeo.com/76979871/a1b2c3d4e5").into_call().path_and_query(),
            "/videos/76979871:a1b2c3d4e5",
        ),
        (
            videos.list_video_text_tracks(hashed.clone()).into_call().path_and_query(),
            "/videos/76979871:a1b2c3d4e5/texttracks",
        ),
        (
            videos.list_video_comments(&hashed).into_call().path_and_query(),
            "/videos/76979871:a1b2c3d4e5/comments",
        ),
        (
            videos.list_video_thumbnails(&hashed).into_call().path_and_query(),
            "/videos/76979871:a1b2c3d4e5/pictures",
        ),
        (users.get_user(152184).into_call().path_and_query(), "/users/152184"),
        (users.get_user("staff").into_call().path_and_query(), "/users/staff"),
        (users.get_user(UserId::from(7)).into_call().path_and_query(), "/users/7"),
        (users.get_user("https://vimeo.com/user7").into_call().path_and_query(), "/users/7"),
        (
            channels.list_channel_videos("staffpicks").into_call().path_and_query(),
            "/channels/staffpicks/videos",
        ),
        (channels.list_channel_videos(7).into_call().path_and_query(), "/channels/7/videos"),
        (
            channels.get_channel_video("staffpicks", "1:a1b2c3d4e5").into_call().path_and_query(),
            "/channels/staffpicks/videos/1:a1b2c3d4e5",
        ),
        (groups.get_group("motion").into_call().path_and_query(), "/groups/motion"),
    ];
    for (link, wanted) in cases {
        assert_eq!(link, wanted);
    }
    let domain = videos.add_video_embed_domain(7, "https://example.com").into_call().path_and_query();
    assert_eq!(domain, "/videos/7/privacy/domains/example.com");
    assert!(now(videos.add_video_embed_domain(7, "https://example.com/page").send()).is_err());
    now(videos.get_video(&hashed).send()).unwrap();
    let sent = memory.sent();
    assert_eq!(sent.url.as_str(), "https://api.vimeo.com/videos/76979871:a1b2c3d4e5");
    assert_eq!(sent.operation.unwrap().id, "get_video");
}

#[test]
fn models_name_themselves_to_calls() {
    let video: Video = serde_json::from_value(json!({"uri": "/videos/1:a1b2c3"})).unwrap();
    assert_eq!(video.id().unwrap().to_string(), "1:a1b2c3");
    assert_eq!(video.hash().as_deref(), Some("a1b2c3"));
    let memory = Memory::answering(200, "{}");
    let client = memory.client();
    now(client.videos().get_video(&video).send()).unwrap();
    assert_eq!(memory.sent().url.path(), "/videos/1:a1b2c3");
    now(client.videos().get_video(video.id().unwrap()).send()).unwrap();
    assert_eq!(memory.sent().url.path(), "/videos/1:a1b2c3");

    let showcase: Showcase = serde_json::from_value(json!({"uri": "/users/7/albums/5"})).unwrap();
    assert_eq!(showcase.id().unwrap().number(), 5);
    let comment: VideoComment =
        serde_json::from_value(json!({"uri": "/videos/1:a1b2c3/comments/9"})).unwrap();
    assert_eq!(comment.id(), Some(9));

    // Without `uri`, which `fields` may leave out, nothing is known, and nothing sent.
    let unknown = Video::default();
    assert_eq!((unknown.id(), unknown.hash()), (None, None));
    let sent = memory.count();
    assert!(matches!(now(client.videos().get_video(&unknown).send()), Err(Error::Invalid { .. })));
    assert_eq!(memory.count(), sent);
}

#[test]
fn a_text_that_is_no_id_is_an_error_before_anything_is_sent() {
    let memory = Memory::answering(200, "{}");
    let client = memory.client();
    for text in [
        "",
        "..",
        "1/comments",
        "1?x=2",
        "https://vimeo.com/showcase/5",
        "https://vimeo.com/1/whatever",
        "staff",
    ] {
        match now(client.videos().get_video(text).send()) {
            Err(error @ Error::Invalid { .. }) => {
                assert_eq!(error.delivery(), Delivery::NotSent);
                let told = error.to_string();
                assert!(told.starts_with("get_video: the path parameter video_id: `"), "{told}");
                assert!(told.contains("expected a video"), "{told}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
    for text in ["", "a/b", "me", "/videos/1", "https://vimeo.com/settings", "https://evil.example/staff"] {
        assert!(now(client.users().get_user(text).send()).is_err(), "{text}");
    }
    assert_eq!(memory.count(), 0);
}

#[test]
fn untyped_calls_know_their_operation_and_stay_on_the_host() {
    let memory = Memory::answering(200, r#"{"a": 1}"#);
    let client = memory.client();
    let answer = now(client.call(Method::GET, "/me/videos?page=2").fields("uri").send()).unwrap();
    assert_eq!(*answer, json!({"a": 1}));
    let sent = memory.sent();
    assert_eq!(sent.url.as_str(), "https://api.vimeo.com/me/videos?page=2&fields=uri");
    assert_eq!(sent.operation.unwrap().id, "list_my_videos");
    let cases = [
        ("https://api.vimeo.com/me", true),
        ("/users/7/videos", true),
        ("/not/known", true),
        ("https://api.vimeo.com.evil.example/me", false),
        ("https://evil.example/me", false),
        ("http://api.vimeo.com/me", false),
        ("https://api.vimeo.com:8443/me", false),
        ("//evil.example/me", false),
        ("/me/../videos/1", false),
        ("/me/%2E%2e/videos/1", false),
        ("/me/.%2e/videos/1", false),
        ("/me/%2E./videos/1", false),
        ("/me/%2e/videos/1", false),
        ("/me\\..\\videos\\1", false),
        ("/me/.\t./videos/1", false),
        ("/me/.\n./videos/1", false),
        ("me", false),
    ];
    for (place, goes) in cases {
        let done = now(client.call(Method::GET, place).send());
        assert_eq!(done.is_ok(), goes, "{place}: {done:?}");
        if goes {
            assert_eq!(memory.sent().url.host_str(), Some("api.vimeo.com"));
        }
    }
    assert_eq!(memory.count(), 0);
}

#[test]
fn a_base_url_keeps_its_path() {
    let memory = Memory::answering(200, "{}");
    let builder = Client::builder().base_url("https://proxy.example/vimeo/").transport(memory.clone());
    let client = builder.build().unwrap();
    now(client.users().get_me().send()).unwrap();
    assert_eq!(memory.sent().url.as_str(), "https://proxy.example/vimeo/me");
    now(client.call(Method::GET, "https://proxy.example/vimeo/me/videos?page=3").send()).unwrap();
    assert_eq!(memory.sent().url.as_str(), "https://proxy.example/vimeo/me/videos?page=3");
}

#[test]
fn debug_output_hides_secrets() {
    let memory = Memory::answering(200, "{}");
    let client = memory.client();
    let body = EditVideoBody::default().password("hunter2");
    let call = client.videos().edit_video(7).body(body.clone());
    let printed = format!("{body:?} {call:?} {client:?}");
    assert!(!printed.contains("hunter2"), "{printed}");
    now(call.send()).unwrap();
    let sent = memory.sent();
    assert!(!format!("{sent:?}").contains("hunter2"));
    assert!(String::from_utf8_lossy(&sent.body).contains("hunter2"));
}

#[test]
fn body_fields_are_set_one_by_one() {
    let memory = Memory::answering(200, "{}");
    let edit = memory.client().videos().edit_video(7);
    now(edit.name("Film").description("About it").name("Renamed").into_future()).unwrap();
    let sent: Value = serde_json::from_slice(&memory.sent().body).unwrap();
    assert_eq!(sent, json!({"name": "Renamed", "description": "About it"}));
}

#[test]
fn fields_add_to_a_whole_body_and_a_whole_body_replaces_fields() {
    let memory = Memory::answering(200, "{}");
    let client = memory.client();
    let body = || EditVideoBody::default().name("Film");
    now(client.videos().edit_video(7).body(body()).description("About it").send()).unwrap();
    let sent: Value = serde_json::from_slice(&memory.sent().body).unwrap();
    assert_eq!(sent, json!({"name": "Film", "description": "About it"}));
    now(client.videos().edit_video(7).description("About it").body(body()).send()).unwrap();
    let sent: Value = serde_json::from_slice(&memory.sent().body).unwrap();
    assert_eq!(sent, json!({"name": "Film"}));
}

#[test]
fn a_required_body_without_fields_is_an_empty_object() {
    let memory = Memory::answering(200, "{}");
    now(memory.client().videos().edit_video(7).send()).unwrap();
    let sent = memory.sent();
    assert_eq!(&sent.body[..], b"{}");
    assert_eq!(sent.headers["content-type"], "application/json");
}

#[test]
fn a_typed_call_takes_headers_and_options() {
    #[derive(Clone, PartialEq, Debug)]
    struct Policy(u8);
    impl vimeo_api::RetryOption for Policy {}

    let memory = Memory::answering(200, "{}");
    let call = memory.client().videos().get_video(7);
    let call = call.header("x-trace".parse().unwrap(), "1".parse().unwrap());
    now(call.timeout(Duration::from_secs(3)).retry(Policy(4)).send()).unwrap();
    let sent = memory.sent();
    assert_eq!(sent.headers["x-trace"], "1");
    assert_eq!(sent.extensions.get(), Some(&CallTimeout(Duration::from_secs(3))));
    assert_eq!(sent.extensions.get(), Some(&Policy(4)));
}

#[test]
fn an_untyped_query_takes_values_and_references() {
    let memory = Memory::answering(200, "{}");
    let owner = String::from("x");
    let call = memory.client().call(Method::GET, "/me/videos");
    let call =
        call.query("sort", "date").query("per_page", 5).query("a", vec!["b", "c"]).query("owner", &owner);
    now(call.send_as::<Value>()).unwrap();
    let expected = format!("sort=date&per_page=5&a=b%2Cc&owner={owner}");
    assert_eq!(memory.sent().url.query(), Some(expected.as_str()));
}
