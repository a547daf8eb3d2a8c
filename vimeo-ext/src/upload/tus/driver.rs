//! Executes the commands of the state machine: requests, waits, progress reports.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::body::{StreamState, UploadBody};
use super::control::ControlSignal;
use super::machine::{Command, Event, FailReason, Inputs, Range64, UploadStateMachine};
use super::options::UploadOptions;
use super::plan::Plan;
use super::progress::{self, Reporter};
use super::wire::{NoResponse, TusResponse, TusTransport};
use crate::error::{SizeSource, TransientError, UploadError};
use crate::timeouts::after;
use crate::upload::source::Source;
use crate::upload_ticket::UploadTicket;

/// A finished upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Uploaded {
    /// The video, as `/videos/123`.
    pub video_uri: String,
    /// Size in bytes. The server has all of them.
    pub size: u64,
    /// The server's offset at the start: 0 for a new upload.
    pub resumed_from: u64,
    /// The number of requests that failed and were retried.
    pub failures: u32,
    /// Whether a final HEAD confirmed the size. `false` if the server had acknowledged every byte but its link no
    /// longer responded.
    pub verified: bool,
    /// The duration without pauses; in JSON in seconds.
    #[serde(serialize_with = "progress::seconds")]
    pub elapsed: Duration,
}

pub(crate) struct Driver<W> {
    pub(crate) transport: W,
    pub(crate) ticket: UploadTicket,
    pub(crate) source: Box<dyn Source>,
    pub(crate) options: UploadOptions,
    /// Whether the upload was just created, so that the server cannot have bytes of it.
    pub(crate) is_new: bool,
    /// Held as well as subscribed to, so that it never closes.
    pub(crate) signal: Arc<watch::Sender<ControlSignal>>,
    pub(crate) reporter: Reporter,
}

/// How a request ended.
enum Outcome {
    Finished(Result<TusResponse, NoResponse>),
    Stalled,
    Deadline,
    Cancelled,
}

impl<W: TusTransport> Driver<W> {
    /// Uploads. The source stays open until the driver is dropped.
    pub(crate) async fn run(&mut self) -> Result<Uploaded, UploadError> {
        let size = self.ticket.size();
        self.verify_source().await?;
        self.reporter.begin(size);
        let plan = Plan::new(size, self.options.chunking, self.source.replay_limit());
        let mut machine =
            UploadStateMachine::new(size, plan, self.options.retry.clone(), self.options.deadline)
                .new_upload(self.is_new);
        let mut clock = UploadClock::start(self.options.deadline);
        let mut signals = self.signal.subscribe();
        let mut resumed_from = None;
        let mut failures = 0u32;
        let mut last_source = None;
        let mut body = String::new();

        let mut event = Event::Started;
        loop {
            let now = Inputs {
                elapsed: clock.elapsed(),
                random: self.options.retry.random(),
                min_offset: self.source.min_offset(),
            };
            let command = machine.on(event, now);
            self.log(event, command);
            self.report_event(event, &machine, clock.elapsed());
            if let (Event::Probed { offset: Some(offset), .. }, None) = (event, resumed_from) {
                resumed_from = Some(offset);
            }
            let sending = match command {
                Command::Done { verified } => {
                    self.reporter.acknowledged(size, size, clock.elapsed());
                    return Ok(Uploaded {
                        video_uri: self.ticket.video_uri().to_owned(),
                        size,
                        resumed_from: resumed_from.unwrap_or(0),
                        failures,
                        verified,
                        elapsed: clock.elapsed(),
                    });
                }
                Command::Fail(reason) => {
                    return Err(self.failed(reason, &machine, body, last_source));
                }
                Command::Wait(delay) => {
                    failures = failures.saturating_add(1);
                    if !wait(delay, &mut signals, &mut clock).await {
                        return Err(self.cancelled(&machine));
                    }
                    event = Event::WaitElapsed;
                    continue;
                }
                Command::Probe => None,
                Command::Send(range) => Some(range),
            };
            if !wait_while_paused(&mut signals, &mut clock).await {
                return Err(self.cancelled(&machine));
            }
            let outcome = match sending {
                None => {
                    let stream_state = StreamState::new(0, 0);
                    let request = self.transport.head();
                    let timeouts = (self.options.stall_timeout, self.options.stall_timeout);
                    drive_request(request, &stream_state, timeouts, &mut signals, &mut clock, |_, _| {}).await
                }
                Some(range) => {
                    self.source.acknowledge(machine.acknowledged());
                    self.send(range, &mut signals, &mut clock).await?
                }
            };
            event = match outcome {
                Outcome::Cancelled => return Err(self.cancelled(&machine)),
                Outcome::Deadline => {
                    let last = machine.last_error();
                    return Err(self.failed(FailReason::Deadline { last }, &machine, body, None));
                }
                Outcome::Stalled => Event::RequestFailed(TransientError::Stalled),
                Outcome::Finished(Err(NoResponse::InvalidRequest(source))) => {
                    let host = self.ticket.host().to_owned();
                    return Err(UploadError::Http { host, source: *source });
                }
                Outcome::Finished(Err(NoResponse::Failed(error, source))) => {
                    last_source = source;
                    Event::RequestFailed(error)
                }
                Outcome::Finished(Ok(response)) => {
                    last_source = None;
                    body = response.body;
                    match (response.status, sending) {
                        (200..=299, None) => {
                            Event::Probed { offset: response.offset, length: response.length }
                        }
                        (200..=299, Some(_)) => Event::Sent { offset: response.offset },
                        (status, _) => Event::ErrorStatus { status, retry_after: response.retry_after },
                    }
                }
            };
        }
    }

