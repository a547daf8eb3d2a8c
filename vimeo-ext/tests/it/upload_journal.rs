//! Uploads of processes that are killed and restarted: one video, all bytes correct.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use vimeo_ext::upload::{
    Backoff, FileSource, Journal, ResumeState, Source, Upload, UploadOptions, UploadTicket,
};

use crate::tus_server::{Fault, TusServer};

const SIZE: usize = 3 * 1024 * 1024 + 17;

fn start(folder: &std::path::Path, link: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "upload_journal::child", "--ignored", "--test-threads=1"])
        .env("UPLOAD_FOLDER", folder)
        .env("UPLOAD_LINK", link)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// BEHAVIOUR.md: U06.
#[tokio::test]
async fn killed_upload_resumes_at_the_servers_offset() {
    let film: Vec<u8> = (0..SIZE).map(|at| (at * at / 7) as u8).collect();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("film.mp4"), &film).unwrap();

    // Each run is killed after this many more bytes; the first before any.
    let kills = [0, 1, 65_536, 100_000, 1, 777_777, 1_048_576, 3];
    let script = kills.iter().flat_map(|bytes| [Fault::Serve, Fault::StallAfter(*bytes)]);
    let server = TusServer::start(SIZE as u64, script).await;
    let mut server_offset = 0;
    for bytes in kills {
        let mut child = start(folder.path(), &server.link());
        server.stalled().await;
        child.kill().unwrap();
        child.wait().unwrap();
        server_offset += bytes as u64;
        assert_eq!(server.offset(), server_offset);
        let entries = Journal::in_folder(folder.path().join("journal")).list().await.unwrap();
        assert!(matches!(&entries[..], [entry] if entry.ticket.is_some()), "{entries:?}");
    }
    let mut child = start(folder.path(), &server.link());
    let status = tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap();
    assert!(status.success());

    assert!(server.data() == film, "the bytes differ");
    for seen in server.requests() {
        assert!(seen.offset.is_none_or(|offset| offset == seen.server_offset), "sent again: {seen:?}");
    }
    let created = std::fs::read_to_string(folder.path().join("created")).unwrap();
    assert_eq!(created, "x", "one video for one upload");
    let left = std::fs::read_dir(folder.path().join("journal")).unwrap().count();
    assert_eq!(left, 0, "a finished upload leaves nothing in the journal");
}

#[tokio::test]
#[ignore = "run by the test above, in processes of their own"]
async fn child() {
    let folder = PathBuf::from(std::env::var_os("UPLOAD_FOLDER").unwrap());
    let journal = Journal::in_folder(folder.join("journal"));
    let mut source = FileSource::open(folder.join("film.mp4")).await.unwrap();
    let mut claim = journal.lock(&mut source, "new video").await.unwrap();
    let ticket = match claim.resume_state() {
        ResumeState::Resumable(ticket) => ticket.clone(),
        ResumeState::New => {
            let mut created =
                std::fs::File::options().create(true).append(true).open(folder.join("created")).unwrap();
            std::io::Write::write_all(&mut created, b"x").unwrap();
            let link = std::env::var("UPLOAD_LINK").unwrap();
            let ticket = UploadTicket::new("/videos/1", link, source.size()).unwrap();
            claim.record(&ticket).await.unwrap();
            ticket
        }
        other => panic!("{other:?}"),
    };
    let options = UploadOptions::new().backoff(Backoff::new(Duration::ZERO, Duration::ZERO));
    Upload::new(ticket, source).options(options).journal(claim).run().await.unwrap();
}
