//! Questions for leases of quotas, while the pools that they are about are read and written.

use std::collections::{BTreeMap, HashMap};

use super::StoreError;
use crate::rate_limit::{LeaseRequest, QuotaLease, QuotaPool};

/// How often pools are read and written before they count as away: each time in vain another process has got its slice.
pub(super) const MAX_ATTEMPTS: u32 = 64;

/// What is given for each question so far.
pub(super) struct BatchLeases<'a> {
    asked: &'a [LeaseRequest],
    leases: Vec<Option<QuotaLease>>,
    /// The questions about each pool that is not written yet.
    open: BTreeMap<&'a str, Vec<usize>>,
}

/// A pool that is to be written.
pub(super) struct PoolUpdate<'a> {
    pub(super) name: &'a str,
    /// As it was read; `None` when it is new.
    pub(super) old: Option<String>,
    pub(super) pool: String,
}

impl<'a> BatchLeases<'a> {
    pub(super) fn new(asked: &'a [LeaseRequest]) -> Self {
        let mut open: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (place, question) in asked.iter().enumerate() {
            open.entry(question.name.as_str()).or_default().push(place);
        }
        Self { asked, leases: vec![None; asked.len()], open }
    }

    /// The pools that are not written yet, in their order.
    pub(super) fn names(&self) -> Vec<&'a str> {
        self.open.keys().copied().collect()
    }

    /// What those pools become, by what was read of them.
    pub(super) fn changes(
        &mut self,
        mut found: HashMap<String, String>,
    ) -> Result<Vec<PoolUpdate<'a>>, StoreError> {
        let mut changes = Vec::with_capacity(self.open.len());
        for (name, places) in &self.open {
            let old = found.remove(*name);
            // What cannot be read is from another version; a window later all is known again.
            let known = old.as_deref().and_then(|text| serde_json::from_str(text).ok());
            let mut pool: QuotaPool = known.unwrap_or_default();
            for place in places {
                if let (Some(question), Some(lease)) = (self.asked.get(*place), self.leases.get_mut(*place)) {
                    *lease = Some(pool.lease(&question.report));
                }
            }
            let pool = serde_json::to_string(&pool).map_err(StoreError::unavailable)?;
            changes.push(PoolUpdate { name, old, pool });
        }
        Ok(changes)
    }

    /// These were written; what was read of the others has been changed by others meanwhile.
    pub(super) fn written(&mut self, names: Vec<String>) {
        for name in names {
            self.open.remove(name.as_str());
        }
    }

    /// What was given, once nothing is open.
    pub(super) fn leases(self) -> Vec<QuotaLease> {
        self.leases.into_iter().flatten().collect()
    }
}

/// The last is repeated until there are 1, 2, 4 or so on: so there are few statements, and databases know them.
pub(super) fn pad_to_power_of_two<T>(items: &[T]) -> impl Iterator<Item = &T> {
    let missing = items.len().next_power_of_two() - items.len();
    items.iter().chain(items.last().into_iter().cycle().take(missing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_of_few_lengths() {
        for (count, length) in [(1, 1), (2, 2), (3, 4), (5, 8), (256, 256)] {
            let items: Vec<usize> = (0..count).collect();
            let padded: Vec<usize> = pad_to_power_of_two(&items).copied().collect();
            assert_eq!(padded.len(), length);
            assert_eq!(padded[..count], items);
            assert!(padded[count..].iter().all(|item| *item == count - 1));
        }
    }
}
