//! What an upload does next: probe → send → verify → done.
//!
//! The machine does no I/O and reads no clock. The driver tells it what happened ([`Event`]) and
//! under what circumstances ([`Now`]), and it answers with the one thing to do ([`Command`]).
//! Everything that decides whether bytes are lost, sent twice or retried for ever is in here and
//! is tested as tables.
//!
//! Why it always ends: a command to send is only repeated after the server's offset moved forward
//! or after a failure; failures in a row are limited by the budget; and the count of failures goes
//! back to zero only when the server reached an offset it had never reached before, which can
//! happen at most `size` times. The deadline, if there is one, ends it sooner.

use std::ops::Range;
use std::time::Duration;

use super::options::retry_wait;
use super::plan::{ChunkSizer, Plan};
use crate::error::TransientError;
use crate::retry::RetryPolicy;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// The upload starts, or starts again in another process.
    Started,
    /// A HEAD succeeded, with the `Upload-Offset` and `Upload-Length` it gave.
    Probed { offset: Option<u64>, length: Option<u64> },
    /// A PATCH succeeded, with the `Upload-Offset` it gave.
    Sent { offset: Option<u64> },
    /// Either request was answered with another status than success.
    ErrorStatus { status: u16, retry_after: Option<Duration> },
    /// Either request got no answer.
    RequestFailed(TransientError),
    /// The wait that was asked for is over.
    WaitElapsed,
}

/// The circumstances of an event, which the machine cannot know.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inputs {
    /// Time since the upload began, pauses not counted.
    pub(crate) elapsed: Duration,
    /// A random number in `0.0..=1.0`.
    pub(crate) random: f64,
    /// The lowest offset that the source can still give.
    pub(crate) min_offset: u64,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    /// Ask the server for its offset (HEAD).
    Probe,
    /// Send these bytes (PATCH).
    Send(Range64),
    /// Do nothing for so long, then report [`Event::WaitElapsed`].
    Wait(Duration),
    /// All bytes are with the server; `verified` when a last HEAD said so as well.
    Done { verified: bool },
    /// Stop.
    Fail(FailReason),
}

/// `start..end`, as a value that can be copied and compared.
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

/// Why an upload stops short. The driver adds what the machine does not know (names, links).
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
    /// The server has bytes of an upload of which none was sent.
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
    /// Whether the upload was created just now and no byte of it was sent.
    is_new: bool,
    /// The range that is or was last under way.
    sending: Range64,
    /// Whether what became of that range is not known yet.
    in_doubt: bool,
    /// The furthest offset the server ever gave.
    max_offset: u64,
    /// Failures since `max_offset` last moved.
    failures: u32,
    /// The elapsed time at the first of these failures.
    failing_since: Option<Duration>,
    last: Option<TransientError>,
    /// A PATCH answered that all bytes are there.
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

    /// For an upload that was created just now, so that the server cannot have a byte of it.
    pub(crate) fn new_upload(mut self, is_new: bool) -> Self {
        self.is_new = is_new;
        self
    }

    /// The furthest offset the server ever acknowledged; never falls.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.max_offset
    }

    /// What went wrong the last time, if anything did.
    pub(crate) fn last_error(&self) -> Option<TransientError> {
        self.last
    }

    /// Takes what happened and says what to do.
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
            // A wait that ends after the deadline is a wait for nothing.
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
            // Perhaps the server is only slow to agree with itself: ask once more before
            // believing it.
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

    /// Adopts the server's offset, in whichever direction it lies.
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
            // The server has acknowledged every byte; that it no longer wants to talk about a
            // finished upload takes nothing back.
            _ if self.complete => Command::Done { verified: false },
            413 if self.in_doubt && self.sizer.too_large(self.sending.length()) => {
                self.in_doubt = false;
                self.transient(TransientError::TooLarge, None, now)
            }
            // Something on the way lets no HEAD through. An upload of which nothing was sent begins at 0
            // all the same; were that wrong, the server would refuse the offset.
            405 | 501 if self.is_new => self.send_from(0, now),
            501 => self.transient(TransientError::Server(status), retry_after, now),
            403 | 404 | 410 => Command::Fail(FailReason::LinkGone { status }),
            412 => Command::Fail(FailReason::UnsupportedTusVersion),
            _ => Command::Fail(FailReason::Refused { status }),
        }
    }

    fn transient(&mut self, error: TransientError, retry_after: Option<Duration>, now: Inputs) -> Command {
        // These say nothing about the size of a request: it did not get as far as that.
        if matches!(error, TransientError::Connect | TransientError::RateLimited | TransientError::Busy(_)) {
            self.in_doubt = false;
        }
        let earlier = self.failures;
        self.failures = earlier.saturating_add(1);
        self.last = Some(error);
        if self.failures >= self.retry.attempts {
            return Command::Fail(FailReason::Exhausted { attempts: self.failures, last: error });
        }
        let wait = retry_wait(&self.retry, earlier, now.random, retry_after);
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
