//! Tests of the sandbox over HTTP.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests may panic")]

mod client;
mod http;

mod auth;
mod collections;
mod command;
mod control;
mod events;
mod every_operation;
mod faults;
mod library;
mod listeners;
mod lists;
mod malformed;
mod media;
mod oauth;
mod recorder;
mod release_snapshots;
mod seeds;
mod state;
mod test_worlds;
mod third_party_clients;
mod tus;
mod videos;
mod worlds;

/// A temporary folder. Sets the umask, since the sandbox rejects group-writable files.
fn test_folder() -> tempfile::TempDir {
    #[cfg(unix)]
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    tempfile::tempdir().unwrap()
}
