//! The signals that end the command.
//!
//! A thread of its own listens for as long as the process lives. The first signal asks the command to end, which lets go of
//! what it holds. A command that cannot, because it waits for a pipe that nobody reads or computes for long, is ended after
//! a grace period; a second signal ends it at once.

use std::io::Write;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::watch;

use crate::exit::{Exit, Failure};

/// How long a command may take to end by itself after the first signal.
const GRACE: Duration = Duration::from_millis(1500);

/// How long the last message may take, where standard error is a pipe that nobody reads.
const LAST_MESSAGE: Duration = Duration::from_millis(300);

/// Whether the command was told to end, and what it leaves behind.
#[derive(Clone)]
pub(crate) struct Interrupt(Arc<Shared>);

struct Shared {
    signal: watch::Sender<Option<Exit>>,
    /// Whether errors are also printed as JSON.
    json: bool,
    /// Whether a pager has the terminal: it takes Ctrl-C for itself.
    paging: AtomicBool,
    /// Whether the command has said already how it ends.
    reported: AtomicBool,
    /// What to do next when a signal ends the command.
    next_step: Mutex<Option<String>>,
    /// The terminal's settings before its echo was turned off.
    terminal: Mutex<Option<String>>,
}

impl Interrupt {
    /// One that no signal reaches.
    pub(crate) fn none(json: bool) -> Self {
        Self(Arc::new(Shared {
            signal: watch::channel(None).0,
            json,
            paging: AtomicBool::new(false),
            reported: AtomicBool::new(false),
            next_step: Mutex::default(),
            terminal: Mutex::default(),
        }))
    }

    /// Listens to the process's signals from here on. Where that cannot be, they end the process as ever.
    pub(crate) fn listen(json: bool) -> Self {
        let interrupt = Self::none(json);
        let (ready, listening) = mpsc::channel();
        let listener = interrupt.clone();
        let spawned =
            std::thread::Builder::new().name("signals".to_owned()).spawn(move || listener.run(&ready));
        if spawned.is_ok() {
            // Answered, or dropped when nothing can be listened to.
            let _ = listening.recv();
        }
        interrupt
    }

    fn run(&self, ready: &mpsc::Sender<()>) {
        let Ok(runtime) = Builder::new_current_thread().enable_all().build() else { return };
        let exit = runtime.block_on(async {
            let mut signals = Signals::listen()?;
            let _ = ready.send(());
            let first = signals.next().await;
            self.0.signal.send_replace(Some(first));
            // The pager ends with its reader, and the command after it.
            let waits = |exit: Exit| exit == Exit::Interrupted && self.0.paging.load(Ordering::SeqCst);
            loop {
                tokio::select! {
                    again = signals.next() => if !waits(again) { return Some(again) },
                    () = tokio::time::sleep(GRACE) => if !waits(first) { return Some(first) },
                }
            }
        });
        if let Some(exit) = exit {
            self.end(exit);
        }
    }

    /// Waits for the signal that ends the command.
    pub(crate) async fn wait(&self) -> Exit {
        let mut signal = self.0.signal.subscribe();
        // The sender lives as long as this.
        let told = signal.wait_for(Option::is_some).await.ok().and_then(|signal| *signal);
        match told {
            Some(exit) => exit,
            None => std::future::pending().await,
        }
    }

    /// Says what to do next when a signal ends the command from here on.
    pub(crate) fn next_step(&self, text: Option<String>) {
        *lock(&self.0.next_step) = text;
    }

    /// How a command fails that a signal ended.
    pub(crate) fn failure(&self, exit: Exit) -> Failure {
        let failure = Failure::new(exit, exit.meaning());
        match lock(&self.0.next_step).take() {
            Some(next) => failure.next(next),
            None => failure,
        }
    }

    pub(crate) fn paging(&self, paging: bool) {
        self.0.paging.store(paging, Ordering::SeqCst);
    }

    /// Whether whoever asks is the first to say how the command ends.
    pub(crate) fn may_report(&self) -> bool {
        !self.0.reported.swap(true, Ordering::SeqCst)
    }

    /// Turns the terminal's echo off until the guard is dropped, or the process ended by a signal; `None` where there is no
    /// `stty`.
    pub(crate) async fn without_echo(&self) -> Option<NoEcho> {
        let stty = async |argument: &str| {
            let mut command = tokio::process::Command::new("stty");
            let output = command.arg(argument).stdin(std::process::Stdio::inherit()).output().await.ok()?;
            output.status.success().then_some(output.stdout)
        };
        let settings = String::from_utf8(stty("-g").await?).ok()?;
        *lock(&self.0.terminal) = Some(settings.trim().to_owned());
        let guard = NoEcho(self.clone());
        stty("-echo").await?;
        Some(guard)
    }

    fn restore_terminal(&self) {
        if let Some(settings) = lock(&self.0.terminal).take() {
            // There is nothing left to try where this fails.
            let _ = Command::new("stty").arg(settings).stdin(std::process::Stdio::inherit()).status();
        }
    }

    /// Ends the process from this thread, whatever the others are doing.
    fn end(&self, exit: Exit) {
        self.restore_terminal();
        if self.may_report() {
            let (failure, json) = (self.failure(exit), self.0.json);
            let (done, written) = mpsc::channel();
            std::thread::spawn(move || {
                let _ = std::io::stderr().write_all(last_message(&failure, json).as_bytes());
                let _ = done.send(());
            });
            let _ = written.recv_timeout(LAST_MESSAGE);
        }
        std::process::exit(i32::from(exit.code()));
    }
}

fn last_message(failure: &Failure, json: bool) -> String {
    let mut text = format!("vimeo: {}\n", failure.message());
    if let Some(next) = failure.next_step() {
        text.push_str(&format!("next: {next}\n"));
    }
    if json {
        text.push_str(&format!("{}\n", failure.line()));
    }
    text
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Turns the terminal's echo on again when it is dropped.
pub(crate) struct NoEcho(Interrupt);

impl Drop for NoEcho {
    fn drop(&mut self) {
        self.0.restore_terminal();
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hang_up: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> Option<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Some(Self {
            interrupt: signal(SignalKind::interrupt()).ok()?,
            terminate: signal(SignalKind::terminate()).ok()?,
            // Under nohup the command goes on when the terminal is closed.
            hang_up: if hang_up_is_ignored() { None } else { signal(SignalKind::hangup()).ok() },
        })
    }

    async fn next(&mut self) -> Exit {
        let hang_up = async {
            match &mut self.hang_up {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => Exit::Interrupted,
            _ = self.terminate.recv() => Exit::Terminated,
            _ = hang_up => Exit::HungUp,
        }
    }
}

/// Whether whoever started the process had SIGHUP ignored. Where the system does not say, it is taken as ignored, so that
/// nothing that was to survive is ended.
#[cfg(unix)]
fn hang_up_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_none_or(|mask| mask & 1 == 1)
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> Option<Self> {
        Some(Self)
    }

    async fn next(&mut self) -> Exit {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Exit::Interrupted,
            Err(_) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_message_has_the_next_step_and_a_line_for_programs() {
        let interrupt = Interrupt::none(true);
        interrupt.next_step(Some("run the same command again".to_owned()));
        let text = last_message(&interrupt.failure(Exit::Terminated), true);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[..2], ["vimeo: terminated", "next: run the same command again"]);
        let error: serde_json::Value = serde_json::from_str(lines[2]).unwrap();
        assert_eq!(
            (&error["error"]["code"], &error["error"]["category"]),
            (&143.into(), &"terminated".into())
        );
        assert!(interrupt.may_report() && !interrupt.may_report());
    }
}
