//! The state machine as tables of events and commands.

use std::num::NonZeroU64;

use super::*;
use crate::upload::tus::options::UploadOptions;
use crate::upload::tus::plan::Chunking;

const SIZE: u64 = 100;

fn machine() -> UploadStateMachine {
    chunked(SIZE, Chunking::Whole)
}

fn chunked(size: u64, chunking: Chunking) -> UploadStateMachine {
    let retry = UploadOptions::default_retry().attempts(4);
    UploadStateMachine::new(size, Plan::new(size, chunking, None), retry, None)
}

fn now() -> Inputs {
    Inputs { elapsed: Duration::ZERO, random: 1.0, min_offset: 0 }
}

fn probed(offset: u64) -> Event {
    Event::Probed { offset: Some(offset), length: Some(SIZE) }
}

fn sent(offset: u64) -> Event {
    Event::Sent { offset: Some(offset) }
}

fn error_status(status: u16) -> Event {
    Event::ErrorStatus { status, retry_after: None }
}

fn send(start: u64, end: u64) -> Command {
    Command::Send(Range64 { start, end })
}

fn wait(milliseconds: u64) -> Command {
    Command::Wait(Duration::from_millis(milliseconds))
}

/// Runs a script of events and compares the commands.
fn play(mut machine: UploadStateMachine, name: &str, script: &[(Event, Command)]) -> UploadStateMachine {
    for (step, (event, command)) in script.iter().enumerate() {
        assert_eq!(machine.on(*event, now()), *command, "{name}, step {step}: {event:?}");
    }
    machine
}

const PROBE: Command = Command::Probe;
const DONE: Command = Command::Done { verified: true };

