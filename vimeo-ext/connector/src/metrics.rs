//! Metrics in the text format of Prometheus.

use std::sync::atomic::AtomicI64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::keys::KeyId;

/// The service's metrics.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabel, Histogram>,
    in_flight: Gauge<i64, AtomicI64>,
    tools: Family<ToolLabels, Counter>,
    keys: Family<KeyLabel, Counter>,
    polls: PollMetrics,
    parts: Family<PartLabel, Counter>,
    part_bytes: Counter,
    progressive_uploads: Family<OutcomeLabel, Counter>,
    spool_bytes: Gauge<i64, AtomicI64>,
}

/// The metrics of polling and of the deliveries of its events.
#[derive(Clone, Default)]
pub(crate) struct PollMetrics {
    polls: Family<OutcomeLabel, Counter>,
    events: Family<EventLabel, Counter>,
    deliveries: Family<OutcomeLabel, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EventLabel {
    event: &'static str,
}

impl PollMetrics {
    /// Counts a poll of an account.
    pub(crate) fn count_poll(&self, outcome: &'static str) {
        self.polls.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    /// Counts an event that was stored for a subscription.
    pub(crate) fn count_event(&self, event: &'static str) {
        self.events.get_or_create(&EventLabel { event }).inc();
    }

    /// Counts an attempt to deliver an event, or one that was given up.
    pub(crate) fn count_delivery(&self, outcome: &'static str) {
        self.deliveries.get_or_create(&OutcomeLabel { outcome }).inc();
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabel {
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ToolLabels {
    tool: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KeyLabel {
    key: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PartLabel {
    result: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("vimeo_connector");
        let requests = Family::default();
        let durations: Family<RouteLabel, Histogram> =
            Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.001, 2.5, 12)));
        let in_flight = Gauge::default();
        let tools = Family::default();
        let keys = Family::default();
        registry.register("http_requests", "Responses by method, route and status", requests.clone());
        registry.register(
            "http_request_duration_seconds",
            "Time to the response by route",
            durations.clone(),
        );
        registry.register("http_requests_in_flight", "Requests without a response yet", in_flight.clone());
        registry.register("tool_calls", "Tool calls by tool and outcome", tools.clone());
        registry.register("api_key_requests", "Admitted requests by the ID of the API key", keys.clone());
        let polls = PollMetrics::default();
        registry.register("polls", "Polls of accounts by outcome", polls.polls.clone());
        registry.register(
            "polled_events",
            "Events that polls found, for each subscription",
            polls.events.clone(),
        );
        registry.register(
            "event_deliveries",
            "Attempts to deliver polled events by outcome; dead ones were given up",
            polls.deliveries.clone(),
        );
        let parts = Family::default();
        let part_bytes = Counter::default();
        let progressive_uploads = Family::default();
        let spool_bytes = Gauge::default();
        registry.register("upload_parts", "Parts of progressive uploads by result", parts.clone());
        registry.register("upload_part_bytes", "Bytes of stored parts", part_bytes.clone());
        registry.register(
            "progressive_uploads",
            "Attempts to send a progressive upload by outcome",
            progressive_uploads.clone(),
        );
        registry.register("spool_bytes", "Bytes on disk of progressive uploads", spool_bytes.clone());
        Self {
            registry,
            requests,
            durations,
            in_flight,
            tools,
            keys,
            polls,
            parts,
            part_bytes,
            progressive_uploads,
            spool_bytes,
        }
    }
}

impl Metrics {
    /// Counts a request as in flight until the guard is dropped.
    pub(crate) fn begin(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// Counts a response. `route` is the template of the route, never a path with identifiers.
    pub(crate) fn count_response(&self, method: &http::Method, route: &str, status: u16, duration: Duration) {
        let method = match method.as_str() {
            known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known,
            _ => "other",
        };
        let labels = RequestLabels { method: method.to_owned(), route: route.to_owned(), status };
        self.requests.get_or_create(&labels).inc();
        self.durations.get_or_create(&RouteLabel { route: route.to_owned() }).observe(duration.as_secs_f64());
    }

    /// Counts a tool call: `outcome` is `ok` or the code of the error.
    pub(crate) fn count_tool(&self, tool: &'static str, outcome: &'static str) {
        self.tools.get_or_create(&ToolLabels { tool, outcome }).inc();
    }

    /// Counts a part of a progressive upload: `result` is `stored` or the code of the error.
    pub(crate) fn count_part(&self, result: &'static str, bytes: u64) {
        self.parts.get_or_create(&PartLabel { result }).inc();
        self.part_bytes.inc_by(bytes);
    }

    /// Counts an attempt to send a progressive upload: `done`, `retried` or `failed`.
    pub(crate) fn count_progressive_upload(&self, outcome: &'static str) {
        self.progressive_uploads.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    /// Sets how many bytes progressive uploads take on disk.
    pub(crate) fn set_spool_bytes(&self, bytes: u64) {
        self.spool_bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    pub(crate) fn count_key(&self, key: &KeyId) {
        self.keys.get_or_create(&KeyLabel { key: key.as_str().to_owned() }).inc();
    }

    /// Returns the metrics of polling.
    pub(crate) fn polls(&self) -> PollMetrics {
        self.polls.clone()
    }

    /// Returns the metrics as text.
    pub(crate) fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// A request in flight.
pub(crate) struct InFlight(Gauge<i64, AtomicI64>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}
