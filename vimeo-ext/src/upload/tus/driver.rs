//! Carries out what the machine decides: requests, waits, reports.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::body::{StreamState, UploadBody};
use super::control::ControlSignal;
use super::machine::{Command, Event, Inputs, Range64, UploadStateMachine, Verdict};
use super::options::UploadOptions;
use super::plan::Plan;
use super::progress::Reporter;
use super::seconds;
use super::wire::{Answer, NoResponse, TusTransport};
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
    /// Size in bytes, all of which the server has.
    pub size: u64,
    /// Where the server stood at first: 0 for a new upload.
    pub resumed_from: u64,
    /// Requests that failed and were made again.
    pub failures: u32,
    /// Whether a last HEAD confirmed the size; `false` when the server had acknowledged every byte
    /// but no longer answered for the link afterwards.
    pub verified: bool,
    /// Time it took, pauses not counted; in JSON in seconds.
    #[serde(serialize_with = "seconds::serialize")]
    pub elapsed: Duration,
}

pub(crate) struct Driver<W> {
    pub(crate) wire: W,
    pub(crate) ticket: UploadTicket,
    pub(crate) source: Box<dyn Source>,
    pub(crate) options: UploadOptions,
    /// Whether it was created just now, so that the server can have nothing of it.
    pub(crate) is_new: bool,
    /// Held as well as received from, so that it never closes.
    pub(crate) wish: Arc<watch::Sender<ControlSignal>>,
    pub(crate) reporter: Reporter,
}

/// How a request ended.
enum Outcome {
    Over(Result<Answer, NoResponse>),
    Stalled,
    Deadline,
    Cancelled,
}

