//! Uploads of readers whose size is unknown, and of streams whose announced size is wrong.

use std::io::Cursor;
use std::path::PathBuf;

use http::Method;
use sha2::{Digest, Sha256};
use vimeo_ext::Error;
use vimeo_ext::hex::hex;
use vimeo_ext::upload::{Spooled, StreamSource, UploadError};
use vimeo_sandbox::{Effect, Fault, Host, Phase};

use super::{UploadFixture, film, no_backoff};

impl UploadFixture {
    fn spool_folder(&self) -> PathBuf {
        self.folder.path().join("spool")
    }

    fn spooled(&self, bytes: &[u8]) -> Spooled<Cursor<Vec<u8>>> {
        Spooled::reader(Cursor::new(bytes.to_vec())).name("a pipe").folder(self.spool_folder())
    }

    /// Returns the files in the spool, except its lock.
    fn spool_files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.spool_folder()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
        names.filter(|name| name != "lock").collect()
    }

    /// Starts an upload, and ends it like `kill -9` after 1,000,000 bytes.
    async fn interrupt(&self, film: &[u8]) {
        self.sandbox.clear_request_log();
        let half = Fault::new(Effect::Stall).host(Host::Upload).method(Method::PATCH);
        self.sandbox.add_fault(half.phase(Phase::MidBody(1_000_000)));
        let upload = self.vimeo().upload(self.spooled(film)).name("Surf");
        let first = tokio::spawn(async move { upload.send().await });
        while !self.sandbox.request_log().iter().any(|entry| entry.body_length == 1_000_000) {
            tokio::task::yield_now().await;
        }
        first.abort();
        first.await.unwrap_err();
        let [name] = &self.spool_files()[..] else { panic!("one file") };
        // The thread that reads the file ends a moment later.
        let file = std::fs::File::open(self.spool_folder().join(name)).unwrap();
        while file.try_lock().is_err() {
            tokio::task::yield_now().await;
        }
    }

    fn assert_received(&self, uri: &str, film: &[u8]) {
        let id = uri.rsplit('/').next().unwrap().parse().unwrap();
        let received = self.sandbox.upload_bytes(id).unwrap();
        assert_eq!(hex(&Sha256::digest(&received)), hex(&Sha256::digest(film)));
        assert_eq!(self.spool_files(), Vec::<String>::new());
        assert_eq!(self.journal_files(), 0);
    }
}

#[tokio::test]
async fn a_reader_of_unknown_size_is_uploaded_whole() {
    let fixture = UploadFixture::new().await;
    let film = film(3_000_000);
    let video = fixture.vimeo().upload(fixture.spooled(&film)).name("Surf").send().await.unwrap();
    assert_eq!(video.uploaded.size, 3_000_000);
    fixture.assert_received(&video.uri, &film);
    // Without a journal too, the file is removed.
    let video = fixture.vimeo().upload(fixture.spooled(&film)).journal(None).send().await.unwrap();
    fixture.assert_received(&video.uri, &film);
}

#[tokio::test]
async fn the_same_bytes_resume_an_interrupted_upload() {
    let fixture = UploadFixture::new().await;
    let film = film(3_000_000);
    fixture.interrupt(&film).await;
    let upload = fixture.vimeo().upload(fixture.spooled(&film)).name("Surf").options(no_backoff());
    let video = upload.send().await.unwrap();
    assert!(video.continued);
    assert!(video.uploaded.resumed_from >= 1_000_000, "{video:?}");
    fixture.assert_received(&video.uri, &film);
    let posts = fixture.requests().iter().filter(|step| *step == "POST /me/videos").count();
    assert_eq!(posts, 1);
}

#[tokio::test]
async fn a_pending_upload_resumes_without_the_reader() {
    let fixture = UploadFixture::new().await;
    let film = film(3_000_000);
    fixture.interrupt(&film).await;
    let pending = fixture.vimeo().pending_uploads().unwrap();
    let [entry] = &pending.list().await.unwrap()[..] else { panic!("one entry") };
    let uploaded = pending.resume(entry).await.unwrap().options(no_backoff()).run().await.unwrap();
    assert!(uploaded.resumed_from >= 1_000_000, "{uploaded:?}");
    fixture.assert_received(&uploaded.video_uri, &film);
}

