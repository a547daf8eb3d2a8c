//! One video per upload, wherever the process ends.

use std::sync::Arc;
use vimeo_api::types::VideoViewPrivacy;

use http::Method;
use tokio::sync::Notify;
use vimeo_api::{Request, TransportFuture};
use vimeo_ext::upload::UploadError;
use vimeo_ext::{Error, Middleware, Next};
use vimeo_sandbox::{Effect, Fault, Host, Phase};

use super::{UploadFixture, film, no_backoff};

#[tokio::test]
async fn same_call_resumes_the_same_video() {
    let fixture = UploadFixture::new().await;
    let film = film(3_000_000);
    let path = fixture.file("film.mp4", &film);
    let half = Fault::new(Effect::Stall).host(Host::Upload).method(Method::PATCH);
    fixture.sandbox.add_fault(half.phase(Phase::MidBody(1_000_000)));
    let (vimeo, first_path) = (fixture.vimeo(), path.clone());
    let first = tokio::spawn(async move { vimeo.upload(first_path).name("Surf").send().await });
    while !fixture.sandbox.request_log().iter().any(|entry| entry.body_length == 1_000_000) {
        tokio::task::yield_now().await;
    }
    // Like kill -9: no code of the upload runs any more.
    first.abort();
    first.await.unwrap_err();
    assert_eq!(fixture.vimeo().pending_uploads().unwrap().list().await.unwrap().len(), 1);

    let video = fixture.vimeo().upload(&path).name("Surf").options(no_backoff()).send().await.unwrap();
    assert!(video.continued);
    assert!(video.uploaded.resumed_from >= 1_000_000, "{video:?}");
    assert!(video.link.is_some(), "the page is in the journal");
    assert_eq!(fixture.sandbox.upload_bytes(video.id().unwrap().number()).unwrap(), film);
    assert_eq!(
        fixture.requests(),
        ["POST /me/videos", "HEAD link", "PATCH link", "HEAD link", "PATCH link", "HEAD link"]
    );
    assert_eq!(fixture.journal_files(), 0);

    let again = fixture.vimeo().upload(&path).name("Surf").send().await.unwrap();
    assert!(!again.continued && again.uri != video.uri, "a finished upload is not resumed");
}

#[tokio::test]
async fn concurrent_uploads_of_a_file_are_refused() {
    let fixture = UploadFixture::new().await;
    let path = fixture.file("film.mp4", &film(100_000));
    let first = fixture.vimeo().upload(&path).begin().await.unwrap();
    let error = fixture.vimeo().upload(&path).send().await.unwrap_err();
    let Error::Upload { source, .. } = error else { panic!("{error:?}") };
    assert!(matches!(*source, UploadError::InUse { .. }), "{source:?}");
    let uploaded = first.run().await.unwrap();
    assert_ne!(fixture.vimeo().upload(&path).send().await.unwrap().uri, uploaded.video_uri);
    assert_eq!(fixture.requests().iter().filter(|step| *step == "POST /me/videos").count(), 2);
}

#[tokio::test]
async fn unanswered_creation_is_adopted_not_repeated() {
    let fixture = UploadFixture::new().await;
    let film = film(100_000);
    let path = fixture.file("film.mp4", &film);
    fixture
        .sandbox
        .add_fault(Fault::new(Effect::Reset).operation("upload_video_alt1").phase(Phase::AfterCommit));
    let error = fixture.vimeo().upload(&path).send().await.unwrap_err();
    assert!(error.call().is_some(), "the error of the call is the source: {error:?}");
    let Error::Upload { source, ticket: None } = error else { panic!("{error:?}") };
    let UploadError::OutcomeUnknown { entry: Some(id), .. } = *source else { panic!("{source:?}") };

    // In a new process, any number of times: nothing is sent.
    for _ in 0..2 {
        let error = fixture.vimeo().upload(&path).send().await.unwrap_err().to_string();
        assert!(error.contains("film.mp4") && error.contains(&id), "{error}");
    }
    assert_eq!(fixture.requests(), ["POST /me/videos"]);

    let vimeo = fixture.vimeo();
    let pending = vimeo.pending_uploads().unwrap();
    let [entry] = &pending.list().await.unwrap()[..] else { panic!("one entry") };
    assert!(matches!(pending.resume(entry).await, Err(Error::Upload { .. })));
    fixture.sandbox.add_videos(3);
    let candidates = pending.candidates(entry).await.unwrap();
    let [candidate] = &candidates[..] else { panic!("{candidates:?}") };
    let uploaded = pending.adopt(entry, &candidate.uri).await.unwrap().run().await.unwrap();
    assert_eq!(uploaded.video_uri, candidate.uri);
    let id = candidate.uri.rsplit('/').next().unwrap().parse().unwrap();
    assert_eq!(fixture.sandbox.upload_bytes(id).unwrap(), film);
    assert_eq!(fixture.journal_files(), 0);
}

