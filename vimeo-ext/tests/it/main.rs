//! Integration tests, in one binary so that they link once.

// A failed precondition of a test should panic. The lints exempt only functions with `#[test]`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

#[cfg(feature = "accounts")]
mod accounts;
#[cfg(all(feature = "blocking", feature = "tower"))]
mod adapters;
mod downloads;
mod errors;
mod fake;
mod fault_proxy;
mod http;
mod intermediaries;
mod jobs;
mod leaks;
mod limits;
mod lists;
mod logins;
mod media;
mod requests;
mod retries;
mod scopes;
mod secrets;
mod soak;
mod tus_server;
mod types;
mod upload;
mod upload_journal;
mod upload_kills;
mod upload_matrix;
mod upload_memory;
mod upload_proxy;
mod upload_queue;
mod upload_sandbox;
mod upload_servers;
#[cfg(feature = "axum")]
mod webhooks;
mod with_sandbox;
