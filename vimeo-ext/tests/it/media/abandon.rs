//! Abandoning uploads: the incomplete video and the journal entry are deleted.

use std::path::Path;

use http::Method;
use serde_json::json;
use vimeo_ext::upload::{UploadError, UploadTicket};
use vimeo_ext::{Error, Vimeo};
use vimeo_sandbox::{Effect, Fault, Host};
use wiremock::matchers::{method, path as path_is};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{UploadFixture, film, no_backoff};
use crate::tus_server::TusServer;

/// Fails an upload after its video was created; returns the video.
async fn fail_upload(fixture: &UploadFixture, path: &Path) -> String {
    fixture.sandbox.add_fault(Fault::new(Effect::Status(400)).host(Host::Upload).method(Method::PATCH));
    let error = fixture.vimeo().upload(path).name("Surf").options(no_backoff()).send().await.unwrap_err();
    let Error::Upload { ticket: Some(ticket), .. } = error else { panic!("{error:?}") };
    ticket.video_uri().to_owned()
}

async fn is_there(fixture: &UploadFixture, uri: &str) -> bool {
    fixture.vimeo().get(uri).fields("uri").send().await.is_ok()
}

#[tokio::test]
async fn abandon_deletes_the_video_even_without_the_file() {
    let fixture = UploadFixture::new().await;
    let path = fixture.file("film.mp4", &film(1000));
    let video = fail_upload(&fixture, &path).await;
    std::fs::remove_file(&path).unwrap();
    let pending = fixture.vimeo().pending_uploads().unwrap();
    let [entry] = &pending.list().await.unwrap()[..] else { panic!("one entry") };
    let stranger = fixture.builder().account("another").build().unwrap().pending_uploads().unwrap();
    assert!(stranger.abandon(entry).await.is_err());
    assert!(is_there(&fixture, &video).await);

    pending.abandon(entry).await.unwrap();
    assert!(!is_there(&fixture, &video).await);
    assert_eq!(fixture.journal_files(), 0);
    pending.abandon(entry).await.unwrap();
}

#[tokio::test]
async fn abandon_keeps_a_complete_video() {
    let fixture = UploadFixture::new().await;
    let path = fixture.file("film.mp4", &film(1000));
    let video = fail_upload(&fixture, &path).await;
    let pending = fixture.vimeo().pending_uploads().unwrap();
    let [entry] = &pending.list().await.unwrap()[..] else { panic!("one entry") };
    // Another process finished it and was killed before it removed the entry.
    let ticket = entry.ticket.clone().unwrap();
    vimeo_ext::upload::Upload::new(ticket, &*path).run().await.unwrap();
    pending.abandon(entry).await.unwrap();
    assert!(is_there(&fixture, &video).await);
    assert_eq!(fixture.journal_files(), 0);
}

#[tokio::test]
async fn abandon_keeps_a_video_of_unknown_status() {
    let fixture = UploadFixture::new().await;
    let path = fixture.file("film.mp4", &film(1000));
    let video = fail_upload(&fixture, &path).await;
    let pending = fixture.vimeo().pending_uploads().unwrap();
    let [entry] = &pending.list().await.unwrap()[..] else { panic!("one entry") };
    for body in ["{}", r#"{"upload": null}"#, r#"{"upload": {"status": "queued"}}"#, r#"{"ok": true}"#] {
        let effect = Effect::Body(200, "application/json".to_owned(), body.into());
        fixture.sandbox.add_fault(Fault::new(effect).host(Host::Api).method(Method::GET));
        let error = pending.abandon(entry).await.unwrap_err();
        let Error::Upload { source, .. } = error else { panic!("{body}: {error:?}") };
        assert!(
            matches!(&*source, UploadError::UnknownStatus { uri } if *uri == video),
            "{body}: {source:?}"
        );
        assert!(is_there(&fixture, &video).await, "{body}");
        assert_eq!(pending.list().await.unwrap().len(), 1, "the entry stays");
    }
    pending.abandon(entry).await.unwrap();
    assert!(!is_there(&fixture, &video).await);
}

