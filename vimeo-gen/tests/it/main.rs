//! End-to-end tests of the generator.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

mod determinism;
mod errors;
mod snapshots;

use serde_json::Value;
use vimeo_gen::Generated;

/// Returns a small description that covers every feature.
fn small() -> Value {
    vimeo_gen::parse(include_str!("small.yaml"), "small.yaml").expect("the description parses")
}

fn generated() -> Generated {
    vimeo_gen::generate(small()).expect("the description can be generated")
}
