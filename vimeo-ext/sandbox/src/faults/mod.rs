//! Fault injection: which requests fail, how often, when and how.

mod list;
pub(crate) mod mutate;
pub(crate) mod notation;

use std::time::Duration;

use http::Method;
use serde::{Deserialize, Serialize};

use crate::request_log::Host;
pub use list::FaultHit;
pub(crate) use list::{Faults, RequestTarget};

/// The point in a request at which a fault takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Phase {
    /// Before the request is processed; its body stays unread.
    #[default]
    Before,
    /// After this many bytes of the body. On the upload host they count as received; on the API nothing has been processed
    /// yet. If the body is shorter, the fault takes effect at its end.
    MidBody(u64),
    /// After the request was processed, before its response is sent: simulates a lost response.
    AfterCommit,
}

/// What a fault does.
///
/// The control API writes it as `"reset"`, `{"status": 503}`, `{"dribble": {"bytes": 1, "every_ms": 20}}` and so on, the
/// header `X-Sandbox-Fault` as `reset`, `status=503`, `dribble=1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Effect {
    /// Responds with this status and an error in Vimeo's format.
    Status(u16),
    /// Responds with this status and an HTML page, as a gateway in front of Vimeo does.
    #[serde(rename = "html_error")]
    Html(u16),
    /// Responds with this status, media type and body.
    Body(u16, String, #[serde(with = "text")] Vec<u8>),
    /// Resets the connection without a response.
    Reset,
    /// Never responds; the connection stays open until the client gives up or the sandbox stops.
    Stall,
    /// Sends this many bytes of the real response's body, then resets the connection.
    Truncate(usize),
    /// Sends the real response's body in small chunks, with a pause (in real time) before each.
    Dribble {
        /// Bytes per chunk, at least one.
        bytes: usize,
        /// The pause before each chunk.
        #[serde(rename = "every_ms", default = "default_interval", with = "milliseconds")]
        every: Duration,
    },
    /// Changes the type of the value at this JSON pointer of the real response, such as `/data/0/name`: null becomes an
    /// object, a string or number an object that contains it, a boolean a string, an object an array, an array an object.
    WrongShape(String),
    /// Replaces the string at this JSON pointer of the real response with an undocumented enum value. `unknown_word`, its
    /// name in earlier releases, is accepted too.
    #[serde(alias = "unknown_word")]
    UnknownValue(String),
    /// Sets `Upload-Offset` of the real response to this value. Upload host only.
    WrongOffset(u64),
    /// Deletes the upload, so that its link returns 404. Upload host only.
    LoseUpload,
}

/// The pause between chunks of [`Effect::Dribble`] if none is given.
fn default_interval() -> Duration {
    Duration::from_millis(20)
}

/// Serializes bytes as a string; bytes that are not UTF-8 are replaced.
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

/// A fault, which hits a fixed number of matching requests.
///
/// Matching is deterministic: of the requests that match `host`, `method`, `path`, `operation` and `world`, the first `skip`
/// pass, the next `times` are hit, and the rest pass.
///
/// ```
/// use vimeo_sandbox::{Effect, Fault, Host, Phase};
///
/// // Resets the second and third PATCH to the upload host after one KiB.
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
    /// Creates a fault that hits the next request, whatever it is, before it is processed.
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

    /// Matches only requests to this host.
    #[must_use]
    pub fn host(mut self, host: Host) -> Self {
        self.host = Some(host);
        self
    }

    /// Matches only requests with this method.
    #[must_use]
    pub fn method(mut self, method: Method) -> Self {
        self.method = Some(method);
        self
    }

    /// Matches only requests whose path starts with this prefix.
    #[must_use]
    pub fn path(mut self, prefix: impl Into<String>) -> Self {
        self.path = prefix.into();
        self
    }

    /// Matches only requests for Vimeo's operation of this name, such as `get_video`.
    #[must_use]
    pub fn operation(mut self, name: impl Into<String>) -> Self {
        self.operation = Some(name.into());
        self
    }

    /// Matches only requests in the world with this [`World::id`](crate::World::id).
    #[must_use]
    pub fn world(mut self, id: u64) -> Self {
        self.world = Some(id);
        self
    }

    /// Sets how many matching requests pass before the fault hits. Default: 0.
    #[must_use]
    pub fn skip(mut self, requests: u64) -> Self {
        self.skip = requests;
        self
    }

    /// Hits the `n`th matching request, counted from 1, and those after it as [`times`](Self::times) allows.
    #[must_use]
    pub fn nth(self, n: u64) -> Self {
        self.skip(n.saturating_sub(1))
    }

    /// Sets how many requests the fault hits. Default: 1.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = times;
        self
    }

    /// Sets when the fault takes effect. Default: [`Phase::Before`].
    #[must_use]
    pub fn phase(mut self, phase: Phase) -> Self {
        self.phase = phase;
        self
    }

    /// The world that the fault is limited to, if any.
    pub(crate) fn bound_world(&self) -> Option<u64> {
        self.world
    }

    fn matches(&self, request: &RequestTarget<'_>) -> bool {
        self.host.is_none_or(|host| host == request.host)
            && self.method.as_ref().is_none_or(|method| method == request.method)
            && request.path.starts_with(&self.path)
            && self.operation.as_deref().is_none_or(|name| request.operation == Some(name))
            && self.world.is_none_or(|world| request.world == Some(world))
    }
}
