//! Uploads against a tus server with scripted faults.

use std::fs::File;
use std::io::{Cursor, Write};
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tempfile::TempDir;
use vimeo_ext::upload::{
    Backoff, BytesSource, Chunking, FileSource, IntoSource, Progress, SeekSource, SizeSource, Source,
    SourceChange, StreamSource, Upload, UploadError, UploadHandle, UploadOptions, UploadTicket, Uploaded,
};

use crate::tus_server::{Fault, LargeRequest, SECRET, TusServer};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Bytes without repetition, so that shifts and gaps show.
fn film(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

fn file(bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.mp4");
    File::create(&path).unwrap().write_all(bytes).unwrap();
    (folder, path)
}

/// A change of a file during its upload.
type FileChange = fn(&PathBuf);

/// No waits between attempts.
fn no_backoff() -> UploadOptions {
    UploadOptions::new().backoff(Backoff::new(Duration::ZERO, Duration::ZERO))
}

fn chunks(bytes: usize) -> UploadOptions {
    no_backoff().chunking(Chunking::Fixed(NonZeroU64::new(bytes as u64).unwrap()))
}

fn ticket(server: &TusServer, size: usize) -> UploadTicket {
    UploadTicket::new("/videos/1", server.link(), size as u64).unwrap()
}

async fn upload(
    server: &TusServer,
    size: usize,
    source: impl IntoSource,
    options: UploadOptions,
) -> Result<Uploaded, UploadError> {
    Upload::new(ticket(server, size), source).options(options).run().await
}

/// BEHAVIOUR.md: U06, U12.
#[tokio::test]
async fn a_broken_upload_resumes_at_the_servers_offset() {
    let film = film(MIB);
    let script = [
        Fault::Serve,                // HEAD
        Fault::Serve,                // the first chunk
        Fault::DropAfter(100 * KIB), // breaks inside the second
        Fault::Serve,                // HEAD
        Fault::Status(502),          // the rest of the second
        Fault::Serve,                // HEAD
    ];
    let server = TusServer::start(MIB as u64, script).await;
    let uploaded = upload(&server, MIB, film.clone(), chunks(256 * KIB)).await.unwrap();

    assert_eq!(server.data(), film);
    assert_eq!(uploaded.failures, 2);
    assert_eq!(
        server.log(),
        [
            "HEAD",
            "PATCH 0",
            "PATCH 262144",
            "HEAD",
            "PATCH 364544",
            "HEAD",
            "PATCH 364544",
            "PATCH 524288",
            "PATCH 786432",
            "HEAD"
        ],
        "one HEAD per failure, and one at each end"
    );
    for seen in server.requests() {
        assert!(seen.offset.is_none_or(|offset| offset == seen.server_offset), "sent again: {seen:?}");
    }
    server.assert_well_behaved();
}

/// BEHAVIOUR.md: U06, U12.
#[tokio::test]
async fn a_lost_response_resends_no_bytes() {
    let film = film(MIB);
    let server = TusServer::start(MIB as u64, [Fault::Serve, Fault::LoseResponse]).await;
    upload(&server, MIB, film.clone(), no_backoff()).await.unwrap();
    assert_eq!(server.data(), film);
    assert_eq!(server.log(), ["HEAD", "PATCH 0", "HEAD"]);
}

/// BEHAVIOUR.md: U12.
#[tokio::test]
async fn repeated_server_errors_exhaust_the_attempts() {
    let server = TusServer::start(9, vec![Fault::Status(500); 100]).await;
    let error = upload(&server, 9, film(9), no_backoff().attempts(7)).await.unwrap_err();
    assert!(matches!(error, UploadError::Exhausted { attempts: 7, .. }), "{error:?}");
    assert_eq!(server.log(), ["HEAD"; 7]);
}

/// BEHAVIOUR.md: U12.
#[tokio::test]
async fn refused_connections_exhaust_the_attempts() {
    let ticket = UploadTicket::new("/videos/1", format!("http://127.0.0.1:1/1?{SECRET}"), 9).unwrap();
    let error = Upload::new(ticket, film(9)).options(no_backoff().attempts(3)).run().await.unwrap_err();
    assert!(matches!(error, UploadError::Exhausted { attempts: 3, .. }), "{error:?}");
    assert_hides_the_link(&error);
}

/// BEHAVIOUR.md: U01, U08.
#[tokio::test]
async fn sends_only_head_and_patch_to_upload_host() {
    let film = film(MIB);
    let server = TusServer::start(MIB as u64, [Fault::Serve, Fault::DropAfter(5)]).await;
    upload(&server, MIB, film.clone(), chunks(300 * KIB)).await.unwrap();
    assert_eq!(server.data(), film);
    server.assert_well_behaved();

    let gone = TusServer::start(MIB as u64, vec![Fault::Status(404); 9]).await;
    upload(&gone, MIB, film, no_backoff()).await.unwrap_err();
    assert_eq!(gone.log(), ["HEAD"], "not even after a 404");
    gone.assert_well_behaved();
}

/// BEHAVIOUR.md: U04.
#[tokio::test]
async fn every_request_names_the_tus_version_and_412_is_final() {
    // The server returns 412 to requests without it.
    let server = TusServer::start(9, []).await;
    upload(&server, 9, film(9), no_backoff()).await.unwrap();

    for script in [vec![Fault::Status(412)], vec![Fault::Serve, Fault::Status(412)]] {
        let requests = script.len();
        let server = TusServer::start(9, script).await;
        let error = upload(&server, 9, film(9), no_backoff()).await.unwrap_err();
        assert!(matches!(error, UploadError::UnsupportedTusVersion { .. }), "{error:?}");
        assert!(!error.is_resumable());
        assert_eq!(server.log().len(), requests);
    }
}

/// BEHAVIOUR.md: U06.
#[tokio::test]
async fn another_process_resumes_from_the_ticket_alone() {
    let film = film(MIB);
    let (_folder, path) = file(&film);
    let server = TusServer::start(MIB as u64, [Fault::Serve, Fault::StallAfter(300 * KIB)]).await;

    let serialized = {
        let source = FileSource::open(&path).await.unwrap();
        let mut source = source.into_source().await.unwrap();
        let fingerprint = source.fingerprint().await.unwrap();
        let ticket = ticket(&server, MIB).with_fingerprint(fingerprint);
        let serialized = serde_json::to_string(&ticket).unwrap();
        tokio::select! {
            outcome = Upload::new(ticket, source).run() => panic!("{outcome:?}"),
            () = server.stalled() => {}
        }
        serialized
    };
    assert_eq!(server.log(), ["HEAD", "PATCH 0"]);

    let ticket: UploadTicket = serde_json::from_str(&serialized).unwrap();
    let uploaded = Upload::new(ticket, path).options(no_backoff()).run().await.unwrap();
    assert_eq!(uploaded.resumed_from, 300 * KIB as u64);
    assert_eq!(server.data(), film);
    assert_eq!(server.log(), ["HEAD", "PATCH 0", "HEAD", "PATCH 307200", "HEAD"]);
}

#[tokio::test]
async fn a_different_file_is_refused_before_any_request() {
    let server = TusServer::start(10, []).await;
    let error = upload(&server, 10, film(11), no_backoff()).await.unwrap_err();
    let UploadError::SizeMismatch { expected: 10, found: 11, by } = error else { panic!("{error:?}") };
    assert_eq!(by, SizeSource::Source);

    let fingerprint = BytesSource::new(film(10)).fingerprint().await.unwrap();
    let ticket = ticket(&server, 10).with_fingerprint(fingerprint);
    let error = Upload::new(ticket, vec![0; 10]).run().await.unwrap_err();
    assert!(matches!(error, UploadError::SourceChanged { what: SourceChange::Different, .. }), "{error:?}");

    assert!(server.log().is_empty());
}

/// BEHAVIOUR.md: U06, U10.
#[tokio::test]
async fn a_link_created_for_another_size_is_an_error() {
    let server = TusServer::start(99, []).await;
    let error = upload(&server, 10, film(10), no_backoff()).await.unwrap_err();
    let UploadError::SizeMismatch { expected: 10, found: 99, by } = error else { panic!("{error:?}") };
    assert_eq!(by, SizeSource::Server);
    assert_eq!(server.log(), ["HEAD"]);
}

/// BEHAVIOUR.md: U07.
#[tokio::test]
async fn a_locked_upload_is_retried() {
    let film = film(KIB);
    let script = [Fault::Status(423), Fault::Status(423), Fault::Serve, Fault::Status(423)];
    let server = TusServer::start(KIB as u64, script).await;
    upload(&server, KIB, film.clone(), no_backoff()).await.unwrap();
    assert_eq!(server.data(), film);
    assert_eq!(server.log(), ["HEAD", "HEAD", "HEAD", "PATCH 0", "HEAD", "PATCH 0", "HEAD"]);
}

/// BEHAVIOUR.md: U06, U07.
#[tokio::test]
async fn adopts_a_server_offset_that_went_back() {
    let film = film(MIB);
    let script = [Fault::Serve, Fault::Serve, Fault::Serve, Fault::TruncateTo(1000)];
    let server = TusServer::start(MIB as u64, script).await;
    upload(&server, MIB, film.clone(), chunks(256 * KIB)).await.unwrap();
    assert_eq!(server.data(), film);
    let log = server.log();
    assert_eq!(log[..6], ["HEAD", "PATCH 0", "PATCH 262144", "PATCH 524288", "HEAD", "PATCH 1000"]);
}

#[tokio::test]
async fn source_that_cannot_rewind_is_an_error() {
    let film = film(MIB);
    let script = [Fault::Serve, Fault::Serve, Fault::Serve, Fault::TruncateTo(1000)];
    let server = TusServer::start(MIB as u64, script).await;
    let source = StreamSource::new(Cursor::new(film), MIB as u64, "a pipe").with_buffer(256 * KIB as u64);
    let error = upload(&server, MIB, source, no_backoff()).await.unwrap_err();
    let UploadError::SourceNotRewindable { offset: 1000, lowest: 524_288, .. } = error else {
        panic!("{error:?}")
    };
}

#[tokio::test]
async fn an_offset_beyond_the_file_is_an_error() {
    for script in [vec![Fault::ClaimOffset(10)], vec![Fault::Serve, Fault::ClaimOffset(10)]] {
        let server = TusServer::start(9, script).await;
        let error = upload(&server, 9, film(9), no_backoff()).await.unwrap_err();
        assert!(matches!(error, UploadError::OffsetBeyondFile { offset: 10, size: 9, .. }), "{error:?}");
    }
}

/// BEHAVIOUR.md: U05, U06.
#[tokio::test]
async fn a_success_without_an_offset_is_checked_with_head() {
    let film = film(KIB);
    let server = TusServer::start(KIB as u64, [Fault::OmitOffset, Fault::Serve, Fault::OmitOffset]).await;
    upload(&server, KIB, film.clone(), no_backoff()).await.unwrap();
    assert_eq!(server.data(), film);
    assert_eq!(server.log(), ["HEAD", "HEAD", "PATCH 0", "HEAD", "PATCH 0", "HEAD"]);
}

/// BEHAVIOUR.md: U08, U09.
#[tokio::test]
async fn expired_link_names_the_video_without_retry() {
    for status in [404, 410, 403] {
        for script in [vec![Fault::Status(status)], vec![Fault::Serve, Fault::Status(status)]] {
            let requests = script.len();
            let server = TusServer::start(9, script).await;
            let error = upload(&server, 9, film(9), no_backoff()).await.unwrap_err();
            let UploadError::LinkGone { video_uri, .. } = &error else { panic!("{error:?}") };
            assert_eq!(video_uri, "/videos/1");
            assert_eq!(error.status(), Some(status));
            assert!(!error.is_resumable());
            assert_eq!(server.log().len(), requests);
        }
    }
}

/// BEHAVIOUR.md: U06.
#[tokio::test]
async fn progress_counts_acknowledged_bytes() {
    let film = film(MIB);
    let server = TusServer::start(MIB as u64, [Fault::Serve, Fault::DropAfter(300 * KIB)]).await;
    server.preload(&film[..100 * KIB]);
    let reported: Arc<Mutex<Vec<Progress>>> = Arc::default();
    let (running, handle) = {
        let reported = Arc::clone(&reported);
        Upload::new(ticket(&server, MIB), film.clone())
            .options(no_backoff())
            .on_progress(move |progress| reported.lock().unwrap().push(*progress))
            .controlled()
    };
    running.await.unwrap();

    let reported = reported.lock().unwrap();
    let acknowledged: Vec<u64> = reported.iter().map(|progress| progress.acknowledged).collect();
    assert!(acknowledged.is_sorted(), "{acknowledged:?}");
    let mut steps = acknowledged.clone();
    steps.dedup();
    assert_eq!(steps, [100 * KIB as u64, 400 * KIB as u64, MIB as u64], "right after a resume too");
    for progress in reported.iter() {
        assert!(progress.sent <= progress.total && progress.total == MIB as u64);
    }
    let last = *handle.progress().borrow();
    assert_eq!((last.acknowledged, last.sent, last.eta), (MIB as u64, MIB as u64, Some(Duration::ZERO)));
    assert_eq!(reported.last(), Some(&last));
}

#[tokio::test]
async fn a_cancelled_or_dropped_upload_stays_resumable() {
    let film = film(MIB);
    for cancel in [true, false] {
        let server = TusServer::start(MIB as u64, [Fault::Serve, Fault::StallAfter(200 * KIB)]).await;
        let ticket = ticket(&server, MIB);
        let (running, handle) = Upload::new(ticket.clone(), film.clone()).controlled();
        let running = tokio::spawn(running);
        server.stalled().await;
        if cancel {
            handle.cancel();
            let error = running.await.unwrap().unwrap_err();
            assert!(matches!(error, UploadError::Cancelled { .. }), "{error:?}");
        } else {
            running.abort();
            assert!(running.await.unwrap_err().is_cancelled());
        }
        assert_eq!(server.log(), ["HEAD", "PATCH 0"], "nothing was sent after the end");

        let uploaded = Upload::new(ticket, film.clone()).run().await.unwrap();
        assert_eq!(uploaded.resumed_from, 200 * KIB as u64);
        assert_eq!(server.data(), film);
    }
}

#[tokio::test]
async fn every_source_survives_a_break() {
    let film = film(3 * MIB);
    let (_folder, path) = file(&film);
    let sources: Vec<(&str, Box<dyn Source>)> = vec![
        ("path", path.as_path().into_source().await.unwrap()),
        ("open file", tokio::fs::File::open(&path).await.unwrap().into_source().await.unwrap()),
        ("bytes", Bytes::from(film.clone()).into_source().await.unwrap()),
        ("seek", Box::new(SeekSource::new(Cursor::new(film.clone()), "a cursor").await.unwrap())),
        ("stream", Box::new(StreamSource::new(Cursor::new(film.clone()), film.len() as u64, "a pipe"))),
        (
            "stream with a small buffer",
            Box::new(
                StreamSource::new(Cursor::new(film.clone()), film.len() as u64, "a pipe")
                    .with_buffer(MIB as u64),
            ),
        ),
    ];
    for (name, source) in sources {
        let script = [
            Fault::Serve,
            Fault::DropAfter(0),
            Fault::Serve,
            Fault::DropAfter(700 * KIB + 1),
            Fault::Serve,
            Fault::Status(503),
        ];
        let server = TusServer::start(film.len() as u64, script).await;
        let uploaded = upload(&server, film.len(), source, no_backoff()).await;
        assert_eq!(uploaded.map(|uploaded| uploaded.failures).unwrap(), 3, "{name}");
        assert!(server.data() == film, "{name}: the bytes differ");
    }
}

#[tokio::test]
async fn a_restarted_stream_skips_what_the_server_has() {
    let film = film(MIB);
    let server = TusServer::start(MIB as u64, [Fault::Serve, Fault::DropAfter(10)]).await;
    server.preload(&film[..333_333]);
    let source = StreamSource::new(Cursor::new(film.clone()), MIB as u64, "a pipe");
    let uploaded = upload(&server, MIB, source, no_backoff()).await.unwrap();
    assert_eq!(uploaded.resumed_from, 333_333);
    assert!(server.data() == film);
}

/// BEHAVIOUR.md: U10.
#[tokio::test]
async fn stream_that_ends_early_is_an_error() {
    let server = TusServer::start(MIB as u64, []).await;
    let source = StreamSource::new(Cursor::new(film(1000)), MIB as u64, "a pipe");
    let error = upload(&server, MIB, source, no_backoff()).await.unwrap_err();
    let UploadError::SourceChanged { name, what } = error else { panic!("{error:?}") };
    assert_eq!((name.as_str(), what), ("a pipe", SourceChange::Shrank { from: MIB as u64, to: 1000 }));
    assert!(server.offset() <= 1000);
}

#[tokio::test]
async fn non_file_path_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = TusServer::start(9, []).await;
    let error = upload(&server, 9, folder.path(), no_backoff()).await.unwrap_err();
    assert!(matches!(error, UploadError::NotAFile { what: "a folder", .. }), "{error:?}");
    let error = upload(&server, 9, folder.path().join("none.mp4"), no_backoff()).await.unwrap_err();
    assert!(matches!(error, UploadError::Io { action: "open", .. }), "{error:?}");
    assert!(error.to_string().contains("none.mp4"), "{error}");
    assert!(server.log().is_empty());
}

