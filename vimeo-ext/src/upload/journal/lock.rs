//! The lock on an entry: how far an earlier run came, and what this run writes to the entry.

use std::fs::File;
use std::sync::Arc;
use std::time::SystemTime;

use chrono::{DateTime, TimeDelta, Utc};

use super::super::source::run_blocking;
use super::Journal;
use super::entry::PendingUpload;
use super::files::Files;
use crate::error::UploadError;
use crate::upload_ticket::UploadTicket;

/// How far an earlier run of the same upload came.
#[derive(Debug, Clone, Copy)]
pub enum ResumeState<'a> {
    /// There was no earlier run.
    New,
    /// The earlier run ended before it recorded a ticket: a video may exist. Look for it before you create another one.
    OutcomeUnknown,
    /// The video exists: resume with this ticket.
    Resumable(&'a UploadTicket),
}

/// An exclusive lock on the journal entry of one upload, across processes and tasks. It is released on drop, or when the
/// process dies.
#[derive(Debug)]
pub struct JournalLock {
    pub(super) entry: PendingUpload,
    pub(super) is_new: bool,
    pub(super) files: Files,
    pub(super) lock: FileLock,
}

/// Held for its lock only, which ends with the last clone. Every thread that writes or removes the files holds one: it keeps
/// running if the future that started it is dropped, and nobody else may lock the entry before it is done.
pub(super) type FileLock = Arc<File>;

impl JournalLock {
    /// Returns how far an earlier run came.
    pub fn resume_state(&self) -> ResumeState<'_> {
        match &self.entry.ticket {
            Some(ticket) => ResumeState::Resumable(ticket),
            None if self.is_new => ResumeState::New,
            None => ResumeState::OutcomeUnknown,
        }
    }

    /// Returns the journal of the entry.
    pub(crate) fn journal(&self) -> Journal {
        Journal::in_folder(self.files.folder.clone())
    }

    /// Returns the locked entry.
    pub fn entry(&self) -> &PendingUpload {
        &self.entry
    }

    /// Records the ticket. Call this as soon as the video is created, before bytes are sent.
    ///
    /// # Errors
    /// [`UploadError::Io`] if the entry cannot be written; it is then unchanged.
    pub async fn record(&mut self, ticket: &UploadTicket) -> Result<(), UploadError> {
        let mut entry = self.entry.clone();
        entry.ticket = Some(ticket.clone());
        self.write(entry).await
    }

    /// Records how far Vimeo's clock was ahead at the request.
    pub(crate) async fn record_server_clock(&mut self, ahead: TimeDelta) -> Result<(), UploadError> {
        let files = self.files.clone();
        let name = files.entry.display().to_string();
        // Read again: the marker wrote `requested_at` when the request was sent.
        let written = run_blocking(&name, "read", move || files.read()).await?;
        let mut entry = written.unwrap_or_else(|| self.entry.clone());
        entry.server_clock_ahead = Some(ahead.num_seconds());
        self.write(entry).await
    }

    /// Corrects a request time in the future, which was recorded by a clock that has been set since.
    pub(crate) async fn correct_requested_at(
        &mut self,
        requested_at: DateTime<Utc>,
    ) -> Result<(), UploadError> {
        let mut entry = self.entry.clone();
        entry.requested_at = Some(requested_at);
        self.write(entry).await
    }

    async fn write(&mut self, entry: PendingUpload) -> Result<(), UploadError> {
        let (files, lock) = (self.files.clone(), Arc::clone(&self.lock));
        let name = files.entry.display().to_string();
        self.entry = run_blocking(&name, "write", move || {
            let written = files.write(&entry);
            drop(lock);
            written.map(|()| entry)
        })
        .await?;
        Ok(())
    }

    /// Returns the marker that records the creation request. Write it right before the request is sent.
    pub(crate) fn marker(&self) -> Arc<JournalMarker> {
        Arc::new(JournalMarker {
            entry: self.entry.clone(),
            files: self.files.clone(),
            lock: Arc::clone(&self.lock),
        })
    }

    /// Sets the page and the version; the next [`record`](Self::record) writes them.
    pub(crate) fn set_video_details(&mut self, page: Option<String>, version_uri: Option<String>) {
        self.entry.page = page;
        self.entry.version_uri = version_uri;
    }

    /// Removes the entry, because the upload is finished or abandoned. Also removes what was
    /// [spooled](crate::upload::Spooled) for it.
    ///
    /// # Errors
    /// [`UploadError::Io`] if the files cannot be removed.
    pub async fn finish(self) -> Result<(), UploadError> {
        let entry = self.entry.clone();
        // The entry first: without its file it could not be resumed.
        self.remove_entry().await?;
        let name = entry.path.display().to_string();
        run_blocking(&name, "remove", move || entry.remove_spool_file()).await
    }

    /// Removes the entry, but no spooled file, because the same upload can start again.
    pub(crate) async fn remove_entry(self) -> Result<(), UploadError> {
        let (files, lock) = (self.files, self.lock);
        let name = files.entry.display().to_string();
        run_blocking(&name, "remove", move || {
            let removed = files.remove();
            drop(lock);
            removed
        })
        .await
    }
}

/// Records in the entry that the creation request is being sent.
#[derive(Debug)]
pub(crate) struct JournalMarker {
    entry: PendingUpload,
    files: Files,
    lock: FileLock,
}

impl JournalMarker {
    /// Writes the entry with the current time as the time of the request.
    pub(crate) async fn write(&self) -> Result<(), UploadError> {
        let mut entry = self.entry.clone();
        entry.requested_at = Some(SystemTime::now().into());
        let (files, lock) = (self.files.clone(), Arc::clone(&self.lock));
        let name = files.entry.display().to_string();
        run_blocking(&name, "write", move || {
            let written = files.write(&entry);
            drop(lock);
            written
        })
        .await
    }
}
