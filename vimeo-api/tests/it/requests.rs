//! Tests of the requests that calls send.

use std::time::Duration;

use http::{HeaderValue, Method, header};
use serde_json::{Value, json};
use vimeo_api::Scope;
use vimeo_api::types::{
    CreateVideoBody, EditVideoBody, Showcase, UploadApproach, UploadInput, UserVideoSort, Video, VideoComment,
};
use vimeo_api::{CallTimeout, Client, Delivery, Error, Fields};

use crate::{FakeTransport, run};

/// BEHAVIOUR.md: D06.
#[test]
fn encodes_query_parameters() {
    let transport = FakeTransport::responding(200, "{}");
    let videos = transport.client();
    let call =
        videos.videos().list_my_videos().page(2).per_page(50).sort(UserVideoSort::Date).fields("uri,name");
    run(call.send()).unwrap();
    let sent = transport.take_request();
    assert_eq!(sent.method, Method::GET);
    assert_eq!(
        sent.url.as_str(),
        "https://api.vimeo.com/me/videos?page=2&per_page=50&sort=date&fields=uri%2Cname"
    );
    assert!(sent.body.is_empty());
}

/// BEHAVIOUR.md: A01.
#[test]
fn sends_only_the_expected_headers() {
    let transport = FakeTransport::responding(200, "{}");
    run(transport.client().videos().get_video(7).send()).unwrap();
    let names: Vec<String> =
        transport.take_request().headers.iter().map(|(name, _)| name.to_string()).collect();
    assert_eq!(names, ["accept"]);
    run(transport.client().videos().edit_video(7).name("a").send()).unwrap();
    let sent = transport.take_request();
    assert_eq!(sent.headers[header::ACCEPT], vimeo_api::ACCEPT);
    assert_eq!(sent.headers[header::CONTENT_TYPE], "application/json");
    assert_eq!(sent.headers.len(), 2);

    let other = "application/vnd.vimeo.*+json;version=3.2";
    let client = Client::builder().transport(transport.clone()).accept(other).build().unwrap();
    run(client.users().get_me().send()).unwrap();
    assert_eq!(transport.take_request().headers[header::ACCEPT], other);
    let call =
        client.users().get_me().into_call().header(header::ACCEPT, HeaderValue::from_static("text/plain"));
    run(call.send()).unwrap();
    assert_eq!(transport.take_request().headers[header::ACCEPT], "text/plain");
}

#[test]
fn body_contains_only_set_fields() {
    let transport = FakeTransport::responding(201, "{}");
    let upload = UploadInput::new(UploadApproach::Tus).size(1000);
    let body = CreateVideoBody::new(upload).name("Surf").content_rating(["safe"]);
    run(transport.client().videos().create_my_video(body).send()).unwrap();
    let sent = transport.take_request();
    let json: Value = serde_json::from_slice(&sent.body).unwrap();
    assert_eq!(
        json,
        json!({"name": "Surf", "content_rating": ["safe"], "upload": {"approach": "tus", "size": 1000}})
    );
    assert_eq!(sent.operation.unwrap().scopes, [Scope::Upload]);
}

