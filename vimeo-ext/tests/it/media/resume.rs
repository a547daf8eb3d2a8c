//! Never a second video for one upload, wherever the process ends.

use std::sync::Arc;
use vimeo_api::types::VideoViewPrivacy;

use http::Method;
use tokio::sync::Notify;
use vimeo_api::{Request, TransportFuture};
use vimeo_ext::upload::UploadError;
use vimeo_ext::{Error, Middleware, Next};
use vimeo_sandbox::{Effect, Fault, Host, Phase};

use super::{Place, at_once, film};

#[tokio::test]
async fn the_same_call_goes_on_with_the_same_video() {
    let place = Place::new().await;
    let film = film(3_000_000);
    let path = place.file("film.mp4", &film);
    let half = Fault::new(Effect::Stall).host(Host::Upload).method(Method::PATCH);
    place.sandbox.add_fault(half.phase(Phase::MidBody(1_000_000)));
    let (vimeo, first_path) = (place.vimeo(), path.clone());
    let first = tokio::spawn(async move { vimeo.upload(first_path).name("Surf").send().await });
    while !place.sandbox.request_log().iter().any(|entry| entry.body_length == 1_000_000) {
        tokio::task::yield_now().await;
    }
    // As good as kill -9: no line of the upload runs any more.
    first.abort();
    first.await.unwrap_err();
    assert_eq!(place.vimeo().pending_uploads().unwrap().list().await.unwrap().len(), 1);

    let video = place.vimeo().upload(&path).name("Surf").options(at_once()).send().await.unwrap();
    assert!(video.continued);
    assert!(video.uploaded.resumed_from >= 1_000_000, "{video:?}");
    assert!(video.link.is_some(), "the page is written down with the ticket");
    assert_eq!(place.sandbox.upload_bytes(video.id().unwrap().number()).unwrap(), film);
    assert_eq!(
        place.steps(),
        ["POST /me/videos", "HEAD link", "PATCH link", "HEAD link", "PATCH link", "HEAD link"]
    );
    assert_eq!(place.written_down(), 0);

    let again = place.vimeo().upload(&path).name("Surf").send().await.unwrap();
    assert!(!again.continued && again.uri != video.uri, "a finished upload is not gone on with");
}

#[tokio::test]
async fn two_at_the_same_file_do_not_make_two_videos() {
    let place = Place::new().await;
    let path = place.file("film.mp4", &film(100_000));
    let first = place.vimeo().upload(&path).begin().await.unwrap();
    let error = place.vimeo().upload(&path).send().await.unwrap_err();
    let Error::Upload { source, .. } = error else { panic!("{error:?}") };
    assert!(matches!(*source, UploadError::InUse { .. }), "{source:?}");
    let uploaded = first.run().await.unwrap();
    assert_ne!(place.vimeo().upload(&path).send().await.unwrap().uri, uploaded.video_uri);
    assert_eq!(place.steps().iter().filter(|step| *step == "POST /me/videos").count(), 2);
}

#[tokio::test]
async fn a_creation_without_an_answer_is_never_repeated_and_can_be_adopted() {
    let place = Place::new().await;
    let film = film(100_000);
    let path = place.file("film.mp4", &film);
    place
        .sandbox
        .add_fault(Fault::new(Effect::Reset).operation("upload_video_alt1").phase(Phase::AfterCommit));
    let error = place.vimeo().upload(&path).send().await.unwrap_err();
    assert!(error.call().is_some(), "how asking ended is kept: {error:?}");
    let Error::Upload { source, ticket: None } = error else { panic!("{error:?}") };
    let UploadError::OutcomeUnknown { entry: Some(id), .. } = *source else { panic!("{source:?}") };

    // In a new process as often as one likes: nothing is sent.
    for _ in 0..2 {
        let error = place.vimeo().upload(&path).send().await.unwrap_err().to_string();
        assert!(error.contains("film.mp4") && error.contains(&id), "{error}");
    }
    assert_eq!(place.steps(), ["POST /me/videos"]);

    let vimeo = place.vimeo();
    let pending = vimeo.pending_uploads().unwrap();
    let [entry] = &pending.list().await.unwrap()[..] else { panic!("one entry") };
    assert!(matches!(pending.resume(entry).await, Err(Error::Upload { .. })));
    place.sandbox.add_videos(3);
    let candidates = pending.candidates(entry).await.unwrap();
    let [candidate] = &candidates[..] else { panic!("{candidates:?}") };
    let uploaded = pending.adopt(entry, &candidate.uri).await.unwrap().run().await.unwrap();
    assert_eq!(uploaded.video_uri, candidate.uri);
    let id = candidate.uri.rsplit('/').next().unwrap().parse().unwrap();
    assert_eq!(place.sandbox.upload_bytes(id).unwrap(), film);
    assert_eq!(place.written_down(), 0);
}

/// Lets nothing through.
struct Hold(Arc<Notify>);

