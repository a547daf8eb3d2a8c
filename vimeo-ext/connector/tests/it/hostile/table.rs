//! The outcome of each attack on each route, as a table.

use std::fmt::Write as _;
use std::path::Path;

use vimeo_connector::{AccountAccess, KeyPolicy, RouteGroup};

use super::client::{Target, bearer};
use super::routes::ROUTES;

#[tokio::test]
async fn every_attack_on_every_route_has_an_outcome() {
    let target = Target::start().await;
    let service = &target.service;
    let others = |group| RouteGroup::ALL.into_iter().filter(move |other| Some(*other) != group);
    let limited = KeyPolicy::new("mine").accounts(AccountAccess::Only(["mine".to_owned()].into()));
    let limited = bearer(&service.key(limited).await);
    let right = target.authorization();
    let vimeo = bearer(service.sandbox.token());
    let mut table = String::new();
    for route in ROUTES {
        let path = target.samples.fill(route.path);
        let body = target.samples.fill(route.body);
        let other_group = bearer(&service.key(KeyPolicy::new("others").routes(others(route.group))).await);
        let mut attacks: Vec<(&str, String, Vec<&str>, &[u8])> = Vec::new();
        let headers = |more: &[&'static str]| [route.headers, more].concat();
        for (name, authorization) in [
            ("no key", None),
            ("wrong key", Some("authorization: Bearer wrong")),
            ("Vimeo access token", Some(&*vimeo)),
            ("key of other groups", Some(&*other_group)),
            ("key of other accounts", Some(&*limited)),
        ] {
            let mut headers: Vec<&str> = route.headers.to_vec();
            headers.extend(authorization);
            attacks.push((name, path.clone(), headers, body.as_bytes()));
        }
        if route.template.contains("{identifier}") {
            for (name, value) in
                [("identifier %FF", "%FF"), ("identifier %00", "%00"), ("identifier ..", "%2e%2e")]
            {
                let mut headers: Vec<&str> = headers(&[]);
                headers.push(&right);
                attacks.push((name, path.replacen("sample-account", value, 1), headers, body.as_bytes()));
            }
        }
        if !route.body.is_empty() {
            let json: Vec<&str> = [headers(&[]), vec![&*right]].concat();
            attacks.push(("not JSON", path.clone(), json.clone(), b"{"));
            attacks.push(("an array", path.clone(), json.clone(), b"[]"));
            // The endpoint of the Model Context Protocol waits for such a body until its time is over.
            if route.described {
                attacks.push((
                    "100 MB announced",
                    path.clone(),
                    [json.clone(), vec!["content-length: 104857600"]].concat(),
                    b"",
                ));
            }
            attacks.push((
                "other type",
                path.clone(),
                vec![&*right, "content-type: text/plain"],
                body.as_bytes(),
            ));
        }
        for (name, path, headers, body) in attacks {
            if route.group.is_none() && name.contains("key of") {
                continue;
            }
            let answer = target.request(route.method, &path, &headers, body).await;
            let outcome = answer.outcome();
            assert!(answer.status < 500 || outcome == route.outcome, "{name}: {route:?}: {answer:?}");
            writeln!(table, "{:7} {:58} {name:22} {outcome}", route.method, route.template).unwrap();
        }
    }
    std::fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join("hostile-table.txt"), table).unwrap();
}
