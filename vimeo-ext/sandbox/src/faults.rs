//! Things that go wrong on request: which requests, how often, when, and how.

use std::sync::{Arc, Mutex, PoisonError};

use http::Method;

use crate::journal::Host;

/// When in the course of a request a fault takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Before anything was done; the body stays unread.
    Before,
    /// When this many bytes of the body have arrived. On the upload host they count as received; on the API nothing was
    /// done yet. A body that ends earlier is met by the fault at its end.
    MidBody(u64),
    /// When the work is done and only the answer is missing: what a lost answer looks like.
    AfterCommit,
}

/// What a fault does.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// Answers with this status and an error in Vimeo's shape.
    Status(u16),
    /// Answers with this status and a page of HTML, as a gateway in front of Vimeo does.
    Html(u16),
    /// Answers with this status, media type and body.
    Body(u16, String, Vec<u8>),
    /// Drops the connection without an answer.
    Reset,
    /// Never answers; the connection stays open until the client gives up or the sandbox stops.
    Stall,
    /// Sends this many bytes of the true answer's body and drops the connection.
    Truncate(usize),
    /// Puts this `Upload-Offset` on the true answer. Upload host only.
    WrongOffset(u64),
    /// Forgets the upload, so that its link is gone. Upload host only.
    LoseUpload,
}

/// A fault: the first matching requests meet it, a counted number of times.
///
/// Matching is exact and never random: of the requests that fit `host`, `method` and `path`, the first `skip` pass, the
/// next `times` are hit, the rest pass again.
///
/// ```
/// use vimeo_sandbox::{Effect, Fault, Host, Phase};
///
/// // The second and third PATCH to the upload host break off after one KiB.
/// let fault = Fault::new(Effect::Reset)
///     .host(Host::Upload)
///     .method(http::Method::PATCH)
///     .phase(Phase::MidBody(1024))
///     .skip(1)
///     .times(2);
/// # let _ = fault;
/// ```
#[derive(Debug, Clone)]
pub struct Fault {
    host: Option<Host>,
    method: Option<Method>,
    path: String,
    operation: Option<String>,
    skip: u64,
    times: u64,
    phase: Phase,
    effect: Effect,
}

impl Fault {
    /// A fault that hits the next request of any kind once, before anything is done.
    #[must_use]
    pub fn new(effect: Effect) -> Self {
        Self {
            host: None,
            method: None,
            path: String::new(),
            operation: None,
            skip: 0,
            times: 1,
            phase: Phase::Before,
            effect,
        }
    }

    /// Only requests to this host.
    #[must_use]
    pub fn host(mut self, host: Host) -> Self {
        self.host = Some(host);
        self
    }

    /// Only requests with this method.
    #[must_use]
    pub fn method(mut self, method: Method) -> Self {
        self.method = Some(method);
        self
    }

    /// Only requests whose path begins so.
    #[must_use]
    pub fn path(mut self, prefix: impl Into<String>) -> Self {
        self.path = prefix.into();
        self
    }

    /// Only requests for Vimeo's operation of this name, such as `get_video`.
    #[must_use]
    pub fn operation(mut self, name: impl Into<String>) -> Self {
        self.operation = Some(name.into());
        self
    }

    /// Lets this many matching requests pass first. Default: 0.
    #[must_use]
    pub fn skip(mut self, requests: u64) -> Self {
        self.skip = requests;
        self
    }

    /// Hits only the `n`th matching request, counted from 1, and as many after it as [`times`](Self::times) says.
    #[must_use]
    pub fn nth(self, n: u64) -> Self {
        self.skip(n.saturating_sub(1))
    }

    /// How many requests it hits. Default: 1.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = times;
        self
    }

    /// When it takes effect. Default: [`Phase::Before`].
    #[must_use]
    pub fn phase(mut self, phase: Phase) -> Self {
        self.phase = phase;
        self
    }

    fn matches(&self, request: &Target<'_>) -> bool {
        self.host.is_none_or(|host| host == request.host)
            && self.method.as_ref().is_none_or(|method| method == request.method)
            && request.path.starts_with(&self.path)
            && self.operation.as_deref().is_none_or(|name| request.operation == Some(name))
    }
}

/// What a fault looks at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) host: Host,
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    pub(crate) operation: Option<&'a str>,
}

/// A fault that fired.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fired {
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
    fired: Vec<Fired>,
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
    pub(crate) fn meet(&self, request: &Target<'_>, seq: u64) -> Option<Fired> {
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
                hit = Some(Fired { fault: *id, seq, phase: fault.phase, effect: fault.effect.clone() });
            }
        }
        list.waiting.retain(|(_, fault)| fault.times > 0);
        if let Some(fired) = &hit {
            list.fired.push(fired.clone());
        }
        hit
    }

    pub(crate) fn fired(&self) -> Vec<Fired> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner).fired.clone()
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
            let target = Target { host: *host, method, path, operation: Some("op") };
            faults.meet(&target, seq as u64).map(|_| seq)
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
        ] {
            assert_eq!(hits(fault.clone(), &requests), expected, "{fault:?}");
        }
    }

    #[test]
    fn what_fired_is_listed_and_what_is_used_up_waits_no_more() {
        let faults = Faults::default();
        let id = faults.add(Fault::new(Effect::Status(503)).times(2));
        let target = Target { host: Host::Api, method: &Method::GET, path: "/", operation: None };
        for seq in 1..=3 {
            faults.meet(&target, seq);
        }
        assert_eq!(
            faults.fired().iter().map(|fired| (fired.fault, fired.seq)).collect::<Vec<_>>(),
            [(id, 1), (id, 2)]
        );
        assert_eq!(faults.waiting(), 0);
    }
}
