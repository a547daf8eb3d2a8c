//! Giving an upload up: what waits for its file goes, and what is written down of it.

use std::path::Path;

use http::Method;
use vimeo_ext::Error;
use vimeo_ext::upload::UploadError;
use vimeo_sandbox::{Effect, Fault, Host};

use super::{Place, at_once, film};

/// An upload that ends after its video was created; the video.
async fn left_unfinished(place: &Place, path: &Path) -> String {
    place.sandbox.add_fault(Fault::new(Effect::Status(400)).host(Host::Upload).method(Method::PATCH));
    let error = place.vimeo().upload(path).name("Surf").options(at_once()).send().await.unwrap_err();
    let Error::Upload { ticket: Some(ticket), .. } = error else { panic!("{error:?}") };
    ticket.video_uri().to_owned()
}

async fn is_there(place: &Place, uri: &str) -> bool {
    place.vimeo().get(uri).fields("uri").send().await.is_ok()
}

#[tokio::test]
async fn an_unfinished_upload_is_abandoned_with_its_video_also_without_its_file() {
    let place = Place::new().await;
    let path = place.file("film.mp4", &film(1000));
    let video = left_unfinished(&place, &path).await;
    std::fs::remove_file(&path).unwrap();
    let pending = place.vimeo().pending_uploads().unwrap();
    let [entry] = &pending.list().await.unwrap()[..] else { panic!("one entry") };
    let stranger = place.builder().account("another").build().unwrap().pending_uploads().unwrap();
    assert!(stranger.abandon(entry).await.is_err());
    assert!(is_there(&place, &video).await);

    pending.abandon(entry).await.unwrap();
    assert!(!is_there(&place, &video).await);
    assert_eq!(place.written_down(), 0);
    pending.abandon(entry).await.unwrap();
}

#[tokio::test]
async fn a_video_that_has_its_file_is_not_deleted() {
    let place = Place::new().await;
    let path = place.file("film.mp4", &film(1000));
    let video = left_unfinished(&place, &path).await;
    let pending = place.vimeo().pending_uploads().unwrap();
    let [entry] = &pending.list().await.unwrap()[..] else { panic!("one entry") };
    // Another process finished it, and had no time to say so.
    let ticket = entry.ticket.clone().unwrap();
    vimeo_ext::upload::Upload::new(ticket, &*path).run().await.unwrap();
    pending.abandon(entry).await.unwrap();
    assert!(is_there(&place, &video).await);
    assert_eq!(place.written_down(), 0);
}

#[tokio::test]
async fn a_video_of_unknown_status_is_not_deleted() {
    let place = Place::new().await;
    let path = place.file("film.mp4", &film(1000));
    let video = left_unfinished(&place, &path).await;
    let pending = place.vimeo().pending_uploads().unwrap();
    let [entry] = &pending.list().await.unwrap()[..] else { panic!("one entry") };
    for body in ["{}", r#"{"upload": null}"#, r#"{"upload": {"status": "queued"}}"#, r#"{"ok": true}"#] {
        let effect = Effect::Body(200, "application/json".to_owned(), body.into());
        place.sandbox.add_fault(Fault::new(effect).host(Host::Api).method(Method::GET));
        let error = pending.abandon(entry).await.unwrap_err();
        let Error::Upload { source, .. } = error else { panic!("{body}: {error:?}") };
        assert!(
            matches!(&*source, UploadError::UnknownStatus { uri } if *uri == video),
            "{body}: {source:?}"
        );
        assert!(is_there(&place, &video).await, "{body}");
        assert_eq!(pending.list().await.unwrap().len(), 1, "the entry stays until it is known");
    }
    pending.abandon(entry).await.unwrap();
    assert!(!is_there(&place, &video).await);
}

#[tokio::test]
async fn starting_over_gives_up_what_was_begun_with_other_settings() {
    let place = Place::new().await;
    let path = place.file("film.mp4", &film(1000));
    let before = left_unfinished(&place, &path).await;
    let error = place.vimeo().upload(&path).name("Big").send().await.unwrap_err();
    let Error::Upload { source, .. } = error else { panic!("{error:?}") };
    assert!(matches!(*source, UploadError::SettingsMismatch { .. }), "{source:?}");

    let video = place.vimeo().upload(&path).name("Big").start_over(true).send().await.unwrap();
    assert!(!video.continued && video.uri != before);
    assert!(!is_there(&place, &before).await);
    assert_eq!(place.written_down(), 0);
    // With nothing to give up it is an upload as any other.
    place.vimeo().upload(&path).start_over(true).send().await.unwrap();
}

#[tokio::test]
async fn a_controlled_upload_ends_in_its_video_and_can_be_abandoned() {
    let place = Place::new().await;
    let path = place.file("film.mp4", &film(1000));
    let (upload, handle) = place.vimeo().upload(&path).name("Surf").controlled().await.unwrap();
    handle.pause();
    handle.resume();
    let video = upload.await.unwrap();
    assert!(video.link.is_some() && !video.continued);
    assert_eq!(handle.progress().borrow().acknowledged, 1000);

    let slow = place.vimeo().upload(&path).bandwidth(1);
    let (upload, handle) = slow.controlled().await.unwrap();
    let pending = place.vimeo().pending_uploads().unwrap();
    let [entry] = &pending.list().await.unwrap()[..] else { panic!("one entry") };
    let begun = entry.ticket.as_ref().unwrap().video_uri().to_owned();
    let upload = tokio::spawn(upload);
    handle.abandon();
    let error = upload.await.unwrap().unwrap_err();
    let Error::Upload { source, ticket: None } = error else { panic!("{error:?}") };
    assert!(matches!(*source, UploadError::Cancelled { .. }), "{source:?}");
    assert!(!is_there(&place, &begun).await && is_there(&place, &video.uri).await);
    assert_eq!(place.written_down(), 0);

    let replace = place.vimeo().replace(&*video.uri, &*path).bandwidth(1);
    let (upload, handle) = replace.controlled().await.unwrap();
    let upload = tokio::spawn(upload);
    handle.abandon();
    assert!(upload.await.unwrap().is_err());
    assert!(is_there(&place, &video.uri).await, "its file from before stays");
    assert_eq!(place.written_down(), 0);
}

#[tokio::test]
async fn sizes_of_nothing_are_refused_before_anything_is_sent() {
    let place = Place::new().await;
    let path = place.file("film.mp4", &film(1000));
    for upload in [place.vimeo().upload(&path).chunk_size(0), place.vimeo().upload(&path).bandwidth(0)] {
        let error = upload.send().await.unwrap_err();
        assert!(error.to_string().contains("is 0 bytes"), "{error}");
    }
    assert!(place.vimeo().replace(1, &*path).chunk_size(0).send().await.is_err());
    assert!(place.steps().is_empty() && place.written_down() == 0);

    place.vimeo().upload(&path).chunk_size(400).bandwidth(4 << 20).send().await.unwrap();
    assert_eq!(place.steps().iter().filter(|step| *step == "PATCH link").count(), 3);
}
