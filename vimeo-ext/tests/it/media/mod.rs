//! Uploads against the sandbox: the requests, their order, and the result.

mod abandon;
mod bad_input;
mod ids;
mod journals_of_releases;
mod many;
mod other_ways;
mod pictures;
mod reconcile;
mod replace;
mod resume;
mod spooled;
mod text_tracks;
mod transcoding;

use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;
use vimeo_ext::upload::{Backoff, Journal, UploadOptions};
use vimeo_ext::{RetryPolicy, Vimeo, VimeoBuilder};
use vimeo_sandbox::{Host, Sandbox, SandboxBuilder};

/// A sandbox that rejects tokens at signed links, and a folder with files and a journal.
pub(crate) struct UploadFixture {
    pub(crate) sandbox: Sandbox,
    pub(crate) folder: TempDir,
}

impl UploadFixture {
    pub(crate) async fn new() -> Self {
        Self::of(Sandbox::builder()).await
    }

    pub(crate) async fn of(sandbox: SandboxBuilder) -> Self {
        let sandbox = sandbox.keep_bytes(true).refuse_upload_authorization(true).start().await.unwrap();
        Self { sandbox, folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) fn journal(&self) -> Journal {
        Journal::in_folder(self.folder.path().join("journal"))
    }

    /// Returns a client as a new process would build it.
    pub(crate) fn vimeo(&self) -> Vimeo {
        self.builder().build().unwrap()
    }

    pub(crate) fn builder(&self) -> VimeoBuilder {
        Vimeo::builder()
            .access_token(self.sandbox.token())
            .base_url(self.sandbox.url().as_str())
            .retry(RetryPolicy::default().jitter(|| 0.0))
            .journal(self.journal())
    }

    /// Returns the requests in order: those to the API with their path, those to the upload host without, because it
    /// is signed.
    pub(crate) fn requests(&self) -> Vec<String> {
        let entries = self.sandbox.request_log();
        let step = |entry: &vimeo_sandbox::RequestLogEntry| match entry.host {
            Host::Api => {
                assert!(entry.has_authorization, "{entry:?}");
                format!("{} {}", entry.method, entry.path)
            }
            _ => {
                assert!(!entry.has_authorization, "a token at a signed link: {entry:?}");
                format!("{} link", entry.method)
            }
        };
        entries.iter().map(step).collect()
    }

    /// Returns the number of files in the journal's folder.
    pub(crate) fn journal_files(&self) -> usize {
        std::fs::read_dir(self.folder.path().join("journal")).map_or(0, Iterator::count)
    }
}

/// No waits between attempts.
pub(crate) fn no_backoff() -> UploadOptions {
    UploadOptions::new().backoff(Backoff::new(Duration::ZERO, Duration::ZERO))
}

/// Bytes without repetition, so that shifts and gaps show.
pub(crate) fn film(length: u32) -> Vec<u8> {
    (0..length).map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8).collect()
}
