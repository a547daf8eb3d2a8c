//! Wrong keys: none, revoked ones, ones for other routes and other accounts, and Vimeo's access token in their place.

use vimeo_agent::tools::Disclosure;
use vimeo_connector::{AccountAccess, KeyPolicy, RouteGroup};

use super::client::{Target, assert_hides_other, bearer};
use super::routes::{OTHER, OWN, ROUTES, Reach};
use crate::hostile::routes::Route;

/// The routes that need a key.
fn guarded() -> impl Iterator<Item = (&'static Route, RouteGroup)> {
    ROUTES.iter().filter_map(|route| Some((route, route.group?)))
}

#[tokio::test]
async fn no_wrong_key_opens_a_route() {
    let target = Target::start().await;
    let key = target.service.key.clone();
    let revoked = {
        let keys = target.service.connector.api_keys();
        let (info, _) = keys.create(KeyPolicy::new("revoked")).await.unwrap();
        let (_, text) = keys.rotate(&info.id, std::time::Duration::ZERO).await.unwrap();
        keys.revoke(&info.id).await.unwrap();
        secrecy::ExposeSecret::expose_secret(&text).to_owned()
    };
    let right = target.authorization();
    let upload_token = target.samples.fill("UPLOAD_TOKEN");
    let wrong: Vec<Vec<String>> = vec![
        vec![],
        vec![bearer("")],
        vec![bearer("wrong")],
        vec![bearer(&key[..key.len() - 1])],
        vec![bearer(&format!("{key}0"))],
        vec![bearer(&key.to_ascii_uppercase())],
        vec![bearer(&"x".repeat(8_000))],
        vec![bearer("vimeo_connector_\u{e9}_\u{e9}")],
        vec![bearer(&revoked)],
        vec![bearer(target.service.sandbox.token())],
        vec![bearer(&upload_token)],
        vec![format!("authorization: Basic {key}")],
        vec![format!("authorization: {key}")],
        vec![format!("x-api-key: {key}")],
        vec![right.clone(), right.clone()],
        vec![bearer("wrong"), right],
    ];
    for (route, _) in guarded() {
        for headers in &wrong {
            let headers: Vec<_> = headers.iter().map(String::as_str).collect();
            let answer = target.sample(route, &headers).await;
            assert_eq!(answer.outcome(), "401 unauthorized", "{route:?} with {headers:?}: {answer:?}");
            answer.assert_problem();
            assert!(answer.header("www-authenticate").is_some_and(|value| value.starts_with("Bearer")));
        }
    }
}

#[tokio::test]
async fn routes_without_a_key_ignore_keys() {
    let target = Target::start().await;
    for route in ROUTES.iter().filter(|route| route.group.is_none()) {
        let answer = target.sample(route, &["authorization: Bearer wrong"]).await;
        assert_eq!(answer.outcome(), route.outcome, "{route:?}: {answer:?}");
    }
}

#[tokio::test]
async fn a_key_opens_the_routes_of_its_groups_only() {
    let target = Target::start().await;
    for (route, group) in guarded() {
        let others = RouteGroup::ALL.into_iter().filter(|other| *other != group);
        let key = target.service.key(KeyPolicy::new("other routes").routes(others)).await;
        let answer = target.sample(route, &[&bearer(&key)]).await;
        assert_eq!(answer.outcome(), "403 route_not_allowed", "{route:?}: {answer:?}");
        answer.assert_problem();
    }
}

#[tokio::test]
async fn a_key_for_other_accounts_reaches_nothing_of_the_account() {
    let target = Target::start().await;
    let only = AccountAccess::Only(["mine".to_owned()].into());
    for access in [only, AccountAccess::Prefix("mine:".to_owned())] {
        let key = bearer(&target.service.key(KeyPolicy::new("mine").accounts(access.clone())).await);
        for (route, _) in guarded() {
            let answer = target.sample(route, &[&key]).await;
            match route.reach {
                Reach::Account => {
                    assert_eq!(answer.outcome(), "403 account_not_allowed", "{route:?}: {answer:?}");
                    answer.assert_problem();
                }
                Reach::Everything => {
                    assert_eq!(answer.status, 403, "{route:?}: {answer:?}");
                    answer.assert_problem();
                }
                Reach::Listed => {
                    assert_eq!(answer.status, 200, "{route:?}: {answer:?}");
                    assert!(!answer.body.contains(OWN), "{answer:?}");
                }
                Reach::Nothing => assert!(answer.status < 500, "{route:?}: {answer:?}"),
            }
            assert_hides_other(&answer);
        }
    }
}

#[tokio::test]
async fn a_key_for_one_account_sees_no_other() {
    let target = Target::start().await;
    let access = AccountAccess::Only([OWN.to_owned()].into());
    let key =
        bearer(&target.service.key(KeyPolicy::new("own").accounts(access).allow(Disclosure::ALL)).await);
    for (route, _) in guarded() {
        let answer = target.sample(route, &[&key]).await;
        match route.reach {
            Reach::Everything => assert_eq!(answer.status, 403, "{route:?}"),
            // The key lists its account, so `/mcp` knows it.
            Reach::Nothing => assert!(answer.status < 300, "{route:?}: {answer:?}"),
            Reach::Account | Reach::Listed => {
                assert_eq!(answer.outcome(), route.outcome, "{route:?}: {answer:?}")
            }
        }
        assert_hides_other(&answer);
        let foreign = target.samples.fill(route.path).replace(OWN, OTHER);
        let body = target.samples.fill(route.body).replace(OWN, OTHER);
        if route.reach == Reach::Account {
            let mut headers = route.headers.to_vec();
            headers.push(&key);
            let answer = target.request(route.method, &foreign, &headers, body.as_bytes()).await;
            assert_eq!(answer.outcome(), "403 account_not_allowed", "{route:?}: {answer:?}");
        }
    }
}
