//! Calls that show something to more people, or send data out, and the consent that they need.

use std::str::FromStr;

use vimeo_api::OpenEnum;

use super::error::{ErrorKind, Failed, ToolError};
use super::untrusted::clean;
use super::{Context, Tool};

/// What a tool discloses: what becomes visible to more people, or leaves the account.
///
/// A client that can ask the person asks about each such call. Where nobody can be asked, the call is refused unless its
/// kind was allowed beforehand, with [`Tools::allow`](super::Tools::allow).
///
/// Not counted as a disclosure: text of one's own videos and folders, which those read who may see them already, and likes
/// and follows, which show nothing that belongs to the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Disclosure {
    /// Lets more people watch, embed, download, collect or comment on a video, or open a showcase.
    Publish,
    /// Posts text under the account's name on somebody's page.
    Comments,
    /// Has events of the app sent to an address.
    Webhooks,
}

impl Disclosure {
    /// All kinds, in their order.
    pub const ALL: [Self; 3] = [Self::Publish, Self::Comments, Self::Webhooks];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Comments => "comments",
            Self::Webhooks => "webhooks",
        }
    }
}

impl FromStr for Disclosure {
    type Err = UnknownDisclosure;

    fn from_str(word: &str) -> Result<Self, UnknownDisclosure> {
        let word = word.trim();
        let known = Self::ALL.into_iter().find(|kind| kind.as_str() == word);
        known.ok_or_else(|| UnknownDisclosure(clean(word, 40)))
    }
}

/// There is no such kind of disclosure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no kind `{0}` of disclosure; there are publish, comments and webhooks")]
pub struct UnknownDisclosure(String);

/// Runs a tool once the person has consented to what the call discloses, if it discloses anything.
pub(crate) async fn run_with_consent<T: Tool>(
    context: &Context,
    input: T::Input,
) -> Result<T::Output, Failed> {
    if let Some(kind) = T::SPEC.discloses
        && !context.allows(kind)
        && let Some(act) = T::disclosure(context, &input).await?
    {
        let question = format!("The agent wants to {act}. Allow it?");
        if !context.ask(&T::SPEC, question).await? {
            return Err(Box::new(refused(T::SPEC.name, kind, &act)));
        }
    }
    T::run(context, input).await
}

fn refused(tool: &str, kind: Disclosure, act: &str) -> ToolError {
    let message = format!(
        "{tool} would {act}. This needs the person's consent, and this client cannot ask for it; nothing was sent."
    );
    let word = kind.as_str();
    let next = format!(
        "Tell the person what you wanted to do. They can allow all calls of this kind where the tools are started, with \
         `vimeo mcp --allow {word}` or Tools::allow, make this one call with `vimeo tools call`, or use a client with \
         elicitation, which asks each time."
    );
    ToolError::new(ErrorKind::Approval, message, next)
}

/// Whether a setting lets in people whom the current one keeps out. Of the words between the narrowest and the widest none
/// is known to include another, and what is not known counts as narrow.
pub(crate) fn widens<T: OpenEnum>(from: Option<&T>, to: &T, narrowest: &str, widest: &str) -> bool {
    let from = from.map(OpenEnum::as_str);
    to.as_str() != narrowest && from != Some(to.as_str()) && from != Some(widest)
}

#[cfg(test)]
mod tests {
    use vimeo_api::types::VideoViewPrivacy;

    use super::*;

    #[test]
    fn a_setting_widens_unless_it_is_known_not_to() {
        for (from, to, wider) in [
            (Some("nobody"), "anybody", true),
            (Some("nobody"), "password", true),
            (Some("password"), "unlisted", true),
            (Some("unlisted"), "anybody", true),
            (Some("a new word"), "unlisted", true),
            (None, "anybody", true),
            (None, "nobody", false),
            (Some("anybody"), "password", false),
            (Some("anybody"), "anybody", false),
            (Some("unlisted"), "unlisted", false),
            (Some("unlisted"), "nobody", false),
        ] {
            let from = from.map(VideoViewPrivacy::other);
            let to = VideoViewPrivacy::other(to);
            assert_eq!(widens(from.as_ref(), &to, "nobody", "anybody"), wider, "{from:?} to {to:?}");
        }
    }

    #[test]
    fn kinds_are_read_by_their_words() {
        for kind in Disclosure::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        let error = "everything\u{1b}[2J".parse::<Disclosure>().unwrap_err().to_string();
        assert!(error.contains("`everything[2J`") && error.contains("publish"), "{error}");
    }
}
