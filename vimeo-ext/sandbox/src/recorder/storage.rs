//! The exchanges that were recorded so far.

use std::collections::BTreeMap;

use super::Recording;
use crate::recording::redaction::Redactor;
use crate::recording::{self, RecordingEntry};

/// The sandbox reads fixtures up to this size.
pub(super) const MAX_RECORDING_BYTES: usize = 16 * 1024 * 1024;

/// The exchanges so far. Not `Debug`: the redactor holds the originals.
pub(super) struct Storage {
    redactor: Redactor,
    /// One line per exchange, by the order of arrival.
    lines: BTreeMap<u64, String>,
    bytes: usize,
    max_bytes: usize,
    left_out: usize,
    failed: usize,
}

impl Storage {
    pub(super) fn new(redactor: Redactor, max_bytes: usize) -> Self {
        let bytes = recording::header_line().len();
        Self { redactor, lines: BTreeMap::new(), bytes, max_bytes, left_out: 0, failed: 0 }
    }

    /// Redacts an exchange and stores it, unless the recording is full. Then it is not redacted either, because the redactor
    /// would grow without bound.
    pub(super) fn add(&mut self, seq: u64, redact: impl FnOnce(&mut Redactor) -> RecordingEntry) {
        // An exchange that fits after one that does not would make a sequence with a gap.
        if self.left_out > 0 {
            self.left_out += 1;
            return;
        }
        let Ok(mut line) = serde_json::to_string(&redact(&mut self.redactor)) else {
            self.left_out += 1;
            return;
        };
        line.push('\n');
        if self.bytes + line.len() > self.max_bytes {
            self.left_out += 1;
            return;
        }
        self.bytes += line.len();
        self.lines.insert(seq, line);
    }

    /// Counts a request without a complete response.
    pub(super) fn fail(&mut self) {
        self.failed += 1;
    }

    pub(super) fn recording(&self) -> Recording {
        let fixture = self.lines.values().fold(recording::header_line(), |text, line| text + line);
        Recording { fixture, exchanges: self.lines.len(), left_out: self.left_out, failed: self.failed }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use url::Url;

    use super::*;
    use crate::recording::{RequestRecord, ResponseRecord};
    use crate::request_log::Host;

    #[test]
    fn stores_in_order_of_arrival_until_full() {
        let entry = |path: &str| RecordingEntry {
            request: RequestRecord {
                host: Host::Api,
                method: "GET".to_owned(),
                path: path.to_owned(),
                query: String::new(),
                replaced: Vec::new(),
                authorization: None,
                body: None,
            },
            response: ResponseRecord {
                status: 200,
                headers: BTreeMap::new(),
                body: None,
                omitted_bytes: None,
            },
        };
        let redactor = Redactor::new(Url::parse("https://api.vimeo.com").unwrap());
        let mut storage = Storage::new(redactor, 300);
        storage.add(2, |_| entry("/two"));
        storage.add(1, |_| entry("/one"));
        storage.add(3, |_| entry(&"/three".repeat(60)));
        storage.add(4, |_| unreachable!("the recording is full"));
        storage.fail();
        let recording = storage.recording();
        assert_eq!((recording.exchanges, recording.left_out, recording.failed), (2, 2, 1));
        let paths: Vec<String> = recording::parse(&recording.fixture)
            .unwrap()
            .into_iter()
            .map(|entry| entry.request.path)
            .collect();
        assert_eq!(paths, ["/one", "/two"]);
        assert!(recording.fixture.len() <= 300);
    }
}