#[test]
fn command_sequences() {
    let lost = Event::RequestFailed(TransientError::Dropped);
    let scripts: &[(&str, &[(Event, Command)])] = &[
        (
            "undisturbed",
            &[(Event::Started, PROBE), (probed(0), send(0, 100)), (sent(100), PROBE), (probed(100), DONE)],
        ),
        (
            "resumed at the server's offset",
            &[(Event::Started, PROBE), (probed(40), send(40, 100)), (sent(100), PROBE), (probed(100), DONE)],
        ),
        ("nothing left to send", &[(Event::Started, PROBE), (probed(100), DONE)]),
        (
            "one HEAD after a failure, then the server's offset",
            &[
                (Event::Started, PROBE),
                (probed(0), send(0, 100)),
                (lost, wait(500)),
                (Event::WaitElapsed, PROBE),
                (probed(60), send(60, 100)),
                (error_status(502), wait(500)),
                (Event::WaitElapsed, PROBE),
                (probed(60), send(60, 100)),
                (sent(100), PROBE),
                (probed(100), DONE),
            ],
        ),
        (
            "locked twice",
            &[
                (Event::Started, PROBE),
                (error_status(423), wait(500)),
                (Event::WaitElapsed, PROBE),
                (error_status(423), wait(1000)),
                (Event::WaitElapsed, PROBE),
                (probed(10), send(10, 100)),
            ],
        ),
        (
            "409, and the server is behind",
            &[
                (Event::Started, PROBE),
                (probed(50), send(50, 100)),
                (error_status(409), wait(500)),
                (Event::WaitElapsed, PROBE),
                (probed(20), send(20, 100)),
            ],
        ),
        (
            "409, and the server is ahead",
            &[
                (Event::Started, PROBE),
                (probed(0), send(0, 100)),
                (error_status(409), wait(500)),
                (Event::WaitElapsed, PROBE),
                (probed(70), send(70, 100)),
            ],
        ),
        (
            "the server stores less than was sent",
            &[(Event::Started, PROBE), (probed(0), send(0, 100)), (sent(30), send(30, 100))],
        ),
        (
            "finished, although the link is gone at the last HEAD",
            &[
                (Event::Started, PROBE),
                (probed(0), send(0, 100)),
                (sent(100), PROBE),
                (error_status(404), Command::Done { verified: false }),
            ],
        ),
        (
            "a regressed offset is probed again",
            &[
                (Event::Started, PROBE),
                (probed(0), send(0, 100)),
                (sent(100), PROBE),
                (probed(90), wait(500)),
                (Event::WaitElapsed, PROBE),
                (probed(90), send(90, 100)),
            ],
        ),
        (
            "success without an offset",
            &[
                (Event::Started, PROBE),
                (Event::Probed { offset: None, length: None }, wait(500)),
                (Event::WaitElapsed, PROBE),
                (probed(0), send(0, 100)),
                (Event::Sent { offset: None }, wait(1000)),
                (Event::WaitElapsed, PROBE),
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
            (Event::Started, PROBE),
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
        &[(Event::Started, PROBE), (Event::Probed { offset: Some(0), length: Some(0) }, DONE)],
    );
}

#[test]
fn status_codes_map_to_commands() {
    use FailReason::*;
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
        (412, fail(UnsupportedTusVersion)),
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
        play(machine(), "probing", &[(Event::Started, PROBE), (error_status(status), command)]);
        play(
            machine(),
            "sending",
            &[(Event::Started, PROBE), (probed(0), send(0, 100)), (error_status(status), command)],
        );
    }
}

#[test]
fn impossible_offsets_are_errors() {
    // (min_offset of the source, offset, length, reason)
    let table = [
        (0, 101, Some(100), FailReason::OffsetBeyondFile { offset: 101 }),
        (0, 500, None, FailReason::OffsetBeyondFile { offset: 500 }),
        (50, 20, Some(100), FailReason::SourceNotRewindable { offset: 20, min_offset: 50 }),
        (0, 20, Some(99), FailReason::SizeMismatch { server: 99 }),
        (0, 100, Some(200), FailReason::SizeMismatch { server: 200 }),
    ];
    for (min_offset, offset, length, reason) in table {
        let mut machine = machine();
        machine.on(Event::Started, now());
        let event = Event::Probed { offset: Some(offset), length };
        assert_eq!(machine.on(event, Inputs { min_offset, ..now() }), Command::Fail(reason));
    }
    let mut machine = machine();
    machine.on(Event::Started, now());
    machine.on(probed(0), now());
    let reason = FailReason::OffsetBeyondFile { offset: 101 };
    assert_eq!(machine.on(sent(101), now()), Command::Fail(reason));
}

/// BEHAVIOUR.md: U12.
#[test]
fn consecutive_failures_exhaust_the_attempts() {
    play(
        machine(),
        "always 500",
        &[
            (Event::Started, PROBE),
            (error_status(500), wait(500)),
            (Event::WaitElapsed, PROBE),
            (error_status(500), wait(1000)),
            (Event::WaitElapsed, PROBE),
            (Event::RequestFailed(TransientError::Connect), wait(2000)),
            (Event::WaitElapsed, PROBE),
            (
                error_status(503),
                Command::Fail(FailReason::Exhausted { attempts: 4, last: TransientError::Server(503) }),
            ),
        ],
    );
}

#[test]
fn only_progress_resets_the_attempts() {
    let lost = Event::RequestFailed(TransientError::Stalled);
    let mut machine = play(
        machine(),
        "forward",
        &[
            (Event::Started, PROBE),
            (probed(0), send(0, 100)),
            (lost, wait(500)),
            (Event::WaitElapsed, PROBE),
            (lost, wait(1000)),
            (Event::WaitElapsed, PROBE),
            (probed(1), send(1, 100)),
            (lost, wait(500)),
            (Event::WaitElapsed, PROBE),
            // Moving back and forth below the maximum is not progress.
            (probed(0), send(0, 100)),
            (sent(1), send(1, 100)),
            (lost, wait(1000)),
            (Event::WaitElapsed, PROBE),
            (probed(1), send(1, 100)),
            (lost, wait(2000)),
            (Event::WaitElapsed, PROBE),
            (probed(1), send(1, 100)),
        ],
    );
    let exhausted = FailReason::Exhausted { attempts: 4, last: TransientError::NoProgress };
    assert_eq!(machine.on(sent(1), now()), Command::Fail(exhausted));
    assert_eq!(machine.acknowledged(), 1);
}

#[test]
fn regressing_server_exhausts_the_attempts() {
    let mut machine = chunked(100, Chunking::Fixed(NonZeroU64::new(50).unwrap()));
    let mut command = machine.on(Event::Started, now());
    for _ in 0..100 {
        command = match command {
            Command::Probe => machine.on(Event::Probed { offset: Some(0), length: None }, now()),
            Command::Send(Range64 { start: 0, .. }) => machine.on(sent(50), now()),
            Command::Send(_) => machine.on(sent(0), now()),
            Command::Wait(_) => machine.on(Event::WaitElapsed, now()),
            Command::Done { .. } => panic!("it cannot finish"),
            Command::Fail(reason) => {
                let last = TransientError::NoProgress;
                assert_eq!(reason, FailReason::Exhausted { attempts: 4, last });
                return;
            }
        };
    }
    panic!("no end after 100 steps");
}

#[test]
fn deadline_ends_unfinished_uploads_only() {
    let fresh = || {
        let plan = Plan::new(SIZE, Chunking::Whole, None);
        let retry = UploadOptions::default_retry().attempts(100);
        UploadStateMachine::new(SIZE, plan, retry, Some(Duration::from_secs(10)))
    };
    let at = |seconds| Inputs { elapsed: Duration::from_secs_f64(seconds), ..now() };
    // (event, at second, command)
    let table = [
        (probed(0), 9.9, send(0, 100)),
        (probed(0), 10.0, Command::Fail(FailReason::Deadline { last: None })),
        (sent(50), 10.1, Command::Fail(FailReason::Deadline { last: None })),
        (probed(100), 11.0, DONE),
        (error_status(500), 9.0, wait(500)),
        // The wait of 500 ms would end after the deadline.
        (
            error_status(500),
            9.6,
            Command::Fail(FailReason::Deadline { last: Some(TransientError::Server(500)) }),
        ),
        (error_status(404), 12.0, Command::Fail(FailReason::LinkGone { status: 404 })),
    ];
    for (event, second, command) in table {
        let mut machine = fresh();
        machine.on(Event::Started, at(0.0));
        assert_eq!(machine.on(event, at(second)), command, "{event:?} at {second} s");
    }
}

#[test]
fn max_elapsed_counts_from_the_first_failure_without_progress() {
    let retry = UploadOptions::default_retry().max_elapsed(Duration::from_secs(10));
    let mut machine = UploadStateMachine::new(SIZE, Plan::new(SIZE, Chunking::Whole, None), retry, None);
    let at = |seconds| Inputs { elapsed: Duration::from_secs(seconds), ..now() };
    let lost = Event::RequestFailed(TransientError::Dropped);
    machine.on(Event::Started, at(0));
    machine.on(probed(0), at(0));
    // A request that took an hour does not count.
    assert_eq!(machine.on(lost, at(3600)), wait(500));
    machine.on(Event::WaitElapsed, at(3600));
    machine.on(probed(1), at(3605));
    // Progress resets it.
    assert_eq!(machine.on(lost, at(3609)), wait(500));
    machine.on(Event::WaitElapsed, at(3610));
    machine.on(probed(1), at(3610));
    assert_eq!(machine.on(lost, at(3617)), wait(1000));
    machine.on(Event::WaitElapsed, at(3618));
    machine.on(probed(1), at(3618));
    let exhausted = FailReason::Exhausted { attempts: 3, last: TransientError::Dropped };
    assert_eq!(
        machine.on(lost, at(3618)),
        Command::Fail(exhausted),
        "the next attempt would begin after 11 s"
    );
}

#[test]
fn retry_after_extends_the_wait() {
    let mut machine = machine();
    machine.on(Event::Started, now());
    let event = Event::ErrorStatus { status: 429, retry_after: Some(Duration::from_secs(7)) };
    assert_eq!(machine.on(event, now()), wait(7000));
}

#[test]
fn requests_shrink_without_progress() {
    const MIB: u64 = 1024 * 1024;
    let size = 100 * MIB;
    let probed = |offset| Event::Probed { offset: Some(offset), length: Some(size) };
    let lost = Event::RequestFailed(TransientError::Dropped);
    let scripts: &[(&str, &[(Event, Command)])] = &[
        (
            "no progress twice",
            &[
                (Event::Started, PROBE),
                (probed(0), send(0, size)),
                (lost, wait(500)),
                (Event::WaitElapsed, PROBE),
                (probed(0), send(0, size)),
                (lost, wait(1000)),
                (Event::WaitElapsed, PROBE),
                (probed(0), send(0, 25 * MIB)),
                (sent(25 * MIB), send(25 * MIB, 50 * MIB)),
            ],
        ),
        (
            "rejected for its size",
            &[
                (Event::Started, PROBE),
                (probed(0), send(0, size)),
                (error_status(413), wait(500)),
                (Event::WaitElapsed, PROBE),
                (probed(0), send(0, 25 * MIB)),
                (error_status(413), wait(1000)),
                (Event::WaitElapsed, PROBE),
                (probed(0), send(0, 6 * MIB + MIB / 4)),
            ],
        ),
        (
            "a failure with progress keeps the size",
            &[
                (Event::Started, PROBE),
                (probed(0), send(0, size)),
                (lost, wait(500)),
                (Event::WaitElapsed, PROBE),
                (probed(MIB), send(MIB, size)),
                (lost, wait(500)),
                (Event::WaitElapsed, PROBE),
                (probed(2 * MIB), send(2 * MIB, size)),
                (lost, wait(500)),
                (Event::WaitElapsed, PROBE),
                (probed(2 * MIB), send(2 * MIB, size)),
            ],
        ),
        (
            "unreachable, locked and rate-limited keep the size",
            &[
                (Event::Started, PROBE),
                (probed(0), send(0, size)),
                (Event::RequestFailed(TransientError::Connect), wait(500)),
                (Event::WaitElapsed, PROBE),
                (probed(0), send(0, size)),
                (error_status(423), wait(1000)),
                (Event::WaitElapsed, PROBE),
                (probed(0), send(0, size)),
                (error_status(429), wait(2000)),
                (Event::WaitElapsed, PROBE),
                (probed(0), send(0, size)),
            ],
        ),
    ];
    for (name, script) in scripts {
        play(chunked(size, Chunking::Whole), name, script);
    }
}

#[test]
fn new_upload_must_start_at_zero() {
    let fresh = || machine().new_upload(true);
    let fail = Command::Fail;
    // (first response, command)
    let table = [
        (probed(0), send(0, 100)),
        (probed(100), fail(FailReason::UnexpectedOffset { offset: 100 })),
        (probed(40), fail(FailReason::UnexpectedOffset { offset: 40 })),
        (error_status(404), fail(FailReason::LinkGone { status: 404 })),
        // If HEAD is not allowed, it is tried without.
        (error_status(405), send(0, 100)),
        (error_status(501), send(0, 100)),
    ];
    for (event, command) in table {
        play(fresh(), "new", &[(Event::Started, PROBE), (event, command)]);
    }
    play(
        fresh(),
        "without HEAD to its end",
        &[
            (Event::Started, PROBE),
            (error_status(405), send(0, 100)),
            (sent(100), PROBE),
            (error_status(405), Command::Done { verified: false }),
        ],
    );
    // Once bytes were sent, the server may have them.
    play(
        fresh(),
        "a lost response",
        &[
            (Event::Started, PROBE),
            (probed(0), send(0, 100)),
            (Event::RequestFailed(TransientError::Dropped), wait(500)),
            (Event::WaitElapsed, PROBE),
            (probed(100), DONE),
        ],
    );
}
