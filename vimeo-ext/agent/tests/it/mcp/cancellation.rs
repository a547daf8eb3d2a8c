//! Calls that end early: by cancellation, at the end of the input, with their connection, or with their session. Running
//! requests stop, their sockets close, no response is sent, and an upload resumes from its journal.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use vimeo_agent::mcp::{HttpOptions, Server};
use vimeo_agent::tools::{Disclosure, ToolSelection, Toolset};
use vimeo_sandbox::{Effect, Fault};

use super::counting_proxy::CountingProxy;
use super::raw_client::{Http, Pipe, TEST_TIMEOUT};
use crate::tools::world::World;

/// How a client ends a call early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// By a notification.
    Cancel,
    /// By ending the server's input.
    EndOfInput,
    /// By closing the connection of the call.
    HangUp,
    /// By ending the session.
    EndOfSession,
}

/// The ways to end a call early. Each has: whether the protocol is the newer version, whether the transport is HTTP, and the
/// ending. In the older version a client that hangs up has not cancelled: it can come back for the response.
const ALL: [(bool, bool, Ending); 7] = [
    (false, false, Ending::Cancel),
    (true, false, Ending::Cancel),
    (false, false, Ending::EndOfInput),
    (true, false, Ending::EndOfInput),
    (false, true, Ending::Cancel),
    (true, true, Ending::HangUp),
    (false, true, Ending::EndOfSession),
];

/// A running call.
enum Calling {
    Pipe(Box<Pipe>, u64),
    Http(Box<Http>, Value, JoinHandle<Result<String, reqwest::Error>>),
}

impl Calling {
    async fn begin(server: &Server, new: bool, http: bool, tool: &str, arguments: &Value) -> Self {
        let params = json!({"name": tool, "arguments": arguments});
        if http {
            let running = server
                .serve_http(HttpOptions::new(([127, 0, 0, 1], 0).into()).allow_unauthenticated_loopback())
                .await
                .unwrap();
            let mut client = Http::new(running.url(), Some(running), new, json!({}));
            if !new {
                client.initialize().await;
            }
            let message = client.message("tools/call", params);
            let sent = client.post(&message, "tools/call");
            let response = tokio::spawn(async move { sent.send().await?.text().await });
            Self::Http(Box::new(client), message["id"].clone(), response)
        } else {
            let mut pipe = Pipe::new(server, new, json!({}));
            if !new {
                pipe.initialize().await;
            }
            let id = pipe.send("tools/call", params).await;
            Self::Pipe(Box::new(pipe), id)
        }
    }

    async fn end(&mut self, ending: Ending) {
        match (self, ending) {
            (Self::Pipe(pipe, id), Ending::Cancel) => {
                let params = json!({"requestId": id});
                let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params});
                pipe.write(&cancel).await;
            }
            (Self::Pipe(pipe, _), Ending::EndOfInput) => pipe.close().await,
            (Self::Http(client, id, _), Ending::Cancel) => {
                client.notify("notifications/cancelled", json!({"requestId": id})).await;
            }
            (Self::Http(_, _, response), Ending::HangUp) => response.abort(),
            (Self::Http(client, ..), Ending::EndOfSession) => client.end_session().await,
            _ => unreachable!(),
        }
    }

    /// Checks that the server, or the client's session, ends and that the call gets no response.
    async fn ended(self, ending: Ending) {
        match self {
            Self::Pipe(mut pipe, _) => {
                if ending != Ending::EndOfInput {
                    pipe.close().await;
                }
                let ended = timeout(TEST_TIMEOUT, &mut pipe.running).await;
                ended.expect("the server ends in time").unwrap().unwrap();
                let lines = pipe.rest().await;
                assert_eq!(lines, Vec::<String>::new(), "{ending:?}: what was given up is not answered");
            }
            Self::Http(_, id, response) if ending != Ending::HangUp => {
                let lines = timeout(TEST_TIMEOUT, response).await.expect("the stream ends in time").unwrap();
                let answered = format!("\"id\":{id}");
                assert!(!lines.unwrap_or_default().contains(&answered), "{ending:?}: it is not answered");
            }
            Self::Http(..) => {}
        }
    }
}

