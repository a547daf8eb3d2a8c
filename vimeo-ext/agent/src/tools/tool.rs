//! What a tool is: its trait, its description, and the macro that defines one.

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::paging::ResumePoint;
use super::{Context, Disclosure, error::BoxedError};

/// A tool for agents, defined once for Rust, model APIs and MCP.
///
/// The JSON Schema is made from the input type, so a program that calls [`Tools::run`](super::Tools::run) and a model that
/// calls the tool by name pass the same arguments.
pub trait Tool: Send + Sync + 'static {
    /// The arguments.
    type Input: DeserializeOwned + Serialize + JsonSchema + Send + Sync + 'static;

    /// The output, reduced to what an agent needs.
    type Output: Output;

    /// What is known of the tool before it is called.
    const SPEC: Spec;

    /// Returns what this call would disclose, as words that follow "would", such as `post a comment on video 1`; `None` if
    /// it discloses nothing.
    ///
    /// Only called for tools whose [`Spec::discloses`] names a kind that was not allowed in advance. By default every call
    /// of such a tool counts as disclosing. Invalid arguments are errors here too.
    fn disclosure(
        context: &Context,
        input: &Self::Input,
    ) -> impl Future<Output = Result<Option<String>, BoxedError>> + Send {
        let _ = (context, input);
        std::future::ready(Ok(Some(format!("do what \u{201c}{}\u{201d} says", Self::SPEC.title))))
    }

    /// Runs the tool.
    fn run(
        context: &Context,
        input: Self::Input,
    ) -> impl Future<Output = Result<Self::Output, BoxedError>> + Send;
}

/// The output of a tool.
pub trait Output: Serialize + JsonSchema + Send + 'static {
    /// Returns where a list resumes if not all of its items fit; `None` for everything else.
    #[doc(hidden)]
    fn resume(&self) -> Option<&ResumePoint> {
        None
    }
}

/// What is known of a tool before it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Spec {
    /// The name: `vimeo_<noun>_<verb>`.
    pub name: &'static str,
    /// The title for people.
    pub title: &'static str,
    /// The description for models: when to use the tool, when not, and what it changes.
    pub description: &'static str,
    /// The scopes that the access token needs, all of them.
    pub scopes: &'static [&'static str],
    /// What it does to the account.
    pub effect: Effect,
    /// What its calls may disclose; `None` if they never disclose anything.
    pub discloses: Option<Disclosure>,
    /// The toolset that it belongs to.
    pub toolset: Toolset,
    /// How many calls of the API it makes.
    pub cost: Cost,
    /// Tells an agent how to check the outcome of a call that may or may not have been executed.
    pub check: &'static str,
    /// Other names of arguments, each with the argument that it stands for.
    pub aliases: &'static [(&'static str, &'static str)],
    /// Whether all text that it returns is the account's own. Models still read it between delimiters, as data, but it is
    /// not called untrusted.
    pub own_text: bool,
}

impl Spec {
    /// A tool that reads with one call of the API.
    pub(crate) const READ: Self = Self {
        name: "",
        title: "",
        description: "",
        scopes: &[],
        effect: Effect::Read,
        discloses: None,
        toolset: Toolset::Read,
        cost: Cost::One,
        check: "",
        aliases: &[],
        own_text: false,
    };
}

/// Defines a tool: its name, type, input and output, its title, description and scopes, the other fields of its [`Spec`]
/// that differ from [`Spec::READ`], and the bodies of [`Tool::disclosure`] and [`Tool::run`].
macro_rules! tool {
    (
        $name:literal $tool:ident($input:ty) -> $output:ty {
            title: $title:expr,
            description: $description:expr,
            scopes: $scopes:expr,
            $($field:ident: $value:expr,)*
        }
        $(disclosure |$disclosure_context:pat_param, $disclosure_input:pat_param| $disclosure:expr;)?
        run |$context:pat_param, $arguments:pat_param| $run:expr
    ) => {
        #[doc = concat!("The tool `", $name, "`.")]
        #[derive(Debug)]
        pub struct $tool;

        #[allow(clippy::needless_update)]
        impl $crate::tools::Tool for $tool {
            type Input = $input;
            type Output = $output;
            const SPEC: $crate::tools::Spec = $crate::tools::Spec {
                name: $name,
                title: $title,
                description: $description,
                scopes: $scopes,
                $($field: $value,)*
                ..$crate::tools::Spec::READ
            };

            $(
                async fn disclosure(
                    $disclosure_context: &$crate::tools::Context,
                    $disclosure_input: &Self::Input,
                ) -> Result<Option<String>, $crate::tools::error::BoxedError> {
                    $disclosure
                }
            )?

            async fn run(
                $context: &$crate::tools::Context,
                $arguments: Self::Input,
            ) -> Result<Self::Output, $crate::tools::error::BoxedError> {
                $run
            }
        }
    };
}

