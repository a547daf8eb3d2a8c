//! The Vimeo API, fully typed: every operation a builder, decoding that survives what Vimeo really sends.
//!
//! This is the low-level crate, generated from a description of the API. It adds no token, no limits and no retries:
//! those come from the crate `vimeo-ext`, which most programs want instead.
//!
//! ```no_run
//! # #[cfg(feature = "videos")]
//! # async fn run() -> Result<(), vimeo_api::Error> {
//! let http = vimeo_api::ReqwestTransport::from_builder(reqwest::Client::builder())?;
//! let client = vimeo_api::Client::builder().transport(http).build()?;
//! let video = client.videos().get_video(76979871).fields("uri,name").send().await?;
//! println!("{:?} ({} pieces did not fit)", video.name, video.mismatches().len());
//! # Ok(())
//! # }
//! ```
//!
//! # IDs
//!
//! A call takes a video, a user, a channel or a group by number, by the name that Vimeo takes in its place, by URI, or by
//! link; the hash of an unlisted video is kept. What cannot be read is an error of the call, before anything is sent.
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
//! Each area of the API is a module behind a feature of the same name; all are on by default. A type is compiled when
//! an area is on that uses it.
#![forbid(unsafe_code)]
// The module that stands in for the generated code is one of tests, in its place.
#![cfg_attr(test, allow(clippy::items_after_test_module))]
#![cfg_attr(
    test,
    allow(dead_code, unused_macros, reason = "only the generated code uses some of the runtime")
)]

#[cfg(not(test))]
#[rustfmt::skip]
mod generated;
mod runtime;

// The unit tests are those of the runtime. Without the generated code, which `tests/it` looks at, they build in a second.
#[cfg(test)]
mod generated {
    pub(crate) static AREAS: &[&[&crate::Operation]] = &[];
}

use std::collections::HashMap;
use std::sync::OnceLock;

#[cfg(not(test))]
pub use generated::*;
pub use runtime::*;

/// All operations of the areas that are compiled in.
///
/// ```
/// let edits = vimeo_api::operations().filter(|operation| operation.scopes.contains(&vimeo_api::Scope::Edit)).count();
/// # let _ = edits;
/// ```
pub fn operations() -> impl Iterator<Item = &'static Operation> {
    generated::AREAS.iter().flat_map(|area| area.iter().copied())
}

/// The operation of that name, ours or else Vimeo's.
pub fn operation(id: &str) -> Option<&'static Operation> {
    operations()
        .find(|operation| operation.id == id)
        .or_else(|| operations().find(|operation| operation.vimeo_name == id))
}

/// The operation that lives at a method and a path, such as `GET /videos/123`; of several the one with the fewest
/// parameters.
pub fn operation_at(method: &http::Method, path: &str) -> Option<&'static Operation> {
    // Hundreds of templates share a few first segments: an untyped call should not try them all.
    static BY_OUTLINE: OnceLock<HashMap<(&'static str, usize), Vec<&'static Operation>>> = OnceLock::new();
    let operations = BY_OUTLINE.get_or_init(|| {
        operations().fold(HashMap::new(), |mut all: HashMap<_, Vec<_>>, operation| {
            all.entry(outline(operation.path)).or_default().push(operation);
            all
        })
    });
    operations
        .get(&outline(path))?
        .iter()
        .copied()
        .filter(|operation| operation.method == *method && matches(operation.path, path))
        .min_by_key(|operation| operation.path.matches('{').count())
}

/// The first segment, which is a parameter of no template, and how many there are.
fn outline(path: &str) -> (&str, usize) {
    let path = path.trim_end_matches('/');
    let segments = path.bytes().filter(|byte| *byte == b'/').count();
    (path.split('/').nth(1).unwrap_or_default(), segments)
}

fn matches(template: &str, path: &str) -> bool {
    let mut wanted = template.split('/');
    let mut given = path.trim_end_matches('/').split('/');
    if template == "/" {
        return path.is_empty() || path == "/";
    }
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(wanted), Some(given))
                if wanted == given || (wanted.starts_with('{') && !given.is_empty()) => {}
            _ => return false,
        }
    }
}
