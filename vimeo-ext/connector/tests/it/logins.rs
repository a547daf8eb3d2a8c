//! Logins through the browser.

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use url::Url;
use url::form_urlencoded::Serializer;

use crate::harness::{Checked, Service};

fn browser() -> Client {
    Client::builder().redirect(Policy::none()).build().unwrap()
}

impl Service {
    async fn link(&self, identifier: &str, body: Value) -> Checked {
        let path = format!("/v1/accounts/{identifier}/authorization-links");
        self.call(Method::POST, &path, Some(body)).await
    }

    /// Opens a link as the sandbox's user and accepts or rejects it. Returns the URL that Vimeo sends the browser to.
    async fn decide(&self, link: &Checked, accepts: bool) -> Url {
        assert_eq!(link.status, 201, "{link:?}");
        let link = Url::parse(link.body["url"].as_str().unwrap()).unwrap();
        let mut form = Serializer::new(String::new());
        form.extend_pairs(link.query_pairs());
        form.append_pair("user", &self.sandbox.world().user_id().to_string());
        form.append_pair("decision", if accepts { "accept" } else { "reject" });
        let request = browser().post(link.join("/oauth/authorize").unwrap());
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        location(&request.body(form.finish()).send().await.unwrap())
    }

    async fn status(&self, identifier: &str) -> Value {
        self.call(Method::GET, &format!("/v1/accounts/{identifier}"), None).await.body["status"].clone()
    }
}

fn location(response: &Response) -> Url {
    assert!(response.status().is_redirection(), "{response:?}");
    Url::parse(response.headers()["location"].to_str().unwrap()).unwrap()
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
}

#[tokio::test]
async fn the_service_completes_a_login_once() {
    let service = Service::start().await;
    let link = service.link("a", json!({"scopes": ["public", "private"]})).await;
    // The lifetime of the accounts' logins.
    let expires: DateTime<Utc> = link.body["expires_at"].as_str().unwrap().parse().unwrap();
    let left = expires - Utc::now();
    assert!(left <= TimeDelta::minutes(10) && left > TimeDelta::minutes(5), "{left}");
    let callback = service.decide(&link, true).await;
    assert_eq!(callback.path(), "/v1/callback");
    let page = browser().get(callback.clone()).send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert_eq!(page.headers()["content-security-policy"], "default-src 'none'; frame-ancestors 'none'");
    assert!(page.text().await.unwrap().contains("is connected"));
    assert_eq!(service.status("a").await, "active");
    let again = browser().get(callback).send().await.unwrap();
    assert_eq!(again.status(), 400);
    let forged = format!("http://{}/v1/callback?code=a&state=b", service.address);
    assert_eq!(browser().get(forged).send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn the_browser_returns_with_the_result() {
    let service = Service::start().await;
    let target = "http://localhost:3000/app/done?tab=1";
    let link = service.link("user 7", json!({"return_url": target})).await;
    let accepted = browser().get(service.decide(&link, true).await).send().await.unwrap();
    let back = location(&accepted);
    assert!(back.as_str().starts_with(target), "{back}");
    assert_eq!(parameter(&back, "identifier").as_deref(), Some("user 7"));
    assert_eq!(parameter(&back, "status").as_deref(), Some("active"));
    assert_eq!(parameter(&back, "code"), None);

    let link = service.link("b", json!({"return_url": target})).await;
    let rejected = browser().get(service.decide(&link, false).await).send().await.unwrap();
    assert_eq!(parameter(&location(&rejected), "error").as_deref(), Some("login_denied"));
    assert_eq!(service.status("b").await, "pending");
}

#[tokio::test]
async fn the_caller_completes_logins_of_its_own_session_only() {
    let service = Service::start().await;
    let body = json!({"return_url": "http://localhost:3000/app/", "completion": "caller"});
    let mut queries = Vec::new();
    for identifier in ["ann", "mallory"] {
        let link = service.link(identifier, body.clone()).await;
        let back = location(&browser().get(service.decide(&link, true).await).send().await.unwrap());
        assert_eq!(service.status(identifier).await, "pending");
        queries.push(back.query().unwrap().to_owned());
    }
    let complete = async |identifier: &str, callback: &str| {
        let path = format!("/v1/accounts/{identifier}/login");
        service.call(Method::POST, &path, Some(json!({"callback": callback}))).await
    };
    // Mallory's link was opened in Ann's browser.
    let refused = complete("ann", &queries[1]).await;
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (400, &json!("unknown_login")));
    let completed = complete("ann", &queries[0]).await;
    assert_eq!(completed.body["account"]["status"], "active", "{completed:?}");
    assert_eq!(complete("ann", &queries[0]).await.body["code"], "unknown_login");
}

#[tokio::test]
async fn only_allowed_return_urls_are_accepted() {
    let service = Service::start().await;
    for url in ["https://evil.example/", "http://localhost:3000/", "http://localhost:3000/apps", "app/", ""] {
        let refused = service.link("a", json!({"return_url": url})).await;
        assert_eq!(refused.status, 400, "{url}");
        assert_eq!(refused.body["field"], "return_url");
    }
    let refused = service.link("a", json!({"completion": "caller"})).await;
    assert_eq!(refused.body["field"], "return_url");
}
