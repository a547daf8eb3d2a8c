//! A sandbox with one of everything.

use serde_json::{Value, json};
use vimeo_agent::tools::{Disclosure, ToolError, ToolResult, ToolSelection, Tools, Toolset};
use vimeo_ext::upload::Journal;
use vimeo_ext::{RetryPolicy, Vimeo, VimeoBuilder};
use vimeo_sandbox::Sandbox;

/// A sandbox, its owner's tools, which may disclose everything, and the IDs of its content.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) tools: Tools,
    /// The owner's videos, titled `Video 1` and so on.
    pub(crate) videos: Vec<u64>,
    /// Another user and their video.
    pub(crate) stranger: u64,
    pub(crate) theirs: u64,
    pub(crate) showcase: u64,
    pub(crate) folder: u64,
    pub(crate) channel: u64,
    pub(crate) webhook: u64,
    /// A temporary folder, which contains the upload journal.
    pub(crate) own: tempfile::TempDir,
}

pub(crate) const WEBHOOK_URL: &str = "https://example.com/hook";

fn builder(sandbox: &Sandbox, token: &str) -> VimeoBuilder {
    Vimeo::builder()
        .access_token(token)
        .base_url(sandbox.url().as_str())
        .retry(RetryPolicy::default().jitter(|| 0.0))
}

pub(crate) fn client(sandbox: &Sandbox, token: &str) -> Vimeo {
    builder(sandbox, token).journal(None).build().unwrap()
}

/// The number at the end of a URI.
pub(crate) fn id_of(output: &Value) -> u64 {
    output["uri"].as_str().unwrap().rsplit('/').next().unwrap().parse().unwrap()
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::reached_by(|builder| builder).await
    }

    /// A world with changes to its owner's client.
    pub(crate) async fn reached_by(change: impl FnOnce(VimeoBuilder) -> VimeoBuilder) -> Self {
        let sandbox = Sandbox::start().await.unwrap();
        let videos = sandbox.add_videos(3);
        let own = tempfile::tempdir().unwrap();
        let journal = Journal::in_folder(own.path().join("journal"));
        let owner = change(builder(&sandbox, sandbox.token()).journal(journal)).build().unwrap();
        let other = sandbox.add_user("Stranger");
        let stranger = client(&sandbox, &other.token);
        let post = async |client: &Vimeo, path: &str, body: Value| {
            id_of(&client.post(path).json(&body).send().await.unwrap())
        };
        let upload = json!({"name": "Theirs", "upload": {"approach": "tus", "size": 10}});
        let theirs = post(&stranger, "/me/videos", upload).await;
        let showcase = post(&owner, "/me/albums", json!({"name": "Trailers"})).await;
        let folder = post(&owner, "/me/projects", json!({"name": "Raw"})).await;
        let channel = json!({"name": "Surfing", "privacy": "anybody"});
        let channel = post(&owner, "/channels", channel).await;
        let app = owner.auth().verify().await.unwrap().app.unwrap().uri.unwrap();
        let hook = json!({"webhook_type": "video-created", "webhook_url": WEBHOOK_URL});
        let webhook = post(&owner, &format!("{app}/webhooks"), hook).await;
        sandbox.clear_request_log();
        let (stranger, tools) = (other.user_id, Tools::for_account(owner).allow(Disclosure::ALL));
        Self { sandbox, tools, videos, stranger, theirs, showcase, folder, channel, webhook, own }
    }

    /// Selects the tools of these toolsets.
    #[allow(dead_code, reason = "other crates test with this world too")]
    pub(crate) fn selection_of(toolsets: &[Toolset]) -> ToolSelection {
        ToolSelection { toolsets: toolsets.to_vec(), ..ToolSelection::default() }
    }

    /// The world with the tools of these toolsets.
    #[allow(dead_code, reason = "other crates test with this world too")]
    pub(crate) fn with_toolsets(mut self, toolsets: &[Toolset]) -> Self {
        self.tools = self.tools.selection(Self::selection_of(toolsets));
        self.sandbox.clear_request_log();
        self
    }

    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> Result<ToolResult, ToolError> {
        self.tools.call(tool, arguments).await
    }

    /// The owner's client.
    pub(crate) fn vimeo(&self) -> &Vimeo {
        self.tools.client()
    }

    /// Returns how many requests of this method were sent.
    pub(crate) fn requests(&self, method: &str) -> usize {
        self.sandbox.request_log().iter().filter(|entry| entry.method == method).count()
    }
}

/// Returns the text between the delimiters.
pub(crate) fn undelimited(text: &Value) -> String {
    let text = text.as_str().unwrap_or_default();
    let inner = text.split_once('>').and_then(|(_, rest)| rest.rsplit_once("</")).map(|(inner, _)| inner);
    inner.unwrap_or_else(|| panic!("{text} is not delimited")).to_owned()
}