#[tokio::test]
async fn file_changed_during_upload_is_an_error() {
    let size = 64 * MIB;
    let changes: [(&str, FileChange); 3] = [
        ("shrank", |path| File::options().write(true).open(path).unwrap().set_len(1000).unwrap()),
        ("grew", |path| {
            File::options().append(true).open(path).unwrap().write_all(b"more").unwrap();
        }),
        ("was modified", |path| {
            let file = File::options().write(true).open(path).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        }),
    ];
    for (word, change) in changes {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film.mp4");
        File::create(&path).unwrap().set_len(size as u64).unwrap();
        let during = {
            let path = path.clone();
            Fault::During(Arc::new(move || change(&path)))
        };
        let server = TusServer::start(size as u64, [Fault::Serve, during]).await;
        let error = upload(&server, size, path.as_path(), no_backoff()).await.unwrap_err();
        assert!(matches!(error, UploadError::SourceChanged { .. }), "{error:?}");
        assert!(error.to_string().contains(&format!("film.mp4 {word}")), "{error}");
        assert!(server.offset() < size as u64, "the upload was not completed with mixed bytes");
        assert_eq!(server.log(), ["HEAD", "PATCH 0"], "and not tried again");
    }
}

/// BEHAVIOUR.md: U11.
#[tokio::test]
async fn patches_follow_the_chunk_size() {
    // (size, options, lengths of the PATCH requests)
    let table: [(usize, UploadOptions, &[u64]); 6] = [
        (0, no_backoff(), &[]),
        (1, no_backoff(), &[1]),
        (1, chunks(10), &[1]),
        (30, chunks(10), &[10, 10, 10]),
        (31, chunks(10), &[10, 10, 10, 1]),
        // The number of requests is not limited.
        (1500, chunks(1), &[1; 1500]),
    ];
    for (size, options, lengths) in table {
        let film = film(size);
        let server = TusServer::start(size as u64, []).await;
        upload(&server, size, film.clone(), options).await.unwrap();
        assert_eq!(server.data(), film);
        let patches: Vec<u64> =
            server.requests().iter().filter(|seen| seen.method == "PATCH").map(|seen| seen.length).collect();
        assert_eq!(patches, lengths, "{size} bytes");
    }
}

