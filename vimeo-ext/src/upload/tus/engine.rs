//! `Upload`: sends a source to the link of a ticket.

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

use super::control::{ControlSignal, UploadHandle};
use super::driver::{Driver, Uploaded};
use super::options::UploadOptions;
use super::progress::{Callback, Progress, Reporter};
use super::wire::{HttpTusTransport, SharedClient, UploadClient};
use crate::bandwidth::Bandwidth;
use crate::error::UploadError;
use crate::upload::journal::JournalLock;
use crate::upload::source::{BoxFuture, IntoSource, Source};
use crate::upload_ticket::UploadTicket;

/// An upload that is ready to run.
///
/// ```no_run
/// use vimeo_ext::upload::{Upload, UploadTicket};
/// # async fn demo(json: &str) -> Result<(), Box<dyn std::error::Error>> {
/// let ticket: UploadTicket = serde_json::from_str(json)?;
/// let uploaded = Upload::new(ticket, "film.mp4")
///     .on_progress(|progress| tracing::info!(sent = progress.sent, total = progress.total))
///     .run()
///     .await?;
/// tracing::info!(video = uploaded.video_uri, "uploaded");
/// # Ok(())
/// # }
/// ```
///
/// The future can be dropped at any time. The upload then stays as the server has it, and the same ticket resumes it.
pub struct Upload {
    ticket: UploadTicket,
    source: BoxFuture<'static, Result<Box<dyn Source>, UploadError>>,
    options: UploadOptions,
    client: Option<UploadClient>,
    callback: Option<Callback>,
    lock: Option<JournalLock>,
    is_new: bool,
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload")
            .field("ticket", &self.ticket)
            .field("options", &self.options)
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

impl Upload {
    /// Creates an upload of `source`, a path, an open file, bytes or a [`Source`], to the ticket's link.
    ///
    /// It starts at the server's offset. Nothing happens before [`run`](Self::run).
    pub fn new(ticket: UploadTicket, source: impl IntoSource) -> Self {
        Self {
            ticket,
            source: source.into_source(),
            options: UploadOptions::default(),
            client: None,
            callback: None,
            lock: None,
            is_new: false,
        }
    }

    /// Sets the options.
    #[must_use]
    pub fn options(mut self, options: UploadOptions) -> Self {
        self.options = options;
        self
    }

    /// Sets the HTTP client, to share its connections. Default: a new [`UploadClient`], without a proxy if the link
    /// is a loopback address.
    #[must_use]
    pub fn client(mut self, client: UploadClient) -> Self {
        self.client = Some(client);
        self
    }

    /// Calls `callback` on every progress. It runs between two writes: keep it short.
    #[must_use]
    pub fn on_progress(mut self, callback: impl FnMut(&Progress) + Send + 'static) -> Self {
        self.callback = Some(Box::new(callback));
        self
    }

    /// Holds the lock of a [`Journal`](crate::upload::Journal) entry while the upload runs, and removes the entry
    /// when the upload is finished. Otherwise the entry stays, to resume from.
    #[must_use]
    pub fn journal(mut self, lock: JournalLock) -> Self {
        self.lock = Some(lock);
        self
    }

    /// Marks the upload as just created, so that a server with bytes of it is an error.
    pub(crate) fn new_upload(mut self, is_new: bool) -> Self {
        self.is_new = is_new;
        self
    }

    /// Adds the shared client and bandwidth of a queue, if the upload has none of its own.
    pub(crate) fn share(mut self, client: &SharedClient, bandwidth: Option<&Bandwidth>) -> Self {
        self.client = self.client.or_else(|| client.for_ticket(&self.ticket));
        self.options.bandwidth = self.options.bandwidth.or_else(|| bandwidth.cloned());
        self
    }

    /// Uploads the bytes that the server does not have yet.
    ///
    /// # Errors
    /// An [`UploadError`]; [`UploadError::is_resumable`] tells whether the ticket can still be used.
    pub async fn run(self) -> Result<Uploaded, UploadError> {
        self.controlled().0.await
    }

    /// Returns the future that uploads, and a handle that reports progress, pauses, resumes and cancels it.
    ///
    /// ```no_run
    /// # async fn demo(ticket: vimeo_ext::upload::UploadTicket) {
    /// let (upload, handle) = vimeo_ext::upload::Upload::new(ticket, "film.mp4").controlled();
    /// let upload = tokio::spawn(upload);
    /// handle.pause();
    /// handle.resume();
    /// let sent = handle.progress().borrow().sent;
    /// handle.cancel();
    /// # let _ = (upload, sent);
    /// # }
    /// ```
    pub fn controlled(
        self,
    ) -> (impl Future<Output = Result<Uploaded, UploadError>> + Send + 'static, UploadHandle) {
        let signal = Arc::new(watch::Sender::new(ControlSignal::Run));
        let (watched, progress) =
            watch::channel(Progress { total: self.ticket.size(), ..Progress::default() });
        let handle = UploadHandle::new(Arc::clone(&signal), progress);
        let upload = async move {
            let source = self.source.await?;
            let client = match self.client {
                Some(client) => client,
                None => UploadClient::for_ticket_host(&self.ticket)?,
            };
            let mut driver = Driver {
                transport: HttpTusTransport::new(client, self.ticket.clone()),
                ticket: self.ticket,
                source,
                options: self.options,
                is_new: self.is_new,
                signal,
                reporter: Reporter::new(watched, self.callback),
            };
            let uploaded = driver.run().await?;
            if let Some(lock) = self.lock {
                // The upload is finished anyway; resuming it would only notice that.
                if let Err(error) = lock.finish().await {
                    tracing::warn!(%error, "the journal entry of a finished upload was not removed");
                }
            }
            // Kept until now: nobody else may use a spool file that the journal removes.
            drop(driver);
            Ok(uploaded)
        };
        (upload, handle)
    }
}
