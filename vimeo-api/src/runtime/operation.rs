//! What is known of an operation before it is called.

use std::fmt;

use http::Method;

use super::Scope;

/// One operation of the Vimeo API: what it is called, where it lives, what it needs.
///
/// Every generated call carries its operation, so a [`Transport`](crate::Transport) can check scopes, choose
/// a retry rule or name the call in a log without parsing a URL.
///
/// ```
/// let operation = vimeo_api::operation("get_video").expect("a generated operation");
/// assert_eq!(operation.path, "/videos/{video_id}");
/// assert_eq!(operation.vimeo_name, "get_video");
/// ```
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Operation {
    /// Our name, as in the builder: `list_my_videos`.
    pub id: &'static str,
    /// Vimeo's own operation name, such as `get_videos_alt1`; equal to `id` where Vimeo gives none.
    pub vimeo_name: &'static str,
    /// The HTTP method.
    pub method: Method,
    /// The path with its parameters in braces: `/videos/{video_id}`.
    pub path: &'static str,
    /// The area that the operation belongs to, as the module is called: `videos`.
    pub area: &'static str,
    /// One line that says what it does.
    pub summary: &'static str,
    /// The scopes that the access token needs, all of them; empty when any token will do.
    pub scopes: &'static [Scope],
    /// The query parameters it takes.
    pub query: &'static [QueryParameter],
    /// Whether it sends a request body.
    pub has_body: bool,
    /// Whether it answers with a page of a list.
    pub paged: bool,
    /// Whether Vimeo documents `304 Not Modified` for it, so that a conditional request pays.
    pub conditional: bool,
}

/// A query parameter of an [`Operation`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueryParameter {
    /// The name on the wire.
    pub name: &'static str,
    /// Whether the operation refuses a call without it.
    pub required: bool,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} {})", self.id, self.method, self.path)
    }
}