#[tokio::test]
async fn requests_shrink_until_they_fit_through_a_proxy() {
    let film = film(8 * MIB);
    let size = film.len() as u64;
    for large in [LargeRequest::Withheld, LargeRequest::Refused(413)] {
        for options in [no_backoff(), chunks(5 * MIB)] {
            let server = TusServer::start(size, []).await.behind_proxy(MIB as u64, large);
            let uploaded = upload(&server, film.len(), film.clone(), options).await.unwrap();
            assert!(server.data() == film, "{large:?}: the bytes differ");
            assert!(uploaded.failures <= 4, "{large:?}: {uploaded:?}");
            let through = server
                .requests()
                .iter()
                .filter(|seen| seen.method == "PATCH" && seen.length <= MIB as u64)
                .count();
            assert!(through <= 32, "{large:?}: {through} requests");
            server.assert_well_behaved();
        }
    }
}

#[tokio::test]
async fn requests_grow_again_when_the_proxy_is_gone() {
    let film = film(16 * MIB);
    let size = film.len() as u64;
    let server = TusServer::start(size, []).await.behind_proxy(300 * KIB as u64, LargeRequest::Refused(413));
    let gone = server.clone();
    let running = Upload::new(ticket(&server, film.len()), film.clone())
        .options(chunks(4 * MIB))
        .on_progress(move |progress| {
            if progress.acknowledged > 0 {
                gone.without_proxy();
            }
        })
        .run();
    running.await.unwrap();
    assert!(server.data() == film, "the bytes differ");
    let lengths: Vec<u64> =
        server.requests().iter().filter(|seen| seen.method == "PATCH").map(|seen| seen.length).collect();
    let smallest = 256 * KIB as u64;
    assert!(lengths.contains(&smallest), "{lengths:?}");
    let after: Vec<&u64> = lengths.iter().skip_while(|length| **length != smallest).collect();
    assert!(after.iter().any(|length| **length > smallest), "{lengths:?}");
}

