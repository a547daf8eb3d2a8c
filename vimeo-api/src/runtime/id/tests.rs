//! Tests of ID parsing and formatting.

use serde_json::json;

use super::*;

#[test]
fn parses_video_ids_and_retains_the_hash() {
    let valid = [
        ("76979871", 76979871, None),
        (" 76979871\n", 76979871, None),
        ("76979871:a1b2c3", 76979871, Some("a1b2c3")),
        ("/videos/76979871", 76979871, None),
        ("/videos/76979871:a1b2c3", 76979871, Some("a1b2c3")),
        ("/users/7/videos/76979871", 76979871, None),
        ("/me/videos/76979871", 76979871, None),
        ("/videos/76979871?fields=uri", 76979871, None),
        ("https://api.vimeo.com/videos/76979871", 76979871, None),
        ("https://vimeo.com/76979871", 76979871, None),
        ("http://www.vimeo.com/76979871/", 76979871, None),
        ("vimeo.com/76979871?share=copy#t=30s", 76979871, None),
        ("https://vimeo.com/76979871/a1b2c3d4e5", 76979871, Some("a1b2c3d4e5")),
        ("https://vimeo.com/76979871?h=a1b2c3d4e5", 76979871, Some("a1b2c3d4e5")),
        ("https://player.vimeo.com/video/76979871?h=a1b2c3&badge=0", 76979871, Some("a1b2c3")),
        ("https://vimeo.com/manage/videos/76979871", 76979871, None),
        ("https://vimeo.com/manage/videos/76979871/a1b2c3", 76979871, Some("a1b2c3")),
        ("https://vimeo.com/channels/staffpicks/76979871", 76979871, None),
        ("https://vimeo.com/groups/motion/videos/76979871", 76979871, None),
        ("https://vimeo.com/ondemand/film/76979871", 76979871, None),
        ("https://vimeo.com/showcase/1234567/video/76979871", 76979871, None),
        ("https://vimeo.com/album/1234567/video/76979871", 76979871, None),
        ("https://vimeo.com/someone/review/76979871/a1b2c3", 76979871, None),
        ("18446744073709551615", u64::MAX, None),
    ];
    for (text, number, hash) in valid {
        let video: VideoId = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!((video.number(), video.hash()), (number, hash), "{text}");
        for written in [video.to_string(), video.uri()] {
            assert_eq!(written.parse::<VideoId>().unwrap(), video, "{text}");
        }
    }
}

#[test]
fn rejects_other_resources_as_videos() {
    let invalid = [
        ("https://vimeo.com/showcase/76979871", "a link to a showcase"),
        ("https://vimeo.com/showcase/76979871/embed2", "a link to a showcase"),
        ("https://vimeo.com/album/76979871", "a link to a showcase"),
        ("https://vimeo.com/manage/folders/76979871", "a link to a folder"),
        ("https://vimeo.com/user76979871", "a link to a user"),
        ("https://vimeo.com/surfer", "a link to a user"),
        ("https://vimeo.com/channels/76979871", "a link to a channel"),
        ("https://vimeo.com/event/76979871", "a link to a live event"),
        ("https://vimeo.com/settings", "a link to a page of Vimeo's own"),
        ("/albums/76979871", "the URI of a showcase"),
        ("/users/76979871", "the URI of a user"),
        ("/me/projects/76979871", "the URI of a folder"),
        ("Film_7697987", "invalid ID"),
        ("https://vimeo.com/76979871/whatever", "is a link to a video, but `whatever` after its number"),
        ("Holiday 76979871", "invalid ID"),
        ("../../me", "invalid ID"),
        ("/videos/../me", "invalid ID"),
        ("/videos/%2e%2e/me", "invalid ID"),
        ("https://vimeo.com/../76979871", "invalid ID"),
        ("https://vimeo.com/76979871/../1", "invalid ID"),
        ("1?x=2", "invalid ID"),
        ("/videos/1/comments?x=2", "invalid ID"),
        ("1/comments", "invalid ID"),
        ("/videos/1/comments", "invalid ID"),
        ("0", "invalid ID"),
        ("007", "invalid ID"),
        ("-5", "invalid ID"),
        ("1e9", "invalid ID"),
        ("1.0", "invalid ID"),
        ("18446744073709551616", "invalid ID"),
        ("76979871:", "invalid ID"),
        ("76979871:a/b", "invalid ID"),
        ("https://vimeo.com/76979871?h=a/b", "invalid ID"),
        ("https://evil.example/76979871", "invalid ID"),
        ("https://vimeo.com.evil.example/76979871", "invalid ID"),
        ("https://user@vimeo.com/76979871", "invalid ID"),
        ("https://vimeo.com:444/76979871", "invalid ID"),
        ("//vimeo.com/76979871", "invalid ID"),
        ("٧٦", "invalid ID"),
        ("", "invalid ID"),
    ];
    for (text, is) in invalid {
        let error = text.parse::<VideoId>().expect_err(text).to_string();
        assert!(error.contains(is), "{text}: {error}");
        assert!(error.ends_with(VideoId::EXPECTED), "{error}");
    }
}