#[tokio::test]
async fn start_over_abandons_the_earlier_upload() {
    let fixture = UploadFixture::new().await;
    let path = fixture.file("film.mp4", &film(1000));
    let before = fail_upload(&fixture, &path).await;
    let error = fixture.vimeo().upload(&path).name("Big").send().await.unwrap_err();
    let Error::Upload { source, .. } = error else { panic!("{error:?}") };
    assert!(matches!(*source, UploadError::SettingsMismatch { .. }), "{source:?}");

    let video = fixture.vimeo().upload(&path).name("Big").start_over(true).send().await.unwrap();
    assert!(!video.continued && video.uri != before);
    assert!(!is_there(&fixture, &before).await);
    assert_eq!(fixture.journal_files(), 0);
    // Without an earlier upload it is an ordinary upload.
    fixture.vimeo().upload(&path).start_over(true).send().await.unwrap();
}

#[tokio::test]
async fn controlled_upload_returns_the_video_or_is_abandoned() {
    let fixture = UploadFixture::new().await;
    let path = fixture.file("film.mp4", &film(1000));
    let (upload, handle) = fixture.vimeo().upload(&path).name("Surf").controlled().await.unwrap();
    handle.pause();
    handle.resume();
    let video = upload.await.unwrap();
    assert!(video.link.is_some() && !video.continued);
    assert_eq!(handle.progress().borrow().acknowledged, 1000);

    let slow = fixture.vimeo().upload(&path).bandwidth(1);
    let (upload, handle) = slow.controlled().await.unwrap();
    let pending = fixture.vimeo().pending_uploads().unwrap();
    let [entry] = &pending.list().await.unwrap()[..] else { panic!("one entry") };
    let begun = entry.ticket.as_ref().unwrap().video_uri().to_owned();
    let upload = tokio::spawn(upload);
    handle.abandon();
    let error = upload.await.unwrap().unwrap_err();
    let Error::Upload { source, ticket: None } = error else { panic!("{error:?}") };
    assert!(matches!(*source, UploadError::Cancelled { .. }), "{source:?}");
    assert!(!is_there(&fixture, &begun).await && is_there(&fixture, &video.uri).await);
    assert_eq!(fixture.journal_files(), 0);

    let replace = fixture.vimeo().replace(&*video.uri, &*path).bandwidth(1);
    let (upload, handle) = replace.controlled().await.unwrap();
    let upload = tokio::spawn(upload);
    handle.abandon();
    assert!(upload.await.unwrap().is_err());
    assert!(is_there(&fixture, &video.uri).await, "the old file stays");
    assert_eq!(fixture.journal_files(), 0);
}

