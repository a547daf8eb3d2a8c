//! Handling of the signals that end the command.
//!
//! A separate thread listens for signals for the lifetime of the process. The first signal cancels the command, which
//! releases its resources. If the command does not end within a grace period, because it is blocked on a pipe or busy
//! computing, the process exits. A second signal exits immediately.

use std::io::Write;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::watch;

use crate::exit::{CliError, ExitCode};

/// How long a command has to end after the first signal.
const SHUTDOWN_GRACE: Duration = Duration::from_millis(1500);

/// How long to wait for the last message to be written, in case standard error is a pipe that nobody reads.
const LAST_MESSAGE_TIMEOUT: Duration = Duration::from_millis(300);

/// The signal that ends the command, and what has to be reported or restored then.
#[derive(Clone)]
pub(crate) struct Interrupt(Arc<Shared>);

struct Shared {
    signal: watch::Sender<Option<ExitCode>>,
    /// Whether errors are also printed as JSON.
    json: bool,
    /// Whether a pager is running: it handles Ctrl-C itself.
    paging: AtomicBool,
    /// Whether the outcome was already reported.
    reported: AtomicBool,
    /// The next step to suggest if a signal ends the command.
    next_step: Mutex<Option<String>>,
    /// The terminal settings to restore after echo was turned off.
    terminal: Mutex<Option<String>>,
}

impl Interrupt {
    /// An `Interrupt` that receives no signals.
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

    /// Starts to listen for signals. If that fails, signals end the process as usual.
    pub(crate) fn listen(json: bool) -> Self {
        let interrupt = Self::none(json);
        let (ready_sender, ready) = mpsc::channel();
        let listener = interrupt.clone();
        let spawned =
            std::thread::Builder::new().name("signals".to_owned()).spawn(move || listener.run(&ready_sender));
        if spawned.is_ok() {
            // Returns once the thread listens, or has dropped its sender because it cannot.
            let _ = ready.recv();
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
            // Ctrl-C while paging belongs to the pager; the command ends after it.
            let ignored =
                |exit: ExitCode| exit == ExitCode::Interrupted && self.0.paging.load(Ordering::SeqCst);
            loop {
                tokio::select! {
                    second = signals.next() => if !ignored(second) { return Some(second) },
                    () = tokio::time::sleep(SHUTDOWN_GRACE) => if !ignored(first) { return Some(first) },
                }
            }
        });
        if let Some(exit) = exit {
            self.exit_process(exit);
        }
    }

    /// Waits for the signal that ends the command.
    pub(crate) async fn wait(&self) -> ExitCode {
        let mut signal = self.0.signal.subscribe();
        // Cannot fail: `self` owns the sender.
        let received = signal.wait_for(Option::is_some).await.ok().and_then(|signal| *signal);
        match received {
            Some(exit) => exit,
            None => std::future::pending().await,
        }
    }

    /// Sets the next step to suggest if a signal ends the command from now on.
    pub(crate) fn set_next_step(&self, text: Option<String>) {
        *lock(&self.0.next_step) = text;
    }

    /// Returns the error of a command that a signal ended.
    pub(crate) fn error(&self, exit: ExitCode) -> CliError {
        CliError::new(exit, exit.meaning()).with_optional_next_step(lock(&self.0.next_step).take())
    }

    pub(crate) fn paging(&self, paging: bool) {
        self.0.paging.store(paging, Ordering::SeqCst);
    }

    /// Returns `true` once: to the first caller that wants to report the outcome.
    pub(crate) fn claim_report(&self) -> bool {
        !self.0.reported.swap(true, Ordering::SeqCst)
    }

    /// Turns the terminal's echo off until the guard is dropped or a signal ends the process. `None` if `stty` is not
    /// available.
    pub(crate) async fn disable_echo(&self) -> Option<EchoGuard> {
        let stty = async |argument: &str| {
            let mut command = tokio::process::Command::new("stty");
            let output = command.arg(argument).stdin(std::process::Stdio::inherit()).output().await.ok()?;
            output.status.success().then_some(output.stdout)
        };
        let settings = String::from_utf8(stty("-g").await?).ok()?;
        *lock(&self.0.terminal) = Some(settings.trim().to_owned());
        let guard = EchoGuard(self.clone());
        stty("-echo").await?;
        Some(guard)
    }

    fn restore_terminal(&self) {
        if let Some(settings) = lock(&self.0.terminal).take() {
            // Nothing more can be done if this fails.
            let _ = Command::new("stty").arg(settings).stdin(std::process::Stdio::inherit()).status();
        }
    }

    /// Exits the process from this thread, whatever the other threads are doing.
    fn exit_process(&self, exit: ExitCode) {
        self.restore_terminal();
        if self.claim_report() {
            let (failure, json) = (self.error(exit), self.0.json);
            let (done, written) = mpsc::channel();
            std::thread::spawn(move || {
                let _ = std::io::stderr().write_all(last_message(&failure, json).as_bytes());
                let _ = done.send(());
            });
            let _ = written.recv_timeout(LAST_MESSAGE_TIMEOUT);
        }
        std::process::exit(i32::from(exit.code()));
    }
}

fn last_message(failure: &CliError, json: bool) -> String {
    let mut text = format!("vimeo: {}\n", failure.message());
    if let Some(next) = failure.next_step() {
        text.push_str(&format!("next: {next}\n"));
    }
    if json {
        text.push_str(&format!("{}\n", failure.json_line()));
    }
    text
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Restores the terminal's echo on drop.
pub(crate) struct EchoGuard(Interrupt);

impl Drop for EchoGuard {
    fn drop(&mut self) {
        self.0.restore_terminal();
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> Option<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Some(Self {
            interrupt: signal(SignalKind::interrupt()).ok()?,
            terminate: signal(SignalKind::terminate()).ok()?,
            // Under nohup, the command continues when the terminal is closed.
            hangup: if is_hangup_ignored() { None } else { signal(SignalKind::hangup()).ok() },
        })
    }

    async fn next(&mut self) -> ExitCode {
        let hangup = async {
            match &mut self.hangup {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => ExitCode::Interrupted,
            _ = self.terminate.recv() => ExitCode::Terminated,
            _ = hangup => ExitCode::HungUp,
        }
    }
}

/// Returns whether the parent process had SIGHUP ignored. If that is unknown, assume so: ending the command would be
/// worse.
#[cfg(unix)]
fn is_hangup_ignored() -> bool {
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

    async fn next(&mut self) -> ExitCode {
        match tokio::signal::ctrl_c().await {
            Ok(()) => ExitCode::Interrupted,
            Err(_) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_message_has_next_step_and_json_line() {
        let interrupt = Interrupt::none(true);
        interrupt.set_next_step(Some("run the same command again".to_owned()));
        let text = last_message(&interrupt.error(ExitCode::Terminated), true);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[..2], ["vimeo: terminated", "next: run the same command again"]);
        let error: serde_json::Value = serde_json::from_str(lines[2]).unwrap();
        assert_eq!(
            (&error["error"]["code"], &error["error"]["category"]),
            (&143.into(), &"terminated".into())
        );
        assert!(interrupt.claim_report() && !interrupt.claim_report());
    }
}
