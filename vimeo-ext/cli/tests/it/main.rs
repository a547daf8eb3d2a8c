//! End-to-end tests of the `vimeo` binary against a sandbox in this process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod accounts;
mod ai;
mod api;
mod examples;
mod exit_codes;
mod harness;
mod help;
mod http;
mod ids;
#[cfg(feature = "stores")]
mod key_rotation;
#[cfg(target_os = "linux")]
mod keyring;
mod kills;
#[cfg(feature = "mcp")]
mod mcp;
#[cfg(feature = "mcp")]
mod mcp_tools;
mod pages;
#[cfg(all(unix, feature = "connector"))]
mod serve;
#[cfg(all(unix, feature = "connector"))]
mod serve_kills;
#[cfg(unix)]
mod signals;
#[cfg(feature = "stores")]
mod store_commands;
mod upload_reports;
mod upload_stdin;
mod uploads;
