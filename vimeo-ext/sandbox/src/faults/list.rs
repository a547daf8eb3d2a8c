//! Pending faults, and the requests that they hit.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::Method;
use serde::Serialize;

use super::{Effect, Fault, Phase};
use crate::request_log::Host;

/// The properties of a request that faults match on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestTarget<'a> {
    pub(crate) host: Host,
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    pub(crate) operation: Option<&'a str>,
    pub(crate) world: Option<u64>,
}

/// A request that a fault hit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FaultHit {
    /// The fault's ID, as returned by [`Sandbox::add_fault`](crate::Sandbox::add_fault).
    pub fault: u64,
    /// The request, as [`RequestLogEntry::seq`](crate::RequestLogEntry::seq).
    pub seq: u64,
    /// The world of the request's port, token or signed link; `None` if none of them identifies one.
    pub world: Option<u64>,
    /// When the fault took effect.
    pub phase: Phase,
    /// What the fault did.
    pub effect: Effect,
}

/// The pending faults and their hits.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults {
    list: Arc<Mutex<List>>,
}

#[derive(Debug, Default)]
struct List {
    last_id: u64,
    pending: Vec<(u64, Fault)>,
    hits: VecDeque<FaultHit>,
}

/// How many hits are kept; older ones are dropped.
const MAX_HITS: usize = 10_000;

impl List {
    fn record(&mut self, hit: FaultHit) {
        if self.hits.len() == MAX_HITS {
            self.hits.pop_front();
        }
        self.hits.push_back(hit);
    }
}

impl Faults {
    fn lock(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a fault and returns its ID.
    pub(crate) fn add(&self, fault: Fault) -> u64 {
        let mut list = self.lock();
        list.last_id += 1;
        let id = list.last_id;
        list.pending.push((id, fault));
        id
    }

    /// Returns the fault that hits this request. Every pending fault that matches counts the request; the oldest one hits.
    pub(crate) fn match_request(&self, request: &RequestTarget<'_>, seq: u64) -> Option<FaultHit> {
        let mut list = self.lock();
        if list.pending.is_empty() {
            return None;
        }
        let mut hit = None;
        for (id, fault) in list.pending.iter_mut().filter(|(_, fault)| fault.matches(request)) {
            if fault.skip > 0 {
                fault.skip -= 1;
            } else if hit.is_none() && fault.times > 0 {
                fault.times -= 1;
                let (phase, effect) = (fault.phase, fault.effect.clone());
                hit = Some(FaultHit { fault: *id, seq, world: request.world, phase, effect });
            }
        }
        list.pending.retain(|(_, fault)| fault.times > 0);
        if let Some(hit) = &hit {
            list.record(hit.clone());
        }
        hit
    }

    /// Records the hit of a fault that came with its own request.
    pub(crate) fn fire_once(&self, effect: Effect, phase: Phase, seq: u64, world: Option<u64>) -> FaultHit {
        let mut list = self.lock();
        list.last_id += 1;
        let hit = FaultHit { fault: list.last_id, seq, world, phase, effect };
        list.record(hit.clone());
        hit
    }

    /// The pending faults, each with the number of hits that remain.
    pub(crate) fn list(&self) -> Vec<(u64, Fault)> {
        self.lock().pending.clone()
    }

    /// Removes a pending fault; returns `false` if there is none with this ID.
    pub(crate) fn remove(&self, id: u64) -> bool {
        let mut list = self.lock();
        let before = list.pending.len();
        list.pending.retain(|(pending, _)| *pending != id);
        list.pending.len() < before
    }

    /// Removes the pending faults that are limited to this world.
    pub(crate) fn clear_world(&self, world: u64) {
        let mut list = self.lock();
        list.pending.retain(|(_, fault)| fault.world != Some(world));
    }

    pub(crate) fn hits(&self) -> Vec<FaultHit> {
        self.lock().hits.iter().cloned().collect()
    }

    pub(crate) fn clear(&self) {
        self.lock().pending.clear();
    }

    /// How many faults are pending.
    pub(crate) fn pending(&self) -> usize {
        self.lock().pending.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit_indices(fault: Fault, requests: &[(Host, Method, &str)]) -> Vec<usize> {
        let faults = Faults::default();
        faults.add(fault);
        let hit = |(seq, (host, method, path)): (usize, &(Host, Method, &str))| {
            let target = RequestTarget { host: *host, method, path, operation: Some("op"), world: Some(1) };
            faults.match_request(&target, seq as u64).map(|_| seq)
        };
        requests.iter().enumerate().filter_map(hit).collect()
    }

    #[test]
    fn hits_only_matching_requests() {
        let requests = [
            (Host::Api, Method::GET, "/me"),
            (Host::Api, Method::POST, "/me/videos"),
            (Host::Upload, Method::PATCH, "/files/1"),
            (Host::Upload, Method::PATCH, "/files/1"),
            (Host::Upload, Method::HEAD, "/files/1"),
            (Host::Api, Method::GET, "/me/videos"),
        ];
        let fault = || Fault::new(Effect::Reset);
        for (fault, expected) in [
            (fault(), vec![0]),
            (fault().times(2), vec![0, 1]),
            (fault().times(0), vec![]),
            (fault().host(Host::Upload).times(9), vec![2, 3, 4]),
            (fault().method(Method::PATCH).nth(2).times(5), vec![3]),
            (fault().method(Method::GET).skip(1), vec![5]),
            (fault().path("/me/v").times(9), vec![1, 5]),
            (fault().operation("op").times(1), vec![0]),
            (fault().operation("another"), vec![]),
            (fault().world(1).times(1), vec![0]),
            (fault().world(2), vec![]),
        ] {
            assert_eq!(hit_indices(fault.clone(), &requests), expected, "{fault:?}");
        }
    }

    #[test]
    fn lists_hits_and_removes_spent_faults() {
        let faults = Faults::default();
        let id = faults.add(Fault::new(Effect::Status(503)).times(2));
        let target =
            RequestTarget { host: Host::Api, method: &Method::GET, path: "/", operation: None, world: None };
        for seq in 1..=3 {
            faults.match_request(&target, seq);
        }
        assert_eq!(
            faults.hits().iter().map(|hit| (hit.fault, hit.seq)).collect::<Vec<_>>(),
            [(id, 1), (id, 2)]
        );
        assert_eq!(faults.pending(), 0);
    }
}
