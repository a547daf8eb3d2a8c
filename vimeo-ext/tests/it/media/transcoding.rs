//! Waiting for transcoding.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use vimeo_api::types::TranscodeStatus;
use vimeo_ext::{Error, MediaError};
use vimeo_sandbox::{PullOutcome, Sandbox, Transcode};

use super::{UploadFixture, film};
use crate::fake::{Fake, respond};

/// Responds with these values in order; the last one is repeated.
fn responding(answers: Vec<Value>) -> Fake {
    Fake::new(move |seen, number| {
        assert_eq!(seen.path, "/videos/7");
        assert_eq!(seen.query("fields"), Some("upload.status,upload.error,transcode.status,status"));
        respond(200).json(answers[number.min(answers.len() - 1)].clone())
    })
}

/// BEHAVIOUR.md: U17.
#[tokio::test(start_paused = true)]
async fn polling_backs_off_until_transcoding_is_complete() {
    let mut answers = vec![json!({"transcode": null}), json!({}), json!({"transcode": {"status": null}})];
    answers.extend(vec![json!({"transcode": {"status": "in_progress"}}); 9]);
    answers.push(json!({"transcode": {"status": "complete"}}));
    let fake = responding(answers);
    let states = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&states);
    let begun = Instant::now();
    let wait = fake.vimeo().wait_transcoded("/videos/7").on_state(move |state| {
        heard.lock().unwrap().push((Instant::now(), state.transcode.clone()));
    });
    let done = wait.send().await.unwrap();
    assert_eq!((done.video, done.state.transcode), (7.into(), Some(TranscodeStatus::Complete)));
    assert_eq!((done.waited, fake.count()), (begun.elapsed(), 13));
    let states = states.lock().unwrap();
    let waits: Vec<u64> = states.windows(2).map(|two| (two[1].0 - two[0].0).as_secs()).collect();
    assert_eq!(waits, [2, 3, 4, 6, 10, 15, 22, 34, 51, 60, 60, 60]);
}

/// BEHAVIOUR.md: U17.
#[tokio::test(start_paused = true)]
async fn a_transcoding_error_and_the_timeout_end_the_wait() {
    let fake = responding(vec![
        json!({"transcode": {"status": "in_progress"}}),
        json!({"transcode": {"status": "error"}}),
    ]);
    let Err(Error::Media(error)) = fake.vimeo().wait_transcoded(7).send().await else { panic!("an error") };
    assert!(matches!(*error, MediaError::TranscodeFailed { .. }), "{error:?}");
    assert_eq!(fake.count(), 2);

    let begun = Instant::now();
    let fake = responding(vec![json!({"transcode": null, "status": "transcoding"})]);
    let wait = fake.vimeo().wait_transcoded(7).timeout(Duration::from_secs(100));
    let Err(Error::Media(error)) = wait.send().await else { panic!("an error") };
    let MediaError::Timeout { last, .. } = &*error else { panic!("{error:?}") };
    assert_eq!(last.as_deref(), Some("transcoding"));
    assert!(begun.elapsed() <= Duration::from_secs(100));

    let error = fake.vimeo().wait_transcoded("/users/7").send().await.unwrap_err();
    assert!(error.to_string().contains("expected a video"), "{error}");
}

/// BEHAVIOUR.md: L05, U17.
#[tokio::test(start_paused = true)]
async fn transient_errors_are_retried_within_the_rate_limit() {
    let fake = Fake::new(|_, number| match number {
        0 => respond(200).json(json!({})).limit(100, 0, "2026-03-01T12:10:00+00:00"),
        1..5 => respond(503),
        // A firewall's page says nothing about the video.
        5 => respond(403).body("<html><title>Blocked</title></html>"),
        6 => respond(404),
        _ => panic!("asked after the end"),
    });
    let begun = Instant::now();
    let error = fake.vimeo().wait_transcoded(7).send().await.unwrap_err();
    assert!(error.call().unwrap().is_not_found(), "{error:?}");
    assert!(begun.elapsed() >= Duration::from_secs(600), "the second question waits for the reset");
}

/// BEHAVIOUR.md: U17.
#[tokio::test]
async fn wait_covers_success_and_failure() {
    let fixture = UploadFixture::of(Sandbox::builder().transcode(Transcode::AfterReads(3))).await;
    let video = fixture.vimeo().upload(film(1000)).send().await.unwrap();
    let immediately = Duration::ZERO;
    fixture.vimeo().wait_transcoded(&video).poll_interval(immediately, immediately).send().await.unwrap();

    let fixture = UploadFixture::of(Sandbox::builder().transcode(Transcode::FailsAfter(immediately))).await;
    let video = fixture.vimeo().upload(film(1000)).send().await.unwrap();
    let wait = fixture.vimeo().wait_transcoded(&video).poll_interval(immediately, immediately).send().await;
    let Err(Error::Media(error)) = wait else { panic!("an error") };
    assert!(matches!(&*error, MediaError::TranscodeFailed { video_uri, .. } if *video_uri == video.uri));
}

#[tokio::test]
async fn pull_failure_ends_the_wait() {
    let immediately = Duration::ZERO;
    let fixture = UploadFixture::of(Sandbox::builder().transcode(Transcode::Immediate)).await;
    let vimeo = fixture.vimeo();
    let video = vimeo.upload_from_url("https://example.com/film.mp4").name("Surf").send().await.unwrap();
    assert!(video.id().is_some() && video.link.is_some(), "{video:?}");
    vimeo.wait_transcoded(&video).poll_interval(immediately, immediately).send().await.unwrap();

    let failing = Sandbox::builder()
        .pull(PullOutcome::Fails("remote_not_found".to_owned()))
        .transcode(Transcode::Immediate);
    let fixture = UploadFixture::of(failing).await;
    let video = fixture.vimeo().upload_from_url("https://example.com/gone.mp4").send().await.unwrap();
    let wait = fixture.vimeo().wait_transcoded(&video).poll_interval(immediately, immediately).send().await;
    let Err(Error::Media(error)) = wait else { panic!("an error") };
    assert!(matches!(*error, MediaError::UploadFailed { error: Some(_), .. }), "{error:?}");
    assert!(error.to_string().contains("remote_not_found"), "{error}");
}
