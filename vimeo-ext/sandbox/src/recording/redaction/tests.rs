use base64::Engine as _;
use http::HeaderMap;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;
use url::form_urlencoded;

use super::*;

fn redactor() -> Redactor {
    Redactor::new(Url::parse("https://api.vimeo.com/").unwrap())
}

/// Fails if `text` contains `secret`, plain or in a usual encoding.
#[track_caller]
fn assert_absent(secret: &str, text: &str) {
    let base64 = base64::engine::general_purpose::STANDARD_NO_PAD.encode(secret);
    let encodings = [
        secret.to_owned(),
        utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string(),
        form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
        json!(secret).to_string().trim_matches('"').to_owned(),
        secret.replace('/', "\\/"),
        secret.to_lowercase(),
        base64,
    ];
    let lower = text.to_lowercase();
    for encoding in encodings {
        assert!(!text.contains(&encoding) && !lower.contains(&encoding), "{encoding} is in {text}");
    }
}

const SECRET: &str = "Zoë's \"zq\"/7&x=y";
const PLAIN_SECRET: &str = "zq7xk2wv9";

/// Every text member of every schema, with a secret as its value.
#[test]
fn no_text_member_of_the_description_keeps_its_value() {
    let mut members = 0;
    for (name, ty) in
        crate::catalog::all().flat_map(|operation| operation.answers.iter()).filter_map(|(_, ty)| match ty {
            Some(Type::Named(name)) => Some((*name, Type::Named(name))),
            _ => None,
        })
    {
        let Some(crate::catalog::schema::Schema::Object(fields)) = ty.schema() else { continue };
        for field in fields {
            for secret in [
                SECRET,
                PLAIN_SECRET,
                "zq7xk2wv9@zq.example",
                "https://zq7xk2wv9.example/zq7xk2wv9?zq7xk2wv9=zq7xk2wv9",
            ] {
                let redacted = redactor().body(ty, &json!({field.name: secret, "list": [secret]}));
                for part in [secret, "zq7xk2wv9"] {
                    assert_absent(part, &redacted.to_string());
                }
                assert!(redacted[field.name].is_string(), "{name}.{}", field.name);
                members += 1;
            }
        }
    }
    assert!(members > 1_000, "{members}");
}