impl Middleware for Hold {
    fn send<'a>(&'a self, _: &'a mut Request, _: Next<'a>) -> TransportFuture<'a> {
        self.0.notify_one();
        Box::pin(std::future::pending())
    }
}

/// Refuses everything.
struct Closed;

impl Middleware for Closed {
    fn send<'a>(&'a self, _: &'a mut Request, _: Next<'a>) -> TransportFuture<'a> {
        Box::pin(async { Err(vimeo_api::Error::Middleware("closed on Sundays".into())) })
    }
}

#[tokio::test]
async fn a_call_that_a_layer_refuses_is_refused_and_nothing_else() {
    let place = Place::new().await;
    let path = place.file("film.mp4", &film(1000));
    let closed = place.builder().per_attempt_middleware(Closed).build().unwrap();
    for error in
        [closed.upload(&path).send().await.unwrap_err(), closed.upload_ticket(5).send().await.unwrap_err()]
    {
        assert!(matches!(error, Error::Call(vimeo_api::Error::Middleware(_))), "{error:?}");
    }
    assert_eq!(place.written_down(), 0);
}

#[tokio::test]
async fn a_call_that_ends_before_it_is_sent_is_no_reason_to_look() {
    let place = Place::new().await;
    let path = place.file("film.mp4", &film(1000));
    // Whoever waits for a turn has asked nothing yet: here the first attempt never leaves.
    let waiting = Arc::new(Notify::new());
    let held = place.builder().per_attempt_middleware(Hold(Arc::clone(&waiting))).build().unwrap();
    let upload = tokio::spawn(held.upload(&path).send());
    waiting.notified().await;
    upload.abort();
    upload.await.unwrap_err();
    assert_eq!(place.vimeo().pending_uploads().unwrap().list().await.unwrap().len(), 1);
    assert_eq!(place.steps(), [""; 0]);
    assert!(!place.vimeo().upload(&path).name("Another").send().await.unwrap().continued);
}

#[tokio::test]
async fn an_upload_whose_link_is_gone_says_so_until_it_is_discarded() {
    let place = Place::new().await;
    let path = place.file("film.mp4", &film(1000));
    place.sandbox.add_fault(Fault::new(Effect::LoseUpload).host(Host::Upload));
    for _ in 0..2 {
        let error = place.vimeo().upload(&path).send().await.unwrap_err();
        let Error::Upload { source, ticket: Some(_) } = error else { panic!("{error:?}") };
        assert!(matches!(*source, UploadError::LinkGone { .. }), "{source:?}");
        assert!(source.to_string().contains("discard its journal entry"), "{source}");
    }
    assert_eq!(place.steps(), ["POST /me/videos", "HEAD link", "HEAD link"]);
    let pending = place.vimeo().pending_uploads().unwrap();
    let [entry] = &pending.list().await.unwrap()[..] else { panic!("one entry") };
    assert!(pending.discard(&entry.id()).await.unwrap());
    let error = pending.resume(entry).await.unwrap_err();
    assert!(error.to_string().contains("has ended since"), "{error}");
    assert_eq!(place.written_down(), 0);
    assert!(!place.vimeo().upload(&path).send().await.unwrap().continued);
}

#[tokio::test]
async fn without_a_candidate_the_entry_is_discarded_and_the_call_starts_over() {
    let place = Place::new().await;
    let path = place.file("film.mp4", &film(1000));
    place.sandbox.add_fault(Fault::new(Effect::Reset).operation("upload_video_alt1"));
    place.vimeo().upload(&path).send().await.unwrap_err();
    let pending = place.vimeo().pending_uploads().unwrap();
    let [entry] = &pending.list().await.unwrap()[..] else { panic!("one entry") };
    assert_eq!(pending.candidates(entry).await.unwrap(), []);

    let stranger = place.builder().account("another").build().unwrap().pending_uploads().unwrap();
    let error = stranger.candidates(entry).await.unwrap_err();
    assert!(error.to_string().contains("by another account or at another API"), "{error}");

    assert!(pending.discard(&entry.id()).await.unwrap());
    assert!(!place.vimeo().upload(&path).send().await.unwrap().continued);
}

#[tokio::test]
async fn a_gateway_that_gives_up_says_nothing_about_the_video() {
    let place = Place::new().await;
    let path = place.file("film.mp4", &film(1000));
    for effect in [Effect::Html(502), Effect::Status(504), Effect::Truncate(5)] {
        place.sandbox.add_fault(Fault::new(effect).operation("upload_video_alt1").phase(Phase::AfterCommit));
        let error = place.vimeo().upload(&path).send().await.unwrap_err();
        let Error::Upload { source, .. } = &error else { panic!("{error:?}") };
        let UploadError::OutcomeUnknown { entry: Some(id), .. } = &**source else { panic!("{source:?}") };
        assert!(place.vimeo().pending_uploads().unwrap().discard(id).await.unwrap());
    }
    assert_eq!(place.steps(), ["POST /me/videos"; 3]);
    // The same for what is not a file, without a journal to keep it in.
    place.sandbox.add_fault(Fault::new(Effect::Reset).operation("upload_video_alt1"));
    let error = place.vimeo().upload(film(1000)).send().await.unwrap_err();
    let Error::Upload { source, .. } = &error else { panic!("{error:?}") };
    assert!(matches!(**source, UploadError::OutcomeUnknown { entry: None, .. }), "{source:?}");
    assert_eq!(place.written_down(), 0);
}

