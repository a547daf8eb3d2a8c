//! Upload queues: results, concurrency, shared bandwidth.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use vimeo_ext::upload::{
    Backoff, Bandwidth, Progress, Upload, UploadError, UploadOptions, UploadQueue, UploadTicket,
};

use crate::tus_server::{Fault, TusServer};

fn upload(server: &TusServer, bytes: Vec<u8>) -> Upload {
    let ticket = UploadTicket::new("/videos/1", server.link(), bytes.len() as u64).unwrap();
    let options = UploadOptions::new().backoff(Backoff::new(Duration::ZERO, Duration::ZERO));
    Upload::new(ticket, bytes).options(options)
}

#[tokio::test]
async fn results_keep_their_order_after_a_failure() {
    let size = 300_000;
    let mut queue = UploadQueue::<UploadError>::new(2);
    let mut servers = Vec::new();
    let heard: Arc<Mutex<Vec<Progress>>> = Arc::default();
    for number in 0..6u8 {
        let script = match number {
            1 => vec![Fault::Status(404)],
            3 => vec![Fault::Serve, Fault::DropAfter(1000)],
            _ => vec![],
        };
        let server = TusServer::start(size, script).await;
        let upload = upload(&server, vec![number; size as usize]);
        queue.add(format!("{number}.mp4"), size, async move { Ok(upload) });
        servers.push(server);
    }
    queue.add("never.mp4", size, async {
        Err(UploadError::InvalidTicket { reason: "it was not created".to_owned() })
    });
    let queue = {
        let heard = Arc::clone(&heard);
        queue.on_progress(move |progress| heard.lock().unwrap().push(*progress))
    };
    let results = queue.run().await.unwrap();

    let names: Vec<&str> = results.iter().map(|result| result.name.as_str()).collect();
    assert_eq!(names, ["0.mp4", "1.mp4", "2.mp4", "3.mp4", "4.mp4", "5.mp4", "never.mp4"]);
    for (number, result) in results.iter().enumerate() {
        match number {
            1 => assert!(matches!(result.outcome, Err(UploadError::LinkGone { .. })), "{result:?}"),
            6 => assert!(matches!(result.outcome, Err(UploadError::InvalidTicket { .. })), "{result:?}"),
            _ => {
                assert!(result.outcome.is_ok(), "{result:?}");
                assert!(servers[number].data() == vec![number as u8; size as usize]);
            }
        }
    }
    let heard = heard.lock().unwrap();
    assert!(heard.iter().map(|progress| progress.acknowledged).is_sorted());
    let last = heard.last().unwrap();
    assert_eq!((last.acknowledged, last.total), (5 * size, 7 * size));
}

#[tokio::test]
async fn concurrency_is_limited_and_preparation_lazy() {
    let prepared = Arc::new(AtomicUsize::new(0));
    let mut queue = UploadQueue::<UploadError>::new(2);
    let mut servers = Vec::new();
    for _ in 0..5 {
        let server = TusServer::start(1000, [Fault::Serve, Fault::StallAfter(10)]).await;
        let (upload, prepared) = (upload(&server, vec![1; 1000]), Arc::clone(&prepared));
        queue.add("film.mp4", 1000, async move {
            prepared.fetch_add(1, Ordering::SeqCst);
            Ok(upload)
        });
        servers.push(server);
    }
    let (running, handle) = queue.controlled();
    let running = tokio::spawn(running);
    servers[0].stalled().await;
    servers[1].stalled().await;
    assert_eq!(prepared.load(Ordering::SeqCst), 2);
    handle.cancel();
    let results = running.await.unwrap().unwrap();
    assert_eq!(results.len(), 5);
    for result in &results {
        assert!(matches!(result.outcome, Err(UploadError::Cancelled { .. })), "{result:?}");
    }
    assert_eq!(prepared.load(Ordering::SeqCst), 2, "waiting uploads were not created");
}

#[tokio::test]
async fn queue_shares_one_bandwidth_limit() {
    let (size, files, rate) = (20_000u64, 4u64, 160_000u64);
    let mut queue =
        UploadQueue::<UploadError>::new(4).bandwidth(Bandwidth::new(NonZeroU64::new(rate).unwrap()));
    for _ in 0..files {
        let server = TusServer::start(size, []).await;
        let upload = upload(&server, vec![1; size as usize]);
        queue.add("film.mp4", size, async move { Ok(upload) });
    }
    let begun = std::time::Instant::now();
    let results = queue.run().await.unwrap();
    assert!(results.iter().all(|result| result.outcome.is_ok()), "{results:?}");
    // The last tenth of a second may be sent at once; a slow machine only takes longer.
    let least = (size * files - rate / 10) as f64 / rate as f64 * 0.9;
    assert!(begun.elapsed().as_secs_f64() >= least, "{:?} < {least} s", begun.elapsed());
}
