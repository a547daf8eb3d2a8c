//! What the clock brings about.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::State;
use crate::config::PullOutcome;

/// What the clock brings about.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) enum DueEvent {
    Pulled { video: u64, version: u64 },
    Transcoded { video: u64, version: u64 },
    TranscodeFailed { video: u64, version: u64 },
}

impl State {
    pub(super) fn plan(&mut self, now: DateTime<Utc>, after: std::time::Duration, due: DueEvent) {
        let after = TimeDelta::from_std(after).unwrap_or(TimeDelta::MAX);
        let at = now.checked_add_signed(after).unwrap_or(DateTime::<Utc>::MAX_UTC);
        self.scheduled = self.scheduled.saturating_add(1);
        self.planned = true;
        self.schedule.insert((at, self.scheduled), due);
    }

    /// When the next thing falls due.
    pub(crate) fn next_due(&self) -> Option<DateTime<Utc>> {
        self.schedule.keys().next().map(|(at, _)| *at)
    }

    /// Events that are to be told, and whether something new was planned.
    pub(crate) fn take_outbox(&mut self) -> (Vec<u64>, bool) {
        (std::mem::take(&mut self.outbox), std::mem::take(&mut self.planned))
    }

    /// Brings about all that fell due up to `now`, each at its own time, oldest first.
    pub(crate) fn run_due(&mut self, now: DateTime<Utc>) {
        while let Some(entry) = self.schedule.first_entry() {
            let (at, _) = *entry.key();
            if at > now {
                break;
            }
            match entry.remove() {
                DueEvent::Transcoded { video, version } => self.transcoded(video, version, at),
                DueEvent::TranscodeFailed { video, version } => self.transcode_failed(video, version, at),
                DueEvent::Pulled { video, version } => match self.pull.clone() {
                    PullOutcome::Succeeds => self.uploaded(video, version, at),
                    PullOutcome::Fails(word) => self.upload_failed(video, version, &word, at),
                },
            }
        }
    }
}
