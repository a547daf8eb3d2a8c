//! Downloads from a file server with scripted faults.

mod file_server;

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use vimeo_ext::download::{DownloadError, DownloadVideo, DownloadedFile, Quality, TransferFailure};
use vimeo_ext::{Error, RetryPolicy};

use crate::fake::{Fake, respond};
use file_server::{Fault, FileServer};

const KIB: usize = 1024;

/// Bytes without repetition, so that shifts and gaps show.
fn film(seed: u64, length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64 ^ seed;
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

/// A Vimeo whose only video has its files on this server. Each response has a new link.
fn vimeo(server: &FileServer) -> Fake {
    let link = server.link();
    Fake::new(move |request, number| {
        assert_eq!(request.path, "/videos/7");
        respond(200).json(json!({"download": [
            {"quality": "hd", "rendition": "720p", "height": 720, "width": 1280, "link": format!("{link}/720?n={number}")},
            {"quality": "source", "rendition": "source", "height": 1080, "link": format!("{link}/source?n={number}")},
        ]}))
    })
}

fn download(fake: &Fake, path: &Path) -> DownloadVideo {
    let vimeo = fake.builder().base_url("http://127.0.0.1:9").build().unwrap();
    let retry =
        RetryPolicy::default().attempts(4).backoff(Duration::ZERO, Duration::ZERO).max_elapsed(Duration::MAX);
    vimeo.download(7).to(path).retry(retry)
}

fn failure(result: Result<DownloadedFile, Error>) -> DownloadError {
    match result {
        Err(Error::Download(error)) => *error,
        other => panic!("a download error, not {other:?}"),
    }
}

#[tokio::test]
async fn a_broken_download_continues_where_it_broke() {
    let film = film(1, 3000 * KIB);
    let script = [Fault::DropAfter(1100 * KIB), Fault::Status(503), Fault::DropAfter(KIB), Fault::Serve];
    let server = FileServer::start(film.clone(), script).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.mp4");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let file = download(&vimeo(&server), &path)
        .on_progress(move |progress| sink.lock().unwrap().push((progress.received, progress.total)))
        .await
        .unwrap();

    assert_eq!(fs::read(&path).unwrap(), film);
    assert_eq!((file.size, file.rendition.as_str()), (film.len() as u64, "source"));
    assert_eq!(file.sha256, file_server::sha256(&film));
    let ranges = server.ranges();
    assert_eq!(ranges[0], None);
    assert_eq!(
        ranges[1..],
        [Some(1100 * KIB), Some(1100 * KIB), Some(1101 * KIB)].map(|start| start.map(|start| start as u64))
    );
    assert_eq!(server.tokens(), 0);
    let progress = seen.lock().unwrap();
    assert!(progress.is_sorted(), "{progress:?}");
    assert_eq!(progress.last(), Some(&(film.len() as u64, Some(film.len() as u64))));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn an_expired_link_is_requested_anew() {
    let film = film(1, 50 * KIB);
    let server =
        FileServer::start(film.clone(), [Fault::DropAfter(KIB), Fault::Status(410), Fault::Serve]).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.mp4");
    let fake = vimeo(&server);
    download(&fake, &path).quality(Quality::UpTo(720)).await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), film);
    assert_eq!(server.targets(), ["/720?n=0", "/720?n=0", "/720?n=1"]);
    assert_eq!(fake.count(), 2);
}

#[tokio::test]
async fn a_file_that_changes_is_downloaded_whole() {
    let (old, new) = (film(1, 400 * KIB), film(2, 300 * KIB));
    let server =
        FileServer::start(old, [Fault::DropAfter(200 * KIB), Fault::Replace(new.clone()), Fault::Serve])
            .await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.mp4");
    let file = download(&vimeo(&server), &path).await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), new);
    assert_eq!(file.sha256, file_server::sha256(&new));
}

#[tokio::test]
async fn servers_without_ranges_send_the_whole_file_again() {
    let film = film(1, 100 * KIB);
    let server = FileServer::start(film.clone(), [Fault::DropAfter(50 * KIB), Fault::IgnoreRange]).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.mp4");
    download(&vimeo(&server), &path).await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), film);
}

#[tokio::test]
async fn a_later_run_resumes_what_a_failed_one_left() {
    let film = film(1, 500 * KIB);
    let script = [Fault::DropAfter(300 * KIB), Fault::Status(500), Fault::Status(500), Fault::Status(500)];
    let server = FileServer::start(film.clone(), script).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.mp4");
    let fake = vimeo(&server);
    let error = failure(download(&fake, &path).await);
    assert!(
        matches!(error, DownloadError::Exhausted { attempts: 4, last: TransferFailure::Server(500), .. }),
        "{error:?}"
    );
    assert!(!path.exists());
    let requests = server.ranges().len();
    download(&fake, &path).await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), film);
    assert_eq!(server.ranges()[requests..], [Some(300 * KIB as u64)]);
}

#[tokio::test]
async fn web_pages_and_refusals_complete_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.mp4");
    for (fault, expected) in [
        (Fault::WebPage, "a web page came in place of the file"),
        (Fault::Status(404), "the link has expired (404)"),
        (Fault::Status(400), "rejected the download of /videos/7 with status 400"),
        (Fault::Redirect("http://files.example/film.mp4".to_owned()), "with status 302"),
    ] {
        let server = FileServer::start(film(1, KIB), vec![fault; 10]).await;
        let error = failure(download(&vimeo(&server), &path).await).to_string();
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("?n="), "{error}");
        assert!(!path.exists());
    }
}

#[tokio::test]
async fn a_redirect_on_the_same_machine_is_followed() {
    let film = film(1, 10 * KIB);
    let server = FileServer::start(film.clone(), []).await;
    let first = FileServer::start(Vec::new(), [Fault::Redirect(format!("{}/moved", server.link()))]).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.mp4");
    download(&vimeo(&first), &path).await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), film);
}

#[tokio::test]
async fn missing_files_and_bad_links_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.mp4");
    let hd = |link: &str| json!({"quality": "hd", "rendition": "720p", "height": 720, "link": link});
    for (files, quality, expected) in [
        (json!(null), Quality::Best, "Vimeo offers no files of /videos/7"),
        (json!([]), Quality::Best, "Vimeo offers no files of /videos/7"),
        (
            json!([hd("https://files.example/1?sig=s3cret")]),
            Quality::Source,
            "does not offer the source file of /videos/7; it offers 720p",
        ),
        (
            json!([hd("https://files.example/1?sig=s3cret")]),
            Quality::UpTo(480),
            "does not offer a file of at most 480p",
        ),
        (json!([hd("http://files.example/1?sig=s3cret")]), Quality::Best, "is invalid: it is plain http"),
    ] {
        let fake = Fake::new(move |_, _| respond(200).json(json!({"download": files.clone()})));
        let error = failure(download(&fake, &path).quality(quality).await);
        assert!(error.to_string().contains(expected), "{error}");
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn an_existing_file_costs_no_request() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.mp4");
    fs::write(&path, "mine").unwrap();
    let server = FileServer::start(film(1, KIB), []).await;
    let fake = vimeo(&server);
    let error = failure(download(&fake, &path).await);
    assert!(matches!(error, DownloadError::Exists { .. }), "{error:?}");
    assert_eq!(fake.count(), 0);
    download(&fake, &path).overwrite(true).await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), film(1, KIB));
}
