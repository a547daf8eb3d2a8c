//! A queue of uploads that runs a few at a time, under one bandwidth limit, with a result for each.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::control::{ControlSignal, apply_control};
use super::driver::Uploaded;
use super::engine::Upload;
use super::progress::{Callback, Progress, Reporter};
use super::wire::{SharedClient, UploadClient};
use crate::bandwidth::Bandwidth;
use crate::error::UploadError;
use crate::upload::source::BoxFuture;

/// A queue of uploads.
///
/// Each upload is added as a future that prepares it: it creates the video and returns the [`Upload`]. The future is
/// first polled when the upload starts, so videos are not created long before their bytes. A failure does not stop
/// the other uploads.
///
/// `E` is the error of the preparing futures: [`UploadError`], or a type that it converts into.
///
/// ```no_run
/// # async fn create(name: &str) -> Result<vimeo_ext::upload::UploadTicket, vimeo_ext::upload::UploadError> { unimplemented!() }
/// # async fn demo() -> Result<(), vimeo_ext::upload::UploadError> {
/// use vimeo_ext::upload::{Upload, UploadError, UploadQueue};
/// let mut queue = UploadQueue::<UploadError>::new(3);
/// for (name, size) in [("a.mp4", 4096), ("b.mp4", 8192)] {
///     queue.add(name, size, async move { Ok(Upload::new(create(name).await?, name)) });
/// }
/// for result in queue.run().await? {
///     match result.outcome {
///         Ok(uploaded) => tracing::info!(result.name, uploaded.video_uri, "uploaded"),
///         Err(error) => tracing::error!(result.name, %error, "not uploaded"),
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub struct UploadQueue<E = UploadError> {
    concurrency: NonZeroUsize,
    bandwidth: Option<Bandwidth>,
    client: Option<UploadClient>,
    callback: Option<Callback>,
    jobs: Vec<Job<E>>,
}

struct Job<E> {
    name: String,
    size: u64,
    prepare: BoxFuture<'static, Result<Upload, E>>,
}

impl<E> fmt::Debug for UploadQueue<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UploadQueue")
            .field("concurrency", &self.concurrency)
            .field("bandwidth", &self.bandwidth)
            .field("names", &self.jobs.iter().map(|job| &job.name).collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// The result of one upload of a queue.
#[derive(Debug)]
pub struct QueueResult<E = UploadError> {
    /// The name that it was added with.
    pub name: String,
    /// The finished upload, or the error.
    pub outcome: Result<Uploaded, E>,
}

impl<E: From<UploadError> + Send + 'static> UploadQueue<E> {
    /// Creates a queue that runs `concurrency` uploads at the same time; at least one.
    pub fn new(concurrency: usize) -> Self {
        let concurrency = NonZeroUsize::new(concurrency).unwrap_or(NonZeroUsize::MIN);
        Self { concurrency, bandwidth: None, client: None, callback: None, jobs: Vec::new() }
    }

    /// Limits the total bytes per second of all uploads without a limit of their own.
    #[must_use]
    pub fn bandwidth(mut self, bandwidth: impl Into<Option<Bandwidth>>) -> Self {
        self.bandwidth = bandwidth.into();
        self
    }

    /// Sets the client of all uploads without a client of their own. Default: a new [`UploadClient`].
    #[must_use]
    pub fn client(mut self, client: UploadClient) -> Self {
        self.client = Some(client);
        self
    }

    /// Calls `callback` on every progress, with the totals of all uploads.
    #[must_use]
    pub fn on_progress(mut self, callback: impl FnMut(&Progress) + Send + 'static) -> Self {
        self.callback = Some(Box::new(callback));
        self
    }

    /// Adds an upload of `size` bytes, to be prepared when it starts; `name` is in its result.
    pub fn add(
        &mut self,
        name: impl Into<String>,
        size: u64,
        prepare: impl Future<Output = Result<Upload, E>> + Send + 'static,
    ) -> &mut Self {
        self.jobs.push(Job { name: name.into(), size, prepare: Box::pin(prepare) });
        self
    }

    /// Runs all uploads in the order they were added, and returns the results in that order.
    ///
    /// # Errors
    /// [`UploadError::Http`] if no client can be built. The error of an upload is in its result.
    pub async fn run(self) -> Result<Vec<QueueResult<E>>, UploadError> {
        self.controlled().0.await
    }

    /// Returns the future that runs all uploads, and a handle that reports progress, pauses, resumes and cancels
    /// them.
    ///
    /// Dropping the future ends the running uploads; they stay resumable.
    pub fn controlled(
        self,
    ) -> (impl Future<Output = Result<Vec<QueueResult<E>>, UploadError>> + Send + 'static, QueueHandle) {
        let signal = Arc::new(watch::Sender::new(ControlSignal::Run));
        let total = self.jobs.iter().map(|job| job.size).sum();
        let (watched, progress) = watch::channel(Progress { total, ..Progress::default() });
        let handle = QueueHandle { signal: Arc::clone(&signal), progress };
        let totals = Totals::new(Reporter::new(watched, self.callback), total);
        let running = async move {
            let shared = Shared {
                client: SharedClient::new(self.client)?,
                bandwidth: self.bandwidth,
                totals: Arc::new(Mutex::new(totals)),
                signal,
            };
            Ok(run(self.jobs, self.concurrency, shared).await)
        };
        (running, handle)
    }
}

