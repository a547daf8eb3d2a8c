//! The `vimeo` command as people and scripts meet it: the built binary, against a sandbox in this process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod accounts;
mod api;
mod codes;
mod examples;
mod harness;
mod help;
mod http;
#[cfg(unix)]
mod interrupted;
#[cfg(target_os = "linux")]
mod keyring;
mod kills;
#[cfg(feature = "mcp")]
mod mcp;
#[cfg(feature = "mcp")]
mod mcp_tools;
#[cfg(feature = "stores")]
mod references;
mod rotation;
mod upload_reports;
mod uploads;