/// The abandoned upload could not be deleted: the error has the ticket, and the entry stays.
#[tokio::test]
async fn failed_abandon_keeps_ticket_and_entry() {
    let fixture = UploadFixture::new().await;
    let film = film(1000);
    let path = fixture.file("film.mp4", &film);
    let forbidden = || Fault::new(Effect::Status(403)).host(Host::Api).method(Method::DELETE);
    let unknown = || {
        let effect = Effect::Body(200, "application/json".to_owned(), r#"{"upload": null}"#.into());
        Fault::new(effect).host(Host::Api).method(Method::GET)
    };
    for (fault, is_forbidden) in [(forbidden(), true), (unknown(), false)] {
        let (upload, handle) =
            fixture.vimeo().upload(&path).bandwidth(1).start_over(true).controlled().await.unwrap();
        fixture.sandbox.add_fault(fault);
        handle.abandon();
        let error = upload.await.unwrap_err();
        assert_eq!(error.is_forbidden(), is_forbidden, "{error:?}");
        let Error::Upload { source, ticket: Some(ticket) } = error else { panic!("{error:?}") };
        let video = ticket.video_uri();
        match &*source {
            UploadError::DeletionFailed { uri, .. } => assert!(is_forbidden && uri == video, "{source:?}"),
            UploadError::UnknownStatus { uri } => assert!(!is_forbidden && uri == video, "{source:?}"),
            _ => panic!("{source:?}"),
        }
        assert!(source.to_string().contains("not deleted"), "{source}");
        assert!(source.is_resumable() && source.video_uri() == Some(video));
        assert!(is_there(&fixture, video).await);
        let pending = fixture.vimeo().pending_uploads().unwrap();
        let [entry] = &pending.list().await.unwrap()[..] else { panic!("one entry") };
        assert_eq!(entry.ticket.as_ref().unwrap().video_uri(), video);
    }

    // Without a journal, the ticket is all there is.
    let (upload, handle) = fixture.vimeo().upload(film.clone()).bandwidth(1).controlled().await.unwrap();
    fixture.sandbox.add_fault(forbidden());
    handle.abandon();
    let Err(Error::Upload { ticket: Some(ticket), .. }) = upload.await else { panic!("no ticket") };
    let uploaded = vimeo_ext::upload::Upload::new(*ticket, film).run().await.unwrap();
    assert!(is_there(&fixture, &uploaded.video_uri).await);
}

#[tokio::test]
async fn abandon_keeps_the_entry_of_another_video() {
    let fixture = UploadFixture::new().await;
    let path = fixture.file("film.mp4", &film(1000));
    let (upload, handle) = fixture.vimeo().upload(&path).bandwidth(1).controlled().await.unwrap();
    let pending = fixture.vimeo().pending_uploads().unwrap();
    let [entry] = &pending.list().await.unwrap()[..] else { panic!("one entry") };
    let ours = entry.ticket.as_ref().unwrap().video_uri().to_owned();
    // As if another process had started the upload of the file over.
    let file = fixture.folder.path().join("journal").join(format!("{}.json", entry.id()));
    let mut text: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let theirs = UploadTicket::new("/videos/99", "https://files.example/another?sig=s3cret", 1000).unwrap();
    text["ticket"] = serde_json::to_value(&theirs).unwrap();
    std::fs::write(&file, text.to_string()).unwrap();
    handle.abandon();
    let Err(Error::Upload { ticket: None, .. }) = upload.await else { panic!("not abandoned") };
    assert!(!is_there(&fixture, &ours).await);
    let [entry] = &pending.list().await.unwrap()[..] else { panic!("one entry") };
    assert_eq!(entry.ticket.as_ref().unwrap().video_uri(), "/videos/99");
}

/// Vimeo did not name the version that the upload fills, so nothing can be deleted.
#[tokio::test]
async fn unnamed_version_keeps_ticket_and_entry() {
    let fixture = UploadFixture::new().await;
    let path = fixture.file("cut.mp4", &film(1000));
    let tus = TusServer::start(1000, []).await;
    let server = MockServer::start().await;
    let created = ResponseTemplate::new(201).set_body_json(json!({"upload": {"upload_link": tus.link()}}));
    Mock::given(method("POST")).and(path_is("/videos/7/versions")).respond_with(created).mount(&server).await;
    let vimeo = Vimeo::builder().access_token("t0ken").base_url(server.uri()).journal(fixture.journal());
    let vimeo = vimeo.build().unwrap();
    let (upload, handle) = vimeo.replace(7, &*path).bandwidth(1).controlled().await.unwrap();
    handle.abandon();
    let error = upload.await.unwrap_err();
    let Error::Upload { source, ticket: Some(ticket) } = error else { panic!("{error:?}") };
    assert!(matches!(*source, UploadError::UnknownVersion { .. }), "{source:?}");
    assert_eq!((source.video_uri(), ticket.video_uri()), (Some("/videos/7"), "/videos/7"));

    let pending = vimeo.pending_uploads().unwrap();
    let [entry] = &pending.list().await.unwrap()[..] else { panic!("one entry") };
    let error = pending.abandon(entry).await.unwrap_err();
    let Error::Upload { source, .. } = error else { panic!("{error:?}") };
    assert!(matches!(*source, UploadError::UnknownVersion { .. }), "{source:?}");
    assert_eq!(pending.list().await.unwrap().len(), 1, "the entry stays");
    assert_eq!(server.received_requests().await.unwrap().len(), 1, "nothing was deleted");
    assert!(pending.discard(&entry.id()).await.unwrap());
}

#[tokio::test]
async fn zero_chunk_size_and_bandwidth_are_errors() {
    let fixture = UploadFixture::new().await;
    let path = fixture.file("film.mp4", &film(1000));
    for upload in [fixture.vimeo().upload(&path).chunk_size(0), fixture.vimeo().upload(&path).bandwidth(0)] {
        let error = upload.send().await.unwrap_err();
        assert!(error.to_string().contains("is 0 bytes"), "{error}");
    }
    assert!(fixture.vimeo().replace(1, &*path).chunk_size(0).send().await.is_err());
    assert!(fixture.requests().is_empty() && fixture.journal_files() == 0);

    fixture.vimeo().upload(&path).chunk_size(400).bandwidth(4 << 20).send().await.unwrap();
    assert_eq!(fixture.requests().iter().filter(|step| *step == "PATCH link").count(), 3);
}
