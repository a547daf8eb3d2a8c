//! Things that go wrong on request: which requests, how often, when, and how.

mod list;
pub(crate) mod mutate;
pub(crate) mod notation;

use std::time::Duration;

use http::Method;
use serde::{Deserialize, Serialize};

use crate::journal::Host;
pub use list::FaultHit;
pub(crate) use list::{Faults, Target};

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
