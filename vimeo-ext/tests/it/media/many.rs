//! Many files at once.

use std::sync::{Arc, Mutex};
use vimeo_api::types::VideoViewPrivacy;

use http::Method;
use vimeo_ext::Error;
use vimeo_sandbox::{Effect, Fault, Host};

use super::{Place, at_once, film};

#[tokio::test]
async fn one_that_fails_does_not_stop_the_others() {
    let place = Place::new().await;
    let paths = [
        place.file("a.mp4", &film(50_000)),
        place.folder.path().join("missing.mp4"),
        place.file("b.mp4", &film(60_000)),
        place.file("empty.mp4", b""),
    ];
    let (sum, heard) = (Arc::new(Mutex::new((0, 0))), Arc::new(Mutex::new(Vec::new())));
    let (told, names) = (Arc::clone(&sum), Arc::clone(&heard));
    let uploads = place.vimeo().upload_many(&paths).concurrency(2).on_progress(move |progress| {
        *told.lock().unwrap() = (progress.acknowledged, progress.total);
    });
    let uploads = uploads.each(move |upload, path| {
        names.lock().unwrap().push(path.file_name().unwrap().to_owned());
        upload.privacy(VideoViewPrivacy::Nobody).options(at_once())
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
    let read = place.vimeo().get(video).fields("name,privacy.view").send().await.unwrap();
    assert_eq!((&read["name"], &read["privacy"]["view"]), (&"a".into(), &"nobody".into()));
    assert_eq!(place.written_down(), 0);
}

#[tokio::test]
async fn a_batch_that_is_killed_goes_on_with_what_is_missing() {
    let place = Place::new().await;
    let paths = [place.file("a.mp4", &film(5000)), place.file("b.mp4", &film(6000))];
    place.sandbox.add_fault(Fault::new(Effect::Status(400)).host(Host::Upload).method(Method::PATCH));
    let run = || async { place.vimeo().upload_many(&paths).concurrency(1).send().await.unwrap() };
    let first = run().await;
    assert!(matches!(first[0].outcome, Err(Error::Upload { .. })) && first[1].outcome.is_ok());
    let pending = place.vimeo().pending_uploads().unwrap();
    let [entry] = &pending.list().await.unwrap()[..] else { panic!("one entry") };
    let waiting = entry.ticket.as_ref().unwrap().video_uri().to_owned();
    assert_eq!(run().await[0].outcome.as_ref().unwrap().video_uri, waiting);
}

#[tokio::test]
async fn a_cancelled_batch_creates_nothing_more() {
    let place = Place::new().await;
    let paths = [place.file("a.mp4", &film(5000)), place.file("b.mp4", &film(6000))];
    let (running, handle) = place.vimeo().upload_many(&paths).controlled().await.unwrap();
    assert_eq!(handle.progress().borrow().total, 11_000);
    handle.cancel();
    let results = running.await.unwrap();
    assert!(results.iter().all(|result| result.outcome.is_err()), "{results:?}");
    assert_eq!(place.steps(), [""; 0]);
}
