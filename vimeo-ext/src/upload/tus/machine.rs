//! The state machine of an upload: probe → send → verify → done.
//!
//! The machine does no I/O and reads no clock. The driver passes it what happened ([`Event`]) with time and
//! randomness ([`Inputs`]), and it returns the next [`Command`]. Everything that decides whether bytes are lost, sent
//! twice or retried for ever is in here and is tested by tables.
//!
//! Why it always ends: a command to send is repeated only after the server's offset moved forward or after a failure;
//! failures in a row are limited by the retry policy; and their count is reset only when the server reached an offset
//! for the first time, which can happen at most `size` times. The deadline, if there is one, ends it sooner.

use std::ops::Range;
use std::time::Duration;

use super::plan::{ChunkSizer, Plan};
use crate::error::TransientError;
use crate::retry::RetryPolicy;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// The upload starts, or resumes in another process.
    Started,
    /// A HEAD succeeded, with its `Upload-Offset` and `Upload-Length`.
    Probed { offset: Option<u64>, length: Option<u64> },
    /// A PATCH succeeded, with its `Upload-Offset`.
    Sent { offset: Option<u64> },
    /// A request got an error status.
    ErrorStatus { status: u16, retry_after: Option<Duration> },
    /// A request got no response.
    RequestFailed(TransientError),
    /// The requested wait is over.
    WaitElapsed,
}

/// What the machine needs besides the event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inputs {
    /// The time since the upload started, without pauses.
    pub(crate) elapsed: Duration,
    /// A random number in `0.0..=1.0`.
    pub(crate) random: f64,
    /// The lowest offset that the source can still read.
    pub(crate) min_offset: u64,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    /// Get the server's offset (HEAD).
    Probe,
    /// Send these bytes (PATCH).
    Send(Range64),
    /// Wait, then report [`Event::WaitElapsed`].
    Wait(Duration),
    /// The server has all bytes; `verified` if a final HEAD said so as well.
    Done { verified: bool },
    /// Stop.
    Fail(FailReason),
}

/// `start..end`, as a `Copy` value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range64 {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

impl Range64 {
    fn length(self) -> u64 {
        self.end.saturating_sub(self.start)
    }
}

impl From<Range<u64>> for Range64 {
    fn from(range: Range<u64>) -> Self {
        Self { start: range.start, end: range.end }
    }
}

/// Why an upload fails. The driver adds names and links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailReason {
    LinkGone {
        status: u16,
    },
    UnsupportedTusVersion,
    Refused {
        status: u16,
    },
    OffsetBeyondFile {
        offset: u64,
    },
    SourceNotRewindable {
        offset: u64,
        min_offset: u64,
    },
    SizeMismatch {
        server: u64,
    },
    /// The server has bytes of an upload to which none were sent.
    UnexpectedOffset {
        offset: u64,
    },
    Exhausted {
        attempts: u32,
        last: TransientError,
    },
    Deadline {
        last: Option<TransientError>,
    },
}

/// The state of one upload.
#[derive(Debug)]
pub(crate) struct UploadStateMachine {
    size: u64,
    sizer: ChunkSizer,
    retry: RetryPolicy,
    /// The time for the whole upload, if limited.
    deadline: Option<Duration>,
    /// Whether the upload was just created and no byte was sent.
    is_new: bool,
    /// The range of the current or last PATCH.
    sending: Range64,
    /// Whether the outcome of that range is unknown.
    in_doubt: bool,
    /// The highest offset that the server ever reported.
    max_offset: u64,
    /// Failures since `max_offset` last increased.
    failures: u32,
    /// The elapsed time at the first of these failures.
    failing_since: Option<Duration>,
    last: Option<TransientError>,
    /// The response to a PATCH said that all bytes arrived.
    complete: bool,
}

impl UploadStateMachine {
    pub(crate) fn new(size: u64, plan: Plan, retry: RetryPolicy, deadline: Option<Duration>) -> Self {
        Self {
            size,
            sizer: ChunkSizer::new(plan),
            retry,
            deadline,
            is_new: false,
            sending: Range64 { start: 0, end: 0 },
            in_doubt: false,
            max_offset: 0,
            failures: 0,
            failing_since: None,
            last: None,
            complete: false,
        }
    }

    /// Marks the upload as just created, so that the server cannot have bytes of it.
    pub(crate) fn new_upload(mut self, is_new: bool) -> Self {
        self.is_new = is_new;
        self
    }

