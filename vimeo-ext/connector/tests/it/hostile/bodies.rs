//! Hostile bodies: every one is refused with a code, at once and without being kept.

use super::client::{Answer, Target};
use super::routes::{ROUTES, Route};

/// The routes that read a JSON body of their own. The Model Context Protocol has its own errors.
fn with_body() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().filter(|route| route.described && route.headers.contains(&"content-type: application/json"))
}

async fn send(target: &Target, route: &Route, headers: &[&str], body: &[u8]) -> Answer {
    let authorization = target.authorization();
    let mut all = vec![authorization.as_str()];
    all.extend_from_slice(headers);
    target.request(route.method, &target.samples.fill(route.path), &all, body).await
}

#[tokio::test]
async fn bodies_that_are_not_the_expected_json_are_refused() {
    let target = Target::start().await;
    let nested = "[".repeat(10_000);
    let nested_members = r#"{"a":"#.repeat(10_000);
    let wrong: &[(&[u8], &str)] = &[
        (b"{", "400"),
        (b"nonsense", "400"),
        (b"{} {}", "400"),
        (b"{'a':1}", "400"),
        (b"[]", "400"),
        (b"7", "400"),
        (b"\"hush\"", "400"),
        (b"[\"hush\"]", "400"),
        (b"{\"zz_unknown\"", "400"),
        (b"\xff\xfe{}", "400"),
        (b"{\"a\":\"\xff\"}", "400"),
        (b"{\"a\":\"\\ud800\"}", "400"),
        (b"1e999", "400"),
        (nested.as_bytes(), "400"),
        (nested_members.as_bytes(), "400"),
    ];
    for route in with_body() {
        for (body, expected) in wrong {
            let answer = send(&target, route, &["content-type: application/json"], body).await;
            let shown = String::from_utf8_lossy(&body[..body.len().min(40)]);
            assert!(
                answer.outcome().starts_with(expected),
                "{} {} {shown}: {answer:?}",
                route.method,
                route.path
            );
            answer.assert_problem();
        }
    }
}

#[tokio::test]
async fn bodies_of_another_type_are_refused() {
    let target = Target::start().await;
    for route in with_body() {
        let body = target.samples.fill(route.body);
        for media_type in
            ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a", "json", ""]
        {
            let header = format!("content-type: {media_type}");
            let answer = send(&target, route, &[&header], body.as_bytes()).await;
            assert_eq!(answer.outcome(), "415 unsupported_media_type", "{route:?} {media_type}: {answer:?}");
            answer.assert_problem();
        }
    }
}

#[tokio::test]
async fn oversized_bodies_are_refused_before_they_are_read() {
    let target = Target::start().await;
    let large = vec![b' '; 1024 * 1024 + 1];
    for route in with_body() {
        let json = "content-type: application/json";
        // Nothing of the announced body comes.
        let answer = send(&target, route, &[json, "content-length: 104857600"], b"").await;
        assert_eq!(answer.outcome(), "413 body_too_large", "{route:?}: {answer:?}");
        answer.assert_problem();
        // A body without a length.
        let mut chunked = format!("{:x}\r\n", large.len()).into_bytes();
        chunked.extend_from_slice(&large);
        let head = format!(
            "{} {} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{}\r\n{json}\r\ntransfer-encoding: chunked\r\n\r\n",
            route.method,
            target.samples.fill(route.path),
            target.authorization()
        );
        let answer = target.send(&[head.as_bytes(), &chunked].concat()).await;
        assert_eq!(answer.outcome(), "413 body_too_large", "{route:?}: {answer:?}");
    }
}

#[tokio::test]
async fn a_member_that_comes_twice_is_refused() {
    let target = Target::start().await;
    for route in with_body().filter(|route| route.body.len() > 2) {
        let body = target.samples.fill(route.body);
        let members = &body[1..body.len() - 1];
        let twice = format!("{{{members},{members}}}");
        let answer = send(&target, route, &["content-type: application/json"], twice.as_bytes()).await;
        assert_eq!(answer.status, 400, "{route:?}: {answer:?}");
        answer.assert_problem();
        let more = format!("{{{members},\"zz_unknown\":1}}");
        let answer = send(&target, route, &["content-type: application/json"], more.as_bytes()).await;
        assert_eq!(answer.status, 400, "{route:?}: {}", answer.status);
    }
}