/// The error about an invalid ID never says that the ID is of the expected kind.
#[test]
fn error_does_not_contradict_itself() {
    fn check<T: FromStr<Err = InvalidId>>(kind: &str) {
        let texts = [
            "5",
            "5:abc",
            "staff",
            "me",
            "/me",
            "/videos/5",
            "/videos/5:abc",
            "/albums/5",
            "/users/7/albums/5",
            "/me/projects/5",
            "/users/7/folders/5",
            "/users/7",
            "/channels/x",
            "/groups/x",
            "/apps/7",
            "/apps/7/webhooks/5",
            "/videos/7/texttracks/5",
            "/videos/7/versions/5",
            "https://vimeo.com/5",
            "https://vimeo.com/5/settings",
            "https://vimeo.com/5/a1b2c3d4e5",
            "https://vimeo.com/showcase/5",
            "https://vimeo.com/showcase/5/embed",
            "https://vimeo.com/showcase/5/embed2",
            "https://vimeo.com/showcase/5/video/6",
            "https://vimeo.com/album/5",
            "https://vimeo.com/manage/showcases/5",
            "https://vimeo.com/manage/showcases/5/info",
            "https://vimeo.com/manage/folders/5",
            "https://vimeo.com/user/7/folder/5",
            "https://vimeo.com/user5",
            "https://vimeo.com/staff",
            "https://vimeo.com/staff/videos",
            "https://vimeo.com/channels/x",
            "https://vimeo.com/channels/x/5",
            "https://vimeo.com/groups/x",
            "https://vimeo.com/event/5",
            "https://vimeo.com/ondemand/x",
        ];
        for text in texts {
            if let Err(error) = text.parse::<T>() {
                let error = error.to_string();
                let found = error.split("; expected").next().unwrap_or_default();
                assert!(!found.ends_with(kind), "{text}: {error}");
            }
        }
    }
    check::<VideoId>("a video");
    check::<ShowcaseId>("a showcase");
    check::<FolderId>("a folder");
    check::<UserId>("a user");
    check::<ChannelId>("a channel");
    check::<GroupId>("a group");
    check::<AppId>("an app");
    check::<WebhookId>("a webhook");
    check::<TextTrackId>("a text track");
    check::<VersionId>("a version");
}