    /// Refuses a source other than the one that the upload was created for, before anything is sent.
    async fn verify_source(&mut self) -> Result<(), UploadError> {
        let (promised, found) = (self.ticket.size(), self.source.size());
        if promised != found {
            return Err(UploadError::SizeMismatch { expected: promised, found, by: SizeSource::Source });
        }
        let Some(then) = self.ticket.fingerprint().cloned() else { return Ok(()) };
        match self.source.fingerprint().await? {
            Some(now) => match then.change(&now) {
                Some(what) => Err(UploadError::SourceChanged { name: self.source.name().to_owned(), what }),
                None => Ok(()),
            },
            // A reader that can be read only once has to be trusted.
            None => Ok(()),
        }
    }

    async fn send(
        &mut self,
        range: Range64,
        signals: &mut watch::Receiver<ControlSignal>,
        clock: &mut UploadClock,
    ) -> Result<Outcome, UploadError> {
        let pieces = self.source.read(range.start..range.end).await?;
        let stream_state = Arc::new(StreamState::new(range.start, range.end));
        let body = UploadBody::new(
            range.end.saturating_sub(range.start),
            pieces,
            Arc::clone(&stream_state),
            self.signal.subscribe(),
            self.options.bandwidth.clone(),
        );
        let timeouts = (self.options.stall_timeout, self.options.response_timeout);
        let request = self.transport.patch(range.start, body);
        let reporter = &mut self.reporter;
        let outcome = drive_request(request, &stream_state, timeouts, signals, clock, |position, elapsed| {
            reporter.sent(position, elapsed);
        })
        .await;
        // The error of the source takes precedence over the broken request that it caused.
        match stream_state.take_failure() {
            Some(error) => Err(error),
            None => Ok(outcome),
        }
    }

    fn report_event(&mut self, event: Event, machine: &UploadStateMachine, elapsed: Duration) {
        if let Event::Probed { offset: Some(offset), .. } | Event::Sent { offset: Some(offset) } = event {
            self.reporter.acknowledged(offset, machine.acknowledged(), elapsed);
        }
    }

    fn log(&self, event: Event, command: Command) {
        let (video, host) = (self.ticket.video_uri(), self.ticket.host());
        match command {
            Command::Wait(delay) => {
                tracing::warn!(video, host, ?event, ?delay, "upload request failed, retrying");
            }
            Command::Done { verified: false } => {
                tracing::warn!(video, host, ?event, "upload complete, but the link no longer responds");
            }
            _ => tracing::debug!(video, host, ?event, ?command, "upload step"),
        }
    }

    fn cancelled(&self, machine: &UploadStateMachine) -> UploadError {
        UploadError::Cancelled {
            video_uri: self.ticket.video_uri().to_owned(),
            acknowledged: machine.acknowledged(),
        }
    }

    /// Adds video, host and size to the reason of the state machine.
    fn failed(
        &self,
        reason: FailReason,
        machine: &UploadStateMachine,
        body: String,
        source: Option<Box<reqwest::Error>>,
    ) -> UploadError {
        let video_uri = self.ticket.video_uri().to_owned();
        let host = self.ticket.host().to_owned();
        let size = self.ticket.size();
        let acknowledged = machine.acknowledged();
        match reason {
            FailReason::LinkGone { status } => UploadError::LinkGone { video_uri, host, status },
            FailReason::UnsupportedTusVersion => UploadError::UnsupportedTusVersion { host },
            FailReason::Refused { status } => UploadError::Refused { video_uri, host, status, body },
            FailReason::OffsetBeyondFile { offset } => {
                UploadError::OffsetBeyondFile { video_uri, offset, size }
            }
            FailReason::UnexpectedOffset { offset } => {
                UploadError::UnexpectedOffset { video_uri, host, offset }
            }
            FailReason::SourceNotRewindable { offset, min_offset } => {
                UploadError::SourceNotRewindable { video_uri, offset, lowest: min_offset }
            }
            FailReason::SizeMismatch { server } => {
                UploadError::SizeMismatch { expected: size, found: server, by: SizeSource::Server }
            }
            FailReason::Exhausted { attempts, last } => {
                UploadError::Exhausted { video_uri, host, attempts, last, acknowledged, source }
            }
            FailReason::Deadline { last } => UploadError::Deadline {
                video_uri,
                after: self.options.deadline.unwrap_or_default(),
                acknowledged,
                last,
            },
        }
    }
}

