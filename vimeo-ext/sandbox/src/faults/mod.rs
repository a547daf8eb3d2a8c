//! Things that go wrong on request: which requests, how often, when, and how.

pub(crate) mod alter;
pub(crate) mod notation;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use std::time::Duration;

use http::Method;
use serde::{Deserialize, Serialize};

use crate::journal::Host;

/// When in the course of a request a fault takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Phase {
    /// Before anything was done; the body stays unread.
    #[default]
    Before,
    /// When this many bytes of the body have arrived. On the upload host they count as received; on the API nothing was
    /// done yet. A body that ends earlier is met by the fault at its end.
    MidBody(u64),
    /// When the work is done and only the answer is missing: what a lost answer looks like.
    AfterCommit,
}

/// What a fault does.
///
/// Over HTTP it is written as `"reset"`, `{"status": 503}`, `{"dribble": {"bytes": 1, "every_ms": 20}}` and so on; in the
/// header `X-Sandbox-Fault` as `reset`, `status=503`, `dribble=1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Effect {
    /// Answers with this status and an error in Vimeo's shape.
    Status(u16),
    /// Answers with this status and a page of HTML, as a gateway in front of Vimeo does.
    #[serde(rename = "html_error")]
    Html(u16),
    /// Answers with this status, media type and body.
    Body(u16, String, #[serde(with = "text")] Vec<u8>),
    /// Drops the connection without an answer.
    Reset,
    /// Never answers; the connection stays open until the client gives up or the sandbox stops.
    Stall,
    /// Sends this many bytes of the true answer's body and drops the connection.
    Truncate(usize),
    /// Sends the true answer's body in pieces of so many bytes, with this much (real) time before each.
    Dribble {
        /// How many bytes a piece has, at least one.
        bytes: usize,
        /// How long to wait before each.
        #[serde(rename = "every_ms", default = "every", with = "milliseconds")]
        every: Duration,
    },
    /// Gives the value at this JSON pointer of the true answer, such as `/data/0/name`, another shape: null becomes an
    /// object, text and numbers an object with the value in it, true and false text, an object a list, a list an object.
    WrongShape(String),
    /// Puts a word that no description knows at this JSON pointer of the true answer, if text is there.
    UnknownWord(String),
    /// Puts this `Upload-Offset` on the true answer. Upload host only.
    WrongOffset(u64),
    /// Forgets the upload, so that its link is gone. Upload host only.
    LoseUpload,
}

/// How long a dribble waits where it is not said.
fn every() -> Duration {
    Duration::from_millis(20)
}

/// Bytes as text: what is no text is not kept byte for byte.
mod text {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&String::from_utf8_lossy(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        String::deserialize(deserializer).map(String::into_bytes)
    }
}

mod milliseconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
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
    world: Option<u64>,
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
            world: None,
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

    /// Only requests in the world of this number, as [`World::id`](crate::World::id) tells it.
    #[must_use]
    pub fn world(mut self, id: u64) -> Self {
        self.world = Some(id);
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

    /// The only world that it concerns, where it is bound to one.
    pub(crate) fn in_world(&self) -> Option<u64> {
        self.world
    }

    fn matches(&self, request: &Target<'_>) -> bool {
        self.host.is_none_or(|host| host == request.host)
            && self.method.as_ref().is_none_or(|method| method == request.method)
            && request.path.starts_with(&self.path)
            && self.operation.as_deref().is_none_or(|name| request.operation == Some(name))
            && self.world.is_none_or(|world| request.world == Some(world))
    }
}

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
    fired: VecDeque<Fired>,
}

/// How many faults that fired are remembered; older ones are forgotten.
const MOST_FIRED: usize = 10_000;

impl List {
    fn fire(&mut self, fired: Fired) {
        if self.fired.len() == MOST_FIRED {
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
            list.fire(fired.clone());
        }
        hit
    }

    /// A fault that came with its request and fires at once.
    pub(crate) fn at_once(&self, effect: Effect, phase: Phase, seq: u64) -> Fired {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        list.set += 1;
        let fired = Fired { fault: list.set, seq, phase, effect };
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

    pub(crate) fn fired(&self) -> Vec<Fired> {
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
            faults.meet(&target, seq);
        }
        assert_eq!(
            faults.fired().iter().map(|fired| (fired.fault, fired.seq)).collect::<Vec<_>>(),
            [(id, 1), (id, 2)]
        );
        assert_eq!(faults.waiting(), 0);
    }
}