#[tokio::test]
async fn refused_small_requests_suggest_a_chunk_size() {
    let server = TusServer::start(MIB as u64, []).await.behind_proxy(1000, LargeRequest::Refused(413));
    let error = upload(&server, MIB, film(MIB), no_backoff()).await.unwrap_err();
    assert!(matches!(error, UploadError::Refused { status: 413, .. }), "{error:?}");
    assert!(error.to_string().contains("smaller chunk size"), "{error}");
    // Smaller requests succeed.
    upload(&server, MIB, film(MIB), chunks(1000)).await.unwrap();
}

#[tokio::test]
async fn echoed_links_are_redacted() {
    for status in [400, 405] {
        let server = TusServer::start(9, [Fault::Serve, Fault::Echo(status)]).await;
        let link = server.link();
        let path = link.split_once("/files").map(|(_, rest)| format!("/files{rest}")).unwrap();
        let error = upload(&server, 9, film(9), no_backoff()).await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(&path) && shown.contains("no such thing as"), "{shown}");
        assert_hides_the_link(&error);
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = TusServer::start(9, []).await;
    for status in [301, 302, 307, 308] {
        let to = format!("http://{}/", elsewhere.link().split('/').nth(2).unwrap());
        let redirect = Fault::Redirect(status, to);
        for script in [vec![redirect.clone()], vec![Fault::Serve, redirect]] {
            let server = TusServer::start(9, script).await;
            let error = upload(&server, 9, film(9), no_backoff()).await.unwrap_err();
            assert!(matches!(error, UploadError::Refused { .. }), "{error:?}");
            assert_eq!(error.status(), Some(status));
            assert_hides_the_link(&error);
        }
    }
    assert!(elsewhere.log().is_empty());

    // Some servers and proxies repeat the target in their error pages.
    let server = TusServer::start(9, [Fault::Serve, Fault::Echo(400)]).await;
    let error = upload(&server, 9, film(9), no_backoff()).await.unwrap_err();
    assert!(error.to_string().contains("no such thing as"), "{error}");
    assert_hides_the_link(&error);
}

#[test]
fn uploads_can_move_between_threads() {
    fn moves<T: Send + 'static>(_: &T) {}
    fn shared<T: Send + Sync + 'static>() {}
    shared::<UploadHandle>();
    shared::<UploadTicket>();
    shared::<UploadError>();
    shared::<UploadOptions>();
    let ticket = UploadTicket::new("/videos/1", "https://files.example/1", 4).unwrap();
    let (running, _) = Upload::new(ticket, "film.mp4").controlled();
    moves(&running);
}

fn assert_hides_the_link(error: &UploadError) {
    let mut shown = format!("{error} {error:?}");
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        shown.push_str(&format!(" {error} {error:?}"));
        source = error.source();
    }
    assert!(!shown.contains("s3cret"), "{shown}");
}