#[tokio::test]
async fn a_cancelled_call_closes_its_socket() {
    for (new, http, ending) in ALL {
        let proxy = CountingProxy::start().await;
        let world = World::reached_by(|builder| proxy.route(builder)).await;
        let server = Server::for_account(world.vimeo().clone());
        world.sandbox.add_fault(Fault::new(Effect::Stall).method(Method::GET));
        let mut calling = Calling::begin(&server, new, http, "vimeo_me_get", &json!({})).await;
        while world.sandbox.fault_hits().is_empty() {
            tokio::task::yield_now().await;
        }
        let open = proxy.open();
        calling.end(ending).await;
        let elapsed = proxy.at_most(open - 1).await;
        println!("new {new}, http {http}, {ending:?}: socket closed after {elapsed:?}");
        assert_eq!(world.vimeo().rate_limiter().status().in_flight, 0);
        calling.ended(ending).await;
    }
}

const GIB: u64 = 1 << 30;
const STEP: u64 = 128 << 20;

/// Cancels one upload of a GiB seven times, once in each way, an eighth further each time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_upload_resumes_every_time() {
    let proxy = CountingProxy::start().await;
    let world = World::reached_by(|builder| proxy.route(builder)).await;
    let film = world.own.path().join("film.mp4");
    // A sparse file uses no disk space.
    std::fs::File::create(&film).unwrap().set_len(GIB).unwrap();
    let server = || {
        Server::for_account(world.vimeo().clone())
            .selection(ToolSelection { toolsets: vec![Toolset::Uploads], ..ToolSelection::default() })
            .upload_folders([world.own.path()])
            .allow([Disclosure::Publish])
    };
    let arguments = json!({"path": film});
    let mut videos = BTreeSet::new();
    let mut arrived = 0;
    for (new, http, ending) in ALL {
        proxy.hold_after(STEP);
        let mut calling = Calling::begin(&server(), new, http, "vimeo_video_upload", &arguments).await;
        let held = proxy.held().await;
        calling.end(ending).await;
        let elapsed = held.closes().await;
        calling.ended(ending).await;

        let unfinished = world.vimeo().pending_uploads().unwrap().list().await.unwrap();
        let [entry] = &unfinished[..] else { panic!("{ending:?}: {unfinished:?}") };
        let video = entry.ticket.as_ref().unwrap().video_uri().rsplit('/').next().unwrap().parse().unwrap();
        videos.insert(video);
        let stored = world.sandbox.stored_upload(video).unwrap();
        println!(
            "new {new}, http {http}, {ending:?}: socket closed after {elapsed:?}, {} arrived",
            stored.received
        );
        assert!(stored.received > arrived && !stored.complete, "{ending:?}: {stored:?}");
        arrived = stored.received;
    }
    let mut pipe = Pipe::new(&server(), true, json!({}));
    let mut id = pipe.send("tools/call", json!({"name": "vimeo_video_upload", "arguments": arguments})).await;
    let done = loop {
        let response = pipe.response(id).await["result"]["structuredContent"].clone();
        if response["state"] != "running" {
            break response;
        }
        let ask = json!({"name": "vimeo_upload_get", "arguments": {"upload_id": response["upload_id"]}});
        id = pipe.send("tools/call", ask).await;
    };
    assert_eq!(done["state"], "done", "{done}");
    let video = done["video_id"].as_str().unwrap().parse().unwrap();
    videos.insert(video);
    assert_eq!(videos.len(), 1, "one video for one upload: {videos:?}");
    let posts = world.sandbox.request_log();
    assert_eq!(posts.iter().filter(|entry| entry.path == "/me/videos").count(), 1);
    let stored = world.sandbox.stored_upload(video).unwrap();
    assert!(stored.complete && stored.size == GIB, "{stored:?}");
    let mut expected = Sha256::new();
    let zeros = vec![0; 1 << 20];
    (0..GIB >> 20).for_each(|_| expected.update(&zeros));
    let expected = expected.finalize().iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    assert_eq!(stored.sha256, Some(expected));
    assert!(world.vimeo().pending_uploads().unwrap().list().await.unwrap().is_empty());
}
