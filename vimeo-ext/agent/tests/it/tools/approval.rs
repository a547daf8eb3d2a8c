//! Approval: calls that show something to more people, or send data out, need it.

use std::sync::Arc;

use serde_json::{Value, json};
use vimeo_agent::tools::{
    self, Approval, CallOptions, Disclosure, Elicitor, ErrorKind, FolderVideoAdd, FolderVideoAddInput,
    ToolSelection, Tools, Toolset, Uploads,
};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::fake_person::FakePerson;
use super::world::World;

/// Every tool that changes something, and what it discloses. Add a line for a new tool.
#[test]
fn every_writing_tool_declares_its_disclosure() {
    use Disclosure::{Comments, Publish, Spend, Webhooks};
    let table = [
        ("vimeo_video_edit", Some(Publish)),
        ("vimeo_video_delete", None),
        ("vimeo_showcase_create", Some(Publish)),
        ("vimeo_showcase_video_add", Some(Publish)),
        ("vimeo_folder_create", None),
        ("vimeo_folder_video_add", Some(Publish)),
        ("vimeo_user_follow", None),
        ("vimeo_video_like", None),
        ("vimeo_video_comment_add", Some(Comments)),
        ("vimeo_watchlater_add", None),
        ("vimeo_webhook_create", Some(Webhooks)),
        ("vimeo_webhook_delete", None),
        ("vimeo_text_track_add", None),
        ("vimeo_showcase_delete", None),
        ("vimeo_showcase_video_remove", None),
        ("vimeo_folder_delete", None),
        ("vimeo_video_upload", Some(Publish)),
        ("vimeo_video_replace", Some(Publish)),
        ("vimeo_upload_stop", None),
        ("vimeo_chapter_add", None),
        ("vimeo_chapter_edit", None),
        ("vimeo_chapter_delete", None),
        ("vimeo_video_tags_set", None),
        ("vimeo_embed_domain_add", Some(Publish)),
        ("vimeo_embed_domain_remove", None),
        ("vimeo_embed_preset_assign", None),
        ("vimeo_video_thumbnail_add", None),
        ("vimeo_video_comment_edit", Some(Comments)),
        ("vimeo_video_comment_delete", None),
        ("vimeo_showcase_edit", Some(Publish)),
        ("vimeo_folder_edit", None),
        ("vimeo_folder_videos_add", Some(Publish)),
        ("vimeo_folder_videos_remove", None),
        ("vimeo_text_track_edit", None),
        ("vimeo_video_pull", Some(Publish)),
        ("vimeo_video_transcribe", Some(Spend)),
        ("vimeo_video_translate", Some(Spend)),
        ("vimeo_video_dub", Some(Spend)),
        ("vimeo_metadata_suggest", Some(Spend)),
        // Asks by operation.
        ("vimeo_operation_call", None),
    ];
    let specs = tools::all().iter().map(tools::Definition::spec);
    let found: Vec<_> = specs
        .filter(|spec| {
            assert!(spec.discloses.is_none() || !spec.effect.is_read_only(), "{}", spec.name);
            !spec.effect.is_read_only()
        })
        .map(|spec| (spec.name, spec.discloses))
        .collect();
    assert_eq!(found, table);
}

/// A world whose first video is private, and tools of its owner that may not disclose anything.
struct PrivateWorld {
    world: World,
    tools: Tools,
    video: String,
    film: String,
}

impl PrivateWorld {
    async fn new() -> Self {
        let world = World::new().await;
        let film = world.own.path().join("film.mp4");
        std::fs::write(&film, vec![7; 1_000]).unwrap();
        let selection = ToolSelection { toolsets: Toolset::ALL.to_vec(), ..ToolSelection::default() };
        let uploads = Uploads::from_folders([world.own.path()]);
        let tools = Tools::for_account(world.vimeo().clone()).selection(selection).uploads(uploads);
        let video = world.videos[0].to_string();
        let private = Self { tools, video, film: film.to_str().unwrap().to_owned(), world };
        private.make_private().await;
        private
    }

    async fn make_private(&self) {
        let private = json!({"privacy": {"view": "nobody", "embed": "private", "comments": "nobody",
            "download": false, "add": false}});
        self.world.vimeo().patch(&format!("/videos/{}", self.video)).json(&private).send().await.unwrap();
        self.world.sandbox.clear_request_log();
    }

    fn writes(&self) -> usize {
        ["POST", "PATCH", "PUT", "DELETE"].iter().map(|method| self.world.requests(method)).sum()
    }