#[tokio::test]
async fn what_was_spooled_ends_with_its_upload() {
    let fixture = UploadFixture::new().await;
    let film = film(3_000_000);
    let pending = fixture.vimeo().pending_uploads().unwrap();
    for discard in [true, false] {
        fixture.interrupt(&film).await;
        let [entry] = &pending.list().await.unwrap()[..] else { panic!("one entry") };
        if discard {
            assert!(pending.discard(&entry.id()).await.unwrap());
        } else {
            pending.abandon(entry).await.unwrap();
        }
        assert_eq!((fixture.spool_files(), fixture.journal_files()), (Vec::new(), 0), "discard: {discard}");
    }
    fixture.interrupt(&film).await;
    let over = fixture.vimeo().upload(fixture.spooled(&film)).name("Surf").start_over(true);
    let video = over.options(no_backoff()).send().await.unwrap();
    assert!(!video.continued);
    fixture.assert_received(&video.uri, &film);
}

#[tokio::test]
async fn a_spooled_source_is_uploaded_after_a_refusal() {
    let fixture = UploadFixture::new().await;
    let film = film(1_000_000);
    let source = fixture.spooled(&film).spool().await.unwrap();
    let refusal = || Fault::new(Effect::Status(403)).method(Method::POST).path("/me/videos");
    fixture.sandbox.add_fault(refusal());
    fixture.vimeo().upload(source.clone()).send().await.unwrap_err();
    assert_eq!((fixture.spool_files().len(), fixture.journal_files()), (1, 0));
    let video = fixture.vimeo().upload(source).send().await.unwrap();
    fixture.assert_received(&video.uri, &film);
    fixture.sandbox.add_fault(refusal());
    fixture.vimeo().upload(fixture.spooled(&film)).send().await.unwrap_err();
    assert_eq!((fixture.spool_files(), fixture.journal_files()), (Vec::new(), 0));
}

#[tokio::test]
async fn nothing_is_created_for_empty_or_too_large_readers() {
    let fixture = UploadFixture::new().await;
    let error = fixture.vimeo().upload(fixture.spooled(b"")).send().await.unwrap_err();
    let Error::Upload { source, .. } = error else { panic!("{error:?}") };
    assert!(matches!(*source, UploadError::Empty), "{source:?}");
    let error = fixture
        .vimeo()
        .upload(fixture.spooled(&film(1_000_001)).max_bytes(1_000_000))
        .send()
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(text.contains("a pipe") && text.contains("1000000") && text.contains("max_bytes"), "{text}");
    assert_eq!(fixture.requests(), Vec::<String>::new());
    assert_eq!(fixture.spool_files(), Vec::<String>::new());
}

#[tokio::test]
async fn an_exact_stream_of_another_size_is_an_error() {
    let fixture = UploadFixture::new().await;
    let film = film(100_000);
    for (announced, ended_at) in [(99_999, None), (100_001, Some(100_000))] {
        let source = StreamSource::new(Cursor::new(film.clone()), announced, "a pipe").exact();
        let error = fixture.vimeo().upload(source).options(no_backoff()).send().await.unwrap_err();
        let Error::Upload { source, ticket: Some(ticket) } = error else { panic!("{error:?}") };
        let UploadError::WrongStreamSize { name, announced: size, ended_at: end } = *source else {
            panic!("{source:?}")
        };
        assert_eq!((name.as_str(), size, end), ("a pipe", announced, ended_at));
        let video = fixture.vimeo().get(ticket.video_uri()).fields("upload.status").send().await.unwrap();
        assert_eq!(video["upload"]["status"], "in_progress", "no part passes for the whole");
    }
    let source = StreamSource::new(Cursor::new(film.clone()), 100_000, "a pipe").exact();
    let video = fixture.vimeo().upload(source).send().await.unwrap();
    let id = video.id().unwrap().number();
    assert_eq!(fixture.sandbox.upload_bytes(id).unwrap(), film);
}
