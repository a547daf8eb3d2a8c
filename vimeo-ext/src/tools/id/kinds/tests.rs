//! Texts that are ids, and texts that are not.

use super::*;

#[test]
fn videos_are_read_by_grammar_and_keep_their_hash() {
    let taken = [
        ("76979871", 76979871, None),
        (" 76979871\n", 76979871, None),
        ("76979871:a1b2c3", 76979871, Some("a1b2c3")),
        ("/videos/76979871", 76979871, None),
        ("/videos/76979871:a1b2c3", 76979871, Some("a1b2c3")),
        ("/users/7/videos/76979871", 76979871, None),
        ("/me/videos/76979871", 76979871, None),
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
    for (text, number, hash) in taken {
        let video: VideoId = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!((video.number(), video.hash()), (number, hash), "{text}");
        assert_eq!(video.to_string().parse::<VideoId>().unwrap(), video, "{text}");
    }
}

#[test]
fn what_is_no_video_is_refused_and_called_by_its_name() {
    let refused = [
        ("https://vimeo.com/showcase/76979871", "a link to a showcase"),
        ("https://vimeo.com/showcase/76979871/embed", "a link to a showcase"),
        ("https://vimeo.com/album/76979871", "a link to a showcase"),
        ("https://vimeo.com/manage/folders/76979871", "a link to a folder"),
        ("https://vimeo.com/user76979871", "a link to a user"),
        ("https://vimeo.com/surfer", "a link to a user's page"),
        ("https://vimeo.com/channels/76979871", "a link to a channel"),
        ("https://vimeo.com/event/76979871", "a link to a live event"),
        ("/albums/76979871", "the URI of a showcase"),
        ("/users/76979871", "the URI of a user"),
        ("/me/projects/76979871", "the URI of a folder"),
        ("Holiday 76979871", "cannot be read"),
        ("Film_7697987", "cannot be read"),
        ("../../me", "cannot be read"),
        ("/videos/../me", "cannot be read"),
        ("/videos/%2e%2e/me", "cannot be read"),
        ("https://vimeo.com/../76979871", "cannot be read"),
        ("https://vimeo.com/76979871/../1", "cannot be read"),
        ("1?x=2", "cannot be read"),
        ("/videos/1?x=2", "cannot be read"),
        ("1/comments", "cannot be read"),
        ("/videos/1/comments", "cannot be read"),
        ("0", "cannot be read"),
        ("007", "cannot be read"),
        ("-5", "cannot be read"),
        ("1.0", "cannot be read"),
        ("1e9", "cannot be read"),
        ("18446744073709551616", "cannot be read"),
        ("76979871:", "cannot be read"),
        ("76979871:a/b", "cannot be read"),
        ("https://vimeo.com/76979871?h=a/b", "cannot be read"),
        ("https://evil.example/76979871", "cannot be read"),
        ("https://vimeo.com.evil.example/76979871", "cannot be read"),
        ("https://user@vimeo.com/76979871", "cannot be read"),
        ("https://vimeo.com:444/76979871", "cannot be read"),
        ("//vimeo.com/76979871", "cannot be read"),
        ("٧٦", "cannot be read"),
        ("", "cannot be read"),
    ];
    for (text, is) in refused {
        let error = text.parse::<VideoId>().expect_err(text).to_string();
        assert!(error.contains(is), "{text}: {error}");
        assert!(error.ends_with(VIDEO), "{error}");
    }
}

#[test]
fn the_other_kinds_take_their_own_and_refuse_each_other() {
    fn number<T: FromStr<Err = InvalidId>>(text: &str, number: fn(T) -> u64) -> Option<u64> {
        text.parse::<T>().ok().map(number)
    }
    let cases = [
        ("5", Some(5), Some(5), Some(5)),
        ("/albums/5", Some(5), None, None),
        ("/users/7/albums/5", Some(5), None, None),
        ("https://vimeo.com/showcase/5", Some(5), None, None),
        ("https://vimeo.com/showcase/5/embed", Some(5), None, None),
        ("https://vimeo.com/showcase/5/video/6", None, None, None),
        ("/users/7/projects/5", None, Some(5), None),
        ("/me/folders/5", None, Some(5), None),
        ("https://vimeo.com/manage/folders/5", None, Some(5), None),
        ("/users/5", None, None, Some(5)),
        ("https://vimeo.com/user5", None, None, Some(5)),
        ("https://vimeo.com/surfer", None, None, None),
        ("/videos/5", None, None, None),
        ("5:abc", None, None, None),
        ("../../videos/1", None, None, None),
    ];
    for (text, showcase, folder, user) in cases {
        assert_eq!(number::<ShowcaseId>(text, ShowcaseId::number), showcase, "showcase {text}");
        assert_eq!(number::<FolderId>(text, FolderId::number), folder, "folder {text}");
        assert_eq!(number::<UserId>(text, UserId::number), user, "user {text}");
    }
    assert!("https://vimeo.com/76979871".parse::<UserId>().is_err(), "a video is no user");
}

#[test]
fn channels_go_by_number_or_name_and_webhooks_may_name_their_app() {
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
    let hook: WebhookId = "/apps/7/webhooks/5".parse().unwrap();
    assert_eq!((hook.number(), hook.app()), (5, Some(7)));
    assert_eq!("5".parse::<WebhookId>().unwrap().app(), None);
    assert!("/apps/7".parse::<WebhookId>().is_err());
}
