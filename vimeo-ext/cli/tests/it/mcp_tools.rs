//! Every tool over standard input and output, in a separate process with trace logs.

use std::fs::File;
use std::process::Stdio;

use serde_json::{Value, json};
use vimeo_sandbox::{Effect, Fault};

use crate::harness::Harness;
use crate::mcp::Client;

/// The world and the calls come from the tests of the agent crate.
#[allow(dead_code)]
#[path = "../../../agent/tests/it/tools/world.rs"]
pub(crate) mod world;

#[path = "../../../agent/tests/it/tools/tool_cases.rs"]
mod tool_cases;

#[allow(dead_code)]
#[path = "../../../agent/tests/it/tools/connector_calls.rs"]
mod connector_calls;

use self::world::World;

#[test]
fn tools_call_takes_another_connectors_calls_unchanged() {
    let harness = Harness::new();
    let video = harness.sandbox.add_videos(3)[0].to_string();
    let calls = connector_calls::check(&video, async |tool, arguments| {
        harness.run(&["tools", "call", tool, &arguments.to_string()]).json()
    });
    harness.runtime.block_on(calls);
    let edit = connector_calls::edit(&video);
    let run = Harness::feed(harness.vimeo(&["tools", "call", "vimeo_video_edit", "-"]), &edit.to_string());
    assert_eq!(run.json()["name"], edit["name"]);
    let none = json!({"url": "https://example.com/events", "event_types": ["video.privacy.change"]});
    let none = harness.run(&["tools", "call", "vimeo_webhook_create", &none.to_string()]);
    none.fails(2, &["nothing was registered", "Vimeo sends no event for a change of privacy"]);
}

#[test]
fn all_tools_work_without_leaking_secrets() {
    let harness = Harness::new();
    let world = harness.runtime.block_on(World::new());
    let film = harness.file("film.mp4", 300_000);
    let folder = film.parent().unwrap().to_str().unwrap();
    let sets = "read,library,social,webhooks,more,uploads";
    let mut command = harness.vimeo(&["mcp", "--toolset", sets, "--uploads", folder]);
    command.args(["--allow", "publish,comments,webhooks"]);
    command.env("VIMEO_ACCESS_TOKEN", world.sandbox.token());
    command.env("VIMEO_BASE_URL", world.sandbox.url().as_str());
    // The client parses every line as a protocol message.
    let mut client = Client::start(&harness, command);
    let mut results = Vec::new();
    let mut id = 10;
    let mut call = |tool: &str, arguments: &Value| {
        id += 1;
        let result = client.request(id, "tools/call", json!({"name": tool, "arguments": arguments}));
        results.push(result.to_string());
        result["isError"].as_bool().unwrap()
    };
    let cases = tool_cases::tool_cases(&world);
    assert_eq!(cases.len(), 31);
    for (tool, good, _, bad, ..) in cases {
        assert_eq!((call(tool, &good), call(tool, &bad)), (false, true), "{tool}");
    }
    // These calls use signed links.
    let video = world.videos[0].to_string();
    let captions = "WEBVTT\n\n00:00:01.000 --> 00:00:03.000\nThe first wave\n";
    let track = json!({"video_id": video, "kind": "captions", "language": "en", "content": captions});
    for (tool, arguments) in [
        ("vimeo_video_upload", json!({"path": film})),
        ("vimeo_video_replace", json!({"path": film, "video_id": video})),
        ("vimeo_text_track_add", track),
        ("vimeo_video_transcript_get", json!({"video_id": video})),
    ] {
        assert!(!call(tool, &arguments), "{tool}");
    }
    let uploads = world.sandbox.request_log();
    assert!(uploads.iter().any(|entry| entry.query.contains("sig=")), "no signed links were used");
    assert_eq!(client.close(), Some(0));
    let log = std::fs::read_to_string(harness.path("log")).unwrap();
    // The protocol messages themselves are not logged.
    assert!(log.contains("TRACE") && log.len() > 50_000, "{} bytes of log", log.len());
    for (stream, text) in [("standard output", results.concat()), ("standard error", log)] {
        for secret in [world.sandbox.token(), "sig=", "Bearer ", "bearer "] {
            let at = text.find(secret);
            let around = at.map(|at| text.get(at.saturating_sub(200)..(at + 80).min(text.len())));
            assert_eq!(at, None, "`{secret}` is on {stream}: {around:?}");
        }
    }
}

#[test]
fn end_of_input_ends_calls_in_flight() {
    let harness = Harness::new();
    let mut client = Client::start(&harness, harness.vimeo(&["mcp"]));
    harness.sandbox.add_fault(Fault::new(Effect::Stall).times(3));
    for id in 1..=3 {
        let params = json!({"name": "vimeo_me_get", "arguments": {}});
        client.send(&json!({"jsonrpc": "2.0", "id": 100 + id, "method": "tools/call", "params": params}));
    }
    while harness.sandbox.fault_hits().len() < 3 {
        std::thread::yield_now();
    }
    // Nothing is printed after the input has ended.
    let start = std::time::Instant::now();
    let (code, rest) = client.close_with_output();
    assert_eq!((code, rest), (Some(0), Vec::new()), "after {:?}", start.elapsed());
}

#[test]
fn server_ends_if_the_client_sends_nothing() {
    let harness = Harness::new();
    let mut command = harness.vimeo(&["mcp"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(harness.path("log")).unwrap());
    let output = command.output().unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0));
}
