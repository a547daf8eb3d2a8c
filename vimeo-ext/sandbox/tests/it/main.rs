//! The sandbox as a client meets it: over HTTP.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops where something is not as it should be"
)]

mod client;
mod http;

mod auth;
mod clients_of_others;
mod command;
mod control;
mod doors;
mod events;
mod every_operation;
mod faults;
mod library;
mod lists;
mod malformed;
mod media;
mod oauth;
mod seeds;
mod shelves;
mod snapshots_of_releases;
mod state;
mod tus;
mod videos;
mod worlds;

/// A folder for a test. What a group may write is refused, so files are made as most people's shells make them.
fn test_folder() -> tempfile::TempDir {
    #[cfg(unix)]
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    tempfile::tempdir().unwrap()
}