#[test]
fn private_values_are_absent_in_every_member() {
    let video = Type::Named("Video");
    for (pointer, value, secret) in [
        ("/name", json!(SECRET), SECRET),
        ("/description", json!("see https://zq7xk2wv9.example"), "zq7xk2wv9"),
        ("/password", json!(SECRET), SECRET),
        ("/link", json!("https://vimeo.com/zq7xk2wv9"), "zq7xk2wv9"),
        ("/link", json!("https://vimeo.com/815922745/a3e90a211f"), "a3e90a211f"),
        ("/link", json!("https://vimeo.com/815922745/a3e90a211f"), "815922745"),
        ("/player_embed_url", json!("https://player.vimeo.com/video/815922745?h=a3e90a211f"), "a3e90a211f"),
        (
            "/embed/html",
            json!("<iframe src=\"https://player.vimeo.com/video/1?h=a3e90a211f\">"),
            "a3e90a211f",
        ),
        ("/uri", json!("/videos/815922745:a3e90a211f"), "a3e90a211f"),
        ("/uri", json!("/videos/815922745"), "815922745"),
        (
            "/resource_key",
            json!("7a491d0e8cad256a8ac2fd6d207e647c1b034bad"),
            "7a491d0e8cad256a8ac2fd6d207e647c1b034bad",
        ),
        ("/review_page/link", json!("https://vimeo.com/zq7xk2wv9/review/815922745/a3e90a211f"), "zq7xk2wv9"),
        ("/review_link", json!("https://vimeo.com/reviews/5/videos/815922745"), "815922745"),
        (
            "/upload/upload_link",
            json!("https://eu-files.tus.vimeo.com/files/zq7xk2wv9?sig=f00df00df00d"),
            "f00df00df00d",
        ),
        ("/upload/form", json!("<form action=\"https://x.example/zq7xk2wv9\">"), "zq7xk2wv9"),
        ("/upload/complete_uri", json!("/users/1/uploads/zq7xk2wv9?signature=f00df00df00d"), "f00df00df00d"),
        ("/upload/complete_uri", json!("/users/1/uploads/zq7xk2wv9?signature=f00df00df00d"), "zq7xk2wv9"),
        (
            "/files/0/link",
            json!("https://player.vimeo.com/x?s=815922745_1680975493_f00df00df00d&expires=1680975493"),
            "1680975493",
        ),
        ("/files/0/md5", json!("5d41402abc4b2a76b9719d911017c592"), "5d41402abc4b2a76b9719d911017c592"),
        (
            "/pictures/base_link",
            json!("https://i.vimeocdn.com/video/1651994954-4bdf8192dc938cb9e289-d"),
            "4bdf8192dc938cb9e289",
        ),
        (
            "/pictures/sizes/0/link",
            json!("https://i.vimeocdn.com/portrait/50048656_30x30?subrect=5%2C0"),
            "50048656",
        ),
        ("/user/name", json!("Jane Zq7xk2wv9"), "zq7xk2wv9"),
        ("/user/uri", json!("/users/zq7xk2wv9"), "zq7xk2wv9"),
        ("/user/bio", json!(SECRET), SECRET),
        ("/user/location", json!("Zq7xk2wv9"), "zq7xk2wv9"),
        ("/user/location_details/latitude", json!(52.520_123), "52.520123"),
        ("/user/emails/0/email", json!("jane@zq7xk2wv9.org"), "zq7xk2wv9"),
        ("/user/websites/0/link", json!("https://zq7xk2wv9.example/"), "zq7xk2wv9"),
        ("/user/name", json!("public"), "public"),
        ("/app/name", json!(SECRET), SECRET),
        ("/tags/0/tag", json!("Zq7xk2wv9"), "zq7xk2wv9"),
        ("/paging/next", json!("/me/videos?page=2&query=zq7xk2wv9&access_token=f00df00df00d"), "zq7xk2wv9"),
        (
            "/paging/next",
            json!("/me/videos?page=2&query=zq7xk2wv9&access_token=f00df00df00d"),
            "f00df00df00d",
        ),
        ("/unlisted_hash", json!("a3e90a211f"), "a3e90a211f"),
        ("/access_token", json!("f00df00df00d"), "f00df00df00d"),
        ("/refresh_token", json!(SECRET), SECRET),
        ("/client_secret", json!(SECRET), SECRET),
        ("/stream_key", json!(SECRET), SECRET),
        ("/access_code", json!("7319"), "7319"),
        ("/new_member", json!(SECRET), SECRET),
        ("/new_member/815922745", json!(true), "815922745"),
        ("/new_member/jane_zq7xk2wv9/new", json!(true), "zq7xk2wv9"),
        ("/owner", json!(815_922_745), "815922745"),
        ("/phone", json!(-15_550_100_u64.cast_signed()), "15550100"),
        ("/place", json!(52.520_123), "52.520123"),
        ("/ip", json!("203.0.113.77"), "203.0.113.77"),
        ("/ip", json!("2001:db8::77"), "2001:db8::77"),
        ("/id", json!(815_922_745), "815922745"),
        ("/video_id", json!("815922745"), "815922745"),
    ] {
        let mut body = value;
        for part in pointer.split('/').skip(1).collect::<Vec<_>>().into_iter().rev() {
            body = match part {
                "0" => json!([body]),
                name => json!({name: body}),
            };
        }
        for ty in [video, Type::Named("Error"), Type::Any] {
            let mut redactor = redactor();
            redactor.upload_link("https://eu-files.tus.vimeo.com/files/other");
            let redacted = redactor.body(ty, &body).to_string();
            assert_absent(secret, &redacted);
        }
    }
}

#[test]
fn values_that_cannot_be_private_stay() {
    let body = json!({
        "uri": null,
        "type": "video",
        "status": "available",
        "language": "pt-BR",
        "duration": 815_922,
        "width": 1920,
        "created_time": "2023-04-08T22:12:10+00:00",
        "content_rating": ["unrated"],
        "privacy": {"view": "anybody", "embed": "whitelist", "download": false},
        "embed": {"color": "00adef", "speed": true, "title": {"name": "user"}},
        "upload": {"approach": "tus", "status": "in_progress", "size": 123_456_789},
        "total": 3,
        "metadata": {"connections": {"block": {"uri": "/me/block", "options": ["GET"]}}},
    });
    assert_eq!(redactor().body(Type::Named("Video"), &body), body);
    let error =
        json!({"error_code": 2204, "invalid_parameters": [{"field": "upload.size", "error_code": 2205}]});
    assert_eq!(redactor().body(Type::Named("Error"), &error), error);
    // Vimeo names new members and flags; only a map has names that people choose.
    let new = json!({"member_of_tomorrow": true, "user": {"capabilities": {"hasLiveSubscription": false}}});
    assert_eq!(redactor().body(Type::Named("Video"), &new), new);
    let token = json!({"scope": "public private", "token_type": "bearer"});
    assert_eq!(redactor().body(Type::Named("TokenResponse"), &token), token);
}

