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

use super::backoff::Backoff;
use super::plan::Plan;

/// Something that went wrong with one request and may go better the next time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trouble {
    /// No connection could be made.
    Connect,
    /// The connection broke before an answer came.
    Dropped,
    /// Nothing moved for the stall timeout.
    Stalled,
    /// The server stands at another offset (409) or is still busy with an earlier request (423).
    Busy(u16),
    /// Too many requests (429).
    RateLimited,
    /// The server failed (5xx), or gave up waiting for the request (408).
    Server(u16),
    /// A success without a readable `Upload-Offset`.
    NoOffset,
    /// A request succeeded, but the server's offset did not move forward.
    NoProgress,
    /// All bytes were acknowledged, and then the server said that it has fewer.
    FellBack,
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Connect => f.write_str("no connection could be made"),
            Self::Dropped => f.write_str("the connection broke"),
            Self::Stalled => f.write_str("nothing moved for the stall timeout"),
            Self::Busy(409) => f.write_str("the server stands at another offset (409)"),
            Self::Busy(status) => write!(f, "the upload is locked by another request ({status})"),
            Self::RateLimited => f.write_str("too many requests (429)"),
            Self::Server(408) => f.write_str("the server gave up waiting for the request (408)"),
            Self::Server(status) => write!(f, "the server failed ({status})"),
            Self::NoOffset => f.write_str("the answer had no readable Upload-Offset"),
            Self::NoProgress => f.write_str("the server took a request and did not move forward"),
            Self::FellBack => f.write_str("the server acknowledged every byte and then said it has fewer"),
        }
    }
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// The upload starts, or starts again in another process.
    Begun,
    /// A HEAD succeeded, with the `Upload-Offset` and `Upload-Length` it gave.
    Probed { offset: Option<u64>, length: Option<u64> },
    /// A PATCH succeeded, with the `Upload-Offset` it gave.
    Sent { offset: Option<u64> },
    /// Either request was answered with another status than success.
    Answered { status: u16, retry_after: Option<Duration> },
    /// Either request got no answer.
    Broke(Trouble),
    /// The wait that was asked for is over.
    Waited,
}

/// The circumstances of an event, which the machine cannot know.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    /// Time since the upload began, pauses not counted.
    pub(crate) elapsed: Duration,
    /// A random number in `0.0..=1.0`.
    pub(crate) chance: f64,
    /// The lowest offset that the source can still give.
    pub(crate) floor: u64,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    /// Ask the server for its offset (HEAD).
    Probe,
    /// Send these bytes (PATCH).
    Send(Range64),
    /// Do nothing for so long, then report [`Event::Waited`].
    Wait(Duration),
    /// All bytes are with the server; `verified` when a last HEAD said so as well.
    Done { verified: bool },
    /// Stop.
    Fail(Verdict),
}

/// `start..end`, as a value that can be copied and compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range64 {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

impl From<Range<u64>> for Range64 {
    fn from(range: Range<u64>) -> Self {
        Self { start: range.start, end: range.end }
    }
}

/// Why an upload stops short. The driver adds what the machine does not know (names, links).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    LinkGone { status: u16 },
    VersionRefused,
    Refused { status: u16 },
    OffsetBeyondFile { offset: u64 },
    Rewind { offset: u64, floor: u64 },
    SizeMismatch { server: u64 },
    Exhausted { attempts: u32, last: Trouble },
    Deadline { last: Option<Trouble> },
}

/// How patient the machine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Patience {
    /// Tries in a row without progress; at least 1.
    pub(crate) attempts: u32,
    pub(crate) backoff: Backoff,
    /// Time for the whole upload, if limited.
    pub(crate) deadline: Option<Duration>,
}

/// The state of one upload.
#[derive(Debug)]
pub(crate) struct Machine {
    size: u64,
    plan: Plan,
    patience: Patience,
    /// The range that is or was last under way.
    sending: Range64,
    /// The furthest offset the server ever gave.
    best: u64,
    /// Failures since `best` last moved.
    failures: u32,
    last: Option<Trouble>,
    /// A PATCH answered that all bytes are there.
    complete: bool,
}

