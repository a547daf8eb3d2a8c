//! Progress notifications of long calls, with the client's progress token.

use http::Method;
use serde_json::json;
use vimeo_agent::mcp::Server;
use vimeo_agent::tools::{Disclosure, ToolSelection, Toolset};
use vimeo_sandbox::{Effect, Fault, Host, Phase};

use super::raw_client::{Client, Transport};
use crate::tools::world::World;

const SIZE: u64 = 8 << 20;

#[tokio::test]
async fn progress_increases_to_the_total() {
    for transport in Transport::ALL {
        let world = World::new().await;
        let film = world.own.path().join("film.mp4");
        std::fs::File::create(&film).unwrap().set_len(SIZE).unwrap();
        // The connection breaks in the middle, so that even a fast upload has progress before its end.
        let patch = Fault::new(Effect::Reset).host(Host::Upload).method(Method::PATCH);
        world.sandbox.add_fault(patch.phase(Phase::MidBody(SIZE / 2)));
        let server = Server::for_account(world.vimeo().clone())
            .selection(ToolSelection {
                toolsets: vec![Toolset::Uploads, Toolset::Read],
                ..ToolSelection::default()
            })
            .upload_folders([world.own.path()])
            .allow([Disclosure::Publish]);
        let mut client = Client::connect(&server, transport, false).await;
        let call = json!({
            "name": "vimeo_video_upload",
            "arguments": {"path": film},
            "_meta": {"progressToken": "by the client"},
        });
        let response = client.request("tools/call", call).await;
        assert_eq!(response["result"]["structuredContent"]["state"], "done", "{transport:?}: {response}");
        // Pending notifications arrive before the next response.
        client.call("vimeo_me_get", json!({})).await;
        let mut steps = Vec::new();
        for message in client.unsolicited() {
            assert_eq!(message["method"], "notifications/progress", "{transport:?}: {message}");
            assert_eq!(message["params"]["progressToken"], "by the client", "{transport:?}: {message}");
            assert_eq!(message["params"]["total"].as_f64(), Some(SIZE as f64), "{transport:?}: {message}");
            steps.push(message["params"]["progress"].as_f64().unwrap());
        }
        assert!(steps.len() >= 2 && steps.is_sorted_by(|one, next| one < next), "{transport:?}: {steps:?}");
        assert_eq!(steps.last(), Some(&(SIZE as f64)), "{transport:?}: {steps:?}");
        println!("{transport:?}: {} steps", steps.len());
    }
}
