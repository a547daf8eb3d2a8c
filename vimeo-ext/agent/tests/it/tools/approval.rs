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
    use Disclosure::{Comments, Publish, Webhooks};
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
struct Closed {
    world: World,
    tools: Tools,
    video: String,
    film: String,
}

impl Closed {
    async fn new() -> Self {
        let world = World::new().await;
        let film = world.own.path().join("film.mp4");
        std::fs::write(&film, vec![7; 1_000]).unwrap();
        let offer = ToolSelection { toolsets: Toolset::ALL.to_vec(), ..ToolSelection::default() };
        let uploads = Uploads::from_folders([world.own.path()]);
        let tools = Tools::for_account(world.vimeo().clone()).selection(offer).uploads(uploads);
        let video = world.videos[0].to_string();
        let closed = Self { tools, video, film: film.to_str().unwrap().to_owned(), world };
        closed.close_again().await;
        closed
    }

    async fn close_again(&self) {
        let closed = json!({"privacy": {"view": "nobody", "embed": "private", "comments": "nobody",
            "download": false, "add": false}});
        self.world.vimeo().patch(&format!("/videos/{}", self.video)).json(&closed).send().await.unwrap();
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
    let closed = Closed::new().await;
    for (tool, arguments, would, kind) in closed.disclosing() {
        for ask in [None, Some(Approval::Unavailable)] {
            let caller = CallOptions {
                elicitor: ask.map(|says| FakePerson::new(says) as Arc<dyn Elicitor>),
                progress: None,
            };
            let error = closed.tools.call_with(tool, arguments.clone(), caller).await.expect_err(tool);
            assert_eq!(error.kind, ErrorKind::Approval, "{tool} {arguments}: {error}");
            assert!(error.message.contains(would), "{tool} {arguments}: {error}");
            assert!(error.message.contains("nothing was sent"), "{error}");
            assert!(error.next_step.contains(&format!("--allow {kind}`")), "{error}");
            assert!(!error.to_string().contains("sesame"), "{error}");
        }
    }
    assert_eq!(closed.writes(), 0);
}

#[tokio::test]
async fn calls_that_disclose_nothing_need_no_approval() {
    let closed = Closed::new().await;
    let (video, open) = (&closed.video, closed.world.videos[1].to_string());
    let showcase = closed.world.showcase.to_string();
    for (tool, arguments) in [
        ("vimeo_video_edit", json!({"video_id": video, "name": "Another title", "license": "by"})),
        ("vimeo_video_edit", json!({"video_id": video, "privacy_view": "nobody", "privacy_download": false})),
        ("vimeo_video_edit", json!({"video_id": open, "privacy_view": "anybody"})),
        ("vimeo_video_edit", json!({"video_id": open, "privacy_view": "password", "password": "sesame"})),
        ("vimeo_showcase_create", json!({"name": "Mine", "privacy": "nobody"})),
        (
            "vimeo_showcase_video_add",
            json!({"showcase_id": showcase, "video_id": closed.world.videos[2].to_string()}),
        ),
        ("vimeo_folder_video_add", json!({"folder_id": closed.world.folder.to_string(), "video_id": video})),
        ("vimeo_video_upload", json!({"path": closed.film, "privacy_view": "nobody"})),
        ("vimeo_video_replace", json!({"path": closed.film, "video_id": video})),
    ] {
        let answer = closed.tools.call(tool, arguments.clone()).await;
        assert!(answer.is_ok(), "{tool} {arguments}: {answer:?}");
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
        let answer = tools.call("vimeo_folder_video_add", arguments).await;
        let refused = answer.as_ref().is_err_and(|error| error.kind == ErrorKind::Approval);
        assert_eq!((answer.is_ok(), refused), (moves, !moves), "folder {number}: {answer:?}");
    }
    // Typed calls need approval too.
    let input = FolderVideoAddInput { folder_id: 1.into(), video_id: 5.into() };
    let error = tools.run::<FolderVideoAdd>(input.clone()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Approval, "{error}");
    tools.clone().allow([Disclosure::Publish]).run::<FolderVideoAdd>(input).await.unwrap();
}

#[tokio::test]
async fn the_person_is_asked_once_per_disclosure() {
    let closed = Closed::new().await;
    for (says, done) in [(Approval::Declined, false), (Approval::Granted, true)] {
        for (tool, arguments, would, _) in closed.disclosing() {
            let before = closed.writes();
            let person = FakePerson::new(says);
            let caller = CallOptions { elicitor: Some(person.clone()), progress: None };
            let answer = closed.tools.call_with(tool, arguments.clone(), caller).await;
            assert_eq!(answer.is_ok(), done, "{tool} {arguments}: {answer:?}");
            let asked = person.asked.lock().unwrap();
            // If an earlier case has widened the privacy, nothing more is disclosed.
            if !done || !asked.is_empty() {
                assert_eq!(asked.len(), 1, "{tool} {arguments}");
            }
            if !done {
                assert!(asked[0].text.contains(would), "{:?}", asked[0]);
                assert!(!asked[0].text.contains('\n') && !asked[0].text.contains("sesame"), "{:?}", asked[0]);
            }
            assert_eq!(closed.writes() > before, done, "{tool} {arguments}");
        }
    }
}

#[tokio::test]
async fn only_allowed_kinds_skip_approval() {
    let closed = Closed::new().await;
    for kind in Disclosure::ALL {
        let tools = closed.tools.clone().allow([kind]);
        for (tool, arguments, _, needed) in closed.disclosing() {
            let person = FakePerson::new(Approval::Declined);
            let caller = CallOptions { elicitor: Some(person.clone()), progress: None };
            let answer = tools.call_with(tool, arguments, caller).await;
            if needed == kind.as_str() {
                assert!(answer.is_ok(), "{kind:?} {tool}: {answer:?}");
                assert!(person.asked.lock().unwrap().is_empty(), "{kind:?} {tool}");
            } else if kind != Disclosure::Publish {
                let error = answer.unwrap_err();
                assert_eq!(error.kind, ErrorKind::Conflict, "{kind:?} {tool}: {error}");
            }
        }
        closed.close_again().await;
    }
}

#[tokio::test]
async fn invalid_arguments_fail_before_the_prompt() {
    let closed = Closed::new().await;
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
        let caller = CallOptions { elicitor: Some(person.clone()), progress: None };
        let error = closed.tools.call_with(tool, arguments, caller).await.expect_err(tool);
        assert_eq!((error.kind, error.field.as_deref()), (ErrorKind::Input, Some(field)), "{tool}: {error}");
    }
    assert!(person.asked.lock().unwrap().is_empty());
}
