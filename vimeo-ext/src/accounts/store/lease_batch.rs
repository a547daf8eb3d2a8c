//! A batch of rate-limit lease requests, applied to the quota pools with compare-and-swap.

use std::collections::{BTreeMap, HashMap};

use super::StoreError;
use crate::rate_limit::{LeaseRequest, QuotaLease, QuotaPool};

/// How often the pools are read and written before giving up. Each failed attempt means that another process has obtained a
/// lease.
pub(super) const MAX_ATTEMPTS: u32 = 64;

/// The leases of a batch of requests, and which requests are still open.
pub(super) struct BatchLeases<'a> {
    requests: &'a [LeaseRequest],
    leases: Vec<Option<QuotaLease>>,
    /// The indices of the requests to each pool that is not written yet.
    open: BTreeMap<&'a str, Vec<usize>>,
}

/// A pool to be written.
pub(super) struct PoolUpdate<'a> {
    pub(super) name: &'a str,
    /// The pool as it was read; `None` if it is new.
    pub(super) old: Option<String>,
    pub(super) pool: String,
}

impl<'a> BatchLeases<'a> {
    pub(super) fn new(requests: &'a [LeaseRequest]) -> Self {
        let mut open: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (index, request) in requests.iter().enumerate() {
            open.entry(request.name.as_str()).or_default().push(index);
        }
        Self { requests, leases: vec![None; requests.len()], open }
    }

    /// Returns the names of the pools that are not written yet, sorted.
    pub(super) fn names(&self) -> Vec<&'a str> {
        self.open.keys().copied().collect()
    }

    /// Computes the leases and the updated pools from the pools that were read.
    pub(super) fn updates(
        &mut self,
        mut found: HashMap<String, String>,
    ) -> Result<Vec<PoolUpdate<'a>>, StoreError> {
        let mut updates = Vec::with_capacity(self.open.len());
        for (name, indices) in &self.open {
            let old = found.remove(*name);
            // A pool that cannot be parsed was written by another version. It starts anew, and is complete again one window later.
            let parsed = old.as_deref().and_then(|text| serde_json::from_str(text).ok());
            let mut pool: QuotaPool = parsed.unwrap_or_default();
            for index in indices {
                if let (Some(request), Some(lease)) = (self.requests.get(*index), self.leases.get_mut(*index))
                {
                    *lease = Some(pool.lease(&request.report));
                }
            }
            let pool = serde_json::to_string(&pool).map_err(StoreError::unavailable)?;
            updates.push(PoolUpdate { name, old, pool });
        }
        Ok(updates)
    }

    /// Marks these pools as written. The others were changed by another process after they were read.
    pub(super) fn mark_written(&mut self, names: Vec<String>) {
        for name in names {
            self.open.remove(name.as_str());
        }
    }

    /// Returns the leases, once all pools are written.
    pub(super) fn leases(self) -> Vec<QuotaLease> {
        self.leases.into_iter().flatten().collect()
    }
}

/// Repeats the last item until the length is a power of two, so that there are few distinct SQL statements and databases can
/// cache their plans.
pub(super) fn pad_to_power_of_two<T>(items: &[T]) -> impl Iterator<Item = &T> {
    let missing = items.len().next_power_of_two() - items.len();
    items.iter().chain(items.last().into_iter().cycle().take(missing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pads_to_a_power_of_two() {
        for (count, length) in [(1, 1), (2, 2), (3, 4), (5, 8), (256, 256)] {
            let items: Vec<usize> = (0..count).collect();
            let padded: Vec<usize> = pad_to_power_of_two(&items).copied().collect();
            assert_eq!(padded.len(), length);
            assert_eq!(padded[..count], items);
            assert!(padded[count..].iter().all(|item| *item == count - 1));
        }
    }
}