/// Middleware that never completes.
struct Pending(Arc<Notify>);

impl Middleware for Pending {
    fn send<'a>(&'a self, _: &'a mut Request, _: Next<'a>) -> TransportFuture<'a> {
        self.0.notify_one();
        Box::pin(std::future::pending())
    }
}

/// Middleware that refuses every call.
struct Closed;

impl Middleware for Closed {
    fn send<'a>(&'a self, _: &'a mut Request, _: Next<'a>) -> TransportFuture<'a> {
        Box::pin(async { Err(vimeo_api::Error::Middleware("closed on Sundays".into())) })
    }
}

#[tokio::test]
async fn middleware_refusal_leaves_no_entry() {
    let fixture = UploadFixture::new().await;
    let path = fixture.file("film.mp4", &film(1000));
    let closed = fixture.builder().per_attempt_middleware(Closed).build().unwrap();
    for error in
        [closed.upload(&path).send().await.unwrap_err(), closed.upload_ticket(5).send().await.unwrap_err()]
    {
        assert!(matches!(error, Error::Call(vimeo_api::Error::Middleware(_))), "{error:?}");
    }
    assert_eq!(fixture.journal_files(), 0);
}

#[tokio::test]
async fn unsent_creation_starts_over() {
    let fixture = UploadFixture::new().await;
    let path = fixture.file("film.mp4", &film(1000));
    // A call that still waits was not sent: here the first attempt never leaves.
    let waiting = Arc::new(Notify::new());
    let held = fixture.builder().per_attempt_middleware(Pending(Arc::clone(&waiting))).build().unwrap();
    let upload = tokio::spawn(held.upload(&path).send());
    waiting.notified().await;
    upload.abort();
    upload.await.unwrap_err();
    assert_eq!(fixture.vimeo().pending_uploads().unwrap().list().await.unwrap().len(), 1);
    assert_eq!(fixture.requests(), [""; 0]);
    assert!(!fixture.vimeo().upload(&path).name("Another").send().await.unwrap().continued);
}

#[tokio::test]
async fn gone_link_fails_until_discarded() {
    let fixture = UploadFixture::new().await;
    let path = fixture.file("film.mp4", &film(1000));
    fixture.sandbox.add_fault(Fault::new(Effect::LoseUpload).host(Host::Upload));
    for _ in 0..2 {
        let error = fixture.vimeo().upload(&path).send().await.unwrap_err();
        let Error::Upload { source, ticket: Some(_) } = error else { panic!("{error:?}") };
        assert!(matches!(*source, UploadError::LinkGone { .. }), "{source:?}");
        assert!(source.to_string().contains("discard its journal entry"), "{source}");
    }
    assert_eq!(fixture.requests(), ["POST /me/videos", "HEAD link", "HEAD link"]);
    let pending = fixture.vimeo().pending_uploads().unwrap();
    let [entry] = &pending.list().await.unwrap()[..] else { panic!("one entry") };
    assert!(pending.discard(&entry.id()).await.unwrap());
    let error = pending.resume(entry).await.unwrap_err();
    assert!(error.to_string().contains("has ended since"), "{error}");
    assert_eq!(fixture.journal_files(), 0);
    assert!(!fixture.vimeo().upload(&path).send().await.unwrap().continued);
}

#[tokio::test]
async fn discard_without_candidates_starts_over() {
    let fixture = UploadFixture::new().await;
    let path = fixture.file("film.mp4", &film(1000));
    fixture.sandbox.add_fault(Fault::new(Effect::Reset).operation("upload_video_alt1"));
    fixture.vimeo().upload(&path).send().await.unwrap_err();
    let pending = fixture.vimeo().pending_uploads().unwrap();
    let [entry] = &pending.list().await.unwrap()[..] else { panic!("one entry") };
    assert_eq!(pending.candidates(entry).await.unwrap(), []);

    let stranger = fixture.builder().account("another").build().unwrap().pending_uploads().unwrap();
    let error = stranger.candidates(entry).await.unwrap_err();
    assert!(error.to_string().contains("by another account or at another API"), "{error}");

    assert!(pending.discard(&entry.id()).await.unwrap());
    assert!(!fixture.vimeo().upload(&path).send().await.unwrap().continued);
}

