//! rmcp's own client.

use std::time::Instant;

use rmcp::model::CallToolRequestParams;
use rmcp::service::ServiceExt as _;
use rmcp::transport::StreamableHttpClientTransport;
use serde_json::json;
use vimeo_agent::mcp::{HttpOptions, Server};

use crate::tools::world::World;

fn params(tool: &'static str, arguments: serde_json::Value) -> CallToolRequestParams {
    let arguments = arguments.as_object().cloned().unwrap_or_default();
    CallToolRequestParams::new(tool).with_arguments(arguments)
}

#[tokio::test]
async fn lists_and_calls_over_streams_and_http() {
    let world = World::new().await;
    let server = Server::for_account(world.vimeo().clone());
    let (ours, theirs) = tokio::io::duplex(1 << 20);
    let (reader, writer) = tokio::io::split(theirs);
    let start = Instant::now();
    let serving = server.clone();
    let running = tokio::spawn(async move { serving.serve(reader, writer).await });
    let client = ().serve(tokio::io::split(ours)).await.unwrap();
    println!("first response after {:?}", start.elapsed());
    assert_eq!(client.list_all_tools().await.unwrap().len(), 31);
    let response = client.call_tool(params("vimeo_me_get", json!({}))).await.unwrap();
    assert_eq!(response.is_error, Some(false));
    client.cancel().await.unwrap();
    running.await.unwrap().unwrap();

    let http = server
        .serve_http(HttpOptions::new(([127, 0, 0, 1], 0).into()).allow_unauthenticated_loopback())
        .await
        .unwrap();
    crate::http::install_provider();
    let client = ().serve(StreamableHttpClientTransport::from_uri(http.url())).await.unwrap();
    assert_eq!(client.list_all_tools().await.unwrap().len(), 31);
    let response = client.call_tool(params("vimeo_video_get", json!({"video_id": "9"}))).await.unwrap();
    assert_eq!(response.is_error, Some(true));
    client.cancel().await.unwrap();
}
