//! Upload progress on standard error, as bars, lines or JSON.

mod bars;
mod lines;
mod tracker;

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

pub(crate) use tracker::{FileState, ProgressTracker};

use crate::exit::{CliError, Result};
use crate::output::Paint;
use bars::ProgressBars;

/// The values of `--progress`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ProgressMode {
    /// Bars on a terminal; otherwise nothing unless `VIMEO_PROGRESS_FPS` is set.
    Auto,
    /// One bar per file.
    Bar,
    /// Periodic lines of text.
    Line,
    /// Periodic lines of JSON.
    Json,
    /// No progress output.
    None,
}

/// Displays progress while uploads run, until [`stop`](Self::stop).
pub(crate) struct ProgressDisplay {
    mode: ProgressMode,
    tracker: Arc<ProgressTracker>,
    bars: Option<Arc<ProgressBars>>,
    paint: Paint,
    task: Option<JoinHandle<()>>,
}

impl ProgressDisplay {
    pub(crate) fn start(mode: ProgressMode, tracker: Arc<ProgressTracker>, paint: Paint) -> Result<Self> {
        let requested = interval_from_env()?;
        let mode = match (mode, std::io::stderr().is_terminal(), requested) {
            (ProgressMode::Auto, true, _) => ProgressMode::Bar,
            (ProgressMode::Auto, false, Some(_)) => ProgressMode::Line,
            (ProgressMode::Auto, false, None) => ProgressMode::None,
            (mode, ..) => mode,
        };
        let interval = requested.unwrap_or(match mode {
            ProgressMode::Bar => Duration::from_millis(100),
            ProgressMode::Json => Duration::from_secs(1),
            _ => Duration::from_secs(10),
        });
        let bars = (mode == ProgressMode::Bar).then(|| Arc::new(ProgressBars::new(tracker.len(), paint)));
        let task = tokio::spawn(run(mode, interval, Arc::clone(&tracker), bars.clone()));
        Ok(Self { mode, tracker, bars, paint, task: Some(task) })
    }

    /// Prints a message, above the bars if there are any.
    pub(crate) fn note(&self, text: &str) {
        match &self.bars {
            Some(bars) => bars.note(text),
            None => lines::write_stderr_line(text),
        }
    }

    pub(crate) fn paint(&self) -> Paint {
        self.paint
    }

    /// Shows the final state and stops. JSON ends with a summary.
    pub(crate) fn stop(mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
        match (self.mode, &self.bars) {
            (ProgressMode::Bar, Some(bars)) => {
                bars.draw(&self.tracker);
                bars.finish();
            }
            (ProgressMode::Json, _) => lines::write_stderr_line(&lines::json(&self.tracker, "summary")),
            (ProgressMode::Line, _) => lines::write_stderr_line(&lines::summary(&self.tracker)),
            _ => {}
        }
    }
}

/// Runs on interrupt. The task can still be drawing and holds the bars for a moment longer.
impl Drop for ProgressDisplay {
    fn drop(&mut self) {
        let Some(task) = &self.task else { return };
        task.abort();
        if let Some(bars) = &self.bars {
            bars.abandon();
        }
    }
}

async fn run(
    mode: ProgressMode,
    interval: Duration,
    tracker: Arc<ProgressTracker>,
    bars: Option<Arc<ProgressBars>>,
) {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut signals = ProgressSignals::listen();
    loop {
        tokio::select! {
            _ = ticks.tick() => match (mode, &bars) {
                (ProgressMode::Bar, Some(bars)) => bars.draw(&tracker),
                (ProgressMode::Json, _) => lines::write_stderr_line(&lines::json(&tracker, "status")),
                (ProgressMode::Line, _) => lines::write_stderr_line(&lines::summary(&tracker)),
                _ => {}
            },
            // A signal requests the progress now.
            () = signals.next() => match (mode, &bars) {
                (ProgressMode::Json, _) => lines::write_stderr_line(&lines::json(&tracker, "status")),
                (_, Some(bars)) => bars.note(&lines::summary(&tracker)),
                _ => lines::write_stderr_line(&lines::summary(&tracker)),
            },
        }
    }
}

/// Reads `VIMEO_PROGRESS_FPS`, the updates per second: 0.0166 is once per minute.
fn interval_from_env() -> Result<Option<Duration>> {
    let Some(text) = crate::context::env_var("VIMEO_PROGRESS_FPS")? else { return Ok(None) };
    let invalid = || {
        CliError::usage(format!("invalid VIMEO_PROGRESS_FPS `{text}`: must be a number from 0.0001 to 60"))
    };
    let fps: f64 = text.parse().map_err(|_| invalid())?;
    if !(0.0001..=60.0).contains(&fps) {
        return Err(invalid());
    }
    Ok(Some(Duration::from_secs_f64(1.0 / fps)))
}

/// The signals that request the progress: SIGUSR1, and SIGINFO (Ctrl-T) where it exists.
#[cfg(unix)]
struct ProgressSignals(Vec<tokio::signal::unix::Signal>);

#[cfg(unix)]
impl ProgressSignals {
    fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let mut kinds = vec![SignalKind::user_defined1()];
        #[cfg(any(target_os = "macos", target_os = "freebsd", target_os = "netbsd", target_os = "openbsd"))]
        kinds.push(SignalKind::info());
        kinds.truncate(2);
        Self(kinds.into_iter().filter_map(|kind| signal(kind).ok()).collect())
    }

    async fn next(&mut self) {
        let mut signals = self.0.iter_mut();
        match (signals.next(), signals.next()) {
            (Some(first), Some(second)) => {
                tokio::select! {
                    _ = first.recv() => {}
                    _ = second.recv() => {}
                }
            }
            (Some(signal), None) => {
                signal.recv().await;
            }
            _ => std::future::pending().await,
        }
    }
}

#[cfg(not(unix))]
struct ProgressSignals;

#[cfg(not(unix))]
impl ProgressSignals {
    fn listen() -> Self {
        Self
    }

    async fn next(&mut self) {
        std::future::pending().await
    }
}
