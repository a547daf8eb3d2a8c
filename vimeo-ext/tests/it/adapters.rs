//! The adapters: a `tower` service as transport, and the blocking client.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tower::{ServiceBuilder, service_fn};
use vimeo_ext::api::{Delivery, Error};
use vimeo_ext::{RetryPolicy, TowerTransport, Vimeo, blocking};
use vimeo_sandbox::Sandbox;

use crate::http;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A reqwest client as a service.
async fn execute(
    client: reqwest::Client,
    request: ::http::Request<reqwest::Body>,
) -> Result<::http::Response<reqwest::Body>, BoxError> {
    Ok(client.execute(request.try_into()?).await?.into())
}

#[tokio::test]
async fn tower_stack_sends_calls() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.add_videos(3);
    let client = http::builder().no_proxy().build().unwrap();
    let attempts = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&attempts);
    let service = ServiceBuilder::new()
        .timeout(Duration::from_secs(30))
        .concurrency_limit(2)
        .map_request(move |mut request: ::http::Request<reqwest::Body>| {
            seen.fetch_add(1, Ordering::SeqCst);
            request.headers_mut().insert("x-trace", "7".parse().unwrap());
            request
        })
        .service(service_fn(move |request| execute(client.clone(), request)));
    let vimeo = Vimeo::builder()
        .access_token(sandbox.token())
        .base_url(sandbox.url().as_str())
        .transport(TowerTransport::new(service))
        .build()
        .unwrap();
    let videos = vimeo.api().videos().list_my_videos().per_page(1u64).items().concurrency(3).collect().await;
    assert_eq!(videos.unwrap().len(), 3);
    let edited = vimeo.patch("/me").json(&serde_json::json!({"name": "B"})).send().await.unwrap();
    assert_eq!(edited["name"], "B");
    assert!(vimeo.get("/videos/404404").send().await.unwrap_err().is_not_found());
    let request_log = sandbox.request_log();
    assert_eq!(request_log.len(), attempts.load(Ordering::SeqCst));
    assert!(request_log.iter().all(|entry| entry.headers["x-trace"] == "7"));
}

#[tokio::test]
async fn tower_stack_errors_are_connection_errors() {
    let vimeo = |transport: TowerTransport<_>| {
        let builder = Vimeo::builder().access_token("token").retry(RetryPolicy::never());
        builder.transport(transport).build().unwrap()
    };
    let service = service_fn(|_: ::http::Request<reqwest::Body>| async {
        Err::<::http::Response<reqwest::Body>, BoxError>("the pool is closed".into())
    });
    let error = vimeo(TowerTransport::new(service)).get("/me").send().await.unwrap_err();
    assert!(error.is_connection(), "{error}");
    assert_eq!(error.delivery(), Delivery::Unknown);
    assert!(error.to_string().contains("the pool is closed"), "{error}");

    // If reqwest reports that no connection was made, nothing was sent.
    let client = http::builder().no_proxy().build().unwrap();
    let service = service_fn(move |request| execute(client.clone(), request));
    let builder = Vimeo::builder().access_token("token").retry(RetryPolicy::never());
    let vimeo =
        builder.base_url("http://127.0.0.1:1").transport(TowerTransport::new(service)).build().unwrap();
    let error = vimeo.get("/me").send().await.unwrap_err();
    assert_eq!(error.delivery(), Delivery::NotSent, "{error}");
}

#[tokio::test]
async fn tower_responses_have_a_maximum_size() {
    let service = service_fn(|_: ::http::Request<reqwest::Body>| async {
        Ok::<_, BoxError>(::http::Response::new(reqwest::Body::from(vec![b' '; 2_000])))
    });
    let transport = TowerTransport::new(service).max_response_size(1_999);
    let vimeo = Vimeo::builder().access_token("token").transport(transport).build().unwrap();
    let error = vimeo.get("/me").send().await.unwrap_err();
    assert!(matches!(error, Error::ResponseTooLarge { limit: 1_999, .. }), "{error}");
}

/// Runs a test with a sandbox on a runtime of its own, and a blocking client.
fn with_sandbox(test: impl FnOnce(&Sandbox, blocking::Vimeo)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let sandbox = runtime.block_on(Sandbox::builder().keep_bytes(true).start()).unwrap();
    let client = Vimeo::builder().access_token(sandbox.token()).base_url(sandbox.url().as_str());
    test(&sandbox, blocking::Vimeo::new(client.journal(None).build().unwrap()).unwrap());
}

#[test]
fn blocking_client_sends_calls_lists_and_uploads() {
    with_sandbox(|sandbox, vimeo| {
        sandbox.add_videos(3);
        let folder = tempfile::tempdir().unwrap();
        let film = folder.path().join("film.mp4");
        std::fs::write(&film, [7; 100_000]).unwrap();
        let uploaded = vimeo.send(vimeo.upload(&film).name("Surf")).unwrap();
        let id = uploaded.id().unwrap();
        assert_eq!(sandbox.upload_bytes(id.number()).unwrap(), vec![7; 100_000]);
        let video = vimeo.send(vimeo.api().videos().get_video(id).fields("name")).unwrap();
        assert_eq!(video.name.as_deref(), Some("Surf"));
        let list = vimeo.api().videos().list_my_videos().fields("uri").per_page(2u64);
        let uris: Result<Vec<_>, _> = vimeo.iter(list.items()).collect();
        assert_eq!(uris.unwrap().len(), 4);
        let me = vimeo.send(vimeo.get("/me")).unwrap();
        assert_eq!(me.status(), 200);
        assert!(vimeo.send(vimeo.get("/videos/404404")).unwrap_err().is_not_found());
    });
}

#[test]
fn blocking_client_is_shared_by_threads_and_dropped_anywhere() {
    with_sandbox(|_, vimeo| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let vimeo = vimeo.clone();
                std::thread::spawn(move || vimeo.send(vimeo.get("/me")).unwrap().status())
            })
            .collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), 200);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async move { drop(vimeo) });
    });
}

#[test]
fn a_call_outside_a_runtime_is_an_error() {
    let vimeo = Vimeo::builder().access_token("token").base_url("http://127.0.0.1:1").build().unwrap();
    let error = futures_util::FutureExt::now_or_never(vimeo.get("/me").send()).unwrap().unwrap_err();
    assert!(matches!(error, Error::Invalid { .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "get_me: there is no tokio runtime here; await the call below #[tokio::main] or Runtime::block_on, or use \
         vimeo_ext::blocking; nothing was sent"
    );
}