/// Waits while the upload is paused. Returns `false` if it is cancelled.
async fn wait_while_paused(signals: &mut watch::Receiver<ControlSignal>, clock: &mut UploadClock) -> bool {
    loop {
        match clock.poll_control(signals) {
            ControlSignal::Run => return true,
            ControlSignal::Cancel => return false,
            // Cannot fail: the driver holds a sender.
            ControlSignal::Pause => drop(signals.changed().await),
        }
    }
}

/// Waits. Returns `false` if the upload was cancelled meanwhile.
async fn wait(
    delay: Duration,
    signals: &mut watch::Receiver<ControlSignal>,
    clock: &mut UploadClock,
) -> bool {
    let until = after(delay);
    loop {
        if clock.poll_control(signals) == ControlSignal::Cancel {
            return false;
        }
        tokio::select! {
            biased;
            _ = signals.changed() => {}
            () = sleep_until(until) => return true,
        }
    }
}

/// Runs a request to its response, a timeout, the deadline or a cancel.
///
/// `timeouts` are the stall timeout while there are bytes to pass on, and the response timeout after that.
async fn drive_request(
    request: impl Future<Output = Result<TusResponse, NoResponse>>,
    stream_state: &StreamState,
    timeouts: (Duration, Duration),
    signals: &mut watch::Receiver<ControlSignal>,
    clock: &mut UploadClock,
    mut moved: impl FnMut(u64, Duration),
) -> Outcome {
    let allowance = || if stream_state.is_complete() { timeouts.1 } else { timeouts.0 };
    let mut request = std::pin::pin!(request);
    let mut stalled_at = after(allowance());
    loop {
        let signal = clock.poll_control(signals);
        if signal == ControlSignal::Cancel {
            return Outcome::Cancelled;
        }
        let running = signal == ControlSignal::Run;
        let deadline = clock.deadline();
        tokio::select! {
            biased;
            outcome = &mut request => {
                moved(stream_state.position(), clock.elapsed());
                return Outcome::Finished(outcome);
            }
            _ = signals.changed() => stalled_at = after(allowance()),
            () = stream_state.progressed() => {
                moved(stream_state.position(), clock.elapsed());
                stalled_at = after(allowance());
            }
            () = sleep_until(stalled_at), if running => {
                if !stream_state.is_starved() {
                    return Outcome::Stalled;
                }
                stalled_at = after(allowance());
            }
            () = at(deadline), if running => return Outcome::Deadline,
        }
    }
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

/// The elapsed time of an upload, which stops while it is paused.
struct UploadClock {
    started_at: Instant,
    limit: Option<Duration>,
    paused: Duration,
    paused_since: Option<Instant>,
}

impl UploadClock {
    fn start(limit: Option<Duration>) -> Self {
        Self { started_at: Instant::now(), limit, paused: Duration::ZERO, paused_since: None }
    }

    /// Reads the control signal, and stops or restarts the clock accordingly.
    fn poll_control(&mut self, signals: &mut watch::Receiver<ControlSignal>) -> ControlSignal {
        let signal = *signals.borrow_and_update();
        match (signal, self.paused_since) {
            (ControlSignal::Pause, None) => self.paused_since = Some(Instant::now()),
            (ControlSignal::Run | ControlSignal::Cancel, Some(since)) => {
                self.paused = self.paused.saturating_add(since.elapsed());
                self.paused_since = None;
            }
            _ => {}
        }
        signal
    }

    fn elapsed(&self) -> Duration {
        let paused = self.paused_since.map_or(Duration::ZERO, |since| since.elapsed());
        let paused = self.paused.saturating_add(paused);
        self.started_at.elapsed().saturating_sub(paused)
    }

    fn deadline(&self) -> Option<Instant> {
        self.started_at.checked_add(self.limit?)?.checked_add(self.paused)
    }
}

#[cfg(test)]
mod tests;
