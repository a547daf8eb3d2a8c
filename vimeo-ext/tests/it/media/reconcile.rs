//! Reconciliation of creations without a response.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use vimeo_api::types::VideoViewPrivacy;

use chrono::{DateTime, TimeDelta, Utc};
use http::Method;
use serde_json::{Value, json};
use tokio::time::Instant;
use vimeo_ext::upload::UploadError;
use vimeo_ext::{Error, Reconciliation};
use vimeo_sandbox::{Effect, Fault, Phase};

use super::{UploadFixture, film, no_backoff};
use crate::fake::{Fake, FakeResponse, RecordedRequest, respond};

fn unanswered(error: &Error) -> String {
    let Error::Upload { source, .. } = error else { panic!("{error:?}") };
    let UploadError::OutcomeUnknown { entry: Some(id), .. } = &**source else { panic!("{source:?}") };
    id.clone()
}

#[tokio::test]
async fn reconcile_finds_the_video_of_a_lost_response() {
    let fixture = UploadFixture::new().await;
    let film = film(100_000);
    let path = fixture.file("film.mp4", &film);
    let upload =
        || fixture.vimeo().upload(&path).name("Surf").privacy(VideoViewPrivacy::Nobody).options(no_backoff());
    let create = || Fault::new(Effect::Html(502)).method(Method::POST).path("/me/videos");
    fixture.sandbox.add_fault(create().phase(Phase::AfterCommit));
    let id = unanswered(&upload().send().await.unwrap_err());

    let pending = fixture.vimeo().pending_uploads().unwrap();
    let Reconciliation::Found { uri } = pending.reconcile(&id).await.unwrap() else { panic!("not found") };
    let video = upload().send().await.unwrap();
    assert!(video.continued && video.uri == uri, "{video:?}");
    assert_eq!(fixture.sandbox.upload_bytes(video.id().unwrap().number()).unwrap(), film);
    let posts = fixture.requests().iter().filter(|step| *step == "POST /me/videos").count();
    assert_eq!(posts, 1);
    assert_eq!(pending.reconcile(&id).await.unwrap(), Reconciliation::NotCreated, "finished");
}

#[tokio::test]
async fn reconciled_upload_keeps_its_settings() {
    let fixture = UploadFixture::new().await;
    let path = fixture.file("film.mp4", &film(1000));
    let lost = Fault::new(Effect::Reset).method(Method::POST).path("/me/videos");
    fixture.sandbox.add_fault(lost.phase(Phase::AfterCommit));
    let draft = fixture
        .vimeo()
        .upload(&path)
        .name("Draft")
        .privacy(VideoViewPrivacy::Anybody)
        .send()
        .await
        .unwrap_err();
    let id = unanswered(&draft);
    let pending = fixture.vimeo().pending_uploads().unwrap();
    assert!(matches!(pending.reconcile(&id).await.unwrap(), Reconciliation::Found { .. }));
    // The same file with other settings does not resume it.
    let error = fixture
        .vimeo()
        .upload(&path)
        .name("Draft")
        .privacy(VideoViewPrivacy::Nobody)
        .send()
        .await
        .unwrap_err();
    let Error::Upload { source, .. } = error else { panic!("{error:?}") };
    assert!(matches!(&*source, UploadError::SettingsMismatch { differing, .. } if differing == &["privacy"]));
}

/// A fake Vimeo that loses creations and lists these videos.
struct Listing {
    fake: Fake,
    lists: Arc<AtomicUsize>,
    videos: Arc<Mutex<Vec<Value>>>,
}

impl Listing {
    /// `ahead` is how far Vimeo's clock is ahead of the local clock.
    fn new(creation: fn() -> FakeResponse, ahead: TimeDelta) -> Self {
        let (lists, videos) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::<Value>::new())));
        let (counted, listed) = (Arc::clone(&lists), Arc::clone(&videos));
        let fake = Fake::new(move |seen: &RecordedRequest, _| {
            let date = (Utc::now() + ahead).to_rfc2822();
            if seen.method == Method::POST {
                return creation().header("date", date);
            }
            counted.fetch_add(1, Ordering::SeqCst);
            let videos = listed.lock().unwrap();
            respond(200).json(json!({"total": videos.len(), "data": *videos})).header("date", date)
        });
        Self { fake, lists, videos }
    }

    fn add(&self, uri: &str, created: DateTime<Utc>, view: &str) {
        self.videos.lock().unwrap().push(json!({
            "uri": uri, "name": "Surf", "created_time": created.to_rfc3339(), "privacy": {"view": view},
            "upload": {"status": "in_progress", "size": 1000},
        }));
    }
}

