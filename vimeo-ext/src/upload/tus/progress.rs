//! The progress of an upload: bytes, rate, remaining time.

use std::time::Duration;

use serde::{Serialize, Serializer};
use tokio::sync::watch;

/// The progress of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Progress {
    /// Bytes that the server has acknowledged. Never decreases; ends at `total`.
    ///
    /// It changes when the server responds: at the end of each chunk, and after a failure.
    pub acknowledged: u64,
    /// Position in the source up to which bytes were passed to the connection. Falls back to the server's offset
    /// after a failure.
    pub sent: u64,
    /// Size of the upload in bytes.
    pub total: u64,
    /// Bytes per second, smoothed over about five seconds; 0 until it is known.
    pub rate: u64,
    /// Remaining time at this rate; `None` until the rate is known. In JSON in seconds.
    #[serde(serialize_with = "optional_seconds")]
    pub eta: Option<Duration>,
}

/// The callback for progress.
pub(crate) type Callback = Box<dyn FnMut(&Progress) + Send>;

/// Turns the driver's observations into [`Progress`], and reports it to the callback and the handles.
pub(crate) struct Reporter {
    progress: Progress,
    estimator: RateEstimator,
    sender: watch::Sender<Progress>,
    callback: Option<Callback>,
    reported: Option<Progress>,
}

impl Reporter {
    pub(crate) fn new(sender: watch::Sender<Progress>, callback: Option<Callback>) -> Self {
        Self {
            progress: Progress::default(),
            estimator: RateEstimator::default(),
            sender,
            callback,
            reported: None,
        }
    }

    pub(crate) fn begin(&mut self, total: u64) {
        self.progress.total = total;
    }

    /// Records that bytes were passed on up to `position`; `elapsed` is the time since the upload started.
    pub(crate) fn sent(&mut self, position: u64, elapsed: Duration) {
        self.progress.sent = position.min(self.progress.total);
        self.estimator.record(position, elapsed);
        self.publish();
    }

    /// Records the server's `offset`, from where the next bytes are sent.
    pub(crate) fn acknowledged(&mut self, offset: u64, best: u64, elapsed: Duration) {
        self.progress.acknowledged = self.progress.acknowledged.max(best.min(self.progress.total));
        self.progress.sent = offset.min(self.progress.total);
        self.estimator.reset_position(offset, elapsed);
        self.publish();
    }

    /// Records the totals of many uploads; `moved` counts the bytes that were transferred.
    pub(crate) fn report_totals(&mut self, acknowledged: u64, sent: u64, moved: u64, elapsed: Duration) {
        self.progress.acknowledged = acknowledged;
        self.progress.sent = sent;
        self.estimator.record(moved, elapsed);
        self.publish();
    }

    fn publish(&mut self) {
        let progress = &mut self.progress;
        progress.rate = self.estimator.rate();
        let left = progress.total.saturating_sub(progress.sent);
        progress.eta = match (left, progress.rate) {
            (0, _) => Some(Duration::ZERO),
            (_, 0) => None,
            (left, rate) => Some(Duration::from_secs_f64(left as f64 / rate as f64)),
        };
        // Once all bytes are sent, only acknowledgements are reported, because the rate still changes.
        let same = |last: &Progress| {
            let all_sent = progress.sent == progress.total && last.sent == progress.sent;
            last == progress
                || all_sent && last.acknowledged == progress.acknowledged && last.total == progress.total
        };
        if self.reported.as_ref().is_some_and(same) {
            return;
        }
        self.reported = Some(*progress);
        self.sender.send_replace(*progress);
        if let Some(callback) = &mut self.callback {
            callback(progress);
        }
    }
}

/// A smoothed rate. Pure: the time is an argument.
#[derive(Debug, Default)]
struct RateEstimator {
    at: Duration,
    position: u64,
    rate: Option<f64>,
}

impl RateEstimator {
    /// Shorter samples measure buffers rather than the connection.
    const MIN_SAMPLE: Duration = Duration::from_millis(100);
    const SMOOTHING_SECONDS: f64 = 5.0;

