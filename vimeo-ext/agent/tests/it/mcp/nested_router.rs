//! The routes nested in another service's router.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use vimeo_agent::mcp::{ApiKey, HttpOptions, Server, ServerError};
use vimeo_agent::tools::ToolSelection;

use super::http::{call, loopback};
use super::raw_client::Http;
use crate::tools::world::World;

const BEARER: &str = "first-bearer-of-32-characters-or-more";

/// A service with its own state and the tools at `/agents/mcp`.
struct Service {
    base: String,
    stop: CancellationToken,
    running: tokio::task::JoinHandle<()>,
}

impl Service {
    async fn start(server: Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let base = format!("http://{address}");
        let options = HttpOptions::new(address)
            .api_keys([ApiKey::new(BEARER, ["me"])])
            .allowed_origins(["https://app.example.com"])
            .public_url(format!("{base}/agents"));
        let stop = options.shutdown.clone();
        let tools = server.into_router(options).unwrap();
        let service = Router::new()
            .route("/", get(|State(greeting): State<&'static str>| async move { greeting }))
            .nest("/agents", tools)
            .fallback(|| async { "another page" })
            .with_state("hello");
        let stopped = stop.clone().cancelled_owned();
        let running = tokio::spawn(async move {
            axum::serve(listener, service).with_graceful_shutdown(stopped).await.unwrap();
        });
        Self { base, stop, running }
    }

    fn client(&self, bearer: &str, new: bool) -> Http {
        let mut http = Http::new(format!("{}/agents/mcp", self.base), None, new, json!({}));
        http.bearer = Some(bearer.to_owned());
        http
    }

    async fn get(&self, path: &str) -> String {
        let response = crate::http::client().get(format!("{}{path}", self.base)).send().await.unwrap();
        response.text().await.unwrap()
    }
}

#[tokio::test]
async fn nested_routes_keep_their_rules() {
    let world = World::new().await;
    let service = Service::start(Server::for_account(world.vimeo().clone())).await;
    assert_eq!(service.get("/").await, "hello");
    assert_eq!(service.get("/health").await, "another page", "the service has its own");
    for new in [true, false] {
        let mut known = service.client(BEARER, new);
        if !new {
            known.initialize().await;
        }
        let me = call(&mut known, "vimeo_me_get", json!({})).await;
        assert_eq!(me["result"]["isError"], false, "{me}");
    }

    // The challenge of an unauthenticated request has the nested metadata URL.
    let mut stranger = service.client("wrong", true);
    let message = stranger.message("tools/list", json!({}));
    let response = stranger.post(&message, "tools/list").send().await.unwrap();
    assert_eq!(response.status(), 401);
    let challenge = response.headers()["www-authenticate"].to_str().unwrap().to_owned();
    let metadata = challenge.split('"').find(|part| part.starts_with("http")).unwrap();
    let metadata: Value =
        serde_json::from_str(&service.get(metadata.strip_prefix(&service.base).unwrap()).await).unwrap();
    assert_eq!(metadata["resource"], stranger.url);

    let mut known = service.client(BEARER, true);
    for (header, value, status) in [
        ("origin", "https://evil.example", 403),
        ("origin", "https://app.example.com", 200),
        ("host", "evil.example", 403),
    ] {
        let message = known.message("tools/list", json!({}));
        let response = known.post(&message, "tools/list").header(header, value).send().await.unwrap();
        assert_eq!(response.status(), status, "{header}: {value}");
    }
}

/// Passes a request on with the API key of its caller: `all` may use all tools, `one` a single tool.
async fn add_api_key(mut request: Request, next: Next) -> Response {
    let me_get = ToolSelection::only(["vimeo_me_get".to_owned()]);
    let key = match request.headers()["authorization"].to_str().unwrap() {
        "Bearer all" => Some(ApiKey::from_sha256([1; 32], ["me"])),
        "Bearer one" => Some(ApiKey::from_sha256([2; 32], ["me"]).selection(me_get)),
        _ => None,
    };
    if let Some(key) = key {
        request.extensions_mut().insert(key);
    }
    next.run(request).await
}

#[tokio::test]
async fn keys_of_an_upstream_service_limit_tools_resources_and_sessions() {
    let world = World::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let options = HttpOptions::new(address).authenticated_upstream();
    let router = Server::for_account(world.vimeo().clone()).into_router(options).unwrap();
    let router: Router = router.layer(from_fn(add_api_key));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let client = |caller: &str, new| {
        let mut http = Http::new(format!("http://{address}/mcp"), None, new, json!({}));
        http.bearer = Some(caller.to_owned());
        http
    };
    let mut unknown = client(BEARER, true);
    let message = unknown.message("tools/list", json!({}));
    assert_eq!(unknown.post(&message, "tools/list").send().await.unwrap().status(), 401);

    let uri = format!("vimeo://videos/{}", world.videos[0]);
    for (caller, may_read) in [("all", true), ("one", false)] {
        let mut http = client(caller, true);
        let me = call(&mut http, "vimeo_me_get", json!({})).await;
        assert_eq!(me["result"]["isError"], false, "{caller}: {me}");
        let video = call(&mut http, "vimeo_video_get", json!({"video_id": world.videos[0]})).await;
        assert_eq!(video["result"].is_object(), may_read, "{caller}: {video}");
        let read = http.request("resources/read", json!({"uri": uri})).await;
        assert_eq!(read["result"].is_object(), may_read, "{caller}: {read}");
    }

    let mut session = client("all", false);
    session.initialize().await;
    let message = session.message("tools/list", json!({}));
    for (caller, status) in [("one", 404), ("all", 200)] {
        session.bearer = Some(caller.to_owned());
        let response = session.post(&message, "tools/list").send().await.unwrap();
        assert_eq!(response.status(), status, "{caller}");
    }
}

#[tokio::test]
async fn dropping_wait_stops_the_server() {
    let world = World::new().await;
    let server = Server::for_account(world.vimeo().clone());
    let running = server.serve_http(loopback().allow_unauthenticated_loopback()).await.unwrap();
    let (url, address) = (running.url(), running.address());
    assert!(timeout(Duration::from_millis(50), running.wait()).await.is_err());
    let gone = timeout(Duration::from_secs(10), async {
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    gone.await.unwrap_or_else(|_| panic!("{url} is still there"));
}

#[tokio::test]
async fn a_router_requires_api_keys() {
    let world = World::new().await;
    let server = Server::for_account(world.vimeo().clone());
    let open = server.clone().into_router::<()>(loopback().allow_unauthenticated_loopback());
    assert!(matches!(open, Err(ServerError::NoApiKeys)), "{open:?}");
    let short = server.into_router::<()>(loopback().api_keys([ApiKey::new("x".repeat(31), ["me"])]));
    assert!(matches!(short, Err(ServerError::ApiKeyTooShort)), "{short:?}");
}

#[tokio::test]
async fn the_shutdown_token_ends_streams() {
    let world = World::new().await;
    let service = Service::start(Server::for_account(world.vimeo().clone())).await;
    let mut known = service.client(BEARER, false);
    known.initialize().await;
    let stream = known.listen().send().await.unwrap();
    assert_eq!(stream.status(), 200);
    service.stop.cancel();
    timeout(Duration::from_secs(20), service.running).await.expect("it ends in time").unwrap();
    drop(stream);
}
