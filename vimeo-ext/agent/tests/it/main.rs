//! Integration tests, in one binary so that they link once.

// A test that cannot go on should panic; the lints only know functions that bear `#[test]`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

/// As the tests of vimeo-ext make them.
#[cfg(feature = "mcp")]
#[path = "../../../tests/it/http.rs"]
mod http;
#[cfg(feature = "mcp")]
mod mcp;
mod tools;
