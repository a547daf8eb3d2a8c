//! Every kind of connection fault at every position of an upload. `cargo xtask test-fault-matrix` prints the table.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use vimeo_ext::upload::{Backoff, Upload, UploadOptions, UploadTicket};
use vimeo_sandbox::{Host, Sandbox};

use crate::fault_proxy::{Disruption, FaultProxy, InjectedFault, Position};

const SIZE: u64 = 1_000_000;

/// The first request, the one with the bytes, and the final one.
const PLACES: [(&str, &str, usize, Position); 11] = [
    ("first HEAD, before it is sent", "HEAD", 0, Position::Head(0)),
    ("first HEAD, before its response", "HEAD", 0, Position::Response(0)),
    ("first HEAD, within its response", "HEAD", 0, Position::Response(30)),
    ("PATCH, before its headers", "PATCH", 0, Position::Head(0)),
    ("PATCH, within its headers", "PATCH", 0, Position::Head(40)),
    ("PATCH, after one byte", "PATCH", 0, Position::Body(1)),
    ("PATCH, after 300000 bytes", "PATCH", 0, Position::Body(300_000)),
    ("PATCH, before the last byte", "PATCH", 0, Position::Body(SIZE - 1)),
    ("PATCH, before its response", "PATCH", 0, Position::Response(0)),
    ("PATCH, within its response", "PATCH", 0, Position::Response(30)),
    ("last HEAD, before its response", "HEAD", 1, Position::Response(0)),
];

const BREAKS: [(&str, Disruption); 4] = [
    ("cut", Disruption::Cut),
    ("stall", Disruption::Stall),
    ("45 s of delay", Disruption::Delay(Duration::from_secs(45))),
    ("40 slow bytes", Disruption::SlowBytes(40, Duration::from_secs(1))),
];

/// The result of one upload.
struct Row {
    requests: Vec<String>,
    failures: u32,
    /// Bytes that were passed to the connection more than once.
    again: u64,
}

/// BEHAVIOUR.md: U12.
#[tokio::test]
async fn every_fault_ends_with_the_whole_file() {
    let sandbox =
        Sandbox::builder().keep_bytes(true).refuse_upload_authorization(true).start().await.unwrap();
    let sandbox = Arc::new(sandbox);
    println!("{:<31} {:<14} {:>8} {:>12}  requests", "where", "what", "retries", "bytes again");
    for (place_name, method, nth, place) in PLACES {
        for (break_name, what) in BREAKS {
            let name = format!("{place_name}: {break_name}");
            let row =
                upload(&sandbox, InjectedFault { method, nth, position: place, disruption: what }, &name)
                    .await;
            println!(
                "{place_name:<31} {break_name:<14} {:>8} {:>12}  {}",
                row.failures,
                row.again,
                row.requests.join(", ")
            );
            match what {
                // The connection recovers before any timeout.
                Disruption::Delay(_) | Disruption::SlowBytes(..) => {
                    assert_eq!(row.requests, ["HEAD", "PATCH 0", "HEAD"], "{name}");
                    assert_eq!((row.failures, row.again), (0, 0), "{name}");
                }
                Disruption::Cut | Disruption::Stall => {
                    assert!(row.failures >= 1, "{name}");
                    // Each failure is followed by exactly one HEAD.
                    let asked = row.requests.iter().filter(|request| *request == "HEAD").count();
                    // The HEAD after a lost response is also the final one.
                    let lost_response = method == "PATCH" && matches!(place, Position::Response(_));
                    let verifying = usize::from(!lost_response);
                    assert_eq!(asked, 1 + row.failures as usize + verifying, "{name}: {:?}", row.requests);
                    match place {
                        // The server has everything sent before.
                        Position::Body(at) => assert!(row.again <= SIZE - at, "{name}: {}", row.again),
                        // The server has everything.
                        Position::Response(_) => assert_eq!(row.again, 0, "{name}"),
                        Position::Head(_) => assert!(row.again <= SIZE, "{name}"),
                    }
                }
            }
        }
    }
}

async fn upload(sandbox: &Arc<Sandbox>, disturbance: InjectedFault, name: &str) -> Row {
    sandbox.clear_request_log();
    let (video, link) = create(sandbox).await;
    let target = sandbox.upload_url();
    let target = format!("{}:{}", target.host_str().unwrap(), target.port().unwrap());
    let arrived = {
        let sandbox = Arc::clone(sandbox);
        move || taken(&sandbox)
    };
    let proxy = FaultProxy::start(target.clone(), arrived, disturbance).await;
    let link = link.replace(&target, proxy.address());
    let film: Vec<u8> = (0..SIZE).map(|at| (at ^ (at >> 7) ^ (at >> 15)) as u8).collect();

    let again = Arc::new(Mutex::new((0, 0)));
    let uploaded = {
        let again = Arc::clone(&again);
        Upload::new(UploadTicket::new(format!("/videos/{video}"), link, SIZE).unwrap(), film.clone())
            .options(UploadOptions::new().backoff(Backoff::new(Duration::ZERO, Duration::ZERO)))
            .on_progress(move |progress| {
                let mut again = again.lock().unwrap();
                *again = (progress.sent, again.1 + again.0.saturating_sub(progress.sent));
            })
            .run()
            .await
    };

    let uploaded = uploaded.unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(proxy.has_fired(), "{name}: nothing was disturbed");
    assert!(uploaded.verified, "{name}");
    assert!(sandbox.upload_bytes(video).unwrap() == film, "{name}: the bytes differ");
    assert_eq!(taken(sandbox), SIZE, "{name}: the server took a byte twice");
    let again = again.lock().unwrap().1;
    Row { requests: proxy.requests(), failures: uploaded.failures, again }
}

/// The bytes that the upload host received, counting repetitions.
fn taken(sandbox: &Sandbox) -> u64 {
    let log = sandbox.request_log();
    log.iter().filter(|entry| entry.host == Host::Upload).map(|entry| entry.body_length).sum()
}

async fn create(sandbox: &Sandbox) -> (u64, String) {
    let vimeo = vimeo_ext::Vimeo::builder()
        .access_token(sandbox.token())
        .base_url(sandbox.url().as_str())
        .build()
        .unwrap();
    let body = serde_json::json!({"upload": {"approach": "tus", "size": SIZE}});
    let video = vimeo.post("/me/videos").json(&body).send().await.unwrap();
    let text = |pointer: &str| video.pointer(pointer).and_then(|value| value.as_str()).unwrap().to_owned();
    let uri = text("/uri");
    (uri.rsplit('/').next().unwrap().parse().unwrap(), text("/upload/upload_link"))
}
