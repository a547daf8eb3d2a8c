//! A sample of every route: a request that succeeds, from which the attacks are made.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use vimeo_connector::RouteGroup;

use super::client::Target;
use crate::harness::Service;

/// The account of the samples.
pub(super) const OWN: &str = "sample-account";

/// An account that the samples never name.
pub(super) const OTHER: &str = "other-account";

/// The route that shows a key to itself, for keys of every group.
const OWN_KEY: &str = "/v1/api-key";

/// The sample of a route.
#[derive(Debug, Clone, Copy)]
pub(super) struct Route {
    pub(super) method: &'static str,
    /// The path as the document has it.
    pub(super) template: &'static str,
    /// The target of a request. `OWN`, `TOKEN_ID`, `CONNECTION_ID`, `UPLOAD_TOKEN`, `PROGRESSIVE_URL` and `VIMEO_TOKEN`
    /// stand for values of the running service.
    pub(super) path: &'static str,
    pub(super) headers: &'static [&'static str],
    /// The body. Empty if the route has none.
    pub(super) body: &'static str,
    /// The group of an API key that may call the route; `None` if the route needs no key.
    pub(super) group: Option<RouteGroup>,
    pub(super) reach: Reach,
    /// The outcome of the request with the right key: the status, and the code if it is an error.
    pub(super) outcome: &'static str,
    /// Whether the route is in the document.
    pub(super) described: bool,
}

/// Whose data a route reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Nobody's.
    Nothing,
    /// The account that the path or the body names.
    Account,
    /// A list of accounts, which has those that the key may use.
    Listed,
    /// Everybody's: keys that are limited to accounts are refused.
    Everything,
}

const fn route(
    method: &'static str,
    template: &'static str,
    path: &'static str,
    group: Option<RouteGroup>,
    reach: Reach,
    outcome: &'static str,
) -> Route {
    Route { method, template, path, headers: &[], body: "", group, reach, outcome, described: true }
}

impl Route {
    const fn body(mut self, body: &'static str) -> Self {
        self.body = body;
        self
    }

    const fn headers(mut self, headers: &'static [&'static str]) -> Self {
        self.headers = headers;
        self
    }

    const fn not_described(mut self) -> Self {
        self.described = false;
        self
    }
}

use Reach::{Account, Everything, Listed, Nothing};

const ACCOUNTS: Option<RouteGroup> = Some(RouteGroup::Accounts);
const TOOLS: Option<RouteGroup> = Some(RouteGroup::Tools);
const CONNECTIONS: Option<RouteGroup> = Some(RouteGroup::Connections);
const UPLOADS: Option<RouteGroup> = Some(RouteGroup::Uploads);
const MCP: Option<RouteGroup> = Some(RouteGroup::Mcp);
const OPERATE: Option<RouteGroup> = Some(RouteGroup::Operate);

const PROGRESSIVE: &str = "/v1/progressive-uploads/{id}";
const JSON: &[&str] = &["content-type: application/json"];
const TUS: &[&str] = &["tus-resumable: 1.0.0", "upload-length: 1000"];
const MCP_HEADERS: &[&str] =
    &["content-type: application/json", "accept: application/json, text/event-stream"];
const MCP_BODY: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}}"#;
const NEW_CONNECTION: &str = r#"{"name":"New","clientIdentifier":"CLIENT_ID","clientSecret":"CLIENT_SECRET","accessToken":"VIMEO_TOKEN"}"#;

