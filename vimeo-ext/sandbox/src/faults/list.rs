//! The faults that wait for a request, and those that found one.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use http::Method;
use serde::Serialize;

use super::{Effect, Fault, Phase};
use crate::journal::Host;

/// What a fault looks at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) host: Host,
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    pub(crate) operation: Option<&'a str>,
    pub(crate) world: Option<u64>,
}

/// A fault that fired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FaultHit {
    /// What [`Sandbox::fault`](crate::Sandbox::fault) answered when the fault was set.
    pub fault: u64,
    /// The journal entry of the request it hit.
    pub seq: u64,
    /// When it took effect.
    pub phase: Phase,
    /// What it did.
    pub effect: Effect,
}

/// The faults that wait, and those that fired.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults {
    list: Arc<Mutex<List>>,
}

#[derive(Debug, Default)]
struct List {
    set: u64,
    waiting: Vec<(u64, Fault)>,
    fired: VecDeque<FaultHit>,
}

/// How many faults that fired are remembered; older ones are forgotten.
const MAX_FIRED: usize = 10_000;

impl List {
    fn fire(&mut self, fired: FaultHit) {
        if self.fired.len() == MAX_FIRED {
            self.fired.pop_front();
        }
        self.fired.push_back(fired);
    }
}

impl Faults {
    pub(crate) fn add(&self, fault: Fault) -> u64 {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        list.set += 1;
        let id = list.set;
        list.waiting.push((id, fault));
        id
    }

    /// The fault that this request meets. Every waiting fault that matches counts the request; the one set first fires.
    pub(crate) fn match_request(&self, request: &Target<'_>, seq: u64) -> Option<FaultHit> {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        if list.waiting.is_empty() {
            return None;
        }
        let mut hit = None;
        for (id, fault) in list.waiting.iter_mut().filter(|(_, fault)| fault.matches(request)) {
            if fault.skip > 0 {
                fault.skip -= 1;
            } else if hit.is_none() && fault.times > 0 {
                fault.times -= 1;
                hit = Some(FaultHit { fault: *id, seq, phase: fault.phase, effect: fault.effect.clone() });
            }
        }
        list.waiting.retain(|(_, fault)| fault.times > 0);
        if let Some(fired) = &hit {
            list.fire(fired.clone());
        }
        hit
    }

    /// A fault that came with its request and fires at once.
    pub(crate) fn fire_once(&self, effect: Effect, phase: Phase, seq: u64) -> FaultHit {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        list.set += 1;
        let fired = FaultHit { fault: list.set, seq, phase, effect };
        list.fire(fired.clone());
        fired
    }

    /// The faults that wait, with how often each is still to fire.
    pub(crate) fn list(&self) -> Vec<(u64, Fault)> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner).waiting.clone()
    }

    /// Takes back one; `false` when it does not wait.
    pub(crate) fn remove(&self, id: u64) -> bool {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        let before = list.waiting.len();
        list.waiting.retain(|(waiting, _)| *waiting != id);
        list.waiting.len() < before
    }

    /// Takes back those that only concern this world.
    pub(crate) fn clear_world(&self, world: u64) {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        list.waiting.retain(|(_, fault)| fault.world != Some(world));
    }

    pub(crate) fn fired(&self) -> Vec<FaultHit> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner).fired.iter().cloned().collect()
    }

    pub(crate) fn clear(&self) {
        self.list.lock().unwrap_or_else(PoisonError::into_inner).waiting.clear();
    }

    /// How many faults still wait for a request.
    pub(crate) fn waiting(&self) -> usize {
        self.list.lock().unwrap_or_else(PoisonError::into_inner).waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(fault: Fault, requests: &[(Host, Method, &str)]) -> Vec<usize> {
        let faults = Faults::default();
        faults.add(fault);
        let hit = |(seq, (host, method, path)): (usize, &(Host, Method, &str))| {
            let target = Target { host: *host, method, path, operation: Some("op"), world: Some(1) };
            faults.match_request(&target, seq as u64).map(|_| seq)
        };
        requests.iter().enumerate().filter_map(hit).collect()
    }

    #[test]
    fn a_fault_hits_exactly_the_requests_it_names() {
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
            assert_eq!(hits(fault.clone(), &requests), expected, "{fault:?}");
        }
    }

    #[test]
    fn what_fired_is_listed_and_what_is_used_up_waits_no_more() {
        let faults = Faults::default();
        let id = faults.add(Fault::new(Effect::Status(503)).times(2));
        let target =
            Target { host: Host::Api, method: &Method::GET, path: "/", operation: None, world: None };
        for seq in 1..=3 {
            faults.match_request(&target, seq);
        }
        assert_eq!(
            faults.fired().iter().map(|fired| (fired.fault, fired.seq)).collect::<Vec<_>>(),
            [(id, 1), (id, 2)]
        );
        assert_eq!(faults.waiting(), 0);
    }
}