/// Reports the progress of a running queue and controls it. Cheap to clone; dropping it changes nothing.
#[derive(Debug, Clone)]
pub struct QueueHandle {
    signal: Arc<watch::Sender<ControlSignal>>,
    progress: watch::Receiver<Progress>,
}

impl QueueHandle {
    /// Returns a receiver that always holds the totals of all uploads.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// Pauses the running uploads and starts no others.
    pub fn pause(&self) {
        apply_control(&self.signal, ControlSignal::Pause);
    }

    /// Continues after [`pause`](Self::pause).
    pub fn resume(&self) {
        apply_control(&self.signal, ControlSignal::Run);
    }

    /// Cancels the running uploads, which stay resumable, and all waiting ones, for which nothing is created.
    pub fn cancel(&self) {
        apply_control(&self.signal, ControlSignal::Cancel);
    }
}

/// What the uploads of a queue share.
#[derive(Clone)]
struct Shared {
    client: SharedClient,
    bandwidth: Option<Bandwidth>,
    totals: Arc<Mutex<Totals>>,
    /// Held as well as subscribed to, so that it never closes.
    signal: Arc<watch::Sender<ControlSignal>>,
}

async fn run<E: From<UploadError> + Send + 'static>(
    jobs: Vec<Job<E>>,
    concurrency: NonZeroUsize,
    shared: Shared,
) -> Vec<QueueResult<E>> {
    let mut waiting = jobs.into_iter().enumerate();
    let mut running = JoinSet::new();
    let mut done = BTreeMap::new();
    let mut signals = shared.signal.subscribe();
    loop {
        let signal = *signals.borrow_and_update();
        while signal != ControlSignal::Pause && running.len() < concurrency.get() {
            let Some((index, job)) = waiting.next() else { break };
            let shared = shared.clone();
            running.spawn(async move {
                let name = job.name.clone();
                (index, QueueResult { name, outcome: run_job(index, job, shared).await })
            });
        }
        if running.is_empty() && waiting.len() == 0 {
            return done.into_values().collect();
        }
        tokio::select! {
            Some(ended) = running.join_next() => match ended {
                Ok((index, result)) => drop(done.insert(index, result)),
                // A panic in the caller's code continues in the caller's task.
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                // Only the end of the runtime aborts them.
                Err(_) => {}
            },
            _ = signals.changed() => {}
        }
    }
}

async fn run_job<E: From<UploadError>>(index: usize, job: Job<E>, shared: Shared) -> Result<Uploaded, E> {
    let mut signals = shared.signal.subscribe();
    if *signals.borrow_and_update() == ControlSignal::Cancel {
        return Err(UploadError::Cancelled { video_uri: job.name, acknowledged: 0 }.into());
    }
    // A cancel does not interrupt this: a video may just be created, and its ticket must not be lost.
    let upload = job.prepare.await?;
    let (running, handle) = upload.share(&shared.client, shared.bandwidth.as_ref()).controlled();
    handle.apply_control(*signals.borrow_and_update());
    let mut progress = handle.progress();
    let mut running = std::pin::pin!(running);
    let record = |progress: &Progress| {
        shared.totals.lock().unwrap_or_else(PoisonError::into_inner).record(index, progress);
    };
    loop {
        tokio::select! {
            biased;
            outcome = &mut running => {
                record(&progress.borrow_and_update());
                return outcome.map_err(E::from);
            }
            _ = signals.changed() => handle.apply_control(*signals.borrow_and_update()),
            Ok(()) = progress.changed() => record(&progress.borrow_and_update()),
        }
    }
}

/// The totals of all uploads of a queue.
struct Totals {
    reporter: Reporter,
    started_at: Instant,
    each: BTreeMap<usize, Progress>,
    moved: u64,
}

impl Totals {
    fn new(mut reporter: Reporter, total: u64) -> Self {
        reporter.begin(total);
        Self { reporter, started_at: Instant::now(), each: BTreeMap::new(), moved: 0 }
    }

    fn record(&mut self, index: usize, progress: &Progress) {
        // Bytes that were there when an upload was resumed were not transferred now.
        if let Some(before) = self.each.insert(index, *progress) {
            let moved = progress.sent.saturating_sub(before.sent);
            self.moved = self.moved.saturating_add(moved);
        }
        let acknowledged = self.each.values().map(|each| each.acknowledged).sum();
        let sent = self.each.values().map(|each| each.sent).sum();
        self.reporter.report_totals(acknowledged, sent, self.moved, self.started_at.elapsed());
    }
}