#[tokio::test]
async fn what_surely_was_not_created_leaves_nothing_behind() {
    let place = Place::new().await;
    let path = place.file("film.mp4", &film(1000));
    for status in [400, 401, 403, 404] {
        place.sandbox.add_fault(Fault::new(Effect::Status(status)).operation("upload_video_alt1"));
        let error = place.vimeo().upload(&path).send().await.unwrap_err();
        assert!(matches!(error, Error::Call(_)), "{error:?}");
        assert_eq!(place.written_down(), 0, "{status}");
    }
    let nobody = place.builder().base_url("http://127.0.0.1:1/").build().unwrap();
    let error = nobody.upload(&path).send().await.unwrap_err();
    assert!(matches!(error, Error::Call(_)), "{error:?}");
    assert_eq!(place.written_down(), 0);
}

#[tokio::test]
async fn an_upload_begun_with_other_settings_is_not_taken_up_silently() {
    let place = Place::new().await;
    let film = film(1_000_000);
    let path = place.file("film.mp4", &film);
    // Each time: a response to a body that is still being sent can get lost, and then the body is sent again.
    place
        .sandbox
        .add_fault(Fault::new(Effect::Status(400)).host(Host::Upload).method(Method::PATCH).times(100));
    let error =
        place.vimeo().upload(&path).name("Surf").privacy(VideoViewPrivacy::Anybody).send().await.unwrap_err();
    place.sandbox.clear_faults();
    assert!(matches!(error, Error::Upload { ticket: Some(_), .. }), "{error:?}");

    let error =
        place.vimeo().upload(&path).name("Surf").privacy(VideoViewPrivacy::Nobody).send().await.unwrap_err();
    let Error::Upload { source, .. } = error else { panic!("{error:?}") };
    let UploadError::SettingsMismatch { differing, video_uri, entry, .. } = *source else {
        panic!("{source:?}")
    };
    assert_eq!(differing, ["privacy"]);

    let pending = place.vimeo().pending_uploads().unwrap();
    let [kept] = &pending.list().await.unwrap()[..] else { panic!("one entry") };
    assert_eq!((kept.id(), &kept.settings["name"]), (entry, &"Surf".into()));
    let uploaded = pending.resume(kept).await.unwrap().run().await.unwrap();
    assert_eq!(uploaded.video_uri, video_uri);
    assert_eq!(place.written_down(), 0);
}

#[tokio::test]
async fn accounts_do_not_meet_in_one_journal() {
    let place = Place::new().await;
    let path = place.file("film.mp4", &film(1000));
    place
        .sandbox
        .add_fault(Fault::new(Effect::Status(400)).host(Host::Upload).method(Method::PATCH).times(2));
    let other = place.sandbox.add_user("Other");
    let (ours, theirs) = (place.vimeo(), place.vimeo().for_account("other", &*other.token).unwrap());
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
async fn a_file_is_compared_whole_where_that_is_asked_for() {
    let place = Place::new().await;
    let mut film = film(4_000_000);
    let path = place.file("film.mp4", &film);
    let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
    // Each time: an answer to a body that is still being sent can get lost, and then it is sent again.
    let refuse = Fault::new(Effect::Status(400)).host(Host::Upload).method(Method::PATCH).times(100);
    place.sandbox.add_fault(refuse);
    let journal = place.journal().sha256(true);
    place.vimeo().upload(&path).journal(journal.clone()).send().await.unwrap_err();
    // In the middle, where the sample does not look, and with the time set back.
    film[2_000_000] ^= 1;
    std::fs::write(&path, &film).unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
    let error = place.vimeo().upload(&path).journal(journal).send().await.unwrap_err();
    let Error::Upload { source, .. } = error else { panic!("{error:?}") };
    assert!(matches!(*source, UploadError::Journal { .. }), "{source:?}");
    assert!(source.to_string().contains("is not the file whose upload began"), "{source}");
}

#[tokio::test]
async fn what_has_no_path_or_no_journal_is_uploaded_all_the_same() {
    let place = Place::new().await;
    let path = place.file("film.mp4", &film(1000));
    assert!(!place.vimeo().upload(film(1000)).send().await.unwrap().continued);
    place.vimeo().upload(&path).journal(None).send().await.unwrap();
    let ticket = place.vimeo().upload(&path).ticket().await.unwrap();
    assert!(ticket.fingerprint().is_some());
    assert!(!place.folder.path().join("journal").exists(), "nothing was written down");
}