    /// Returns the highest offset that the server acknowledged; never decreases.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.max_offset
    }

    /// Returns the last failure.
    pub(crate) fn last_error(&self) -> Option<TransientError> {
        self.last
    }

    /// Handles an event and returns the next command.
    pub(crate) fn on(&mut self, event: Event, now: Inputs) -> Command {
        let command = match event {
            Event::Started | Event::WaitElapsed => Command::Probe,
            Event::Probed { offset, length } => self.probed(offset, length, now),
            Event::Sent { offset } => self.sent(offset, now),
            Event::ErrorStatus { status, retry_after } => self.error_status(status, retry_after, now),
            Event::RequestFailed(error) => self.transient(error, None, now),
        };
        match command {
            Command::Done { .. } | Command::Fail(_) => command,
            _ if self.deadline_passed(now.elapsed) => Command::Fail(FailReason::Deadline { last: self.last }),
            // A wait that ends after the deadline is pointless.
            Command::Wait(delay) if self.deadline_passed(now.elapsed.saturating_add(delay)) => {
                Command::Fail(FailReason::Deadline { last: self.last })
            }
            command => command,
        }
    }

    fn deadline_passed(&self, elapsed: Duration) -> bool {
        self.deadline.is_some_and(|deadline| elapsed >= deadline)
    }

    fn probed(&mut self, offset: Option<u64>, length: Option<u64>, now: Inputs) -> Command {
        if let Some(server) = length.filter(|length| *length != self.size) {
            return Command::Fail(FailReason::SizeMismatch { server });
        }
        let Some(offset) = offset else {
            return self.transient(TransientError::NoOffset, None, now);
        };
        if self.is_new && offset > 0 {
            return Command::Fail(FailReason::UnexpectedOffset { offset });
        }
        if std::mem::take(&mut self.in_doubt) {
            match offset > self.sending.start {
                true => self.sizer.progressed(),
                false => self.sizer.no_progress(self.sending.length()),
            }
        }
        if offset == self.size {
            self.advance(offset);
            return Command::Done { verified: true };
        }
        if self.complete && offset < self.size {
            // The server may just be inconsistent for a moment: ask once more before believing it.
            self.complete = false;
            return self.transient(TransientError::OffsetRegressed, None, now);
        }
        self.send_from(offset, now)
    }

    fn sent(&mut self, offset: Option<u64>, now: Inputs) -> Command {
        let Some(offset) = offset else {
            return self.transient(TransientError::NoOffset, None, now);
        };
        if offset == self.size {
            self.advance(offset);
            self.complete = true;
            self.in_doubt = false;
            return Command::Probe;
        }
        if offset <= self.sending.start {
            return self.transient(TransientError::NoProgress, None, now);
        }
        self.in_doubt = false;
        match offset >= self.sending.end {
            true => self.sizer.succeeded(),
            false => self.sizer.progressed(),
        }
        self.send_from(offset, now)
    }

    /// Adopts the server's offset, even if it is lower than before.
    fn send_from(&mut self, offset: u64, now: Inputs) -> Command {
        if offset > self.size {
            return Command::Fail(FailReason::OffsetBeyondFile { offset });
        }
        if offset < now.min_offset {
            return Command::Fail(FailReason::SourceNotRewindable { offset, min_offset: now.min_offset });
        }
        self.advance(offset);
        self.sending = self.sizer.next(offset).into();
        self.in_doubt = true;
        self.is_new = false;
        Command::Send(self.sending)
    }

    fn advance(&mut self, offset: u64) {
        if offset > self.max_offset {
            self.max_offset = offset;
            self.failures = 0;
            self.failing_since = None;
        }
    }

    fn error_status(&mut self, status: u16, retry_after: Option<Duration>, now: Inputs) -> Command {
        match status {
            409 | 423 => self.transient(TransientError::Busy(status), retry_after, now),
            429 => self.transient(TransientError::RateLimited, retry_after, now),
            408 | 500 | 502..=599 => self.transient(TransientError::Server(status), retry_after, now),
            // The server has acknowledged every byte. That the link no longer responds does not change that.
            _ if self.complete => Command::Done { verified: false },
            413 if self.in_doubt && self.sizer.too_large(self.sending.length()) => {
                self.in_doubt = false;
                self.transient(TransientError::TooLarge, None, now)
            }
            // An intermediary blocks HEAD requests. An upload to which nothing was sent starts at 0 anyway; if that
            // were wrong, the server would reject the offset.
            405 | 501 if self.is_new => self.send_from(0, now),
            501 => self.transient(TransientError::Server(status), retry_after, now),
            403 | 404 | 410 => Command::Fail(FailReason::LinkGone { status }),
            412 => Command::Fail(FailReason::UnsupportedTusVersion),
            _ => Command::Fail(FailReason::Refused { status }),
        }
    }

    fn transient(&mut self, error: TransientError, retry_after: Option<Duration>, now: Inputs) -> Command {
        // These failures are not related to the size of the request.
        if matches!(error, TransientError::Connect | TransientError::RateLimited | TransientError::Busy(_)) {
            self.in_doubt = false;
        }
        let earlier = self.failures;
        self.failures = earlier.saturating_add(1);
        self.last = Some(error);
        if self.failures >= self.retry.attempts {
            return Command::Fail(FailReason::Exhausted { attempts: self.failures, last: error });
        }
        let wait = self.retry.transfer_delay(earlier, now.random, retry_after);
        let failing_since = *self.failing_since.get_or_insert(now.elapsed);
        let next_attempt_at = now.elapsed.saturating_sub(failing_since).saturating_add(wait);
        if next_attempt_at > self.retry.max_elapsed {
            return Command::Fail(FailReason::Exhausted { attempts: self.failures, last: error });
        }
        Command::Wait(wait)
    }
}

#[cfg(test)]
mod tests;
