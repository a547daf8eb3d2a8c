//! Relations of users: likes, Watch Later queues, follows, subscriptions.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Pairs of a user and a target, with the time at which each was added. Clones share the pairs until one changes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Relations(
    #[serde(with = "super::serde_helpers::shared_pairs")] Arc<BTreeMap<(u64, u64), DateTime<Utc>>>,
);

impl Relations {
    /// Adds a relation; an existing one keeps its time.
    pub(crate) fn add(&mut self, user: u64, target: u64, now: DateTime<Utc>) {
        Arc::make_mut(&mut self.0).entry((user, target)).or_insert(now);
    }

    pub(crate) fn remove(&mut self, user: u64, target: u64) -> bool {
        Arc::make_mut(&mut self.0).remove(&(user, target)).is_some()
    }

    pub(crate) fn since(&self, user: u64, target: u64) -> Option<DateTime<Utc>> {
        self.0.get(&(user, target)).copied()
    }

    /// Returns a user's targets, latest first.
    pub(crate) fn of(&self, user: u64) -> Vec<u64> {
        let mut found: Vec<(DateTime<Utc>, u64)> =
            self.0.range((user, 0)..=(user, u64::MAX)).map(|((_, target), at)| (*at, *target)).collect();
        found.sort();
        found.into_iter().rev().map(|(_, target)| target).collect()
    }

    /// Returns the users of a target, latest first.
    pub(crate) fn by(&self, target: u64) -> Vec<u64> {
        let mut found: Vec<(DateTime<Utc>, u64)> = self
            .0
            .iter()
            .filter(|((_, other), _)| *other == target)
            .map(|((user, _), at)| (*at, *user))
            .collect();
        found.sort();
        found.into_iter().rev().map(|(_, user)| user).collect()
    }

    pub(crate) fn count_of(&self, user: u64) -> usize {
        self.0.range((user, 0)..=(user, u64::MAX)).count()
    }

    pub(crate) fn count_by(&self, target: u64) -> usize {
        self.0.keys().filter(|(_, other)| *other == target).count()
    }

    /// Removes all relations to a target.
    pub(crate) fn remove_all(&mut self, target: u64) {
        if self.0.keys().any(|(_, other)| *other == target) {
            Arc::make_mut(&mut self.0).retain(|(_, other), _| *other != target);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_both_sides_latest_first() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let mut relations = Relations::default();
        for (user, target, seconds) in [(1, 10, 5), (1, 11, 3), (2, 10, 4), (1, 10, 9)] {
            relations.add(user, target, at(seconds));
        }
        assert_eq!(relations.of(1), [10, 11]);
        assert_eq!(relations.by(10), [1, 2]);
        assert_eq!(relations.since(1, 10), Some(at(5)));
        assert_eq!((relations.count_of(1), relations.count_by(10)), (2, 2));
        assert!(relations.remove(1, 11) && !relations.remove(1, 11));
        relations.remove_all(10);
        assert!(relations.of(1).is_empty());
    }
}
