//! Stored connections.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::Service;

fn connection(service: &Service, name: &str) -> Value {
    json!({
        "name": name,
        "description": "for the team",
        "enabled": true,
        "clientIdentifier": service.sandbox.client_id(),
        "clientSecret": service.sandbox.client_secret(),
        "accessToken": service.sandbox.token(),
    })
}

#[tokio::test]
async fn a_connection_is_stored_without_returning_its_secrets() {
    let service = Service::start().await;
    let new = connection(&service, "Team 1");
    let created = service.call(Method::POST, "/v1/vimeo-connections", Some(new)).await;
    assert_eq!(created.status, 201, "{created:?}");
    let id = created.body["connectionId"].as_str().unwrap();
    assert_eq!(
        created.body,
        json!({
            "connectionId": id,
            "name": "Team 1",
            "description": "for the team",
            "enabled": true,
            "clientIdentifier": service.sandbox.client_id(),
            "version": 1,
        })
    );
    let found = service.call(Method::GET, &format!("/v1/vimeo-connections/{id}"), None).await;
    assert_eq!(found.body, created.body);
    let listed = service.call(Method::GET, "/v1/vimeo-connections", None).await;
    assert_eq!(listed.body, json!({"connections": [created.body], "nextCursor": null}));
}

#[tokio::test]
async fn changes_name_the_version_that_they_are_based_on() {
    let service = Service::start().await;
    let new = connection(&service, "a");
    let created = service.call(Method::POST, "/v1/vimeo-connections", Some(new)).await;
    let path = format!("/v1/vimeo-connections/{}", created.body["connectionId"].as_str().unwrap());
    let patch = async |body: Value| {
        let result = service.call(Method::PATCH, &path, Some(body)).await;
        (result.status.as_u16(), result.body)
    };
    let (status, changed) = patch(json!({"version": 1, "enabled": false, "description": null})).await;
    assert_eq!((status, &changed["version"]), (200, &json!(2)));
    assert_eq!((&changed["enabled"], &changed["description"]), (&json!(false), &Value::Null));
    assert_eq!(changed["name"], "a");
    let (status, stale) = patch(json!({"version": 1, "name": "b"})).await;
    assert_eq!((status, &stale["code"]), (409, &json!("stale_version")));
    let (_, error) = patch(json!({"version": 2, "clientSecret": "x"})).await;
    assert_eq!(error["field"], "clientIdentifier");
    let (status, rejected) = patch(json!({"version": 2, "accessToken": "wrong"})).await;
    assert_eq!((status, &rejected["code"]), (422, &json!("credentials_rejected")));
    let stale = service.call(Method::DELETE, &format!("{path}?version=1"), None).await;
    assert_eq!(stale.status, 409);
    assert_eq!(service.call(Method::DELETE, &format!("{path}?version=2"), None).await.status, 204);
    assert_eq!(service.call(Method::GET, &path, None).await.body["code"], "unknown_connection");
}

#[tokio::test]
async fn four_mistakes_are_four_errors() {
    let service = Service::start().await;
    let post = async |key: &str, body: &Value| {
        let path = "/v1/vimeo-connections";
        let result = service.call_with(key, Method::POST, path, Some(body.clone())).await;
        (result.status.as_u16(), result.body["code"].clone(), result.body["field"].clone())
    };
    let good = connection(&service, "a");
    assert_eq!(post(&service.key, &good).await.0, 201);
    assert_eq!(post(&service.key, &good).await, (409, json!("duplicate_name"), json!("name")));
    assert_eq!(post("wrong", &good).await, (401, json!("unauthorized"), Value::Null));
    let with = |member: &str, value: Value| {
        let mut body = connection(&service, "b");
        body[member] = value;
        body
    };
    let too_long = "x".repeat(501);
    for (member, value) in [
        ("name", json!("a/b")),
        ("description", json!("x".repeat(251))),
        ("clientIdentifier", json!("")),
        ("clientSecret", json!(too_long)),
        ("accessToken", json!(7)),
        ("enabled", json!("yes")),
    ] {
        let refused = post(&service.key, &with(member, value)).await;
        assert_eq!(refused, (400, json!("invalid_field"), json!(member)));
    }
    for (member, value) in [("accessToken", "wrong"), ("clientSecret", "wrong")] {
        let refused = post(&service.key, &with(member, json!(value))).await;
        assert_eq!(refused, (422, json!("credentials_rejected"), Value::Null));
    }
}