impl Machine {
    pub(crate) fn new(size: u64, plan: Plan, patience: Patience) -> Self {
        Self {
            size,
            plan,
            patience,
            sending: Range64 { start: 0, end: 0 },
            best: 0,
            failures: 0,
            last: None,
            complete: false,
        }
    }

    /// The furthest offset the server ever acknowledged; never falls.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.best
    }

    /// What went wrong the last time, if anything did.
    pub(crate) fn last_trouble(&self) -> Option<Trouble> {
        self.last
    }

    /// Takes what happened and says what to do.
    pub(crate) fn on(&mut self, event: Event, now: Now) -> Command {
        let command = match event {
            Event::Begun | Event::Waited => Command::Probe,
            Event::Probed { offset, length } => self.probed(offset, length, now),
            Event::Sent { offset } => self.sent(offset, now),
            Event::Answered { status, retry_after } => self.answered(status, retry_after, now),
            Event::Broke(trouble) => self.trouble(trouble, None, now),
        };
        match command {
            Command::Done { .. } | Command::Fail(_) => command,
            _ if self.over(now.elapsed) => Command::Fail(Verdict::Deadline { last: self.last }),
            // A wait that ends after the deadline is a wait for nothing.
            Command::Wait(delay) if self.over(now.elapsed.saturating_add(delay)) => {
                Command::Fail(Verdict::Deadline { last: self.last })
            }
            command => command,
        }
    }

    fn over(&self, elapsed: Duration) -> bool {
        self.patience.deadline.is_some_and(|deadline| elapsed >= deadline)
    }

    fn probed(&mut self, offset: Option<u64>, length: Option<u64>, now: Now) -> Command {
        if let Some(server) = length.filter(|length| *length != self.size) {
            return Command::Fail(Verdict::SizeMismatch { server });
        }
        let Some(offset) = offset else {
            return self.trouble(Trouble::NoOffset, None, now);
        };
        if offset == self.size {
            self.advance(offset);
            return Command::Done { verified: true };
        }
        if self.complete && offset < self.size {
            // Perhaps the server is only slow to agree with itself: ask once more before
            // believing it.
            self.complete = false;
            return self.trouble(Trouble::FellBack, None, now);
        }
        self.send_from(offset, now)
    }

    fn sent(&mut self, offset: Option<u64>, now: Now) -> Command {
        let Some(offset) = offset else {
            return self.trouble(Trouble::NoOffset, None, now);
        };
        if offset == self.size {
            self.advance(offset);
            self.complete = true;
            return Command::Probe;
        }
        if offset <= self.sending.start {
            return self.trouble(Trouble::NoProgress, None, now);
        }
        self.send_from(offset, now)
    }

    /// Adopts the server's offset, in whichever direction it lies.
    fn send_from(&mut self, offset: u64, now: Now) -> Command {
        if offset > self.size {
            return Command::Fail(Verdict::OffsetBeyondFile { offset });
        }
        if offset < now.floor {
            return Command::Fail(Verdict::Rewind { offset, floor: now.floor });
        }
        self.advance(offset);
        self.sending = self.plan.next(offset).into();
        Command::Send(self.sending)
    }

    fn advance(&mut self, offset: u64) {
        if offset > self.best {
            self.best = offset;
            self.failures = 0;
        }
    }

    fn answered(&mut self, status: u16, retry_after: Option<Duration>, now: Now) -> Command {
        match status {
            409 | 423 => self.trouble(Trouble::Busy(status), retry_after, now),
            429 => self.trouble(Trouble::RateLimited, retry_after, now),
            408 | 500..=599 => self.trouble(Trouble::Server(status), retry_after, now),
            // The server has acknowledged every byte; that it no longer wants to talk about a
            // finished upload takes nothing back.
            _ if self.complete => Command::Done { verified: false },
            403 | 404 | 410 => Command::Fail(Verdict::LinkGone { status }),
            412 => Command::Fail(Verdict::VersionRefused),
            _ => Command::Fail(Verdict::Refused { status }),
        }
    }

    fn trouble(&mut self, trouble: Trouble, retry_after: Option<Duration>, now: Now) -> Command {
        let earlier = self.failures;
        self.failures = earlier.saturating_add(1);
        self.last = Some(trouble);
        if self.failures >= self.patience.attempts {
            return Command::Fail(Verdict::Exhausted { attempts: self.failures, last: trouble });
        }
        Command::Wait(self.patience.backoff.wait(earlier, now.chance, retry_after))
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use super::*;
    use crate::upload::plan::Chunking;

    const SIZE: u64 = 100;

    fn machine() -> Machine {
        chunked(SIZE, Chunking::Whole)
    }

    fn chunked(size: u64, chunking: Chunking) -> Machine {
        let patience = Patience { attempts: 4, backoff: Backoff::default(), deadline: None };
        Machine::new(size, Plan::new(size, chunking, None), patience)
    }

    fn now() -> Now {
        Now { elapsed: Duration::ZERO, chance: 1.0, floor: 0 }
    }

    fn probed(offset: u64) -> Event {
        Event::Probed { offset: Some(offset), length: Some(SIZE) }
    }

    fn sent(offset: u64) -> Event {
        Event::Sent { offset: Some(offset) }
    }

    fn answered(status: u16) -> Event {
        Event::Answered { status, retry_after: None }
    }

    fn send(start: u64, end: u64) -> Command {
        Command::Send(Range64 { start, end })
    }

    fn wait(milliseconds: u64) -> Command {
        Command::Wait(Duration::from_millis(milliseconds))
    }

    /// Feeds a script and compares each command.
    fn play(mut machine: Machine, name: &str, script: &[(Event, Command)]) -> Machine {
        for (step, (event, command)) in script.iter().enumerate() {
            assert_eq!(machine.on(*event, now()), *command, "{name}, step {step}: {event:?}");
        }
        machine
    }

    const PROBE: Command = Command::Probe;
    const DONE: Command = Command::Done { verified: true };

    #[test]
    fn the_road_of_an_upload() {
        let lost = Event::Broke(Trouble::Dropped);
        let scripts: &[(&str, &[(Event, Command)])] = &[
            (
                "undisturbed",
                &[(Event::Begun, PROBE), (probed(0), send(0, 100)), (sent(100), PROBE), (probed(100), DONE)],
            ),
            (
                "T5: resumed where the server stands",
                &[
                    (Event::Begun, PROBE),
                    (probed(40), send(40, 100)),
                    (sent(100), PROBE),
                    (probed(100), DONE),
                ],
            ),
            ("nothing left to send", &[(Event::Begun, PROBE), (probed(100), DONE)]),
            (
                "T1: a drop is followed by one HEAD, and the server's offset counts",
                &[
                    (Event::Begun, PROBE),
                    (probed(0), send(0, 100)),
                    (lost, wait(500)),
                    (Event::Waited, PROBE),
                    (probed(60), send(60, 100)),
                    (answered(502), wait(500)),
                    (Event::Waited, PROBE),
                    (probed(60), send(60, 100)),
                    (sent(100), PROBE),
                    (probed(100), DONE),
                ],
            ),
            (
                "T7: locked twice",
                &[
                    (Event::Begun, PROBE),
                    (answered(423), wait(500)),
                    (Event::Waited, PROBE),
                    (answered(423), wait(1000)),
                    (Event::Waited, PROBE),
                    (probed(10), send(10, 100)),
                ],
            ),
            (
                "T7: 409, and the server is behind",
                &[
                    (Event::Begun, PROBE),
                    (probed(50), send(50, 100)),
                    (answered(409), wait(500)),
                    (Event::Waited, PROBE),
                    (probed(20), send(20, 100)),
                ],
            ),
            (
                "T7: 409, and the server is ahead of us but within the file",
                &[
                    (Event::Begun, PROBE),
                    (probed(0), send(0, 100)),
                    (answered(409), wait(500)),
                    (Event::Waited, PROBE),
                    (probed(70), send(70, 100)),
                ],
            ),
            (
                "the server takes less than was sent",
                &[(Event::Begun, PROBE), (probed(0), send(0, 100)), (sent(30), send(30, 100))],
            ),
            (
                "a finished upload whose link is gone at the last HEAD is finished",
                &[
                    (Event::Begun, PROBE),
                    (probed(0), send(0, 100)),
                    (sent(100), PROBE),
                    (answered(404), Command::Done { verified: false }),
                ],
            ),
            (
                "a server that takes back its word is asked again before it is believed",
                &[
                    (Event::Begun, PROBE),
                    (probed(0), send(0, 100)),
                    (sent(100), PROBE),
                    (probed(90), wait(500)),
                    (Event::Waited, PROBE),
                    (probed(90), send(90, 100)),
                ],
            ),
            (
                "a success without an offset is not believed",
                &[
                    (Event::Begun, PROBE),
                    (Event::Probed { offset: None, length: None }, wait(500)),
                    (Event::Waited, PROBE),
                    (probed(0), send(0, 100)),
                    (Event::Sent { offset: None }, wait(1000)),
                    (Event::Waited, PROBE),
                ],
            ),
        ];
        for (name, script) in scripts {
            play(machine(), name, script);
        }
    }

    #[test]
    fn chunks_follow_one_another_without_a_probe_between() {
        play(
            chunked(10, Chunking::Fixed(NonZeroU64::new(4).unwrap())),
            "chunks",
            &[
                (Event::Begun, PROBE),
                (Event::Probed { offset: Some(0), length: Some(10) }, send(0, 4)),
                (sent(4), send(4, 8)),
                (sent(8), send(8, 10)),
                (sent(10), PROBE),
                (Event::Probed { offset: Some(10), length: None }, DONE),
            ],
        );
    }

    #[test]
    fn an_empty_upload_needs_no_patch() {
        play(
            chunked(0, Chunking::Whole),
            "empty",
            &[(Event::Begun, PROBE), (Event::Probed { offset: Some(0), length: Some(0) }, DONE)],
        );
    }

    #[test]
    fn what_each_answer_means() {
        use Verdict::*;
        let fail = Command::Fail;
        // (status, while probing or sending)
        let table = [
            (300, fail(Refused { status: 300 })),
            (302, fail(Refused { status: 302 })),
            (400, fail(Refused { status: 400 })),
            (401, fail(Refused { status: 401 })),
            (403, fail(LinkGone { status: 403 })),
            (404, fail(LinkGone { status: 404 })),
            (405, fail(Refused { status: 405 })),
            (408, wait(500)),
            (409, wait(500)),
            (410, fail(LinkGone { status: 410 })),
            (412, fail(VersionRefused)),
            (413, fail(Refused { status: 413 })),
            (423, wait(500)),
            (429, wait(500)),
            (500, wait(500)),
            (502, wait(500)),
            (503, wait(500)),
            (504, wait(500)),
            (599, wait(500)),
        ];
        for (status, command) in table {
            play(machine(), "probing", &[(Event::Begun, PROBE), (answered(status), command)]);
            play(
                machine(),
                "sending",
                &[(Event::Begun, PROBE), (probed(0), send(0, 100)), (answered(status), command)],
            );
        }
    }

    #[test]
    fn offsets_that_cannot_be_are_typed_errors() {
        // (floor of the source, offset, length, verdict)
        let table = [
            (0, 101, Some(100), Verdict::OffsetBeyondFile { offset: 101 }),
            (0, 500, None, Verdict::OffsetBeyondFile { offset: 500 }),
            (50, 20, Some(100), Verdict::Rewind { offset: 20, floor: 50 }),
            (0, 20, Some(99), Verdict::SizeMismatch { server: 99 }),
            (0, 100, Some(200), Verdict::SizeMismatch { server: 200 }),
        ];
        for (floor, offset, length, verdict) in table {
            let mut machine = machine();
            machine.on(Event::Begun, now());
            let event = Event::Probed { offset: Some(offset), length };
            assert_eq!(machine.on(event, Now { floor, ..now() }), Command::Fail(verdict));
        }
        let mut machine = machine();
        machine.on(Event::Begun, now());
        machine.on(probed(0), now());
        let verdict = Verdict::OffsetBeyondFile { offset: 101 };
        assert_eq!(machine.on(sent(101), now()), Command::Fail(verdict));
    }

    #[test]
    fn t02_failures_in_a_row_exhaust_the_budget() {
        play(
            machine(),
            "always 500",
            &[
                (Event::Begun, PROBE),
                (answered(500), wait(500)),
                (Event::Waited, PROBE),
                (answered(500), wait(1000)),
                (Event::Waited, PROBE),
                (Event::Broke(Trouble::Connect), wait(2000)),
                (Event::Waited, PROBE),
                (
                    answered(503),
                    Command::Fail(Verdict::Exhausted { attempts: 4, last: Trouble::Server(503) }),
                ),
            ],
        );
    }

    #[test]
    fn progress_gives_the_budget_back_and_mere_motion_does_not() {
        let lost = Event::Broke(Trouble::Stalled);
        let mut machine = play(
            machine(),
            "forward",
            &[
                (Event::Begun, PROBE),
                (probed(0), send(0, 100)),
                (lost, wait(500)),
                (Event::Waited, PROBE),
                (lost, wait(1000)),
                (Event::Waited, PROBE),
                (probed(1), send(1, 100)),
                (lost, wait(500)),
                (Event::Waited, PROBE),
                // Back and forth below the best offset is not progress.
                (probed(0), send(0, 100)),
                (sent(1), send(1, 100)),
                (lost, wait(1000)),
                (Event::Waited, PROBE),
                (probed(1), send(1, 100)),
                (lost, wait(2000)),
                (Event::Waited, PROBE),
                (probed(1), send(1, 100)),
            ],
        );
        let exhausted = Verdict::Exhausted { attempts: 4, last: Trouble::NoProgress };
        assert_eq!(machine.on(sent(1), now()), Command::Fail(exhausted));
        assert_eq!(machine.acknowledged(), 1);
    }

    #[test]
    fn a_server_that_goes_back_after_each_chunk_does_not_keep_us_for_ever() {
        let mut machine = chunked(100, Chunking::Fixed(NonZeroU64::new(50).unwrap()));
        let mut command = machine.on(Event::Begun, now());
        for _ in 0..100 {
            command = match command {
                Command::Probe => machine.on(Event::Probed { offset: Some(0), length: None }, now()),
                Command::Send(Range64 { start: 0, .. }) => machine.on(sent(50), now()),
                Command::Send(_) => machine.on(sent(0), now()),
                Command::Wait(_) => machine.on(Event::Waited, now()),
                Command::Done { .. } => panic!("it was never done"),
                Command::Fail(verdict) => {
                    let last = Trouble::NoProgress;
                    assert_eq!(verdict, Verdict::Exhausted { attempts: 4, last });
                    return;
                }
            };
        }
        panic!("a hundred steps and no end");
    }

    #[test]
    fn the_deadline_ends_it_at_any_point_but_never_spoils_a_finished_upload() {
        let patience =
            Patience { attempts: 100, backoff: Backoff::default(), deadline: Some(Duration::from_secs(10)) };
        let fresh = || Machine::new(SIZE, Plan::new(SIZE, Chunking::Whole, None), patience);
        let at = |seconds| Now { elapsed: Duration::from_secs_f64(seconds), ..now() };
        // (event, at second, command)
        let table = [
            (probed(0), 9.9, send(0, 100)),
            (probed(0), 10.0, Command::Fail(Verdict::Deadline { last: None })),
            (sent(50), 10.1, Command::Fail(Verdict::Deadline { last: None })),
            (probed(100), 11.0, DONE),
            (answered(500), 9.0, wait(500)),
            // The wait of 500 ms would end after the deadline.
            (answered(500), 9.6, Command::Fail(Verdict::Deadline { last: Some(Trouble::Server(500)) })),
            (answered(404), 12.0, Command::Fail(Verdict::LinkGone { status: 404 })),
        ];
        for (event, second, command) in table {
            let mut machine = fresh();
            machine.on(Event::Begun, at(0.0));
            assert_eq!(machine.on(event, at(second)), command, "{event:?} at {second} s");
        }
    }

    #[test]
    fn retry_after_is_kept() {
        let mut machine = machine();
        machine.on(Event::Begun, now());
        let event = Event::Answered { status: 429, retry_after: Some(Duration::from_secs(7)) };
        assert_eq!(machine.on(event, now()), wait(7000));
    }
}
