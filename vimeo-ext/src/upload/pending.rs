//! Uploads that earlier runs did not finish.

use super::abandon::abandon;
use crate::upload::{
    DamagedEntry, FileSource, Journal, JournalLocation, JournalLock, PendingUpload, ResumeState, Upload,
    UploadError, UploadTicket,
};
use crate::{Error, Vimeo};

/// The unfinished uploads in the client's journal; from [`Vimeo::pending_uploads`].
///
/// Most uploads do not need this: the call that started an upload also resumes it. It is for uploads that no call will
/// resume, and for uploads of which it is unknown whether their video was created.
///
/// ```no_run
/// # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
/// let pending = vimeo.pending_uploads()?;
/// for upload in pending.list().await? {
///     if !pending.is_own(&upload) {
///         continue;
///     }
///     if upload.ticket.is_some() {
///         pending.resume(&upload).await?.run().await?;
///     } else {
///         pending.reconcile(&upload.id()).await?;
///     }
/// }
/// for entry in pending.damaged().await? {
///     tracing::warn!(id = entry.id, error = %entry.error, "not readable");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct PendingUploads {
    pub(super) vimeo: Vimeo,
    pub(super) journal: Journal,
}

/// Uploads that earlier runs did not finish.
impl Vimeo {
    /// Returns the unfinished uploads in the client's journal, to resume, adopt, abandon or discard.
    ///
    /// # Errors
    ///
    /// If the journal is in the platform's state folder and the platform has none.
    pub fn pending_uploads(&self) -> Result<PendingUploads, Error> {
        let journal = match self.journal_location() {
            JournalLocation::In(journal) => journal,
            JournalLocation::StateFolder | JournalLocation::Off => Journal::in_state_folder()?,
        };
        Ok(PendingUploads { vimeo: self.clone(), journal: self.scoped_to_client(journal) })
    }

    /// Returns the unfinished uploads in another journal: one that was set with
    /// [`journal`](crate::upload::CreateVideo::journal).
    pub fn pending_uploads_in(&self, journal: Journal) -> PendingUploads {
        PendingUploads { vimeo: self.clone(), journal }
    }
}

impl PendingUploads {
    /// Returns the journal that the uploads are in.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Returns all unfinished uploads, oldest first. Entries that cannot be read are in [`damaged`](Self::damaged).
    ///
    /// The list has the uploads of all accounts that share the journal; [`is_own`](Self::is_own) tells which belong to this
    /// client. Clients of `Accounts` see only their own.
    ///
    /// ```no_run
    /// # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
    /// for upload in vimeo.pending_uploads()?.list().await? {
    ///     tracing::info!(file = %upload.path.display(), started = %upload.started_at, "unfinished");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If the journal's folder cannot be read.
    pub async fn list(&self) -> Result<Vec<PendingUpload>, Error> {
        Ok(self.journal.list().await?)
    }

    /// Returns the entries that cannot be read. [`discard`](Self::discard) removes one by its ID.
    ///
    /// # Errors
    ///
    /// If the journal's folder cannot be read.
    pub async fn damaged(&self) -> Result<Vec<DamagedEntry>, Error> {
        Ok(self.journal.damaged().await?)
    }

    /// Whether this client's account started the upload at this API. For a client without an account, its token counts.
    pub fn is_own(&self, upload: &PendingUpload) -> bool {
        self.vimeo.owner().is_some_and(|owner| upload.identity.owner.as_ref() == Some(&owner))
    }

    /// Returns the upload, ready to continue from the server's offset. Needs no token, and also resumes uploads of other
    /// accounts.
    ///
    /// # Errors
    ///
    /// If the file is missing or has changed, or another process is working on the upload; [`UploadError::OutcomeUnknown`]
    /// if no video is known for it.
    pub async fn resume(&self, upload: &PendingUpload) -> Result<Upload, Error> {
        let (source, lock) = self.lock(upload).await?;
        match lock.resume_state() {
            ResumeState::Resumable(ticket) => {
                let ticket = ticket.clone();
                self.upload(ticket, source, lock)
            }
            ResumeState::New | ResumeState::OutcomeUnknown => Err(UploadError::OutcomeUnknown {
                what: format!("a video for {}", upload.path.display()),
                requested_at: upload.requested_at.unwrap_or(upload.started_at),
                entry: Some(upload.id()),
                source: None,
            }
            .into()),
        }
    }

    /// Abandons an upload: deletes the video or version that waits for its file, and removes the journal entry. A video that
    /// has its file is kept. The file itself can be missing.
    ///
    /// Requires the `delete` scope.
    ///
    /// # Errors
    ///
    /// - [`Error::Call`] if the video cannot be deleted; the entry then stays.
    /// - [`UploadError::Journal`] if the upload belongs to another account.
    /// - [`UploadError::InUse`] while the upload runs.
    /// - [`UploadError::OutcomeUnknown`] if it is unknown whether its video was created.
    /// - [`UploadError::UnknownStatus`] if it is unknown whether the video has its file; nothing is deleted, and the entry stays.
    /// - [`UploadError::UnknownVersion`] if it is unknown which version waits for the file; nothing is deleted, and the entry stays.
    pub async fn abandon(&self, upload: &PendingUpload) -> Result<(), Error> {
        self.ensure_own(upload)?;
        let Some(lock) = self.journal.lock_entry(&upload.id()).await? else { return Ok(()) };
        let entry = lock.entry();
        if let (None, Some(requested_at)) = (&entry.ticket, entry.requested_at) {
            let (what, entry) = (entry.purpose().to_string(), Some(entry.id()));
            return Err(UploadError::OutcomeUnknown { what, requested_at, entry, source: None }.into());
        }
        abandon(&self.vimeo, lock).await
    }

    /// Removes a journal entry by its [`id`](PendingUpload::id), or by the file name of a damaged entry. Returns `false` if
    /// there is none. The video is not changed: delete it too if nothing will fill it. What was
    /// [spooled](crate::upload::Spooled) for the upload is removed.
    ///
    /// # Errors
    ///
    /// [`UploadError::InUse`] while the upload runs.
    pub async fn discard(&self, id: &str) -> Result<bool, Error> {
        Ok(self.journal.discard(id).await?)
    }

    pub(super) async fn lock(
        &self,
        upload: &PendingUpload,
    ) -> Result<(FileSource, JournalLock), UploadError> {
        let mut source = FileSource::open(&upload.path).await?;
        let (identity, settings) = (upload.identity.clone(), upload.settings.clone());
        let lock = self.journal.lock_unrequested(&mut source, identity, settings).await?;
        if matches!(lock.resume_state(), ResumeState::New) {
            // Finished or discarded since it was listed, or ended before the creation request.
            lock.remove_entry().await?;
            let reason = "nothing was created for it, or it has ended since".to_owned();
            return Err(UploadError::Journal { name: upload.id(), reason });
        }
        Ok((source, lock))
    }

    pub(super) fn upload(
        &self,
        ticket: UploadTicket,
        source: FileSource,
        lock: JournalLock,
    ) -> Result<Upload, Error> {
        Ok(Upload::new(ticket, source).client(self.vimeo.link_client()?).journal(lock))
    }

    pub(super) fn ensure_own(&self, upload: &PendingUpload) -> Result<(), UploadError> {
        if self.is_own(upload) {
            return Ok(());
        }
        Err(UploadError::Journal {
            name: upload.id(),
            reason: format!("it is {} by another account or at another API", upload.purpose()),
        })
    }
}
