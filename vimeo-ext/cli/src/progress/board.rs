//! Where all files of a command stand.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use vimeo_ext::upload::Progress;

use crate::exit::Exit;

/// What becomes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Waiting,
    Uploading,
    /// All bytes are there; what else was asked for is being done.
    Finishing,
    Transcoding,
    Done,
    Failed(Exit),
}

impl State {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Uploading => "uploading",
            Self::Finishing => "finishing",
            Self::Transcoding => "transcoding",
            Self::Done => "done",
            Self::Failed(_) => "failed",
        }
    }
}

/// One file.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) total: u64,
    /// What the server has for sure; never falls.
    pub(crate) acknowledged: u64,
    /// What is on its way, that included.
    pub(crate) sent: u64,
    pub(crate) rate: u64,
    pub(crate) eta: Option<Duration>,
    pub(crate) state: State,
}

/// The rows of all files, shared by those who upload and those who show.
pub(crate) struct Board(Mutex<Vec<Row>>);

impl Board {
    /// Files by name and size, in order.
    pub(crate) fn new(files: impl IntoIterator<Item = (String, u64)>) -> Self {
        let rows = files.into_iter().map(|(name, total)| Row {
            name,
            total,
            acknowledged: 0,
            sent: 0,
            rate: 0,
            eta: None,
            state: State::Waiting,
        });
        Self(Mutex::new(rows.collect()))
    }

    fn rows(&self) -> MutexGuard<'_, Vec<Row>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn len(&self) -> usize {
        self.rows().len()
    }

    pub(crate) fn snapshot(&self) -> Vec<Row> {
        self.rows().clone()
    }

    pub(crate) fn progress(&self, place: usize, progress: &Progress) {
        if let Some(row) = self.rows().get_mut(place) {
            row.state = State::Uploading;
            row.total = progress.total;
            row.acknowledged = row.acknowledged.max(progress.acknowledged);
            row.sent = progress.sent.max(row.acknowledged);
            row.rate = progress.rate;
            row.eta = progress.eta;
        }
    }

    pub(crate) fn state(&self, place: usize, state: State) {
        if let Some(row) = self.rows().get_mut(place) {
            row.state = state;
            (row.rate, row.eta) = (0, None);
            if matches!(state, State::Finishing | State::Transcoding | State::Done) {
                (row.acknowledged, row.sent) = (row.total, row.total);
            }
        }
    }
}

/// All rows as one. Failed files count with what the server has of them.
pub(crate) fn sum(rows: &[Row]) -> Row {
    let add = |of: fn(&Row) -> u64| rows.iter().map(of).fold(0, u64::saturating_add);
    let (total, acknowledged, sent, rate) =
        (add(|row| row.total), add(|row| row.acknowledged), add(|row| row.sent), add(|row| row.rate));
    let done = rows.iter().filter(|row| row.state == State::Done).count();
    let left = rows
        .iter()
        .filter(|row| matches!(row.state, State::Waiting | State::Uploading))
        .map(|row| row.total.saturating_sub(row.sent))
        .fold(0, u64::saturating_add);
    Row {
        name: format!("{done} of {} files", rows.len()),
        total,
        acknowledged,
        sent,
        rate,
        eta: (rate > 0).then(|| Duration::from_secs_f64(left as f64 / rate as f64)),
        state: State::Uploading,
    }
}
