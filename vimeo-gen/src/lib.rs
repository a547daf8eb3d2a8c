//! From a description of the Vimeo API to the Rust source of its crate.
//!
//! A library without network and clock: the same description gives the same bytes.
//!
//! ```
//! let description = vimeo_gen::parse(
//!     r#"{
//!         "openapi": "3.0.3",
//!         "info": {"title": "Small", "version": "1"},
//!         "paths": {"/clips/{id}": {"get": {"tags": ["Clips"], "operationId": "get_clip", "responses": {}}}}
//!     }"#,
//!     "small.json",
//! )?;
//! let generated = vimeo_gen::generate(description)?;
//! assert!(generated.files.contains_key(std::path::Path::new("clips.rs")));
//! # Ok::<(), vimeo_gen::GenError>(())
//! ```
#![forbid(unsafe_code)]

mod diff;
mod emit;
mod load;
mod names;
mod normalise;
mod outline;
mod print;
mod problem;
mod refine;
mod sample;
mod stock;
mod walk;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

pub use diff::{Change, Subject, diff};
pub use load::{load, parse};
pub use normalise::Applied;
pub use outline::{Outline, outline};
pub use problem::GenError;
pub use stock::stock;

/// A generated module and how it came about.
#[derive(Debug, Clone)]
pub struct Generated {
    /// The source files by their path below the generated module.
    pub files: BTreeMap<PathBuf, String>,
    /// The source of a table that calls every operation once, for tests outside the crate.
    pub every_call: String,
    /// The areas' features, in the order of the description.
    pub features: Vec<String>,
    /// How often each rule applied.
    pub applied: Vec<Applied>,
    /// How many operations there are.
    pub operations: usize,
    /// How many types there are.
    pub types: usize,
}

/// Turns a description into source: normalise, emit, refine, print.
///
/// # Errors
///
/// When no rule can cure what the generator cannot take: where it stands and why.
pub fn generate(mut description: Value) -> Result<Generated, GenError> {
    let bodies = sample::bodies(&description);
    let applied = normalise::normalise(&mut description)?;
    let tokens = emit::emit(&description)?;
    let api = refine::refine(tokens, &description)?;
    let files = print::print(&api)?;
    Ok(Generated {
        files,
        every_call: print::every_call(&api, &bodies)?,
        features: api.areas.iter().map(|area| print::feature(&area.module)).collect(),
        applied,
        operations: api.calls.len(),
        types: api.types.len(),
    })
}
