//! Checks the request log against expected requests.

use serde::{Deserialize, Serialize};

use super::{Host, RequestLogEntry};

/// Requests that should be in the request log. A request matches if it meets every condition that is set.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use vimeo_sandbox::{Expectation, Sandbox};
///
/// let sandbox = Sandbox::start().await?;
/// let once = Expectation::new().method("DELETE").path("/videos/").times(1);
/// let unmet = sandbox.verify(&[once]);
/// assert_eq!(unmet[0].matched, 0);
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

/// An expectation that the request log does not meet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct UnmetExpectation {
    /// The expectation.
    pub expected: Expectation,
    /// How many requests match. `seen` in JSON.
    #[serde(rename = "seen")]
    pub matched: u64,
    /// Requests that fail exactly one condition, as `METHOD /path: difference`; at most five, newest first. `near` in JSON.
    #[serde(rename = "near")]
    pub near_misses: Vec<String>,
}

/// How many near misses are reported.
const MAX_NEAR_MISSES: usize = 5;

impl Expectation {
    /// Expects any request, at least once.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Matches requests to this host.
    #[must_use]
    pub fn host(mut self, host: Host) -> Self {
        self.host = Some(host);
        self
    }

    /// Matches requests with this method.
    #[must_use]
    pub fn method(mut self, method: impl Into<String>) -> Self {
        self.method = Some(method.into());
        self
    }

    /// Matches requests whose path starts with this prefix.
    #[must_use]
    pub fn path(mut self, prefix: impl Into<String>) -> Self {
        self.path = Some(prefix.into());
        self
    }

    /// Matches requests for Vimeo's operation of this name, such as `get_video`.
    #[must_use]
    pub fn operation(mut self, name: impl Into<String>) -> Self {
        self.operation = Some(name.into());
        self
    }

    /// Matches requests in the world with this ID.
    #[must_use]
    pub fn world(mut self, id: u64) -> Self {
        self.world = Some(id);
        self
    }

    /// Matches requests whose response had this status.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// Expects exactly this many requests; 0 for none.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// Expects at least this many requests. Default: 1, if neither `times` nor `at_most` is set.
    #[must_use]
    pub fn at_least(mut self, times: u64) -> Self {
        self.at_least = Some(times);
        self
    }

    /// Expects at most this many requests.
    #[must_use]
    pub fn at_most(mut self, times: u64) -> Self {
        self.at_most = Some(times);
        self
    }

    /// The conditions that an entry fails.
    fn mismatches(&self, entry: &RequestLogEntry) -> Vec<String> {
        let mut mismatches = Vec::new();
        let mut check = |met: bool, name: &str, found: String| {
            if !met {
                mismatches.push(format!("{name} is {found}"));
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
        mismatches
    }

    fn is_met(&self, matched: u64) -> bool {
        match (self.times, self.at_least, self.at_most) {
            (None, None, None) => matched >= 1,
            (times, least, most) => {
                times.is_none_or(|times| matched == times)
                    && least.is_none_or(|least| matched >= least)
                    && most.is_none_or(|most| matched <= most)
            }
        }
    }
}

/// Returns the expectations that are not met.
pub(crate) fn unmet(entries: &[RequestLogEntry], expected: &[Expectation]) -> Vec<UnmetExpectation> {
    let check = |expected: &Expectation| {
        let mut matched = 0;
        let mut near_misses = Vec::new();
        for entry in entries.iter().rev() {
            match expected.mismatches(entry).as_slice() {
                [] => matched += 1,
                [mismatch] if near_misses.len() < MAX_NEAR_MISSES => {
                    near_misses.push(format!("{} {}: {mismatch}", entry.method, entry.path));
                }
                _ => {}
            }
        }
        (!expected.is_met(matched)).then(|| UnmetExpectation {
            expected: expected.clone(),
            matched,
            near_misses,
        })
    };
    expected.iter().filter_map(check).collect()
}

#[cfg(test)]
mod tests {
    use super::super::RequestLog;
    use super::*;

    #[test]
    fn unmet_expectations_list_near_misses() {
        let log = RequestLog::new(10);
        for (method, path, status) in
            [("GET", "/me", 200), ("GET", "/videos/1", 404), ("DELETE", "/videos/1", 204)]
        {
            let request = http::Request::builder().method(method).uri(path).body(()).unwrap();
            log.begin(Host::Api, &request.into_parts().0).update(|entry| entry.status = Some(status));
        }
        let entries = log.entries();
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
        assert_eq!(unmet[0].near_misses, ["DELETE /videos/1: status is 204"]);
    }
}
