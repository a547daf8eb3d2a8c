//! Generates the Rust source of the Vimeo crate from an OpenAPI description.
//!
//! Uses neither network nor clock: the same description produces the same bytes.
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

mod catalogue;
mod diff;
mod emit;
mod error;
mod load;
mod names;
mod normalise;
mod print;
mod progenitor_baseline;
mod refine;
mod sample;
mod tables;
mod visit;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

pub use catalogue::{Catalogue, catalogue};
pub use diff::{Change, Subject, diff};
pub use error::GenError;
pub use load::{load, parse};
pub use normalise::Applied;
pub use progenitor_baseline::progenitor_baseline;
pub use tables::{ApiTables, api_tables};

/// A generated module and statistics about it.
#[derive(Debug, Clone)]
pub struct Generated {
    /// The source files, by their path below the generated module.
    pub files: BTreeMap<PathBuf, String>,
    /// The source of a table that makes every call once, for tests outside the crate.
    pub every_call: String,
    /// The features of the areas, in the order of the description.
    pub features: Vec<String>,
    /// How often each rule changed something.
    pub applied: Vec<Applied>,
    /// The number of operations.
    pub operations: usize,
    /// The number of types.
    pub types: usize,
}

/// Generates source from a description: normalise, emit, refine, print.
///
/// # Errors
///
/// If the generator does not support a part of the description: its location and the reason.
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