    /// Calls that disclose something, each with a part of its prompt and the kind of disclosure.
    fn disclosing(&self) -> Vec<(&'static str, Value, &'static str, &'static str)> {
        let video = &self.video;
        let edit = |mut change: Value| {
            change["video_id"] = json!(video);
            change
        };
        vec![
            (
                "vimeo_video_edit",
                edit(json!({"privacy_view": "anybody"})),
                "from nobody to anybody",
                "publish",
            ),
            (
                "vimeo_video_edit",
                edit(json!({"privacy_view": "unlisted", "name": "x"})),
                "unlisted",
                "publish",
            ),
            (
                "vimeo_video_edit",
                edit(json!({"privacy_view": "password", "password": "sesame"})),
                "a new password",
                "publish",
            ),
            (
                "vimeo_video_edit",
                edit(json!({"privacy_embed": "public"})),
                "from private to public",
                "publish",
            ),
            (
                "vimeo_video_edit",
                edit(json!({"privacy_embed": "whitelist", "embed_domains": ["evil.example"]})),
                "evil.example",
                "publish",
            ),
            ("vimeo_video_edit", edit(json!({"privacy_download": true})), "privacy_download", "publish"),
            ("vimeo_video_edit", edit(json!({"privacy_add": true})), "privacy_add", "publish"),
            ("vimeo_video_edit", edit(json!({"privacy_comments": "anybody"})), "privacy_comments", "publish"),
            ("vimeo_showcase_create", json!({"name": "Best of"}), "“Best of”", "publish"),
            (
                "vimeo_showcase_create",
                json!({"name": "Board", "privacy": "password", "password": "sesame"}),
                "the privacy password",
                "publish",
            ),
            (
                "vimeo_showcase_video_add",
                json!({"showcase_id": self.world.showcase.to_string(), "video_id": video}),
                "whose privacy is nobody",
                "publish",
            ),
            (
                "vimeo_video_comment_add",
                json!({"video_id": self.world.theirs.to_string(), "text": "the transcript"}),
                "“the transcript”",
                "comments",
            ),
            (
                "vimeo_webhook_create",
                json!({"url": "https://evil.example/hook", "event_types": ["video.transcode.complete"]}),
                "“https://evil.example/hook”",
                "webhooks",
            ),
            ("vimeo_video_upload", json!({"path": self.film}), "film.mp4", "publish"),
            (
                "vimeo_video_upload",
                json!({"path": self.film, "privacy_view": "unlisted"}),
                "the privacy unlisted",
                "publish",
            ),
            (
                "vimeo_video_replace",
                json!({"path": self.film, "video_id": self.world.videos[1].to_string()}),
                "whose privacy is anybody",
                "publish",
            ),
        ]
    }
}

#[tokio::test]
async fn without_an_elicitor_nothing_is_disclosed() {
    let private = PrivateWorld::new().await;
    for (tool, arguments, would, kind) in private.disclosing() {
        for ask in [None, Some(Approval::Unavailable)] {
            let options = CallOptions {
                elicitor: ask.map(|answer| FakePerson::new(answer) as Arc<dyn Elicitor>),
                progress: None,
            };
            let error = private.tools.call_with(tool, arguments.clone(), options).await.expect_err(tool);
            assert_eq!(error.kind, ErrorKind::Approval, "{tool} {arguments}: {error}");
            assert!(error.message.contains(would), "{tool} {arguments}: {error}");
            assert!(error.message.contains("nothing was sent"), "{error}");
            assert!(error.next_step.contains(&format!("--allow {kind}`")), "{error}");
            assert!(!error.to_string().contains("sesame"), "{error}");
        }
    }
    assert_eq!(private.writes(), 0);
}

#[tokio::test]
async fn calls_that_disclose_nothing_need_no_approval() {
    let private = PrivateWorld::new().await;
    let (video, open) = (&private.video, private.world.videos[1].to_string());
    let showcase = private.world.showcase.to_string();
    for (tool, arguments) in [
        ("vimeo_video_edit", json!({"video_id": video, "name": "Another title", "license": "by"})),
        ("vimeo_video_edit", json!({"video_id": video, "privacy_view": "nobody", "privacy_download": false})),
        ("vimeo_video_edit", json!({"video_id": open, "privacy_view": "anybody"})),
        ("vimeo_video_edit", json!({"video_id": open, "privacy_view": "password", "password": "sesame"})),
        ("vimeo_showcase_create", json!({"name": "Mine", "privacy": "nobody"})),
        (
            "vimeo_showcase_video_add",
            json!({"showcase_id": showcase, "video_id": private.world.videos[2].to_string()}),
        ),
        ("vimeo_folder_video_add", json!({"folder_id": private.world.folder.to_string(), "video_id": video})),
        ("vimeo_video_upload", json!({"path": private.film, "privacy_view": "nobody"})),
        ("vimeo_video_replace", json!({"path": private.film, "video_id": video})),
    ] {
        let output = private.tools.call(tool, arguments.clone()).await;
        assert!(output.is_ok(), "{tool} {arguments}: {output:?}");
    }
}

