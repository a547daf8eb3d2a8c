//! Events scheduled on a world's clock.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::State;
use crate::config::PullOutcome;

/// A scheduled event.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) enum DueEvent {
    Pulled { video: u64, version: u64 },
    Transcoded { video: u64, version: u64 },
    TranscodeFailed { video: u64, version: u64 },
    AiJobEnded { video: u64, job: u64, fails: bool },
}

impl State {
    pub(super) fn schedule_event(&mut self, now: DateTime<Utc>, after: std::time::Duration, due: DueEvent) {
        let after = TimeDelta::from_std(after).unwrap_or(TimeDelta::MAX);
        let at = now.checked_add_signed(after).unwrap_or(DateTime::<Utc>::MAX_UTC);
        self.scheduled = self.scheduled.saturating_add(1);
        self.schedule_changed = true;
        self.schedule.insert((at, self.scheduled), due);
    }

    /// Returns when the next event is due.
    pub(crate) fn next_due(&self) -> Option<DateTime<Utc>> {
        self.schedule.keys().next().map(|(at, _)| *at)
    }

    /// Takes the events to deliver, and whether the schedule changed.
    pub(crate) fn take_outbox(&mut self) -> (Vec<u64>, bool) {
        (std::mem::take(&mut self.outbox), std::mem::take(&mut self.schedule_changed))
    }

    /// Runs all events due up to `now`, each at its own time, oldest first.
    pub(crate) fn run_due(&mut self, now: DateTime<Utc>) {
        while let Some(entry) = self.schedule.first_entry() {
            let (at, _) = *entry.key();
            if at > now {
                break;
            }
            match entry.remove() {
                DueEvent::Transcoded { video, version } => self.finish_transcode(video, version, at),
                DueEvent::TranscodeFailed { video, version } => self.fail_transcode(video, version, at),
                DueEvent::AiJobEnded { video, job, fails } => self.end_ai_job(video, job, fails, at),
                DueEvent::Pulled { video, version } => match self.pull.clone() {
                    PullOutcome::Succeeds => self.uploaded(video, version, at),
                    PullOutcome::Fails(word) => self.fail_upload(video, version, &word, at),
                },
            }
        }
    }
}