async fn search(fixture: &UploadFixture, listing: &Listing) -> Result<Reconciliation, Error> {
    let path = fixture.file("film.mp4", &film(1000));
    let vimeo = listing.fake.builder().journal(fixture.journal()).build().unwrap();
    let error = vimeo.upload(&path).name("Surf").privacy(VideoViewPrivacy::Nobody).send().await.unwrap_err();
    vimeo.pending_uploads()?.reconcile(&unanswered(&error)).await
}

#[tokio::test(start_paused = true)]
async fn reconcile_tolerates_wrong_clocks() {
    for hours in [-25, -1, 0, 1, 25] {
        let fixture = UploadFixture::new().await;
        let ahead = TimeDelta::hours(hours);
        let listing = Listing::new(|| respond(502).body("<html>gateway</html>"), ahead);
        let created = Utc::now() + ahead;
        listing.add("/videos/1", created, "nobody");
        listing.add("/videos/2", created, "anybody");
        listing.add("/videos/3", created - TimeDelta::hours(2), "nobody");
        let error = search(&fixture, &listing).await.unwrap_err();
        // The fake has no link for it; only the lookup matters.
        assert!(
            matches!(&error, Error::Upload { source, .. } if matches!(&**source, UploadError::MissingUploadLink { video_uri } if video_uri == "/videos/1")),
            "{hours} h: {error:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn several_candidates_are_ambiguous() {
    let fixture = UploadFixture::new().await;
    let listing = Listing::new(|| respond(408).body("<html>gateway</html>"), TimeDelta::zero());
    for uri in ["/videos/1", "/videos/2"] {
        listing.add(uri, Utc::now(), "nobody");
    }
    let Reconciliation::Ambiguous(several) = search(&fixture, &listing).await.unwrap() else { panic!("one") };
    assert_eq!(several.iter().map(|one| one.uri.as_str()).collect::<Vec<_>>(), ["/videos/1", "/videos/2"]);
    assert_eq!(fixture.vimeo().pending_uploads().unwrap().list().await.unwrap().len(), 1, "the entry stays");
}

/// A damaged entry does not tell whether a video was created.
#[tokio::test(start_paused = true)]
async fn damaged_entry_is_not_reconciled() {
    let fixture = UploadFixture::new().await;
    let listing = Listing::new(|| respond(504).body("gateway"), TimeDelta::zero());
    let vimeo = listing.fake.builder().journal(fixture.journal()).build().unwrap();
    let mut ids = Vec::new();
    for name in ["film.mp4", "other.mp4"] {
        let path = fixture.file(name, &film(1000));
        ids.push(unanswered(&vimeo.upload(&path).name("Surf").send().await.unwrap_err()));
    }
    let file = fixture.folder.path().join("journal").join(format!("{}.json", ids[0]));
    let text = std::fs::read(&file).unwrap();
    std::fs::write(&file, &text[..text.len() / 2]).unwrap();

    let pending = vimeo.pending_uploads().unwrap();
    for _ in 0..2 {
        let error = pending.reconcile(&ids[0]).await.unwrap_err();
        let Error::Upload { source, .. } = error else { panic!("{error:?}") };
        assert!(matches!(*source, UploadError::Journal { .. }), "{source:?}");
        assert_eq!(source.journal_entry(), Some(&*ids[0]));
    }
    assert_eq!(listing.lists.load(Ordering::SeqCst), 0, "nothing is searched for");
    let [damaged] = &pending.damaged().await.unwrap()[..] else { panic!("the entry stays") };
    assert_eq!(damaged.id, ids[0]);
    // It does not prevent another reconciliation, and is gone once it is discarded.
    assert_eq!(pending.reconcile(&ids[1]).await.unwrap(), Reconciliation::NotCreated);
    assert!(pending.discard(&ids[0]).await.unwrap());
    assert_eq!(pending.reconcile(&ids[0]).await.unwrap(), Reconciliation::NotCreated);
}

#[tokio::test(start_paused = true)]
async fn search_ends_after_ten_seconds() {
    for set_back in [false, true] {
        let fixture = UploadFixture::new().await;
        let listing = Listing::new(|| respond(504).body("gateway"), TimeDelta::zero());
        let path = fixture.file("film.mp4", &film(1000));
        let vimeo = listing.fake.builder().journal(fixture.journal()).build().unwrap();
        let id = unanswered(&vimeo.upload(&path).name("Surf").send().await.unwrap_err());
        if set_back {
            // As if it had been requested by a clock that was a day ahead.
            let file = fixture.folder.path().join("journal").join(format!("{id}.json"));
            let mut entry: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
            entry["asked"] = json!(Utc::now() + TimeDelta::days(1));
            entry.as_object_mut().unwrap().remove("server_clock_ahead");
            std::fs::write(&file, entry.to_string()).unwrap();
        }
        let begun = Instant::now();
        let outcome = vimeo.pending_uploads().unwrap().reconcile(&id).await.unwrap();
        assert_eq!(outcome, Reconciliation::NotCreated, "set back: {set_back}");
        let (took, lists) = (begun.elapsed(), listing.lists.load(Ordering::SeqCst));
        assert!(took <= Duration::from_secs(11), "{took:?}");
        assert!((2..=8).contains(&lists), "{lists} lists in {took:?}");
        assert_eq!(fixture.journal_files(), 0, "the next call creates the video");
    }
}

#[tokio::test(start_paused = true)]
async fn only_vimeo_errors_prove_nothing_was_created() {
    let code = r#"{"error": "Something strange occurred.", "error_code": 3116}"#;
    let words = r#"{"error": "Not now."}"#;
    let page = "<html>gateway</html>";
    // (status, body, whether it is known that nothing was created)
    let table = [
        (408, page, false),
        (425, page, false),
        (429, page, false),
        (499, page, false),
        (499, "", false),
        (408, words, false),
        (429, words, true),
        (425, words, true),
        (400, words, true),
        // An intermediary proves nothing, whatever its status.
        (400, page, false),
        (403, page, false),
        (413, page, false),
        (302, page, false),
        (500, page, false),
        (502, words, false),
        (502, code, true),
        (503, code, true),
        (520, page, false),
        (200, page, false),
    ];
    for (status, body, known) in table {
        let fake = Fake::new(move |_, _| respond(status).body(body));
        let vimeo = fake.builder().retry(vimeo_ext::RetryPolicy::never()).build().unwrap();
        let error = vimeo.upload(film(10)).send().await.unwrap_err();
        let open = matches!(&error, Error::Upload { source, .. } if matches!(**source, UploadError::OutcomeUnknown { .. }));
        assert_eq!(!open, known, "{status} {body}: {error:?}");
        if body == code {
            assert!(error.to_string().contains("3116") && error.to_string().contains("strange"), "{error}");
        }
    }
}

#[tokio::test]
async fn is_own_compares_accounts() {
    let fixture = UploadFixture::new().await;
    let path = fixture.file("film.mp4", &film(1000));
    let refuse = Fault::new(Effect::Status(400)).host(vimeo_sandbox::Host::Upload).method(Method::PATCH);
    fixture.sandbox.add_fault(refuse);
    let anna = fixture.builder().account("anna").build().unwrap();
    anna.upload(&path).send().await.unwrap_err();
    let [entry] = &anna.pending_uploads().unwrap().list().await.unwrap()[..] else { panic!("one entry") };
    assert_eq!(entry.account(), Some("anna"));
    assert!(anna.pending_uploads().unwrap().is_own(entry));
    for other in [fixture.builder().account("bert").build().unwrap(), fixture.vimeo()] {
        assert!(!other.pending_uploads().unwrap().is_own(entry));
        let error = other.pending_uploads().unwrap().reconcile(&entry.id()).await.unwrap_err();
        assert!(error.to_string().contains("by another account or at another API"), "{error}");
    }
}
