//! What should have been asked, held against the journal.

use serde::{Deserialize, Serialize};

use super::{Host, JournalEntry};

/// Requests that are expected in the journal: those that fit everything that is said of them.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use vimeo_sandbox::{Expectation, Sandbox};
///
/// let sandbox = Sandbox::start().await?;
/// let once = Expectation::new().method("DELETE").path("/videos/").times(1);
/// let unmet = sandbox.verify(&[once]);
/// assert_eq!(unmet[0].seen, 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expectation {
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<Host>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    world: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    times: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at_least: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at_most: Option<u64>,
}

/// An expectation that the journal does not meet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct UnmetExpectation {
    /// What was expected.
    pub expected: Expectation,
    /// How many requests fit.
    pub seen: u64,
    /// Requests that miss in one thing only, as `METHOD /path: what differs`; at most five, the newest first.
    pub near: Vec<String>,
}

/// How many near misses are told.
const NEAR: usize = 5;

impl Expectation {
    /// Any request at all, at least once.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// To this host.
    #[must_use]
    pub fn host(mut self, host: Host) -> Self {
        self.host = Some(host);
        self
    }

    /// With this method.
    #[must_use]
    pub fn method(mut self, method: impl Into<String>) -> Self {
        self.method = Some(method.into());
        self
    }

    /// With a path that begins so.
    #[must_use]
    pub fn path(mut self, prefix: impl Into<String>) -> Self {
        self.path = Some(prefix.into());
        self
    }

    /// For Vimeo's operation of this name.
    #[must_use]
    pub fn operation(mut self, name: impl Into<String>) -> Self {
        self.operation = Some(name.into());
        self
    }

    /// In the world of this number.
    #[must_use]
    pub fn world(mut self, id: u64) -> Self {
        self.world = Some(id);
        self
    }

    /// That were answered with this status.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// Exactly so often; 0 for never.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// So often or more. Default: 1, where nothing else is said.
    #[must_use]
    pub fn at_least(mut self, times: u64) -> Self {
        self.at_least = Some(times);
        self
    }

    /// So often or less.
    #[must_use]
    pub fn at_most(mut self, times: u64) -> Self {
        self.at_most = Some(times);
        self
    }

    /// In what an entry differs from what is expected.
    fn misses(&self, entry: &JournalEntry) -> Vec<String> {
        let mut misses = Vec::new();
        let mut check = |met: bool, what: &str, found: String| {
            if !met {
                misses.push(format!("{what} is {found}"));
            }
        };
        check(self.host.is_none_or(|host| host == entry.host), "host", format!("{:?}", entry.host));
        let method = self.method.as_deref();
        check(
            method.is_none_or(|method| method.eq_ignore_ascii_case(entry.method.as_str())),
            "method",
            entry.method.to_string(),
        );
        let path = self.path.as_deref();
        check(path.is_none_or(|path| entry.path.starts_with(path)), "path", entry.path.clone());
        let operation = entry.operation.unwrap_or("none");
        check(
            self.operation.as_deref().is_none_or(|name| name == operation),
            "operation",
            operation.to_owned(),
        );
        let number =
            |number: Option<u64>| number.map_or_else(|| "none".to_owned(), |number| number.to_string());
        check(self.world.is_none_or(|world| Some(world) == entry.world), "world", number(entry.world));
        let status = self.status.is_none_or(|status| Some(status) == entry.status);
        check(status, "status", number(entry.status.map(u64::from)));
        misses
    }

    fn is_met(&self, seen: u64) -> bool {
        match (self.times, self.at_least, self.at_most) {
            (None, None, None) => seen >= 1,
            (times, least, most) => {
                times.is_none_or(|times| seen == times)
                    && least.is_none_or(|least| seen >= least)
                    && most.is_none_or(|most| seen <= most)
            }
        }
    }
}

/// The expectations that are not met.
pub(crate) fn unmet(entries: &[JournalEntry], expected: &[Expectation]) -> Vec<UnmetExpectation> {
    let look = |expected: &Expectation| {
        let mut seen = 0;
        let mut near = Vec::new();
        for entry in entries.iter().rev() {
            match expected.misses(entry).as_slice() {
                [] => seen += 1,
                [miss] if near.len() < NEAR => {
                    near.push(format!("{} {}: {miss}", entry.method, entry.path));
                }
                _ => {}
            }
        }
        (!expected.is_met(seen)).then(|| UnmetExpectation { expected: expected.clone(), seen, near })
    };
    expected.iter().filter_map(look).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Journal;
    use super::*;

    #[test]
    fn what_is_missing_is_told_with_what_came_close() {
        let journal = Journal::new(10);
        for (method, path, status) in
            [("GET", "/me", 200), ("GET", "/videos/1", 404), ("DELETE", "/videos/1", 204)]
        {
            let request = http::Request::builder().method(method).uri(path).body(()).unwrap();
            journal.begin(Host::Api, &request.into_parts().0).note(|entry| entry.status = Some(status));
        }
        let entries = journal.entries();
        let new = Expectation::new;
        for (expected, met) in [
            (new(), true),
            (new().method("get").times(2), true),
            (new().path("/videos").at_least(3), false),
            (new().path("/videos").at_least(1).at_most(2), true),
            (new().status(204).times(0), false),
            (new().host(Host::Upload), false),
            (new().operation("get_video"), false),
            (new().world(1).times(0), true),
        ] {
            assert_eq!(unmet(&entries, std::slice::from_ref(&expected)).is_empty(), met, "{expected:?}");
        }
        let unmet = unmet(&entries, &[new().method("DELETE").path("/videos/1").status(200)]);
        assert_eq!(unmet[0].near, ["DELETE /videos/1: status is 204"]);
    }
}
