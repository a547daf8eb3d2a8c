//! What a tool is.

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::paging::Resume;
use super::{Context, Disclosure, error::Failed};

/// One tool for agents: defined once, used from Rust, by models and over MCP.
///
/// Its input is what the JSON Schema is made from, so a program that calls it with [`Tools::run`](super::Tools::run)
/// and a model that calls it by name give the same.
pub trait Tool: Send + Sync + 'static {
    /// The arguments.
    type Input: DeserializeOwned + Serialize + JsonSchema + Send + Sync + 'static;

    /// The answer, trimmed to what an agent needs.
    type Output: Output;

    /// What is known of it before it is called.
    const SPEC: Spec;

    /// Other names of arguments, each with the argument that it stands for.
    const ALIASES: &[(&str, &str)] = &[];

    /// What this call would disclose, as words after "would": `post a comment on video 1`. `None`: nothing.
    ///
    /// Asked of tools whose [`Spec::discloses`] names a kind, if that kind was not allowed beforehand. The default says
    /// that every call discloses something, so a tool narrows it; arguments that do not fit are errors here already.
    fn disclosure(
        context: &Context,
        input: &Self::Input,
    ) -> impl Future<Output = Result<Option<String>, Failed>> + Send {
        let _ = (context, input);
        std::future::ready(Ok(Some(format!("do what \u{201c}{}\u{201d} says", Self::SPEC.title))))
    }

    /// Does it.
    fn run(
        context: &Context,
        input: Self::Input,
    ) -> impl Future<Output = Result<Self::Output, Failed>> + Send;
}

/// What a tool answers with.
pub trait Output: Serialize + JsonSchema + Send + 'static {
    /// Where a list goes on; `None` for what is no list.
    #[doc(hidden)]
    fn resume(&self) -> Option<&Resume> {
        None
    }
}

/// What is known of a tool before it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Spec {
    /// The name: `vimeo_<noun>_<verb>`.
    pub name: &'static str,
    /// The name in words.
    pub title: &'static str,
    /// When to use it, when not, what it does to what.
    pub description: &'static str,
    /// The scopes that the token needs, all of them.
    pub scopes: &'static [&'static str],
    /// What it does to the account.
    pub effect: Effect,
    /// What its calls may disclose; `None` if no call of it discloses anything.
    pub discloses: Option<Disclosure>,
    /// The set that it belongs to.
    pub toolset: Toolset,
    /// What a call costs.
    pub cost: Cost,
    /// How to find out what became of a call that may or may not have been carried out.
    pub check: &'static str,
}

/// What a tool does to the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Effect {
    /// Reads.
    Read,
    /// Adds something each time.
    Add,
    /// Adds something; doing it twice is as doing it once.
    AddOnce,
    /// Overwrites or moves; doing it twice is as doing it once.
    Overwrite,
    /// Takes away for good, after a confirmation.
    Delete,
}

impl Effect {
    /// Whether it changes nothing.
    pub fn is_read_only(self) -> bool {
        self == Self::Read
    }

    /// Whether it can take away what is there.
    pub fn is_destructive(self) -> bool {
        matches!(self, Self::Overwrite | Self::Delete)
    }

    /// Whether doing it twice is as doing it once.
    pub fn is_idempotent(self) -> bool {
        !matches!(self, Self::Add)
    }
}

/// A set of tools that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Toolset {
    /// Reading videos, users, channels and categories: what anyone may see, and the account's own videos.
    Read,
    /// The account's library: editing and deleting videos, showcases, folders.
    Library,
    /// Likes, follows, comments, Watch Later.
    Social,
    /// The app's webhooks.
    Webhooks,
    /// Beyond the basic ones: text tracks, transcripts, versions, removal, limits.
    More,
    /// Uploads from the machine that the tools run on.
    Uploads,
}

impl Toolset {
    /// All sets, in their order.
    pub const ALL: [Self; 6] =
        [Self::Read, Self::Library, Self::Social, Self::Webhooks, Self::More, Self::Uploads];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Library => "library",
            Self::Social => "social",
            Self::Webhooks => "webhooks",
            Self::More => "more",
            Self::Uploads => "uploads",
        }
    }

    /// Whether its tools are given out when no set is named.
    pub fn is_default(self) -> bool {
        !matches!(self, Self::More | Self::Uploads)
    }
}

impl std::str::FromStr for Toolset {
    type Err = UnknownToolset;

    fn from_str(word: &str) -> Result<Self, UnknownToolset> {
        Self::ALL
            .into_iter()
            .find(|set| set.as_str() == word.trim())
            .ok_or_else(|| UnknownToolset(word.trim().chars().take(40).collect()))
    }
}

/// There is no such set of tools.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no toolset `{0}`; there are read, library, social, webhooks, more and uploads")]
pub struct UnknownToolset(String);

/// What a call of a tool costs, in calls of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Cost {
    /// One call.
    One,
    /// Two calls: one to look, one to act.
    Two,
    /// Several calls, and time.
    Many,
}