    fn record(&mut self, position: u64, at: Duration) {
        let span = at.saturating_sub(self.at);
        if span < Self::MIN_SAMPLE {
            return;
        }
        let seconds = span.as_secs_f64();
        let now = position.saturating_sub(self.position) as f64 / seconds;
        self.rate = Some(match self.rate {
            None => now,
            Some(before) => {
                let weight = 1.0 - (-seconds / Self::SMOOTHING_SECONDS).exp();
                before + (now - before) * weight
            }
        });
        (self.at, self.position) = (at, position);
    }

    /// A change of position without a transfer: the start of a request.
    fn reset_position(&mut self, position: u64, at: Duration) {
        if position != self.position {
            (self.at, self.position) = (at, position);
        }
    }

    fn rate(&self) -> u64 {
        self.rate.unwrap_or(0.0).max(0.0) as u64
    }
}

/// Serializes a duration as seconds with a fraction.
pub(super) fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

fn optional_seconds<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    duration.map(|duration| duration.as_secs_f64()).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    fn after(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    /// BEHAVIOUR.md: U06.
    #[test]
    fn acknowledged_never_decreases_and_sent_follows_the_server() {
        let (sender, receiver) = watch::channel(Progress::default());
        let reported = Arc::new(Mutex::new(Vec::new()));
        let callback: Callback = {
            let reported = Arc::clone(&reported);
            Box::new(move |progress| reported.lock().unwrap().push((progress.acknowledged, progress.sent)))
        };
        let mut reporter = Reporter::new(sender, Some(callback));
        reporter.begin(100);
        reporter.acknowledged(10, 10, after(0.0));
        reporter.sent(60, after(1.0));
        reporter.acknowledged(40, 40, after(2.0));
        reporter.acknowledged(5, 40, after(3.0));
        reporter.sent(100, after(4.0));
        reporter.acknowledged(100, 100, after(5.0));
        let expected = [(10, 10), (10, 60), (40, 40), (40, 5), (40, 100), (100, 100)];
        assert_eq!(*reported.lock().unwrap(), expected);
        let last = *receiver.borrow();
        assert_eq!((last.acknowledged, last.total, last.eta), (100, 100, Some(Duration::ZERO)));
    }

    #[test]
    fn final_progress_is_reported_once() {
        let (sender, receiver) = watch::channel(Progress::default());
        let reported = Arc::new(Mutex::new(Vec::new()));
        let callback: Callback = {
            let reported = Arc::clone(&reported);
            Box::new(move |progress| reported.lock().unwrap().push((progress.acknowledged, progress.sent)))
        };
        let mut reporter = Reporter::new(sender, Some(callback));
        reporter.begin(100);
        reporter.sent(40, after(0.5));
        for tenth in 6..9 {
            reporter.sent(100, after(f64::from(tenth) / 10.0));
        }
        for second in 1..4 {
            reporter.acknowledged(100, 100, after(f64::from(second)));
        }
        assert_eq!(*reported.lock().unwrap(), [(0, 40), (0, 100), (100, 100)]);
        assert_eq!(receiver.borrow().acknowledged, 100);
    }

    #[test]
    fn rate_and_eta_are_steady_on_a_steady_connection() {
        let (sender, receiver) = watch::channel(Progress::default());
        let mut reporter = Reporter::new(sender, None);
        reporter.begin(10_000);
        reporter.acknowledged(0, 0, after(0.0));
        assert_eq!(receiver.borrow().eta, None, "unknown at first");
        for tenth in 1..=20u64 {
            reporter.sent(tenth * 100, after(tenth as f64 / 10.0));
        }
        let progress = *receiver.borrow();
        assert!((990..=1000).contains(&progress.rate), "{progress:?}");
        let eta = progress.eta.unwrap();
        assert!(eta >= after(7.9) && eta <= after(8.2), "{progress:?}");
    }

    #[test]
    fn resumed_bytes_do_not_count_for_the_rate() {
        let mut estimator = RateEstimator::default();
        estimator.reset_position(1_000_000, after(0.0));
        estimator.record(1_000_100, after(1.0));
        assert_eq!(estimator.rate(), 100);
    }
}