impl<W: TusTransport> Driver<W> {
    pub(crate) async fn run(mut self) -> Result<Uploaded, UploadError> {
        let size = self.ticket.size();
        self.same_source().await?;
        self.reporter.begin(size);
        let plan = Plan::new(size, self.options.chunking, self.source.replay_limit());
        let mut machine =
            UploadStateMachine::new(size, plan, self.options.patience()).new_upload(self.is_new);
        let mut clock = Clock::start(self.options.deadline);
        let mut wishes = self.wish.subscribe();
        let mut resumed_from = None;
        let mut failures = 0u32;
        let mut last_source = None;
        let mut body = String::new();

        let mut event = Event::StartedUpload;
        loop {
            let now = Inputs {
                elapsed: clock.elapsed(),
                chance: (self.options.jitter)(),
                floor: self.source.min_offset(),
            };
            let command = machine.on(event, now);
            self.log(event, command);
            self.hear(event, &machine, clock.elapsed());
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
                Command::Fail(verdict) => {
                    return Err(self.explain(verdict, &machine, body, last_source));
                }
                Command::Wait(delay) => {
                    failures = failures.saturating_add(1);
                    if !wait(delay, &mut wishes, &mut clock).await {
                        return Err(self.cancelled(&machine));
                    }
                    event = Event::Waited;
                    continue;
                }
                Command::Probe => None,
                Command::Send(range) => Some(range),
            };
            if !may_go_on(&mut wishes, &mut clock).await {
                return Err(self.cancelled(&machine));
            }
            let outcome = match sending {
                None => {
                    let flow = StreamState::new(0, 0);
                    let request = self.wire.head();
                    let patience = (self.options.stall_timeout, self.options.stall_timeout);
                    attend(request, &flow, patience, &mut wishes, &mut clock, |_, _| {}).await
                }
                Some(range) => {
                    self.source.acknowledge(machine.acknowledged());
                    self.send(range, &mut wishes, &mut clock).await?
                }
            };
            event = match outcome {
                Outcome::Cancelled => return Err(self.cancelled(&machine)),
                Outcome::Deadline => {
                    let last = machine.last_trouble();
                    return Err(self.explain(Verdict::Deadline { last }, &machine, body, None));
                }
                Outcome::Stalled => Event::Broke(TransientError::Stalled),
                Outcome::Over(Err(NoResponse::Impossible(source))) => {
                    let host = self.ticket.host().to_owned();
                    return Err(UploadError::Http { host, source: *source });
                }
                Outcome::Over(Err(NoResponse::Broke(trouble, source))) => {
                    last_source = source;
                    Event::Broke(trouble)
                }
                Outcome::Over(Ok(answer)) => {
                    last_source = None;
                    body = answer.body;
                    match (answer.status, sending) {
                        (200..=299, None) => Event::Probed { offset: answer.offset, length: answer.length },
                        (200..=299, Some(_)) => Event::Sent { offset: answer.offset },
                        (status, _) => Event::Answered { status, retry_after: answer.retry_after },
                    }
                }
            };
        }
    }

    /// Refuses a source that is not the one the upload was created for, before anything is sent.
    async fn same_source(&mut self) -> Result<(), UploadError> {
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
            // A reader that cannot be looked at without using it up has to be trusted.
            None => Ok(()),
        }
    }

    async fn send(
        &mut self,
        range: Range64,
        wishes: &mut watch::Receiver<ControlSignal>,
        clock: &mut Clock,
    ) -> Result<Outcome, UploadError> {
        let pieces = self.source.read(range.start..range.end).await?;
        let flow = Arc::new(StreamState::new(range.start, range.end));
        let body = UploadBody::new(
            range.end.saturating_sub(range.start),
            pieces,
            Arc::clone(&flow),
            self.wish.subscribe(),
            self.options.bandwidth.clone(),
        );
        let patience = (self.options.stall_timeout, self.options.response_timeout);
        let request = self.wire.patch(range.start, body);
        let reporter = &mut self.reporter;
        let outcome = attend(request, &flow, patience, wishes, clock, |position, elapsed| {
            reporter.sent(position, elapsed);
        })
        .await;
        // What the source said goes before what the broken request looked like because of it.
        match flow.take_failure() {
            Some(error) => Err(error),
            None => Ok(outcome),
        }
    }

    fn hear(&mut self, event: Event, machine: &UploadStateMachine, elapsed: Duration) {
        if let Event::Probed { offset: Some(offset), .. } | Event::Sent { offset: Some(offset) } = event {
            self.reporter.acknowledged(offset, machine.acknowledged(), elapsed);
        }
    }

    fn log(&self, event: Event, command: Command) {
        let (video, host) = (self.ticket.video_uri(), self.ticket.host());
        match command {
            Command::Wait(delay) => {
                tracing::warn!(video, host, ?event, ?delay, "upload disturbed, trying again");
            }
            Command::Done { verified: false } => {
                tracing::warn!(video, host, ?event, "upload complete, but the link no longer answers");
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

    /// Puts names to what the machine decided.
    fn explain(
        &self,
        verdict: Verdict,
        machine: &UploadStateMachine,
        body: String,
        source: Option<Box<reqwest::Error>>,
    ) -> UploadError {
        let video_uri = self.ticket.video_uri().to_owned();
        let host = self.ticket.host().to_owned();
        let size = self.ticket.size();
        let acknowledged = machine.acknowledged();
        match verdict {
            Verdict::LinkGone { status } => UploadError::LinkGone { video_uri, host, status },
            Verdict::UnsupportedTusVersion => UploadError::UnsupportedTusVersion { host },
            Verdict::Refused { status } => UploadError::Refused { video_uri, host, status, body },
            Verdict::OffsetBeyondFile { offset } => UploadError::OffsetBeyondFile { video_uri, offset, size },
            Verdict::UnexpectedOffset { offset } => UploadError::UnexpectedOffset { video_uri, host, offset },
            Verdict::SourceNotRewindable { offset, floor } => {
                UploadError::SourceNotRewindable { video_uri, offset, lowest: floor }
            }
            Verdict::SizeMismatch { server } => {
                UploadError::SizeMismatch { expected: size, found: server, by: SizeSource::Server }
            }
            Verdict::Exhausted { attempts, last } => {
                UploadError::Exhausted { video_uri, host, attempts, last, acknowledged, source }
            }
            Verdict::Deadline { last } => UploadError::Deadline {
                video_uri,
                after: self.options.deadline.unwrap_or_default(),
                acknowledged,
                last,
            },
        }
    }
}

/// Waits while the upload is paused; `false` when it is cancelled.
async fn may_go_on(wishes: &mut watch::Receiver<ControlSignal>, clock: &mut Clock) -> bool {
    loop {
        match clock.note(wishes) {
            ControlSignal::Run => return true,
            ControlSignal::Cancel => return false,
            // Cannot fail: the driver holds a sender.
            ControlSignal::Pause => drop(wishes.changed().await),
        }
    }
}

/// Waits; `false` when the upload was cancelled meanwhile.
async fn wait(delay: Duration, wishes: &mut watch::Receiver<ControlSignal>, clock: &mut Clock) -> bool {
    let until = after(delay);
    loop {
        if clock.note(wishes) == ControlSignal::Cancel {
            return false;
        }
        tokio::select! {
            biased;
            _ = wishes.changed() => {}
            () = sleep_until(until) => return true,
        }
    }
}

/// Sees a request through to its answer, or to the end of patience.
///
/// `patience` is the time without movement while there are bytes to hand over, and the time for
/// the answer after that.
async fn attend(
    request: impl Future<Output = Result<Answer, NoResponse>>,
    flow: &StreamState,
    patience: (Duration, Duration),
    wishes: &mut watch::Receiver<ControlSignal>,
    clock: &mut Clock,
    mut moved: impl FnMut(u64, Duration),
) -> Outcome {
    let allowance = || if flow.is_complete() { patience.1 } else { patience.0 };
    let mut request = std::pin::pin!(request);
    let mut stalled_at = after(allowance());
    loop {
        let wish = clock.note(wishes);
        if wish == ControlSignal::Cancel {
            return Outcome::Cancelled;
        }
        let running = wish == ControlSignal::Run;
        let deadline = clock.deadline();
        tokio::select! {
            biased;
            outcome = &mut request => {
                moved(flow.position(), clock.elapsed());
                return Outcome::Over(outcome);
            }
            _ = wishes.changed() => stalled_at = after(allowance()),
            () = flow.moved() => {
                moved(flow.position(), clock.elapsed());
                stalled_at = after(allowance());
            }
            () = sleep_until(stalled_at), if running => {
                if !flow.is_starved() {
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

/// The time of an upload, which stands still while it is paused.
struct Clock {
    begun: Instant,
    limit: Option<Duration>,
    paused: Duration,
    paused_since: Option<Instant>,
}

impl Clock {
    fn start(limit: Option<Duration>) -> Self {
        Self { begun: Instant::now(), limit, paused: Duration::ZERO, paused_since: None }
    }

    /// Looks at what the owner wants and stops or starts the clock with it.
    fn note(&mut self, wishes: &mut watch::Receiver<ControlSignal>) -> ControlSignal {
        let wish = *wishes.borrow_and_update();
        match (wish, self.paused_since) {
            (ControlSignal::Pause, None) => self.paused_since = Some(Instant::now()),
            (ControlSignal::Run | ControlSignal::Cancel, Some(since)) => {
                self.paused = self.paused.saturating_add(since.elapsed());
                self.paused_since = None;
            }
            _ => {}
        }
        wish
    }

    fn elapsed(&self) -> Duration {
        let paused = self.paused_since.map_or(Duration::ZERO, |since| since.elapsed());
        let paused = self.paused.saturating_add(paused);
        self.begun.elapsed().saturating_sub(paused)
    }

    fn deadline(&self) -> Option<Instant> {
        self.begun.checked_add(self.limit?)?.checked_add(self.paused)
    }
}

#[cfg(test)]
mod tests;