#[test]
fn links_and_uris_stay_usable() {
    let mut redactor = redactor();
    let upload = "https://eu-files.tus.vimeo.com/files/zq?sig=f00d";
    assert_eq!(redactor.upload_link(upload), 1);
    assert_eq!(redactor.upload_link("https://eu-files.tus.vimeo.com/files/other"), 2);
    assert_eq!(redactor.upload_link(upload), 1);
    let page = json!({
        "paging": {
            "next": "/me/videos?page=2&per_page=25&sort=date&fields=uri%2Cprivacy.view%2Czq",
            "last": "https://api.vimeo.com/users/815922745/videos?page=9",
        },
        "data": [
            {"uri": "/videos/111111:a3e90a211f", "id": 111_111, "link": "https://vimeo.com/111111/a3e90a211f"},
            {"uri": "/users/815922745/folders/222222", "upload": {"upload_link": upload}},
        ],
    });
    let redacted = redactor.body(Type::Named("VideoPage"), &page);
    assert_eq!(
        redacted,
        json!({
            "paging": {
                "next": "/me/videos?page=2&per_page=25&sort=date&fields=uri%2Cprivacy.view%2Cfield-1",
                "last": "http://api.recording.invalid/users/100000001/videos?page=9",
            },
            "data": [
                {"uri": "/videos/100000002:0000000001", "id": 100_000_002, "link": "https://vimeo.com/100000002/0000000001"},
                {
                    "uri": "/users/100000001/folders/100000003",
                    "upload": {"upload_link": "http://upload.recording.invalid/recorded/1"},
                },
            ],
        })
    );
}

#[test]
fn queries_tell_which_texts_were_replaced() {
    for (path, query, redacted, replaced) in [
        (
            "/me/videos",
            "page=2&per_page=100&sort=date&direction=asc",
            "page=2&per_page=100&sort=date&direction=asc",
            &[][..],
        ),
        ("/me/videos", "query=my+holiday", "query=text-1", &["query"]),
        ("/me/videos", "fields=uri%2Cname", "fields=uri%2Cname", &[]),
        ("/me/videos", "zq7=zq", "parameter-1=text-1", &["parameter-1"]),
        (
            "/videos",
            "uris=%2Fvideos%2F111111%2C%2Fvideos%2F222222",
            "uris=%2Fvideos%2F100000001%2C%2Fvideos%2F100000002",
            &[],
        ),
        ("/me", "access_token=zq", "access_token=text-1", &["access_token"]),
        // Short digits and words of the description can be secrets as well.
        ("/videos/1/texttracks", "password=7319", "password=100000001", &["password"]),
        ("/me", "code=7319&state=public", "code=100000001&state=text-1", &["code", "state"]),
        ("/me/live_events/1/session_status", "clip_id=1234567", "clip_id=100000001", &[]),
        ("/me/videos", "filter_uploader=1234567", "filter_uploader=100000001", &[]),
        ("/nowhere", "page=1680975493", "page=100000001", &[]),
    ] {
        let query = redactor().query(path, query);
        assert_eq!((query.text.as_str(), query.replaced.as_slice()), (redacted, &*owned(replaced)), "{path}");
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn request_bodies_are_stored_as_shapes() {
    let body = json!({
        "name": SECRET,
        "upload": {"approach": "tus", "size": 5},
        "embed_domains": ["zq", "zr", 1],
        "list": {"zq": {"zq": null}},
        "all": true,
    });
    let shape = redactor().shape(Type::Any, &body);
    assert_eq!(
        shape,
        json!({
            "name": "string",
            "upload": {"approach": "string", "size": "number"},
            "embed_domains": ["string", "number"],
            "member-1": {"member-2": {"member-2": "null"}},
            "member-3": "boolean",
        })
    );
}

#[test]
fn only_listed_headers_of_the_expected_form_are_stored() {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("content-type", "application/vnd.vimeo.video+json"),
        ("location", "https://vimeo.com/zq7xk2wv9?code=zq7xk2wv9"),
        ("set-cookie", "session=zq7xk2wv9"),
        ("authorization", "bearer zq7xk2wv9"),
        ("www-authenticate", "Bearer error=\"zq7xk2wv9\""),
        ("x-ratelimit-limit", "600"),
        ("x-ratelimit-remaining", "zq7xk2wv9"),
        ("x-ratelimit-reset", "2026-01-01T00:00:00+00:00"),
        ("retry-after", "5"),
        ("upload-offset", "10"),
        ("etag", "zq7xk2wv9"),
        ("x-served-by", "zq7xk2wv9"),
        ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("allow", "GET, PATCH"),
        ("tus-version", "zq7xk2wv9\"'"),
    ] {
        headers.insert(name, value.parse().unwrap());
    }
    let stored = redactor().headers(&headers);
    let stored: Vec<(&str, &str)> =
        stored.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        stored,
        [
            ("allow", "GET, PATCH"),
            ("content-type", "application/vnd.vimeo.video+json"),
            ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("location", "https://vimeo.com/text-1?code=text-1"),
            ("retry-after", "5"),
            ("upload-offset", "10"),
            ("www-authenticate", "Bearer"),
            ("x-ratelimit-limit", "600"),
            ("x-ratelimit-reset", "2026-01-01T00:00:00+00:00"),
        ]
    );
}
