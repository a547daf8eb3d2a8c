//! AI jobs: starting, following and resuming them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tokio::time::Instant;
use vimeo_api::Delivery;
use vimeo_ext::jobs::{JobPhase, JobState};
use vimeo_ext::{Error, JobError, RateLimitPolicy};

use crate::fake::{Fake, broken, respond};

/// Responds to reads of the state with these values in order; the last one is repeated. Writes are accepted.
fn answering(states: Vec<Value>) -> Fake {
    let reads = Mutex::new(0usize);
    Fake::new(move |seen, _| {
        if seen.method == Method::POST {
            return respond(200).json(json!({}));
        }
        let mut reads = reads.lock().unwrap();
        let state = states[(*reads).min(states.len() - 1)].clone();
        *reads += 1;
        respond(200).json(state)
    })
}

fn methods(fake: &Fake) -> Vec<String> {
    fake.log().iter().map(|seen| format!("{} {}", seen.method, seen.path)).collect()
}

fn job_error(result: Result<JobState, Error>) -> JobError {
    let Err(Error::Job(error)) = result else { panic!("{result:?}") };
    *error
}

#[tokio::test(start_paused = true)]
async fn transcription_is_started_and_followed_until_done() {
    let status = |status: &str| json!({"video_id": 7, "status": status, "language": "en"});
    let done = json!({"video_id": 7, "status": "completed", "language": "en", "texttrack_id": 9});
    let mut states = vec![status("none"), status("none"), status("not_started")];
    states.extend(vec![status("in_progress"); 4]);
    states.push(done);
    let fake = answering(states);
    let heard: Arc<Mutex<Vec<(u64, String)>>> = Arc::default();
    let (begun, seen) = (Instant::now(), Arc::clone(&heard));
    let state = fake
        .vimeo()
        .transcribe(7)
        .language("en")
        .on_state(move |state| {
            seen.lock().unwrap().push((begun.elapsed().as_secs(), state.status().to_owned()));
        })
        .send()
        .await
        .unwrap();
    assert_eq!((state.phase(), state.text_track(), state.language()), (JobPhase::Done, Some(9), Some("en")));
    let heard = heard.lock().unwrap().clone();
    let times: Vec<u64> = heard.iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [6, 18, 42, 90, 150, 210, 270]);
    assert_eq!((heard[0].1.as_str(), heard[6].1.as_str()), ("none", "completed"));
    let log = fake.log();
    let posts: Vec<_> = log.iter().filter(|seen| seen.method == Method::POST).collect();
    assert_eq!((posts.len(), &*posts[0].body), (1, &br#"{"language":"en"}"#[..]));
}

#[tokio::test(start_paused = true)]
async fn running_and_finished_jobs_are_not_started_again() {
    for (status, phase) in [("processing", JobPhase::Running), ("completed", JobPhase::Done)] {
        let fake = answering(vec![json!({"data": [{"language": "de", "status": status}]})]);
        let job = fake.vimeo().translate(7, "de").start().await.unwrap();
        assert!(!job.is_new(), "{status}");
        assert_eq!(job.status().await.unwrap().phase(), phase);
        assert_eq!(methods(&fake), ["GET /videos/7/ai/translate/subtitles"; 2]);
        assert_eq!(fake.log()[0].query("language"), Some("de"));
    }
}

#[tokio::test(start_paused = true)]
async fn failed_and_deleted_results_are_made_anew() {
    for status in ["failed", "completed_with_deleted_audiotrack"] {
        let states = vec![
            json!([{"language": "de", "status": status}]),
            json!([{"language": "de", "status": "processing"}]),
        ];
        let fake = answering(states);
        let job = fake.vimeo().dub(7, "de").accent("auto").start().await.unwrap();
        assert!(job.is_new(), "{status}");
        assert_eq!(
            methods(&fake),
            ["GET /videos/7/ai/translate/dubbing", "POST /videos/7/ai/translate/dubbing"]
        );
        let body: Value = serde_json::from_slice(&fake.log()[1].body).unwrap();
        assert_eq!(body, json!({"language": "de", "accent": "auto"}));
    }
}

#[tokio::test(start_paused = true)]
async fn dropped_job_is_followed_by_its_identifier() {
    let states = vec![
        json!([]),
        json!([{"language": "fr", "status": "processing"}]),
        json!([{"language": "fr", "status": "processing"}]),
        json!([{"language": "fr", "status": "completed", "texttrack_id": 9, "audiotrack_uri": "/a/3"}]),
    ];
    let fake = answering(states);
    let stored = fake.vimeo().dub(7, "fr").start().await.unwrap().id().to_string();
    assert_eq!(stored, "dub/7/fr");
    // A wait that is dropped ends nothing.
    let vimeo = fake.vimeo();
    let dropped =
        tokio::time::timeout(Duration::from_secs(3), vimeo.job(&stored).unwrap().wait().send()).await;
    assert!(dropped.is_err());
    let state = fake.vimeo().job(&stored).unwrap().wait().send().await.unwrap();
    assert_eq!((state.text_track(), state.audio_track()), (Some(9), Some("/a/3")));
    assert_eq!(methods(&fake).iter().filter(|call| call.starts_with("POST")).count(), 1);
    let error = vimeo.job("dub/7").unwrap_err().to_string();
    assert!(error.contains("the language is missing"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn lost_response_to_the_start_starts_nothing_twice() {
    let started = Mutex::new(false);
    let fake = Fake::new(move |seen, _| {
        let mut started = started.lock().unwrap();
        match (&seen.method, *started) {
            (&Method::POST, false) => {
                *started = true;
                broken(Delivery::Unknown)
            }
            (&Method::POST, true) => panic!("started twice"),
            (_, false) => respond(200).json(json!([])),
            (_, true) => {
                respond(200).json(json!([{"language": "de", "status": "completed", "texttrack_id": 9}]))
            }
        }
    });
    let vimeo = fake.vimeo();
    assert!(vimeo.translate(7, "de").send().await.is_err());
    assert_eq!(vimeo.translate(7, "de").send().await.unwrap().text_track(), Some(9));
}

#[tokio::test(start_paused = true)]
async fn failures_and_the_timeout_say_what_to_do() {
    let fake = answering(vec![json!({"status": "none"}), json!({"status": "no_speech"})]);
    let error = job_error(fake.vimeo().transcribe(7).send().await);
    assert_eq!(error, JobError::Failed { job: "transcribe/7".to_owned(), status: "no_speech".to_owned() });

    let begun = Instant::now();
    let fake = answering(vec![json!({"status": "in_progress"})]);
    let error = job_error(fake.vimeo().transcribe(7).timeout(Duration::from_secs(100)).send().await);
    assert!(matches!(&error, JobError::Timeout { last: Some(last), .. } if last == "in_progress"), "{error}");
    assert_eq!(begun.elapsed(), Duration::from_secs(100));

    let fake = answering(vec![json!({"status": "none"})]);
    let error = job_error(fake.vimeo().job("transcribe/7").unwrap().wait().send().await);
    assert_eq!(error, JobError::NotStarted { job: "transcribe/7".to_owned() });

    let error = job_error(fake.vimeo().translate(7, "../me").send().await);
    assert!(error.to_string().contains("nothing was sent"), "{error}");
    assert_eq!(fake.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn suggestions_are_polled_while_vimeo_prepares_them() {
    let fake = Fake::new(|_, number| match number {
        0 => respond(202),
        1 => respond(202).json(json!({"message": "wait"})),
        2 => respond(503),
        _ => respond(200).json(json!({"title": "Surf", "description": "Waves", "tags": ["sea"]})),
    });
    let state = fake.vimeo().suggest_metadata("/videos/7").send().await.unwrap();
    let suggested = state.suggested().unwrap();
    assert_eq!((suggested.title.as_deref(), &*suggested.tags), (Some("Surf"), &["sea".to_owned()][..]));
    assert!(methods(&fake).iter().all(|call| call == "GET /videos/7/ai/metadata"));
}

#[tokio::test(start_paused = true)]
async fn calls_stay_within_ten_a_minute_per_operation() {
    let fake = answering(vec![json!({"status": "in_progress"})]);
    let (vimeo, begun) = (fake.vimeo(), Instant::now());
    let job = vimeo.job("transcribe/7").unwrap();
    for _ in 0..10 {
        job.status().await.unwrap();
    }
    assert_eq!(begun.elapsed(), Duration::ZERO);
    let other = vimeo.job("suggest/7").unwrap();
    other.status().await.unwrap();
    assert_eq!(begun.elapsed(), Duration::ZERO, "another operation has its own limit");
    job.status().await.unwrap();
    assert_eq!(begun.elapsed(), Duration::from_secs(60));

    let vimeo = fake.builder().rate_limit_policy(RateLimitPolicy::FailFast).build().unwrap();
    let job = vimeo.job("transcribe/7").unwrap();
    for _ in 0..10 {
        job.status().await.unwrap();
    }
    assert!(job.status().await.unwrap_err().is_rate_limited());
}