#[test]
fn encodes_path_parameters() {
    let transport = FakeTransport::responding(200, "{}");
    let client = transport.client();
    run(client.videos().add_video_tag(7, "a/b ?c#ü").send()).unwrap();
    assert_eq!(transport.take_request().url.path(), "/videos/7/tags/a%2Fb%20%3Fc%23%C3%BC");
    for word in ["", ".", ".."] {
        match run(client.videos().add_video_tag(7, word).send()) {
            Err(error @ Error::Invalid { .. }) => {
                assert_eq!(error.delivery(), Delivery::NotSent);
                assert!(
                    error.to_string().starts_with("add_video_tag: invalid path parameter word"),
                    "{error}"
                );
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(transport.count(), 0);
}

#[test]
fn accepts_all_forms_of_ids() {
    use vimeo_api::{ResourceUri, UserId, VideoId};

    let transport = FakeTransport::responding(200, "{}");
    let client = transport.client();
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
    assert!(run(videos.add_video_embed_domain(7, "https://example.com/page").send()).is_err());
    run(videos.get_video(&hashed).send()).unwrap();
    let sent = transport.take_request();
    assert_eq!(sent.url.as_str(), "https://api.vimeo.com/videos/76979871:a1b2c3d4e5");
    assert_eq!(sent.operation.unwrap().id, "get_video");
}

#[test]
fn models_convert_into_ids() {
    let video: Video = serde_json::from_value(json!({"uri": "/videos/1:a1b2c3"})).unwrap();
    assert_eq!(video.id().unwrap().to_string(), "1:a1b2c3");
    assert_eq!(video.hash().as_deref(), Some("a1b2c3"));
    let transport = FakeTransport::responding(200, "{}");
    let client = transport.client();
    run(client.videos().get_video(&video).send()).unwrap();
    assert_eq!(transport.take_request().url.path(), "/videos/1:a1b2c3");
    run(client.videos().get_video(video.id().unwrap()).send()).unwrap();
    assert_eq!(transport.take_request().url.path(), "/videos/1:a1b2c3");

    let showcase: Showcase = serde_json::from_value(json!({"uri": "/users/7/albums/5"})).unwrap();
    assert_eq!(showcase.id().unwrap().number(), 5);
    let comment: VideoComment =
        serde_json::from_value(json!({"uri": "/videos/1:a1b2c3/comments/9"})).unwrap();
    assert_eq!(comment.id(), Some(9));

    // Without `uri`, which `fields` can exclude, there is no ID and no request.
    let unknown = Video::default();
    assert_eq!((unknown.id(), unknown.hash()), (None, None));
    let sent = transport.count();
    assert!(matches!(run(client.videos().get_video(&unknown).send()), Err(Error::Invalid { .. })));
    assert_eq!(transport.count(), sent);
}

#[test]
fn rejects_invalid_ids_before_sending() {
    let transport = FakeTransport::responding(200, "{}");
    let client = transport.client();
    for text in [
        "",
        "..",
        "1/comments",
        "1?x=2",
        "https://vimeo.com/showcase/5",
        "https://vimeo.com/1/whatever",
        "staff",
    ] {
        match run(client.videos().get_video(text).send()) {
            Err(error @ Error::Invalid { .. }) => {
                assert_eq!(error.delivery(), Delivery::NotSent);
                let message = error.to_string();
                assert!(message.starts_with("get_video: invalid path parameter video_id: "), "{message}");
                assert!(message.contains("expected a video"), "{message}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
    for text in ["", "a/b", "me", "/videos/1", "https://vimeo.com/settings", "https://evil.example/staff"] {
        assert!(run(client.users().get_user(text).send()).is_err(), "{text}");
    }
    assert_eq!(transport.count(), 0);
}

#[test]
fn untyped_calls_match_operations_and_stay_on_the_host() {
    let transport = FakeTransport::responding(200, r#"{"a": 1}"#);
    let client = transport.client();
    let response = run(client.call(Method::GET, "/me/videos?page=2").fields("uri").send()).unwrap();
    assert_eq!(*response, json!({"a": 1}));
    let sent = transport.take_request();
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
        let done = run(client.call(Method::GET, place).send());
        assert_eq!(done.is_ok(), goes, "{place}: {done:?}");
        if goes {
            assert_eq!(transport.take_request().url.host_str(), Some("api.vimeo.com"));
        }
    }
    assert_eq!(transport.count(), 0);
}

#[test]
fn base_url_path_is_retained() {
    let transport = FakeTransport::responding(200, "{}");
    let builder = Client::builder().base_url("https://proxy.example/vimeo/").transport(transport.clone());
    let client = builder.build().unwrap();
    run(client.users().get_me().send()).unwrap();
    assert_eq!(transport.take_request().url.as_str(), "https://proxy.example/vimeo/me");
    run(client.call(Method::GET, "https://proxy.example/vimeo/me/videos?page=3").send()).unwrap();
    assert_eq!(transport.take_request().url.as_str(), "https://proxy.example/vimeo/me/videos?page=3");
}

#[test]
fn debug_output_hides_secrets() {
    let transport = FakeTransport::responding(200, "{}");
    let client = transport.client();
    let body = EditVideoBody::default().password("hunter2");
    let call = client.videos().edit_video(7).body(body.clone());
    let printed = format!("{body:?} {call:?} {client:?}");
    assert!(!printed.contains("hunter2"), "{printed}");
    run(call.send()).unwrap();
    let sent = transport.take_request();
    assert!(!format!("{sent:?}").contains("hunter2"));
    assert!(String::from_utf8_lossy(&sent.body).contains("hunter2"));
}

#[test]
fn body_setters_build_the_body() {
    let transport = FakeTransport::responding(200, "{}");
    let edit = transport.client().videos().edit_video(7);
    run(edit.name("Film").description("About it").name("Renamed").into_future()).unwrap();
    let sent: Value = serde_json::from_slice(&transport.take_request().body).unwrap();
    assert_eq!(sent, json!({"name": "Renamed", "description": "About it"}));
}

#[test]
fn body_replaces_fields_and_setters_add_to_it() {
    let transport = FakeTransport::responding(200, "{}");
    let client = transport.client();
    let body = || EditVideoBody::default().name("Film");
    run(client.videos().edit_video(7).body(body()).description("About it").send()).unwrap();
    let sent: Value = serde_json::from_slice(&transport.take_request().body).unwrap();
    assert_eq!(sent, json!({"name": "Film", "description": "About it"}));
    run(client.videos().edit_video(7).description("About it").body(body()).send()).unwrap();
    let sent: Value = serde_json::from_slice(&transport.take_request().body).unwrap();
    assert_eq!(sent, json!({"name": "Film"}));
}

#[test]
fn required_body_without_fields_is_an_empty_object() {
    let transport = FakeTransport::responding(200, "{}");
    run(transport.client().videos().edit_video(7).send()).unwrap();
    let sent = transport.take_request();
    assert_eq!(&sent.body[..], b"{}");
    assert_eq!(sent.headers["content-type"], "application/json");
}

#[test]
fn typed_call_sends_headers_and_options() {
    #[derive(Clone, PartialEq, Debug)]
    struct Policy(u8);
    impl vimeo_api::RetryOption for Policy {}

    let transport = FakeTransport::responding(200, "{}");
    let call = transport.client().videos().get_video(7);
    let call = call.header("x-trace".parse().unwrap(), "1".parse().unwrap());
    run(call.timeout(Duration::from_secs(3)).retry(Policy(4)).send()).unwrap();
    let sent = transport.take_request();
    assert_eq!(sent.headers["x-trace"], "1");
    assert_eq!(sent.extensions.get(), Some(&CallTimeout(Duration::from_secs(3))));
    assert_eq!(sent.extensions.get(), Some(&Policy(4)));
}

#[test]
fn untyped_query_accepts_values_and_references() {
    let transport = FakeTransport::responding(200, "{}");
    let owner = String::from("x");
    let call = transport.client().call(Method::GET, "/me/videos");
    let call =
        call.query("sort", "date").query("per_page", 5).query("a", vec!["b", "c"]).query("owner", &owner);
    run(call.send_as::<Value>()).unwrap();
    let expected = format!("sort=date&per_page=5&a=b%2Cc&owner={owner}");
    assert_eq!(transport.take_request().url.query(), Some(expected.as_str()));
}

#[test]
fn rejects_unknown_fields_before_sending() {
    let transport = FakeTransport::responding(200, "{}");
    let client = transport.client();
    let videos = client.videos();
    for (result, name, suggestion) in [
        (run(videos.get_video(7).fields("uri,nmae").send()).map(drop), "nmae", "name"),
        (
            run(videos.list_my_videos().fields("pictures.size").send()).map(drop),
            "pictures.size",
            "pictures.sizes",
        ),
        (run(videos.get_video(7).fields("user.nmae").send_as::<Value>()).map(drop), "user.nmae", "user.name"),
    ] {
        let error = result.expect_err(name);
        assert_eq!(error.delivery(), Delivery::NotSent);
        let message = error.to_string();
        assert!(
            message.contains(&format!("has no field `{name}`; did you mean `{suggestion}`?")),
            "{message}"
        );
    }
    assert_eq!(transport.count(), 0);

    run(videos.get_video(7).fields(Fields::unchecked("nmae")).send()).unwrap();
    assert_eq!(transport.take_request().url.query(), Some("fields=nmae"));
    run(client.call(Method::GET, "/videos/7").fields("nmae").send()).unwrap();
    assert_eq!(transport.take_request().url.query(), Some("fields=nmae"));
}