#[tokio::test]
async fn moving_into_a_shared_folder_needs_approval() {
    let server = MockServer::start().await;
    let folder = |view: Value| {
        ResponseTemplate::new(200).set_body_json(json!({"name": "Team", "privacy": {"view": view}}))
    };
    for (number, view) in [(1, json!("team")), (2, json!("anybody")), (3, json!(null)), (4, json!("nobody"))]
    {
        let look = Mock::given(method("GET")).and(path(format!("/me/projects/{number}")));
        look.respond_with(folder(view)).mount(&server).await;
    }
    Mock::given(method("PUT")).respond_with(ResponseTemplate::new(204)).mount(&server).await;
    let builder = vimeo_ext::Vimeo::builder().access_token("token").base_url(server.uri());
    let tools = Tools::for_account(builder.journal(None).build().unwrap());
    for (number, moves) in [(1, false), (2, false), (3, false), (4, true)] {
        let arguments = json!({"folder_id": number.to_string(), "video_id": "5"});
        let output = tools.call("vimeo_folder_video_add", arguments).await;
        let refused = output.as_ref().is_err_and(|error| error.kind == ErrorKind::Approval);
        assert_eq!((output.is_ok(), refused), (moves, !moves), "folder {number}: {output:?}");
    }
    // Typed calls need approval too.
    let input = FolderVideoAddInput { folder_id: 1.into(), video_id: 5.into() };
    let error = tools.run::<FolderVideoAdd>(input.clone()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Approval, "{error}");
    tools.clone().allow([Disclosure::Publish]).run::<FolderVideoAdd>(input).await.unwrap();
}

#[tokio::test]
async fn the_person_is_asked_once_per_disclosure() {
    let private = PrivateWorld::new().await;
    for (answer, done) in [(Approval::Declined, false), (Approval::Granted, true)] {
        for (tool, arguments, would, _) in private.disclosing() {
            let before = private.writes();
            let person = FakePerson::new(answer);
            let options = CallOptions { elicitor: Some(person.clone()), progress: None };
            let output = private.tools.call_with(tool, arguments.clone(), options).await;
            assert_eq!(output.is_ok(), done, "{tool} {arguments}: {output:?}");
            let prompts = person.prompts.lock().unwrap();
            // If an earlier case has widened the privacy, nothing more is disclosed.
            if !done || !prompts.is_empty() {
                assert_eq!(prompts.len(), 1, "{tool} {arguments}");
            }
            if !done {
                assert!(prompts[0].text.contains(would), "{:?}", prompts[0]);
                assert!(
                    !prompts[0].text.contains('\n') && !prompts[0].text.contains("sesame"),
                    "{:?}",
                    prompts[0]
                );
            }
            assert_eq!(private.writes() > before, done, "{tool} {arguments}");
        }
    }
}

#[tokio::test]
async fn only_allowed_kinds_skip_approval() {
    let private = PrivateWorld::new().await;
    for kind in Disclosure::ALL {
        let tools = private.tools.clone().allow([kind]);
        for (tool, arguments, _, needed) in private.disclosing() {
            let person = FakePerson::new(Approval::Declined);
            let options = CallOptions { elicitor: Some(person.clone()), progress: None };
            let output = tools.call_with(tool, arguments, options).await;
            if needed == kind.as_str() {
                assert!(output.is_ok(), "{kind:?} {tool}: {output:?}");
                assert!(person.prompts.lock().unwrap().is_empty(), "{kind:?} {tool}");
            } else if kind != Disclosure::Publish {
                let error = output.unwrap_err();
                assert_eq!(error.kind, ErrorKind::Conflict, "{kind:?} {tool}: {error}");
            }
        }
        private.make_private().await;
    }
}

#[tokio::test]
async fn invalid_arguments_fail_before_the_prompt() {
    let private = PrivateWorld::new().await;
    let person = FakePerson::new(Approval::Granted);
    for (tool, arguments, field) in [
        ("vimeo_video_edit", json!({"video_id": "1", "privacy_view": "password"}), "password"),
        ("vimeo_showcase_create", json!({"name": " "}), "name"),
        ("vimeo_video_comment_add", json!({"video_id": "1", "text": " "}), "text"),
        (
            "vimeo_webhook_create",
            json!({"url": "http://a.example", "event_types": ["video-deleted"]}),
            "webhook_url",
        ),
        ("vimeo_video_upload", json!({"path": "/etc/hostname"}), "path"),
    ] {
        let options = CallOptions { elicitor: Some(person.clone()), progress: None };
        let error = private.tools.call_with(tool, arguments, options).await.expect_err(tool);
        assert_eq!((error.kind, error.field.as_deref()), (ErrorKind::Input, Some(field)), "{tool}: {error}");
    }
    assert!(person.prompts.lock().unwrap().is_empty());
}
