//! The toolset `jobs`, with an account that has AI features.

use std::time::Duration;

use serde_json::{Value, json};
use vimeo_agent::tools::{self, Disclosure, ErrorKind, Tools, Toolset};
use vimeo_sandbox::{Plan, Sandbox, Transcode};

use super::every_tool::{check_with, print_header};
use super::tool_cases::ToolCase;
use super::world::{World, client};

const HOUR: Duration = Duration::from_secs(3600);

/// An account with AI features, its tools, and a video with captions.
async fn account(transcode: Transcode) -> (Sandbox, Tools, u64) {
    let sandbox = Sandbox::builder().plan(Plan::Enterprise).transcode(transcode).start().await.unwrap();
    let video = sandbox.add_videos(1)[0];
    let vimeo = client(&sandbox, sandbox.token());
    let track = json!({"type": "captions", "language": "en", "name": "English"});
    vimeo.post(&format!("/videos/{video}/texttracks")).json(&track).send().await.unwrap();
    let tools = Tools::for_account(vimeo).selection(World::selection_of(&[Toolset::Jobs]));
    (sandbox, tools, video)
}

fn posts(sandbox: &Sandbox) -> usize {
    sandbox.request_log().iter().filter(|entry| entry.method == "POST" && entry.path.contains("/ai/")).count()
}

#[tokio::test]
async fn every_job_tool_works_and_explains_its_errors() {
    let (_sandbox, tools, video) = account(Transcode::Immediate).await;
    let tools = tools.allow(Disclosure::ALL);
    let finished: fn(&Value) -> bool =
        |output| output["finished"] == true && output["text_track_id"].is_string();
    let not_found = ErrorKind::NotFound;
    let cases: Vec<ToolCase> = vec![
        (
            "vimeo_video_transcribe",
            json!({"video_id": video}),
            finished,
            json!({"video_id": 9}),
            not_found,
            None,
        ),
        (
            "vimeo_video_translate",
            json!({"video_id": video, "language": "de"}),
            finished,
            json!({"video_id": video}),
            ErrorKind::Input,
            Some("language"),
        ),
        (
            "vimeo_video_dub",
            json!({"video_id": video, "language": "fr"}),
            |output| output["finished"] == true && output["audio_track_uri"].is_string(),
            json!({"video_id": video, "language": "no language"}),
            ErrorKind::Input,
            Some("language"),
        ),
        (
            "vimeo_metadata_suggest",
            json!({"video_id": video}),
            |output| output["suggested_tags"].is_array(),
            json!({"video_id": 9}),
            not_found,
            None,
        ),
        (
            "vimeo_job_get",
            json!({"job_id": format!("dub/{video}/fr")}),
            finished,
            json!({"job_id": "dub/7"}),
            ErrorKind::Input,
            Some("job_id"),
        ),
    ];
    let names: Vec<&str> = cases.iter().map(|case| case.0).collect();
    let all = tools::all().iter().map(tools::Definition::spec).filter(|spec| spec.toolset == Toolset::Jobs);
    assert_eq!(names, all.map(|spec| spec.name).collect::<Vec<_>>());
    print_header();
    for case in cases {
        check_with(&tools, case).await;
    }
}

#[tokio::test]
async fn another_process_follows_a_running_job() {
    let (sandbox, tools, video) = account(Transcode::After(HOUR)).await;
    sandbox.clock().freeze();
    let start = json!({"video_id": video, "language": "de", "wait": false});
    let allowed = tools.clone().allow([Disclosure::Spend]);
    let started = allowed.call("vimeo_video_dub", start.clone()).await.unwrap();
    assert_eq!((&started["status"], &started["finished"]), (&json!("started"), &json!(false)));
    let again = allowed.call("vimeo_video_dub", start).await.unwrap();
    assert_eq!((&again["job_id"], posts(&sandbox)), (&started["job_id"], 1));

    let other = Tools::for_account(client(&sandbox, sandbox.token()));
    let other = other.selection(World::selection_of(&[Toolset::Jobs]));
    let job = json!({"job_id": started["job_id"], "wait": false});
    assert_eq!(other.call("vimeo_job_get", job.clone()).await.unwrap()["finished"], false);
    sandbox.clock().advance(HOUR);
    let done = other.call("vimeo_job_get", job).await.unwrap();
    assert_eq!((&done["finished"], posts(&sandbox)), (&json!(true), 1));
}

#[tokio::test]
async fn jobs_that_cost_credits_need_approval() {
    let (sandbox, tools, video) = account(Transcode::Immediate).await;
    for (tool, arguments) in [
        ("vimeo_video_transcribe", json!({"video_id": video})),
        ("vimeo_video_translate", json!({"video_id": video, "language": "de"})),
        ("vimeo_video_dub", json!({"video_id": video, "language": "de"})),
        ("vimeo_metadata_suggest", json!({"video_id": video})),
    ] {
        let error = tools.call(tool, arguments).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Approval, "{tool}: {error:?}");
        assert!(error.message.contains("AI credits"), "{tool}: {error:?}");
    }
    assert_eq!(posts(&sandbox), 0);
}

#[tokio::test]
async fn accounts_without_ai_features_are_told_so() {
    let world = World::new().await.with_toolsets(&[Toolset::Jobs]);
    let error = world.call("vimeo_video_transcribe", json!({"video_id": world.videos[0]})).await.unwrap_err();
    assert!(error.message.contains("Enterprise"), "{error:?}");
    assert!(!error.retryable, "{error:?}");
}
