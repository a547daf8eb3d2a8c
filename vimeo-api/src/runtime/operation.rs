//! Metadata of operations.

use std::fmt;

use http::Method;

use super::Scope;

/// An operation of the Vimeo API: its name, method, path and required scopes.
///
/// Every generated call carries its operation, so a [`Transport`](crate::Transport) can check scopes, choose a retry rule or
/// log the call without parsing a URL.
///
/// ```
/// let operation = vimeo_api::operation("get_video").expect("a generated operation");
/// assert_eq!(operation.path, "/videos/{video_id}");
/// assert_eq!(operation.vimeo_name, "get_video");
/// ```
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Operation {
    /// The name of the method in this crate: `list_my_videos`.
    pub id: &'static str,
    /// Vimeo's name of the operation, such as `get_videos_alt1`; equal to `id` if Vimeo has none.
    pub vimeo_name: &'static str,
    /// The HTTP method.
    pub method: Method,
    /// The path template: `/videos/{video_id}`.
    pub path: &'static str,
    /// The module of the operation's area: `videos`.
    pub area: &'static str,
    /// A one-line description.
    pub summary: &'static str,
    /// The scopes that the access token needs, all of them. Empty if the operation requires no scope.
    pub scopes: &'static [Scope],
    /// The query parameters.
    pub query: &'static [QueryParameter],
    /// Whether the request has a body.
    pub has_body: bool,
    /// Whether the response is a page of a list.
    pub paged: bool,
    /// Whether Vimeo documents `304 Not Modified` for the operation, so that conditional requests are useful.
    pub conditional: bool,
}

/// A query parameter of an [`Operation`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueryParameter {
    /// The name in the query.
    pub name: &'static str,
    /// Whether the parameter is required.
    pub required: bool,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} {})", self.id, self.method, self.path)
    }
}
