//! Disclosures: calls that show something to more people or send data out, which need approval.

use std::str::FromStr;

use vimeo_api::OpenEnum;

use super::error::{BoxedError, ErrorKind, ToolError};
use super::untrusted::clean;
use super::{Context, Spec, Tool};

/// What a tool discloses: what becomes visible to more people, or leaves the account, also as money.
///
/// A client that can ask the person asks about each such call. If nobody can be asked, the call is refused unless its kind
/// was allowed in advance with [`Tools::allow`](super::Tools::allow).
///
/// Not a disclosure: text of the account's videos and folders, which only people who may already see them can read; likes
/// and follows, which show nothing that belongs to the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Disclosure {
    /// Lets more people watch, embed, download, collect or comment on a video, or open a showcase.
    Publish,
    /// Posts text under the account's name on somebody's page.
    Comments,
    /// Sends events of the app to a URL.
    Webhooks,
    /// Uses up AI credits or money.
    Spend,
}

impl Disclosure {
    /// All kinds, in order.
    pub const ALL: [Self; 4] = [Self::Publish, Self::Comments, Self::Webhooks, Self::Spend];

    /// Returns the kind's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Comments => "comments",
            Self::Webhooks => "webhooks",
            Self::Spend => "spend",
        }
    }
}

impl FromStr for Disclosure {
    type Err = UnknownDisclosure;

    fn from_str(name: &str) -> Result<Self, UnknownDisclosure> {
        let name = name.trim();
        let known = Self::ALL.into_iter().find(|kind| kind.as_str() == name);
        known.ok_or_else(|| UnknownDisclosure(clean(name, 40)))
    }
}

/// No kind of disclosure has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown kind of disclosure `{0}`; use publish, comments, webhooks or spend")]
pub struct UnknownDisclosure(String);

/// Runs a tool after the person has approved what the call discloses, if anything.
pub(crate) async fn run_with_approval<T: Tool>(
    context: &Context,
    input: T::Input,
) -> Result<T::Output, BoxedError> {
    if let Some(kind) = T::SPEC.discloses
        && !context.allows(kind)
        && let Some(act) = T::disclosure(context, &input).await?
    {
        approve(context, &T::SPEC, kind, &act).await?;
    }
    T::run(context, input).await
}

/// Fails unless calls of this kind were allowed in advance, or the person allows this one. `act` follows "wants to".
pub(crate) async fn approve(
    context: &Context,
    spec: &Spec,
    kind: Disclosure,
    act: &str,
) -> Result<(), BoxedError> {
    if context.allows(kind) || context.ask(spec, format!("The agent wants to {act}. Allow it?")).await? {
        return Ok(());
    }
    Err(Box::new(refused(spec.name, kind, act)))
}

fn refused(tool: &str, kind: Disclosure, act: &str) -> ToolError {
    let message = format!(
        "{tool} would {act}. This needs the person's approval, and this client cannot ask for it; nothing was sent."
    );
    let name = kind.as_str();
    let next = format!(
        "Tell the person what you wanted to do. They can allow all calls of this kind when they start the tools, with \
         `vimeo mcp --allow {name}` or Tools::allow; make this one call with `vimeo tools call`; or use a client with \
         elicitation, which asks each time."
    );
    ToolError::new(ErrorKind::Approval, message, next)
}

/// Returns whether a new setting admits people whom the current one excludes. None of the values between the narrowest and
/// the widest is known to include another. An unknown setting counts as narrow.
pub(crate) fn widens<T: OpenEnum>(from: Option<&T>, to: &T, narrowest: &str, widest: &str) -> bool {
    let from = from.map(OpenEnum::as_str);
    to.as_str() != narrowest && from != Some(to.as_str()) && from != Some(widest)
}

#[cfg(test)]
mod tests {
    use vimeo_api::types::VideoViewPrivacy;

    use super::*;

    #[test]
    fn a_setting_widens_unless_known_otherwise() {
        for (from, to, wider) in [
            (Some("nobody"), "anybody", true),
            (Some("nobody"), "password", true),
            (Some("password"), "unlisted", true),
            (Some("unlisted"), "anybody", true),
            (Some("a new value"), "unlisted", true),
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
    fn kinds_parse_from_their_names() {
        for kind in Disclosure::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        let error = "everything\u{1b}[2J".parse::<Disclosure>().unwrap_err().to_string();
        assert!(error.contains("`everything[2J`") && error.contains("publish"), "{error}");
    }
}
