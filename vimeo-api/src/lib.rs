//! A typed client for every operation of the Vimeo API. Responses that deviate from the schema still decode.
//!
//! This is the low-level crate, generated from a description of the API. It does not handle access tokens, rate limits or
//! retries; most programs use the crate `vimeo-ext`, which does.
//!
//! ```no_run
//! # #[cfg(feature = "videos")]
//! # async fn run() -> Result<(), vimeo_api::Error> {
//! let http = vimeo_api::ReqwestTransport::from_builder(reqwest::Client::builder())?;
//! let client = vimeo_api::Client::builder().transport(http).build()?;
//! let video = client.videos().get_video(76979871).fields("uri,name").send().await?;
//! println!("{:?} ({} schema mismatches)", video.name, video.mismatches().len());
//! # Ok(())
//! # }
//! ```
//!
//! # IDs
//!
//! Calls accept a video, user, channel or group as a number, a name, a URI or a link, and retain the hash of an unlisted
//! video. An invalid ID is reported when the call is sent, before any request.
//!
//! ```
//! # #[cfg(all(feature = "videos", feature = "users", feature = "channels"))]
//! # fn demo(client: &vimeo_api::Client) {
//! client.videos().get_video(76979871);
//! client.videos().list_video_comments("76979871:a1b2c3d4e5");
//! client.videos().get_video("https://vimeo.com/76979871/a1b2c3d4e5");
//! client.users().get_user("staff");
//! client.channels().list_channel_videos("staffpicks");
//! # }
//! ```
//!
//! # Areas
//!
//! Each area of the API is a module behind a cargo feature of the same name. All areas are enabled by default. A type is
//! compiled if an enabled area uses it.
#![forbid(unsafe_code)]
// In unit tests, an empty module replaces the generated code.
#![cfg_attr(test, allow(clippy::items_after_test_module))]
#![cfg_attr(
    test,
    allow(dead_code, unused_macros, reason = "only the generated code uses some of the runtime")
)]

#[cfg(not(test))]
#[rustfmt::skip]
mod generated;
mod runtime;

// Unit tests cover the runtime only; `tests/it` covers the generated code. Without it they build in a second.
#[cfg(test)]
mod generated {
    pub(crate) static AREAS: &[&[&crate::Operation]] = &[];
}

use std::collections::HashMap;
use std::sync::OnceLock;

#[cfg(not(test))]
pub use generated::*;
pub use runtime::*;

/// Returns all operations of the enabled areas.
///
/// ```
/// let edits = vimeo_api::operations().filter(|operation| operation.scopes.contains(&vimeo_api::Scope::Edit)).count();
/// # let _ = edits;
/// ```
pub fn operations() -> impl Iterator<Item = &'static Operation> {
    generated::AREAS.iter().flat_map(|area| area.iter().copied())
}

/// Returns the operation with this name: the method name in this crate, or Vimeo's name.
pub fn operation(id: &str) -> Option<&'static Operation> {
    operations()
        .find(|operation| operation.id == id)
        .or_else(|| operations().find(|operation| operation.vimeo_name == id))
}

/// Returns the operation with this method and path, such as `GET /videos/123`. If several match, returns the one with the
/// fewest path parameters.
pub fn operation_at(method: &http::Method, path: &str) -> Option<&'static Operation> {
    // An index by first segment, so that an untyped call does not try hundreds of templates.
    static BY_SHAPE: OnceLock<HashMap<(&'static str, usize), Vec<&'static Operation>>> = OnceLock::new();
    let operations = BY_SHAPE.get_or_init(|| {
        operations().fold(HashMap::new(), |mut all: HashMap<_, Vec<_>>, operation| {
            all.entry(path_shape(operation.path)).or_default().push(operation);
            all
        })
    });
    operations
        .get(&path_shape(path))?
        .iter()
        .copied()
        .filter(|operation| operation.method == *method && matches(operation.path, path))
        .min_by_key(|operation| operation.path.matches('{').count())
}

/// The first segment, which is never a parameter, and the number of segments.
fn path_shape(path: &str) -> (&str, usize) {
    let path = path.trim_end_matches('/');
    let segments = path.bytes().filter(|byte| *byte == b'/').count();
    (path.split('/').nth(1).unwrap_or_default(), segments)
}

fn matches(template: &str, path: &str) -> bool {
    let mut template_segments = template.split('/');
    let mut path_segments = path.trim_end_matches('/').split('/');
    if template == "/" {
        return path.is_empty() || path == "/";
    }
    loop {
        match (template_segments.next(), path_segments.next()) {
            (None, None) => return true,
            (Some(expected), Some(segment))
                if expected == segment || (expected.starts_with('{') && !segment.is_empty()) => {}
            _ => return false,
        }
    }
}
