//! Worlds for tests, in one sandbox that the tests of this process share.

use std::time::Duration;

use serde_json::json;
use vimeo_sandbox::{Effect, Expectation, Fault, Fixture, Host, Sandbox, TestWorld, World};

use crate::client::Client;

fn client(world: &TestWorld<'_>) -> Client {
    Client::at(world.url().as_str(), world.token())
}

/// What each of the parallel tests does. With anything that another test did in its world, it fails.
async fn use_a_world(name: &str) {
    let world = World::for_test().await.unwrap();
    let client = client(&world);
    assert_eq!(client.get("/me/videos").await.body["total"], 0);
    let fault = world.add_fault(Fault::new(Effect::Status(503)).operation("edit_video"));
    let id = client.upload(name, name.as_bytes()).await;
    let video = format!("/videos/{id}");
    for (title, status) in [("no", 503), ("yes", 200)] {
        assert_eq!(client.send("PATCH", &video, json!({"name": title})).await.status, status);
    }
    assert_eq!(client.get("/me/videos").await.names(), ["yes"]);
    assert_eq!(world.upload_bytes(id).unwrap(), name.as_bytes());
    assert_eq!(world.fault_hits().iter().map(|hit| hit.fault).collect::<Vec<_>>(), [fault]);
    let operations: Vec<_> = world.request_log().iter().map(|entry| entry.operation).collect();
    assert_eq!(operations.len(), 6, "{operations:?}");
    assert!(world.verify(&[Expectation::new().operation("edit_video").times(2)]).is_empty());
    world.clock().freeze();
    let then = world.clock().now();
    world.clock().advance(Duration::from_secs(60));
    assert_eq!(world.clock().now() - then, chrono::TimeDelta::minutes(1));
}

#[tokio::test]
async fn first_parallel_test_sees_its_own_world() {
    use_a_world("first").await;
}

#[tokio::test]
async fn second_parallel_test_sees_its_own_world() {
    use_a_world("second").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn third_parallel_test_sees_its_own_world() {
    use_a_world("third").await;
}

#[test]
fn shared_sandbox_outlives_the_runtime_that_started_it() {
    let mut urls = Vec::new();
    for _ in 0..2 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(use_a_world("again"));
        urls.push(runtime.block_on(Sandbox::shared()).unwrap().url().clone());
    }
    assert_eq!(urls[0], urls[1]);
}

#[tokio::test]
async fn dropped_test_world_leaves_nothing() {
    let sandbox = Sandbox::builder().start_on_own_thread().await.unwrap();
    let world = sandbox.world_for_test(0);
    let other = sandbox.world_for_test(0);
    assert_eq!(world.fill(&Fixture::Videos(2)).unwrap(), 2);
    other.fill(&Fixture::Videos(2)).unwrap();
    let lists = [
        client(&world).get("/me/videos?fields=uri").await,
        client(&other).get("/me/videos?fields=uri").await,
    ];
    assert_eq!(lists[0].body, lists[1].body, "worlds of one seed have the same IDs");
    other.add_fault(Fault::new(Effect::Reset).host(Host::Upload));
    assert_eq!(sandbox.pending_faults(), 1);
    let token = other.token().to_owned();
    drop(other);
    assert_eq!(Client::with_token(&sandbox, &token).get("/me").await.status, 401);
    assert_eq!(sandbox.pending_faults(), 0);
    assert_eq!(sandbox.worlds().len(), 2);
    assert_eq!(client(&world).get("/me/videos").await.body["total"], 2);
}

#[test]
fn dropped_sandbox_ends_its_own_thread() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let sandbox = runtime.block_on(Sandbox::builder().start_on_own_thread()).unwrap();
    let address = sandbox.url().authority().to_owned();
    std::net::TcpStream::connect(&address).unwrap();
    drop(sandbox);
    while std::net::TcpStream::connect(&address).is_ok() {
        std::thread::yield_now();
    }
}