#[tokio::test]
async fn gateway_errors_leave_the_outcome_unknown() {
    let fixture = UploadFixture::new().await;
    let path = fixture.file("film.mp4", &film(1000));
    for effect in [Effect::Html(502), Effect::Status(504), Effect::Truncate(5)] {
        fixture
            .sandbox
            .add_fault(Fault::new(effect).operation("upload_video_alt1").phase(Phase::AfterCommit));
        let error = fixture.vimeo().upload(&path).send().await.unwrap_err();
        let Error::Upload { source, .. } = &error else { panic!("{error:?}") };
        let UploadError::OutcomeUnknown { entry: Some(id), .. } = &**source else { panic!("{source:?}") };
        assert!(fixture.vimeo().pending_uploads().unwrap().discard(id).await.unwrap());
    }
    assert_eq!(fixture.requests(), ["POST /me/videos"; 3]);
    // The same for bytes, without a journal.
    fixture.sandbox.add_fault(Fault::new(Effect::Reset).operation("upload_video_alt1"));
    let error = fixture.vimeo().upload(film(1000)).send().await.unwrap_err();
    let Error::Upload { source, .. } = &error else { panic!("{error:?}") };
    assert!(matches!(**source, UploadError::OutcomeUnknown { entry: None, .. }), "{source:?}");
    assert_eq!(fixture.journal_files(), 0);
}

#[tokio::test]
async fn rejected_creation_leaves_no_entry() {
    let fixture = UploadFixture::new().await;
    let path = fixture.file("film.mp4", &film(1000));
    for status in [400, 401, 403, 404] {
        fixture.sandbox.add_fault(Fault::new(Effect::Status(status)).operation("upload_video_alt1"));
        let error = fixture.vimeo().upload(&path).send().await.unwrap_err();
        assert!(matches!(error, Error::Call(_)), "{error:?}");
        assert_eq!(fixture.journal_files(), 0, "{status}");
    }
    let nobody = fixture.builder().base_url("http://127.0.0.1:1/").build().unwrap();
    let error = nobody.upload(&path).send().await.unwrap_err();
    assert!(matches!(error, Error::Call(_)), "{error:?}");
    assert_eq!(fixture.journal_files(), 0);
}

#[tokio::test]
async fn settings_mismatch_is_an_error() {
    let fixture = UploadFixture::new().await;
    let film = film(1_000_000);
    let path = fixture.file("film.mp4", &film);
    // Each time: a response to a body that is still being sent can get lost, and then the body is sent again.
    fixture
        .sandbox
        .add_fault(Fault::new(Effect::Status(400)).host(Host::Upload).method(Method::PATCH).times(100));
    let error = fixture
        .vimeo()
        .upload(&path)
        .name("Surf")
        .privacy(VideoViewPrivacy::Anybody)
        .send()
        .await
        .unwrap_err();
    fixture.sandbox.clear_faults();
    assert!(matches!(error, Error::Upload { ticket: Some(_), .. }), "{error:?}");

    let error = fixture
        .vimeo()
        .upload(&path)
        .name("Surf")
        .privacy(VideoViewPrivacy::Nobody)
        .send()
        .await
        .unwrap_err();
    let Error::Upload { source, .. } = error else { panic!("{error:?}") };
    let UploadError::SettingsMismatch { differing, video_uri, entry, .. } = *source else {
        panic!("{source:?}")
    };
    assert_eq!(differing, ["privacy"]);

    let pending = fixture.vimeo().pending_uploads().unwrap();
    let [kept] = &pending.list().await.unwrap()[..] else { panic!("one entry") };
    assert_eq!((kept.id(), &kept.settings["name"]), (entry, &"Surf".into()));
    let uploaded = pending.resume(kept).await.unwrap().run().await.unwrap();
    assert_eq!(uploaded.video_uri, video_uri);
    assert_eq!(fixture.journal_files(), 0);
}

