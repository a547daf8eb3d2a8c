//! Who marked what: likes, Watch Later queues, followings, subscriptions.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Pairs of someone and something, with when they came together.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Relations(#[serde(with = "super::written::pairs")] BTreeMap<(u64, u64), DateTime<Utc>>);

impl Relations {
    /// Marks something; a mark that is there already keeps its time.
    pub(crate) fn add(&mut self, who: u64, what: u64, now: DateTime<Utc>) {
        self.0.entry((who, what)).or_insert(now);
    }

    pub(crate) fn remove(&mut self, who: u64, what: u64) -> bool {
        self.0.remove(&(who, what)).is_some()
    }

    pub(crate) fn since(&self, who: u64, what: u64) -> Option<DateTime<Utc>> {
        self.0.get(&(who, what)).copied()
    }

    /// What `who` has marked, the latest first.
    pub(crate) fn of(&self, who: u64) -> Vec<u64> {
        let mut found: Vec<(DateTime<Utc>, u64)> =
            self.0.range((who, 0)..=(who, u64::MAX)).map(|((_, what), at)| (*at, *what)).collect();
        found.sort();
        found.into_iter().rev().map(|(_, what)| what).collect()
    }

    /// Who has marked `what`, the latest first.
    pub(crate) fn by(&self, what: u64) -> Vec<u64> {
        let mut found: Vec<(DateTime<Utc>, u64)> = self
            .0
            .iter()
            .filter(|((_, marked), _)| *marked == what)
            .map(|((who, _), at)| (*at, *who))
            .collect();
        found.sort();
        found.into_iter().rev().map(|(_, who)| who).collect()
    }

    pub(crate) fn count_of(&self, who: u64) -> usize {
        self.0.range((who, 0)..=(who, u64::MAX)).count()
    }

    pub(crate) fn count_by(&self, what: u64) -> usize {
        self.0.keys().filter(|(_, marked)| *marked == what).count()
    }

    /// Takes all marks off something that is gone.
    pub(crate) fn forget(&mut self, what: u64) {
        self.0.retain(|(_, marked), _| *marked != what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_told_from_both_sides_latest_first() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let mut marks = Relations::default();
        for (who, what, seconds) in [(1, 10, 5), (1, 11, 3), (2, 10, 4), (1, 10, 9)] {
            marks.add(who, what, at(seconds));
        }
        assert_eq!(marks.of(1), [10, 11]);
        assert_eq!(marks.by(10), [1, 2]);
        assert_eq!(marks.since(1, 10), Some(at(5)));
        assert_eq!((marks.count_of(1), marks.count_by(10)), (2, 2));
        assert!(marks.remove(1, 11) && !marks.remove(1, 11));
        marks.forget(10);
        assert!(marks.of(1).is_empty());
    }
}
