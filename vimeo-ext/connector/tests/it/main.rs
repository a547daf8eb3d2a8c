//! The service against the sandbox, over HTTP.

// Tests should panic if they cannot continue; the lints only know functions with `#[test]`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod accounts;
mod connections;
mod harness;
mod hostile;
mod keys;
mod load;
mod logins;
mod mcp;
mod operation;
mod page;
mod polling;
mod progressive;
mod recent;
mod tools;
mod uploads;
