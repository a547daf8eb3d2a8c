//! Integration tests, in one binary so that they link once.

// Tests should panic if they cannot continue; the lints only know functions with `#[test]`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

/// The HTTP client of vimeo-ext's tests.
#[cfg(feature = "mcp")]
#[path = "../../../tests/it/http.rs"]
mod http;
#[cfg(feature = "mcp")]
mod mcp;
mod tools;
