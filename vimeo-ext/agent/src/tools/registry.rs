//! All tools, by name.

use std::sync::LazyLock;

use futures_util::FutureExt as _;
use serde_json::{Value, json};
use vimeo_ext::auth::BoxFuture;

use super::disclosure::run_with_approval;
use super::error::{BoxedError, ToolError};
use super::paging::{Detail, ResumePoint};
use super::{Context, Effect, ErrorKind, Spec, Tool, input, schema};
#[cfg(feature = "api")]
use super::{Toolset, api};
use super::{
    analytics, categories, channels, chapters, comments, embedding, folders, jobs, likes, limits, showcases,
    text_tracks, upload_tools, users, versions, video_edit, video_files, video_pull, video_tags, videos,
    watch_later, webhooks,
};

/// The output of a tool, before it is delimited and cut.
pub(crate) struct RawOutput {
    pub(crate) value: Value,
    pub(crate) resume: Option<ResumePoint>,
    pub(crate) detail: Detail,
}

type Run = for<'a> fn(&'a Context, &'a Value, Value) -> BoxFuture<'a, Result<RawOutput, BoxedError>>;

/// A tool as a value: its [`Spec`], its schemas, and how to run it by name.
///
/// It converts to the forms that model APIs take:
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
    input_schema: Value,
    compact_input_schema: Value,
    output_schema: Value,
    untrusted: Vec<String>,
    run: Run,
}

impl Definition {
    fn of<T: Tool>() -> Self {
        let (input_schema, compact_input_schema) = schema::of_input::<T::Input>();
        let (output_schema, untrusted) = schema::of_output::<T::Output>();
        Self { spec: T::SPEC, input_schema, compact_input_schema, output_schema, untrusted, run: run::<T> }
    }

    /// Returns the output members that contain untrusted text.
    pub(crate) fn untrusted(&self) -> &[String] {
        &self.untrusted
    }

    /// Converts arguments to the tool's schema from the forms in which clients send them: JSON text, other names, and
    /// numbers, booleans and lists as text. Leaves everything else unchanged, to be refused later.
    pub(crate) fn normalize(&self, arguments: Value) -> Value {
        #[allow(unused_mut)]
        let mut arguments = input::normalize(&self.input_schema, self.spec.aliases, arguments);
        #[cfg(feature = "api")]
        if self.spec.effect == Effect::Varies {
            api::normalize(&mut arguments);
        }
        arguments
    }

    /// Returns whether a text in an untrusted member is certainly not written by people.
    pub(crate) fn is_plain(&self) -> fn(&str) -> bool {
        match self.spec.toolset {
            #[cfg(feature = "api")]
            Toolset::Api => api::is_plain,
            _ => str::is_empty,
        }
    }

    /// Returns what a call with these arguments does. Only the effect [`Effect::Varies`] depends on them.
    pub fn effect(&self, arguments: &Value) -> Effect {
        effect_of(&self.spec, arguments)
    }

    /// Returns what is known of the tool before it is called.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// Returns the JSON Schema of the arguments: a flat object without additional properties.
    pub fn input_schema(&self) -> &Value {
        &self.input_schema
    }

    /// Returns the JSON Schema of the output.
    pub fn output_schema(&self) -> &Value {
        &self.output_schema
    }

    /// Returns the compact JSON Schema of the arguments, for long lists of tools: without limits of numbers and lengths,
    /// which calls check anyway, and without descriptions that repeat a name.
    pub fn compact_input_schema(&self) -> &Value {
        &self.compact_input_schema
    }

    /// Returns the tool for Anthropic's API, with `input_schema`.
    pub fn anthropic(&self) -> Value {
        json!({
            "name": self.spec.name,
            "description": self.spec.description,
            "input_schema": self.input_schema,
        })
    }

    /// Returns the tool for OpenAI's API and compatible ones, with `parameters`.
    pub fn openai(&self) -> Value {
        json!({
            "type": "function",
            "function": {
                "name": self.spec.name,
                "description": self.spec.description,
                "parameters": self.input_schema,
            },
        })
    }

    /// Runs the tool with normalized arguments.
    pub(crate) async fn run(&self, context: &Context, arguments: Value) -> Result<RawOutput, BoxedError> {
        (self.run)(context, &self.input_schema, arguments).await
    }
}

fn run<'a, T: Tool>(
    context: &'a Context,
    schema: &'a Value,
    arguments: Value,
) -> BoxFuture<'a, Result<RawOutput, BoxedError>> {
    async move {
        let detail = match arguments.get("detail").and_then(Value::as_str) {
            Some("full") => Detail::Full,
            _ => Detail::Brief,
        };
        let input = input::parse::<T::Input>(T::SPEC.name, schema, T::SPEC.aliases, arguments)?;
        let output = run_with_approval::<T>(context, input).await?;
        let resume = super::Output::resume(&output).cloned();
        let value = serde_json::to_value(&output).map_err(|error| {
            let message = format!("The output cannot be serialized as JSON: {error}.");
            Box::new(ToolError::new(ErrorKind::Temporary, message, "Report this as a bug of the tools."))
        })?;
        Ok(RawOutput { value, resume, detail })
    }
    .boxed()
}

/// Returns what a call with these arguments does.
pub(crate) fn effect_of(spec: &Spec, arguments: &Value) -> Effect {
    match spec.effect {
        #[cfg(feature = "api")]
        Effect::Varies => api::effect_of(arguments),
        effect => {
            let _ = arguments;
            effect
        }
    }
}

/// Returns all tools in a fixed order, the default ones first.
pub fn all() -> &'static [Definition] {
    &ALL
}

/// Returns the tool with this name.
pub fn tool(name: &str) -> Option<&'static Definition> {
    ALL.iter().find(|definition| definition.spec.name == name)
}

macro_rules! tools {
    ($($tool:path),* $(,)?) => {
        vec![$(Definition::of::<$tool>()),*]
    };
}

static ALL: LazyLock<Vec<Definition>> = LazyLock::new(|| {
    #[allow(unused_mut)]
    let mut all = tools![
        videos::MyVideosList,
        videos::VideoGet,
        video_edit::VideoEdit,
        videos::VideoDelete,
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
        showcases::ShowcaseDelete,
        showcases::ShowcaseVideoRemove,
        folders::FolderDelete,
        limits::LimitsGet,
        upload_tools::VideoUpload,
        upload_tools::VideoReplace,
        upload_tools::UploadGet,
        upload_tools::UploadStop,
        chapters::ChaptersList,
        chapters::ChapterAdd,
        chapters::ChapterEdit,
        chapters::ChapterDelete,
        video_tags::VideoTagsSet,
        embedding::EmbedDomainsList,
        embedding::EmbedDomainAdd,
        embedding::EmbedDomainRemove,
        embedding::EmbedPresetsList,
        embedding::EmbedPresetAssign,
        video_files::VideoThumbnailAdd,
        video_files::VideoDownloadsList,
        analytics::AnalyticsList,
        comments::VideoCommentEdit,
        comments::VideoCommentDelete,
        showcases::ShowcaseEdit,
        folders::FolderEdit,
        folders::FolderVideosAdd,
        folders::FolderVideosRemove,
        text_tracks::TextTrackEdit,
        video_pull::VideoPull,
        jobs::VideoTranscribe,
        jobs::VideoTranslate,
        jobs::VideoDub,
        jobs::MetadataSuggest,
        jobs::JobGet,
    ];
    #[cfg(feature = "api")]
    all.extend(tools![api::OperationsSearch, api::OperationGet, api::OperationCall]);
    all
});
