//! Following jobs.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep, timeout_at};
use vimeo_api::Call;

use super::{JobId, JobKind, JobPhase, JobState};
use crate::error::JobError;
use crate::retry::Backoff;
use crate::timeouts::later;
use crate::{Error, Vimeo};

/// Called with each state.
pub(super) struct OnState(Box<dyn FnMut(&JobState) + Send>);

/// How to wait for a job.
pub(super) struct WaitOptions {
    pub(super) timeout: Duration,
    backoff: Backoff,
    pub(super) on_state: Option<OnState>,
}

impl Default for WaitOptions {
    fn default() -> Self {
        let backoff = Backoff::new(Duration::from_secs(6), Duration::from_secs(60));
        Self { timeout: Duration::from_secs(6 * 3600), backoff, on_state: None }
    }
}

impl WaitOptions {
    pub(super) fn set_poll_interval(&mut self, initial: Duration, max: Duration) {
        self.backoff = Backoff::new(initial, max);
    }

    pub(super) fn report(&mut self, state: &JobState) {
        if let Some(OnState(callback)) = &mut self.on_state {
            callback(state);
        }
    }
}

/// A job that Vimeo runs; from [`StartJob::start`](super::StartJob::start) and [`Vimeo::job`].
#[derive(Debug, Clone)]
pub struct Job {
    vimeo: Vimeo,
    id: JobId,
    /// The last known state.
    known: Option<JobState>,
    /// Whether this process started it a moment ago, so that Vimeo may not show it yet.
    is_new: bool,
}

impl Job {
    pub(super) fn new(vimeo: Vimeo, id: JobId, known: Option<JobState>) -> Self {
        Self { vimeo, id, known, is_new: false }
    }

    pub(super) fn set_started(&mut self) {
        self.is_new = true;
    }

    pub(super) fn set_known(&mut self, state: JobState) {
        self.known = Some(state);
    }

    /// Returns the identifier, to store it and follow the job later.
    pub fn id(&self) -> &JobId {
        &self.id
    }

    /// Returns whether this call started the job; false if it was running or done already.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Asks Vimeo for the state, once.
    ///
    /// # Errors
    ///
    /// [`Error::Call`] if the call fails.
    pub async fn status(&self) -> Result<JobState, Error> {
        match self.status_call().send().await {
            Ok(response) if response.status() == http::StatusCode::ACCEPTED => Ok(JobState::preparing()),
            Ok(response) => Ok(JobState::of(&self.id, &response.into_inner())),
            // A response without a body.
            Err(error) if error.status() == Some(http::StatusCode::ACCEPTED) => Ok(JobState::preparing()),
            Err(error) => Err(error.into()),
        }
    }

    fn status_call(&self) -> Call<Value> {
        let (api, video) = (self.vimeo.api(), self.id.video());
        let language = self.id.language().unwrap_or_default();
        match self.id.kind() {
            JobKind::Transcribe => api.videos().get_video_ai_transcription_status(video).into_call(),
            JobKind::Translate => {
                api.videos().get_video_ai_subtitling_status(video).language(language).into_call()
            }
            JobKind::Dub => api.videos().get_video_ai_dubbing_status(video).language(language).into_call(),
            JobKind::SuggestMetadata => api.videos().get_video_ai_metadata(video).into_call(),
        }
    }

    /// Waits until the job has ended.
    pub fn wait(&self) -> WaitJob {
        WaitJob { job: self.clone(), options: WaitOptions::default() }
    }
}

/// A wait for a job; from [`Job::wait`].
#[must_use = "the wait starts when send() is awaited"]
pub struct WaitJob {
    job: Job,
    options: WaitOptions,
}

impl WaitJob {
    pub(super) fn options(mut self, options: WaitOptions) -> Self {
        self.options = options;
        self
    }

    /// Sets how long to wait. Default: six hours. The job continues at Vimeo after that.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = timeout;
        self
    }

    /// Sets the first and the longest interval between two polls; each is twice as long as the one before. Default: 6 s and 60 s.
    pub fn poll_interval(mut self, initial: Duration, max: Duration) -> Self {
        self.options.set_poll_interval(initial, max);
        self
    }

    /// Calls `callback` with the state in each response.
    pub fn on_state(mut self, callback: impl FnMut(&JobState) + Send + 'static) -> Self {
        self.options.on_state = Some(OnState::new(callback));
        self
    }

    /// Waits until the job is done, and returns its result.
    ///
    /// Dropping the future stops the wait, not the job.
    ///
    /// # Errors
    ///
    /// - [`JobError::Failed`] if the job ended without a result.
    /// - [`JobError::NotStarted`] if Vimeo knows of no such job.
    /// - [`JobError::Timeout`] at the timeout.
    /// - [`Error::Call`] if a call fails and repeating it cannot help.
    pub async fn send(self) -> Result<JobState, Error> {
        let (id, timeout) = (self.job.id.to_string(), self.options.timeout);
        let mut last = None;
        let deadline = later(Instant::now(), timeout);
        let result = timeout_at(deadline, self.follow(&mut last)).await;
        result.unwrap_or_else(|_| Err(JobError::Timeout { job: id, after: timeout, last }.into()))
    }

    async fn follow(self, last: &mut Option<String>) -> Result<JobState, Error> {
        let Self { mut job, mut options } = self;
        let mut polls = 0u32;
        // A job that was just started is not asked for at once.
        let mut waits = job.is_new && job.id.kind() != JobKind::SuggestMetadata;
        loop {
            if waits {
                sleep(options.backoff.max_delay(polls)).await;
                polls = polls.saturating_add(1);
            }
            waits = true;
            let state = match job.known.take() {
                Some(state) => state,
                None => match job.status().await {
                    Ok(state) => {
                        options.report(&state);
                        state
                    }
                    Err(Error::Call(error)) if is_transient(&error) => {
                        tracing::warn!(%error, job = %job.id, "polling again later");
                        continue;
                    }
                    Err(error) => return Err(error),
                },
            };
            tracing::debug!(job = %job.id, status = state.status(), "waiting for a job");
            *last = Some(state.status().to_owned());
            match state.phase() {
                JobPhase::Done | JobPhase::Deleted => return Ok(state),
                JobPhase::Failed => {
                    let (job, status) = (job.id.to_string(), state.status().to_owned());
                    return Err(JobError::Failed { job, status }.into());
                }
                JobPhase::NotStarted if !job.is_new => {
                    return Err(JobError::NotStarted { job: job.id.to_string() }.into());
                }
                JobPhase::NotStarted | JobPhase::Queued | JobPhase::Running => {}
            }
        }
    }
}

/// Whether the next call may succeed. A page from an intermediary says nothing about the job.
fn is_transient(error: &vimeo_api::Error) -> bool {
    error.is_server_error()
        || error.is_rate_limited()
        || error.is_connection()
        || error.is_timeout()
        || error.is_intermediary()
}

impl OnState {
    pub(super) fn new(callback: impl FnMut(&JobState) + Send + 'static) -> Self {
        Self(Box::new(callback))
    }
}

impl fmt::Debug for WaitJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitJob").field("job", &self.job.id).finish_non_exhaustive()
    }
}

/// Awaiting the builder is the same as `send()`.
impl IntoFuture for WaitJob {
    type Output = Result<JobState, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
