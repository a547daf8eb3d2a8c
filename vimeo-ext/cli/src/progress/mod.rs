//! How far uploads are: as bars, lines or JSON, on standard error.

mod bars;
mod board;
mod lines;

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

pub(crate) use board::{Board, State};

use crate::exit::{Failure, Result};
use crate::output::Paint;
use bars::ProgressBars;

/// What `--progress` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// Bars on a terminal, else nothing unless `VIMEO_PROGRESS_FPS` is set.
    Auto,
    /// A bar for each file, side by side.
    Bar,
    /// A line now and then.
    Line,
    /// A line of JSON now and then.
    Json,
    /// Nothing.
    None,
}

/// Shows a board while an upload runs; it ends with [`stop`](Self::stop).
pub(crate) struct Show {
    kind: Kind,
    board: Arc<Board>,
    bars: Option<Arc<ProgressBars>>,
    paint: Paint,
    task: Option<JoinHandle<()>>,
}

impl Show {
    pub(crate) fn start(kind: Kind, board: Arc<Board>, paint: Paint) -> Result<Self> {
        let asked = pace()?;
        let kind = match (kind, std::io::stderr().is_terminal(), asked) {
            (Kind::Auto, true, _) => Kind::Bar,
            (Kind::Auto, false, Some(_)) => Kind::Line,
            (Kind::Auto, false, None) => Kind::None,
            (kind, ..) => kind,
        };
        let every = asked.unwrap_or(match kind {
            Kind::Bar => Duration::from_millis(100),
            Kind::Json => Duration::from_secs(1),
            _ => Duration::from_secs(10),
        });
        let bars = (kind == Kind::Bar).then(|| Arc::new(ProgressBars::new(board.len(), paint)));
        let task = tokio::spawn(run(kind, every, Arc::clone(&board), bars.clone()));
        Ok(Self { kind, board, bars, paint, task: Some(task) })
    }

    /// A line for people among the bars.
    pub(crate) fn note(&self, text: &str) {
        match &self.bars {
            Some(bars) => bars.note(text),
            None => lines::say(text),
        }
    }

    pub(crate) fn paint(&self) -> Paint {
        self.paint
    }

    /// Shows the last of it. JSON ends with a summary.
    pub(crate) fn stop(mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
        match (self.kind, &self.bars) {
            (Kind::Bar, Some(bars)) => {
                bars.draw(&self.board);
                bars.end();
            }
            (Kind::Json, _) => lines::say(&lines::json(&self.board, "summary")),
            (Kind::Line, _) => lines::say(&lines::line(&self.board)),
            _ => {}
        }
    }
}

/// What an interrupt leaves. The task may still be drawing, and holds the bars for a moment longer.
impl Drop for Show {
    fn drop(&mut self) {
        let Some(task) = &self.task else { return };
        task.abort();
        if let Some(bars) = &self.bars {
            bars.leave();
        }
    }
}

async fn run(kind: Kind, every: Duration, board: Arc<Board>, bars: Option<Arc<ProgressBars>>) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut asked = Asked::listen();
    loop {
        tokio::select! {
            _ = ticks.tick() => match (kind, &bars) {
                (Kind::Bar, Some(bars)) => bars.draw(&board),
                (Kind::Json, _) => lines::say(&lines::json(&board, "status")),
                (Kind::Line, _) => lines::say(&lines::line(&board)),
                _ => {}
            },
            // Somebody wants to know now.
            () = asked.next() => match (kind, &bars) {
                (Kind::Json, _) => lines::say(&lines::json(&board, "status")),
                (_, Some(bars)) => bars.note(&lines::line(&board)),
                _ => lines::say(&lines::line(&board)),
            },
        }
    }
}

/// `VIMEO_PROGRESS_FPS`: how often a second, as in 0.0166 for once a minute.
fn pace() -> Result<Option<Duration>> {
    let Some(text) = crate::context::variable("VIMEO_PROGRESS_FPS")? else { return Ok(None) };
    let bad =
        || Failure::usage(format!("VIMEO_PROGRESS_FPS is `{text}`; it has to be a number from 0.0001 to 60"));
    let fps: f64 = text.parse().map_err(|_| bad())?;
    if !(0.0001..=60.0).contains(&fps) {
        return Err(bad());
    }
    Ok(Some(Duration::from_secs_f64(1.0 / fps)))
}

/// The signals that ask for the progress: SIGUSR1, and SIGINFO (Ctrl-T) where there is one.
#[cfg(unix)]
struct Asked(Vec<tokio::signal::unix::Signal>);

#[cfg(unix)]
impl Asked {
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
            (Some(one), Some(other)) => {
                tokio::select! {
                    _ = one.recv() => {}
                    _ = other.recv() => {}
                }
            }
            (Some(one), None) => {
                one.recv().await;
            }
            _ => std::future::pending().await,
        }
    }
}

#[cfg(not(unix))]
struct Asked;

#[cfg(not(unix))]
impl Asked {
    fn listen() -> Self {
        Self
    }

    async fn next(&mut self) {
        std::future::pending().await
    }
}
