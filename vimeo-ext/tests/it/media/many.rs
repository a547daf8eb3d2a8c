//! Uploads of many files.

use std::sync::{Arc, Mutex};
use vimeo_api::types::VideoViewPrivacy;

use http::Method;
use vimeo_ext::Error;
use vimeo_sandbox::{Effect, Fault, Host};

use super::{UploadFixture, film, no_backoff};

#[tokio::test]
async fn failure_does_not_stop_other_uploads() {
    let fixture = UploadFixture::new().await;
    let paths = [
        fixture.file("a.mp4", &film(50_000)),
        fixture.folder.path().join("missing.mp4"),
        fixture.file("b.mp4", &film(60_000)),
        fixture.file("empty.mp4", b""),
    ];
    let (sum, heard) = (Arc::new(Mutex::new((0, 0))), Arc::new(Mutex::new(Vec::new())));
    let (told, names) = (Arc::clone(&sum), Arc::clone(&heard));
    let uploads = fixture.vimeo().upload_many(&paths).concurrency(2).on_progress(move |progress| {
        *told.lock().unwrap() = (progress.acknowledged, progress.total);
    });
    let uploads = uploads.each(move |upload, path| {
        names.lock().unwrap().push(path.file_name().unwrap().to_owned());
        upload.privacy(VideoViewPrivacy::Nobody).options(no_backoff())
    });
    let results = uploads.send().await.unwrap();

    let names: Vec<&str> = results.iter().map(|result| result.name.rsplit('/').next().unwrap()).collect();
    assert_eq!(names, ["a.mp4", "missing.mp4", "b.mp4", "empty.mp4"]);
    assert_eq!(heard.lock().unwrap().len(), 4);
    assert_eq!(*sum.lock().unwrap(), (110_000, 110_000));
    let done: Vec<bool> = results.iter().map(|result| result.outcome.is_ok()).collect();
    assert_eq!(done, [true, false, true, false]);
    let complaint = results[1].outcome.as_ref().unwrap_err().to_string();
    assert!(complaint.contains("missing.mp4"), "{complaint}");
    let video = &results[0].outcome.as_ref().unwrap().video_uri;
    let read = fixture.vimeo().get(video).fields("name,privacy.view").send().await.unwrap();
    assert_eq!((&read["name"], &read["privacy"]["view"]), (&"a".into(), &"nobody".into()));
    assert_eq!(fixture.journal_files(), 0);
}

#[tokio::test]
async fn rerun_resumes_missing_uploads() {
    let fixture = UploadFixture::new().await;
    let paths = [fixture.file("a.mp4", &film(5000)), fixture.file("b.mp4", &film(6000))];
    fixture.sandbox.add_fault(Fault::new(Effect::Status(400)).host(Host::Upload).method(Method::PATCH));
    let run = || async { fixture.vimeo().upload_many(&paths).concurrency(1).send().await.unwrap() };
    let first = run().await;
    assert!(matches!(first[0].outcome, Err(Error::Upload { .. })) && first[1].outcome.is_ok());
    let pending = fixture.vimeo().pending_uploads().unwrap();
    let [entry] = &pending.list().await.unwrap()[..] else { panic!("one entry") };
    let waiting = entry.ticket.as_ref().unwrap().video_uri().to_owned();
    assert_eq!(run().await[0].outcome.as_ref().unwrap().video_uri, waiting);
}

#[tokio::test]
async fn cancel_creates_no_more_videos() {
    let fixture = UploadFixture::new().await;
    let paths = [fixture.file("a.mp4", &film(5000)), fixture.file("b.mp4", &film(6000))];
    let (running, handle) = fixture.vimeo().upload_many(&paths).controlled().await.unwrap();
    assert_eq!(handle.progress().borrow().total, 11_000);
    handle.cancel();
    let results = running.await.unwrap();
    assert!(results.iter().all(|result| result.outcome.is_err()), "{results:?}");
    assert_eq!(fixture.requests(), [""; 0]);
}