/// Every route, in an order in which all samples succeed one after the other.
#[rustfmt::skip]
pub(super) const ROUTES: &[Route] = &[
    route("GET", "/healthz", "/healthz", None, Nothing, "200"),
    route("GET", "/readyz", "/readyz", None, Nothing, "200"),
    route("GET", "/openapi.json", "/openapi.json", None, Nothing, "200").not_described(),
    route("GET", "/metrics", "/metrics", OPERATE, Everything, "200"),
    route("GET", "/v1/errors", "/v1/errors", OPERATE, Listed, "200"),
    route("GET", "/v1/api-keys", "/v1/api-keys", OPERATE, Everything, "200"),
    route("GET", "/v1/limits", "/v1/limits", ACCOUNTS, Listed, "200"),
    route("GET", "/v1/recent-uploads", "/v1/recent-uploads", UPLOADS, Listed, "200"),
    route("GET", "/v1/upload-tokens", "/v1/upload-tokens", UPLOADS, Listed, "200"),
    route("GET", "/v1/accounts", "/v1/accounts", ACCOUNTS, Listed, "200"),
    route("PUT", "/v1/accounts/{identifier}", "/v1/accounts/OWN", ACCOUNTS, Account, "200"),
    route("GET", "/v1/accounts/{identifier}", "/v1/accounts/OWN", ACCOUNTS, Account, "200"),
    route("PUT", "/v1/accounts/{identifier}/access-token", "/v1/accounts/OWN/access-token", ACCOUNTS, Account, "200")
        .headers(JSON).body(r#"{"access_token":"VIMEO_TOKEN"}"#),
    route("POST", "/v1/accounts/{identifier}/verify", "/v1/accounts/OWN/verify", ACCOUNTS, Account, "200"),
    route("POST", "/v1/accounts/{identifier}/refresh", "/v1/accounts/OWN/refresh", ACCOUNTS, Account, "200"),
    route("POST", "/v1/accounts/{identifier}/disable", "/v1/accounts/OWN/disable", ACCOUNTS, Account, "200")
        .headers(JSON).body(r#"{"reason":"unpaid"}"#),
    route("POST", "/v1/accounts/{identifier}/enable", "/v1/accounts/OWN/enable", ACCOUNTS, Account, "200"),
    route("POST", "/v1/accounts/{identifier}/authorization-links", "/v1/accounts/OWN/authorization-links", ACCOUNTS, Account, "201")
        .headers(JSON).body(r#"{"scopes":["public"]}"#),
    // A login that succeeds needs a browser: logins.rs has it.
    route("POST", "/v1/accounts/{identifier}/login", "/v1/accounts/OWN/login", ACCOUNTS, Account, "400 unknown_login")
        .headers(JSON).body(r#"{"callback":"code=a&state=b"}"#),
    route("GET", "/v1/callback", "/v1/callback?code=a&state=b", None, Nothing, "400"),
    route("GET", "/v1/events", "/v1/events?after=0", ACCOUNTS, Listed, "200"),
    route("GET", "/v1/tools", "/v1/tools", TOOLS, Nothing, "200"),
    route("POST", "/v1/accounts/{identifier}/tools/{name}", "/v1/accounts/OWN/tools/vimeo_me_get", TOOLS, Account, "200")
        .headers(JSON).body("{}"),
    route("POST", "/v1/execute-tool", "/v1/execute-tool", TOOLS, Account, "200")
        .headers(JSON).body(r#"{"identifier":"OWN","tool_name":"vimeo_me_get"}"#),
    route("POST", "/mcp", "/mcp", MCP, Nothing, "400 account_needed").headers(MCP_HEADERS).body(MCP_BODY).not_described(),
    route("POST", "/v1/accounts/{identifier}/mcp", "/v1/accounts/OWN/mcp", MCP, Account, "200")
        .headers(MCP_HEADERS).body(MCP_BODY).not_described(),
    route("GET", "/v1/vimeo-connections", "/v1/vimeo-connections", CONNECTIONS, Everything, "200"),
    route("POST", "/v1/vimeo-connections", "/v1/vimeo-connections", CONNECTIONS, Everything, "201")
        .headers(JSON).body(NEW_CONNECTION),
    route("GET", "/v1/vimeo-connections/{id}", "/v1/vimeo-connections/CONNECTION_ID", CONNECTIONS, Everything, "200"),
    route("PATCH", "/v1/vimeo-connections/{id}", "/v1/vimeo-connections/CONNECTION_ID", CONNECTIONS, Everything, "200")
        .headers(JSON).body(r#"{"version":1,"description":"changed"}"#),
    route("DELETE", "/v1/vimeo-connections/{id}", "/v1/vimeo-connections/CONNECTION_ID?version=2", CONNECTIONS, Everything, "204"),
    route("POST", "/v1/accounts/{identifier}/upload-tokens", "/v1/accounts/OWN/upload-tokens", UPLOADS, Account, "201")
        .headers(JSON).body(r#"{"max_uploads":1}"#),
    route("GET", "/v1/accounts/{identifier}/upload-tokens", "/v1/accounts/OWN/upload-tokens", UPLOADS, Account, "200"),
    route("GET", "/v1/accounts/{identifier}/upload-tokens/{id}", "/v1/accounts/OWN/upload-tokens/TOKEN_ID", UPLOADS, Account, "200"),
    // The service of these tests does not poll: polling.rs has a subscription that succeeds.
    route("POST", "/v1/accounts/{identifier}/event-subscriptions", "/v1/accounts/OWN/event-subscriptions", ACCOUNTS, Account, "501 no_polling")
        .headers(JSON).body(r#"{"event_types":["video.privacy.change"],"url":"https://hooks.example.com/"}"#),
    route("GET", "/v1/accounts/{identifier}/event-subscriptions", "/v1/accounts/OWN/event-subscriptions", ACCOUNTS, Account, "200"),
    route("DELETE", "/v1/accounts/{identifier}/event-subscriptions/{id}", "/v1/accounts/OWN/event-subscriptions/0123", ACCOUNTS, Account, "404 unknown_subscription"),
    route("OPTIONS", "/v1/uploads", "/v1/uploads?token=UPLOAD_TOKEN", None, Nothing, "204"),
    route("POST", "/v1/uploads", "/v1/uploads?token=UPLOAD_TOKEN", None, Nothing, "201").headers(TUS),
    route("OPTIONS", "/v1/progressive-uploads", "/v1/progressive-uploads", None, Nothing, "204"),
    route("POST", "/v1/progressive-uploads", "/v1/progressive-uploads?token=UPLOAD_TOKEN", None, Nothing, "201")
        .headers(JSON).body(r#"{"file_name":"a.mp4"}"#),
    route("OPTIONS", PROGRESSIVE, "/v1/progressive-uploads/PROGRESSIVE_URL", None, Nothing, "204"),
    route("PUT", PROGRESSIVE, "/v1/progressive-uploads/PROGRESSIVE_URL", None, Nothing, "200")
        .headers(&["content-range: bytes 0-2/*"]).body("abc"),
    route("GET", PROGRESSIVE, "/v1/progressive-uploads/PROGRESSIVE_URL", None, Nothing, "200"),
    route("DELETE", PROGRESSIVE, "/v1/progressive-uploads/PROGRESSIVE_URL", None, Nothing, "204"),
    route("DELETE", "/v1/accounts/{identifier}/upload-tokens/{id}", "/v1/accounts/OWN/upload-tokens/TOKEN_ID", UPLOADS, Account, "204"),
    route("DELETE", "/v1/accounts/{identifier}", "/v1/accounts/OWN", ACCOUNTS, Account, "204"),
];

/// The values of the running service that the samples name.
pub(super) struct Samples(Vec<(&'static str, String)>);

impl Samples {
    /// Connects the accounts, and creates an upload token and a connection.
    pub(super) async fn create(service: &Service) -> Self {
        service.connect(OWN).await;
        service.connect(OTHER).await;
        let create = async |path: &str, body: Value| {
            let created = service.call(Method::POST, path, Some(body)).await;
            assert_eq!(created.status, 201, "{created:?}");
            created.body
        };
        let sandbox = &service.sandbox;
        let token = create(&format!("/v1/accounts/{OWN}/upload-tokens"), json!({"max_uploads": 100})).await;
        let connection = json!({
            "name": "Stored",
            "clientIdentifier": sandbox.client_id(),
            "clientSecret": sandbox.client_secret(),
            "accessToken": sandbox.token(),
        });
        let connection = create("/v1/vimeo-connections", connection).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let upload_url = text(&token["upload_url"]);
        let upload_token = upload_url.split_once("token=").unwrap().1.to_owned();
        let path = format!("/v1/progressive-uploads?token={upload_token}");
        let progressive = text(&create(&path, json!({"file_name": "a.mp4"})).await["upload_url"]);
        Self(vec![
            ("PROGRESSIVE_URL", progressive.split_once("progressive-uploads/").unwrap().1.to_owned()),
            ("OWN", OWN.to_owned()),
            ("TOKEN_ID", text(&token["id"])),
            ("UPLOAD_TOKEN", upload_token),
            ("CONNECTION_ID", text(&connection["connectionId"])),
            ("VIMEO_TOKEN", sandbox.token().to_owned()),
            ("CLIENT_ID", sandbox.client_id().to_owned()),
            ("CLIENT_SECRET", sandbox.client_secret().to_owned()),
        ])
    }

    /// Puts the values into the target or the body of a sample.
    pub(super) fn fill(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }
}

#[tokio::test]
async fn the_table_has_every_route_of_the_document() {
    let service = Service::start().await;
    let paths = service.document()["paths"].as_object().unwrap();
    let served: BTreeSet<(String, &str)> = paths
        .iter()
        .flat_map(|(path, operations)| {
            operations.as_object().unwrap().keys().map(|method| (method.to_ascii_uppercase(), path.as_str()))
        })
        .collect();
    let described = ROUTES.iter().filter(|route| route.described);
    let mut known: BTreeSet<_> = described.map(|route| (route.method.to_owned(), route.template)).collect();
    known.insert(("GET".to_owned(), OWN_KEY));
    let missing: Vec<_> = served.difference(&known).collect();
    assert!(
        missing.is_empty(),
        "routes without a sample: {missing:?}. Add one line for each to ROUTES in tests/it/hostile/routes.rs: the method, the \
         path of the document, a request that succeeds (OWN is the account), the group of its API key (None if it needs no \
         key), whose data it reaches, and the outcome; `.headers(…)` and `.body(…)` where it has them. The other tests then \
         attack it."
    );
    let gone: Vec<_> = known.difference(&served).collect();
    assert!(gone.is_empty(), "the document has no such routes; remove their samples from ROUTES: {gone:?}");
    for route in ROUTES.iter().filter(|route| route.described) {
        let operation = &service.document()["paths"][route.template][route.method.to_ascii_lowercase()];
        assert_eq!(operation.get("security").is_some(), route.group.is_some(), "{route:?}");
        assert_eq!(operation.get("requestBody").is_some(), !route.body.is_empty(), "{route:?}");
    }
}

#[tokio::test]
async fn every_sample_succeeds_with_the_right_key() {
    let target = Target::start().await;
    for route in ROUTES {
        let answer = target.sample(route, &[&target.authorization()]).await;
        assert_eq!(answer.outcome(), route.outcome, "{route:?}: {answer:?}");
    }
}