#[tokio::test]
async fn accounts_share_a_journal_without_collisions() {
    let fixture = UploadFixture::new().await;
    let path = fixture.file("film.mp4", &film(1000));
    fixture
        .sandbox
        .add_fault(Fault::new(Effect::Status(400)).host(Host::Upload).method(Method::PATCH).times(2));
    let other = fixture.sandbox.add_user("Other");
    let (ours, theirs) = (fixture.vimeo(), fixture.vimeo().for_account("other", &*other.token).unwrap());
    for vimeo in [&ours, &theirs] {
        vimeo.upload(&path).send().await.unwrap_err();
    }
    let entries = ours.pending_uploads().unwrap().list().await.unwrap();
    let videos: Vec<String> =
        entries.iter().map(|entry| entry.ticket.as_ref().unwrap().video_uri().to_owned()).collect();
    assert_eq!(ours.upload(&path).send().await.unwrap().uri, videos[0]);
    assert_eq!(theirs.upload(&path).send().await.unwrap().uri, videos[1]);
}

#[tokio::test]
async fn sha256_journal_compares_whole_files() {
    let fixture = UploadFixture::new().await;
    let mut film = film(4_000_000);
    let path = fixture.file("film.mp4", &film);
    let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
    // The fault hits every attempt: if the response to a body that is still being sent is lost, the body is sent again.
    let refuse = Fault::new(Effect::Status(400)).host(Host::Upload).method(Method::PATCH).times(100);
    fixture.sandbox.add_fault(refuse);
    let journal = fixture.journal().sha256(true);
    fixture.vimeo().upload(&path).journal(journal.clone()).send().await.unwrap_err();
    // In the middle, outside the sample, and with the modification time restored.
    film[2_000_000] ^= 1;
    std::fs::write(&path, &film).unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
    let error = fixture.vimeo().upload(&path).journal(journal).send().await.unwrap_err();
    let Error::Upload { source, .. } = error else { panic!("{error:?}") };
    assert!(matches!(*source, UploadError::Journal { .. }), "{source:?}");
    assert!(source.to_string().contains("is not the file whose upload started"), "{source}");
}

#[tokio::test]
async fn adoption_compares_whole_files() {
    let fixture = UploadFixture::new().await;
    let mut film = film(4_000_000);
    let path = fixture.file("film.mp4", &film);
    let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
    // In the middle, outside the sample, and with the modification time restored.
    let mut change = || {
        film[2_000_000] ^= 1;
        std::fs::write(&path, &film).unwrap();
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
    };
    let lost = Fault::new(Effect::Reset).operation("upload_video_alt1").phase(Phase::AfterCommit);
    fixture.sandbox.add_fault(lost);
    let vimeo = fixture.builder().journal(fixture.journal().sha256(true)).build().unwrap();
    vimeo.upload(&path).send().await.unwrap_err();
    let pending = vimeo.pending_uploads().unwrap();
    let [entry] = &pending.list().await.unwrap()[..] else { panic!("one entry") };
    let candidates = pending.candidates(entry).await.unwrap();
    let [candidate] = &candidates[..] else { panic!("{candidates:?}") };

    change();
    let refusals = [
        pending.adopt(entry, &candidate.uri).await.map(drop).unwrap_err(),
        pending.resume(entry).await.map(drop).unwrap_err(),
        pending.reconcile(&entry.id()).await.map(drop).unwrap_err(),
    ];
    for error in refusals {
        let Error::Upload { source, .. } = error else { panic!("{error:?}") };
        assert!(matches!(*source, UploadError::Journal { .. }), "{source:?}");
        assert!(source.to_string().contains("is not the file whose upload started"), "{source}");
    }
    assert!(!fixture.requests().iter().any(|step| step.ends_with(" link")), "nothing was sent");

    change();
    let uploaded = pending.adopt(entry, &candidate.uri).await.unwrap().run().await.unwrap();
    assert_eq!(uploaded.video_uri, candidate.uri);
}

#[tokio::test]
async fn uploads_work_without_a_journal() {
    let fixture = UploadFixture::new().await;
    let path = fixture.file("film.mp4", &film(1000));
    assert!(!fixture.vimeo().upload(film(1000)).send().await.unwrap().continued);
    fixture.vimeo().upload(&path).journal(None).send().await.unwrap();
    let ticket = fixture.vimeo().upload(&path).ticket().await.unwrap();
    assert!(ticket.fingerprint().is_some());
    assert!(!fixture.folder.path().join("journal").exists(), "nothing was recorded");
}
