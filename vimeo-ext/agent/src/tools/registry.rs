//! All tools, by name.

use std::sync::LazyLock;

use futures_util::FutureExt as _;
use serde_json::{Value, json};
use vimeo_ext::auth::BoxFuture;

use super::disclosure::run_with_consent;
use super::error::{Failed, ToolError};
use super::paging::{Detail, Resume};
use super::{Context, ErrorKind, Spec, Tool, input, schema};
use super::{
    categories, channels, comments, folders, likes, limits, removal, showcases, text_tracks, upload_tools,
    users, versions, video_delete, video_edit, videos, watch_later, webhooks,
};

/// What a tool gave, before it is cut and fenced.
pub(crate) struct RawOutput {
    pub(crate) value: Value,
    pub(crate) resume: Option<Resume>,
    pub(crate) detail: Detail,
}

type Run = for<'a> fn(&'a Context, &'a Value, Value) -> BoxFuture<'a, Result<RawOutput, Failed>>;

/// A tool as a value: what is known of it, its schemas, and how it is run by name.
///
/// From it come the shapes that model APIs take:
///
/// ```
/// let tool = vimeo_agent::tools::tool("vimeo_video_get").expect("one of the tools");
/// let anthropic = tool.anthropic();
/// assert_eq!(anthropic["input_schema"]["required"][0], "video_id");
/// let openai = tool.openai();
/// assert_eq!(openai["function"]["parameters"], anthropic["input_schema"]);
/// ```
#[derive(Debug)]
pub struct Definition {
    spec: Spec,
    input: Value,
    compact: Value,
    output: Value,
    untrusted: Vec<String>,
    aliases: &'static [(&'static str, &'static str)],
    run: Run,
}

impl Definition {
    fn of<T: Tool>() -> Self {
        let (input, compact) = schema::of_input::<T::Input>();
        let (output, untrusted) = schema::of_output::<T::Output>();
        Self { spec: T::SPEC, input, compact, output, untrusted, aliases: T::ALIASES, run: run::<T> }
    }

    /// The members of its answer that hold what people wrote.
    pub(crate) fn untrusted(&self) -> &[String] {
        &self.untrusted
    }

    /// Arguments as the tool's schema has them, out of the ways in which clients send them: as JSON text, under other
    /// names, and numbers, booleans and lists as text. What cannot be read so stays as it is, and is refused later.
    pub(crate) fn normalise(&self, arguments: Value) -> Value {
        input::normalise(&self.input, self.aliases, arguments)
    }

    /// What is known of it.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// The JSON Schema of its arguments: a flat object that allows nothing else.
    pub fn input_schema(&self) -> &Value {
        &self.input
    }

    /// The JSON Schema of its answer.
    pub fn output_schema(&self) -> &Value {
        &self.output
    }

    /// The compact schema of its arguments, for long lists of tools: without limits of numbers and lengths, which
    /// are checked all the same, and without descriptions of what a name says by itself.
    pub fn compact_input_schema(&self) -> &Value {
        &self.compact
    }

    /// The tool as Anthropic's API takes it, with `input_schema`.
    pub fn anthropic(&self) -> Value {
        json!({"name": self.spec.name, "description": self.spec.description, "input_schema": self.input})
    }

    /// The tool as OpenAI's API and those like it take it, with `parameters`.
    pub fn openai(&self) -> Value {
        json!({
            "type": "function",
            "function": {
                "name": self.spec.name,
                "description": self.spec.description,
                "parameters": self.input,
            },
        })
    }

    /// Runs it with arguments that are normalised.
    pub(crate) async fn run(&self, context: &Context, arguments: Value) -> Result<RawOutput, Failed> {
        (self.run)(context, &self.input, arguments).await
    }
}

fn run<'a, T: Tool>(
    context: &'a Context,
    schema: &'a Value,
    arguments: Value,
) -> BoxFuture<'a, Result<RawOutput, Failed>> {
    async move {
        let detail = match arguments.get("detail").and_then(Value::as_str) {
            Some("full") => Detail::Full,
            _ => Detail::Brief,
        };
        let input = input::read::<T::Input>(T::SPEC.name, schema, T::ALIASES, arguments)?;
        let output = run_with_consent::<T>(context, input).await?;
        let resume = super::Output::resume(&output).cloned();
        let value = serde_json::to_value(&output).map_err(|error| {
            let message = format!("The answer cannot be written as JSON: {error}.");
            Box::new(ToolError::new(
                ErrorKind::Temporary,
                message,
                "Report this; it is a fault of the tools.",
            ))
        })?;
        Ok(RawOutput { value, resume, detail })
    }
    .boxed()
}

/// All tools, in a fixed order: the basic ones first.
pub fn all() -> &'static [Definition] {
    &ALL
}

/// The tool of this name.
pub fn tool(name: &str) -> Option<&'static Definition> {
    ALL.iter().find(|definition| definition.spec.name == name)
}

macro_rules! tools {
    ($($tool:path),* $(,)?) => {
        vec![$(Definition::of::<$tool>()),*]
    };
}

static ALL: LazyLock<Vec<Definition>> = LazyLock::new(|| {
    tools![
        videos::MyVideosList,
        videos::VideoGet,
        video_edit::VideoEdit,
        video_delete::VideoDelete,
        videos::VideosSearch,
        videos::VideoTagsList,
        videos::UserVideosList,
        showcases::ShowcaseCreate,
        showcases::ShowcasesList,
        showcases::ShowcaseVideoAdd,
        showcases::ShowcaseVideosList,
        folders::FolderCreate,
        folders::FoldersList,
        folders::FolderVideoAdd,
        folders::FolderVideosList,
        channels::ChannelsList,
        channels::ChannelVideosList,
        users::MeGet,
        users::UserGet,
        users::UserFollow,
        users::FollowingList,
        likes::VideoLike,
        likes::LikedVideosList,
        comments::VideoCommentAdd,
        comments::VideoCommentsList,
        watch_later::WatchLaterAdd,
        watch_later::WatchLaterList,
        categories::CategoriesList,
        webhooks::WebhookCreate,
        webhooks::WebhooksList,
        webhooks::WebhookDelete,
        text_tracks::TextTracksList,
        text_tracks::TextTrackAdd,
        text_tracks::VideoTranscriptGet,
        versions::VideoVersionsList,
        removal::ShowcaseDelete,
        removal::ShowcaseVideoRemove,
        removal::FolderDelete,
        limits::LimitsGet,
        upload_tools::VideoUpload,
        upload_tools::VideoReplace,
        upload_tools::UploadGet,
        upload_tools::UploadStop,
    ]
});