pub(crate) use tool;

/// What a tool does to the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Effect {
    /// Reads.
    Read,
    /// Adds something with each call.
    Add,
    /// Adds something; repeating the call changes nothing more.
    AddOnce,
    /// Overwrites or moves; repeating the call changes nothing more.
    Overwrite,
    /// Deletes permanently, after a confirmation.
    Delete,
    /// Depends on the arguments: reads, or changes something.
    Varies,
}

impl Effect {
    /// Returns whether the tool changes nothing.
    pub fn is_read_only(self) -> bool {
        self == Self::Read
    }

    /// Returns whether the tool can destroy existing data.
    pub fn is_destructive(self) -> bool {
        matches!(self, Self::Overwrite | Self::Delete | Self::Varies)
    }

    /// Returns whether repeating a call changes nothing more.
    pub fn is_idempotent(self) -> bool {
        !matches!(self, Self::Add | Self::Varies)
    }
}

/// A set of tools that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Toolset {
    /// Reading videos, users, channels and categories: public ones, and the account's own videos.
    Read,
    /// The account's library: editing and deleting videos, showcases, folders.
    Library,
    /// Likes, follows, comments, Watch Later.
    Social,
    /// The app's webhooks.
    Webhooks,
    /// Tools that are not offered by default: text tracks, transcripts, versions, deleting showcases and folders, limits.
    More,
    /// Uploads from the machine that the tools run on or from a URL, thumbnails, download links.
    Uploads,
    /// The player: chapters, embed domains, embed presets.
    Player,
    /// Editing more: tags, comments, showcases, folders, text tracks; many videos into or out of a folder.
    Edit,
    /// Viewing figures.
    Stats,
    /// AI jobs: transcribing, translating and dubbing, and suggested metadata.
    Jobs,
    /// All operations of the API through three tools; needs the feature `api`.
    Api,
}

impl Toolset {
    /// All toolsets, in order.
    pub const ALL: [Self; 11] = [
        Self::Read,
        Self::Library,
        Self::Social,
        Self::Webhooks,
        Self::More,
        Self::Uploads,
        Self::Player,
        Self::Edit,
        Self::Stats,
        Self::Jobs,
        Self::Api,
    ];

    /// Returns the toolset's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Library => "library",
            Self::Social => "social",
            Self::Webhooks => "webhooks",
            Self::More => "more",
            Self::Uploads => "uploads",
            Self::Player => "player",
            Self::Edit => "edit",
            Self::Stats => "stats",
            Self::Jobs => "jobs",
            Self::Api => "api",
        }
    }

    /// Returns whether its tools are offered if no toolset is named.
    pub fn is_default(self) -> bool {
        matches!(self, Self::Read | Self::Library | Self::Social | Self::Webhooks)
    }
}

impl std::str::FromStr for Toolset {
    type Err = UnknownToolset;

    fn from_str(name: &str) -> Result<Self, UnknownToolset> {
        Self::ALL
            .into_iter()
            .find(|toolset| toolset.as_str() == name.trim())
            .ok_or_else(|| UnknownToolset(name.trim().chars().take(40).collect()))
    }
}

/// No toolset has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown toolset `{0}`; use read, library, social, webhooks, more, uploads, player, edit, stats, jobs or api"
)]
pub struct UnknownToolset(String);

/// How many calls of the API a tool makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Cost {
    /// One call.
    One,
    /// Two calls: one to look, one to act.
    Two,
    /// Several calls, which take a while.
    Many,
}