#[test]
fn id_types_reject_each_other() {
    let cases = [
        ("5", Some("/me/albums/5"), Some("/me/projects/5"), Some("5")),
        ("/albums/5", Some("/me/albums/5"), None, None),
        ("/users/7/albums/5", Some("/users/7/albums/5"), None, None),
        ("https://vimeo.com/showcase/5", Some("/me/albums/5"), None, None),
        ("https://vimeo.com/showcase/5/embed", Some("/me/albums/5"), None, None),
        ("https://vimeo.com/showcase/5/embed2", Some("/me/albums/5"), None, None),
        ("https://vimeo.com/showcase/5/video/6", None, None, None),
        ("/users/7/projects/5", None, Some("/users/7/projects/5"), None),
        ("/users/surfer/folders/5", None, Some("/users/surfer/projects/5"), None),
        ("/me/folders/5", None, Some("/me/projects/5"), None),
        ("https://vimeo.com/manage/folders/5", None, Some("/me/projects/5"), None),
        ("https://vimeo.com/user/7/folder/5", None, Some("/users/7/projects/5"), None),
        ("/users/5", None, None, Some("5")),
        ("https://vimeo.com/user5", None, None, Some("5")),
        ("user5", None, None, Some("5")),
        ("https://vimeo.com/surfer", None, None, Some("surfer")),
        ("surfer", None, None, Some("surfer")),
        ("me", None, None, None),
        ("/videos/5", None, None, None),
        ("5:abc", None, None, None),
        ("../../videos/1", None, None, None),
    ];
    for (text, showcase, folder, user) in cases {
        let uri = text.parse::<ShowcaseId>().ok().map(|id| id.uri());
        assert_eq!(uri.as_deref(), showcase, "showcase {text}");
        let uri = text.parse::<FolderId>().ok().map(|id| id.uri());
        assert_eq!(uri.as_deref(), folder, "folder {text}");
        let id = text.parse::<UserId>().ok();
        assert_eq!(id.as_ref().map(UserId::as_str), user, "user {text}");
    }
    assert!("https://vimeo.com/76979871".parse::<UserId>().is_err(), "a video is not a user");
    assert_eq!(UserId::from(5).number(), Some(5));
    assert_eq!("surfer".parse::<UserId>().unwrap().number(), None);
}

#[test]
fn parses_channels_groups_and_webhooks() {
    for (text, id) in [
        ("staffpicks", Some("staffpicks")),
        ("12", Some("12")),
        ("/channels/12", Some("12")),
        ("https://vimeo.com/channels/staff-picks", Some("staff-picks")),
        ("https://vimeo.com/channels/staffpicks/76979871", None),
        ("../me", None),
        ("a b", None),
        ("a/b", None),
    ] {
        assert_eq!(text.parse::<ChannelId>().ok().as_ref().map(ChannelId::as_str), id, "{text}");
    }
    assert_eq!("https://vimeo.com/groups/motion".parse::<GroupId>().unwrap().as_str(), "motion");
    let hook: WebhookId = "/apps/7/webhooks/5".parse().unwrap();
    assert_eq!((hook.number(), hook.app()), (5, Some(7)));
    assert_eq!("5".parse::<WebhookId>().unwrap().app(), None);
    assert!("/apps/7".parse::<WebhookId>().is_err());
}

#[test]
fn parses_domains() {
    for (text, host) in [
        ("example.com", Some("example.com")),
        (" example.com ", Some("example.com")),
        ("https://example.com", Some("example.com")),
        ("http://shop.example.com/", Some("shop.example.com")),
        ("HTTPS://example.com", Some("example.com")),
        ("*.example.com", Some("*.example.com")),
        ("bücher.example", Some("bücher.example")),
        ("https://example.com/page", None),
        ("https://example.com?x", None),
        ("example.com/", None),
        ("https://user@example.com", None),
        ("https://example.com:8080", None),
        ("ftp://example.com", None),
        ("https://", None),
        ("a..b", None),
        ("../me", None),
        ("", None),
    ] {
        let domain = text.parse::<DomainName>().ok();
        assert_eq!(domain.as_ref().map(DomainName::as_str), host, "{text}");
    }
}

#[test]
fn deserializes_from_text_and_numbers() {
    let video = |json: serde_json::Value| serde_json::from_value::<VideoId>(json);
    assert_eq!(video(json!(76979871)).unwrap(), VideoId::from(76979871));
    assert_eq!(video(json!("/videos/1:abc")).unwrap().hash(), Some("abc"));
    for invalid in [json!(-1), json!(0), json!(1.5), json!(true), json!(null), json!([1]), json!("x")] {
        assert!(video(invalid.clone()).is_err(), "{invalid}");
    }
    assert_eq!(serde_json::to_value("1:abc".parse::<VideoId>().unwrap()).unwrap(), json!("1:abc"));
    assert_eq!(serde_json::from_value::<UserId>(json!(7)).unwrap(), UserId::from(7));
    let folder: FolderId = "/users/7/projects/5".parse().unwrap();
    let again = serde_json::from_value::<FolderId>(serde_json::to_value(&folder).unwrap()).unwrap();
    assert_eq!(again, folder);
}
