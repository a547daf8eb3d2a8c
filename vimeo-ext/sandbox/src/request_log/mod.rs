//! The request log: every request that the sandbox received, and how it responded.
//!
//! Requests are stored as they came, except for their tokens, because redacting them takes longer than many a request. Only
//! [`RequestLogEntry`] leaves this module, and its secrets are redacted.

mod details;
mod entry;
mod headers;
mod redaction;
pub(crate) mod verify;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::protocol::ids;
use details::StoredDetails;
use headers::StoredHeaders;
use redaction::redact;

pub use entry::{Host, RequestLogEntry};
#[cfg(feature = "record")]
pub(crate) use redaction::is_secret_name;

/// An entry as it is stored. It is shown, also by [`fmt::Debug`], only as a [`RequestLogEntry`].
#[derive(Clone)]
struct StoredEntry {
    /// Without the query, the headers and the details.
    entry: RequestLogEntry,
    query: Box<str>,
    headers: StoredHeaders,
    /// `None` for entries that are not among the newest.
    details: Option<Box<StoredDetails>>,
    /// Whether the response was sent, or never will be.
    is_finished: bool,
    /// The log's revision when the entry was last changed.
    revision: u64,
}

impl fmt::Debug for StoredEntry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.show().fmt(formatter)
    }
}

impl StoredEntry {
    /// The entry with redacted secrets, without details.
    fn show(&self) -> RequestLogEntry {
        RequestLogEntry { query: redact(&self.query), headers: self.headers.show(), ..self.entry.clone() }
    }

    /// The entry with redacted secrets.
    fn show_with_details(&self) -> RequestLogEntry {
        let details = self.details.as_ref().map(|details| Box::new(details.show()));
        RequestLogEntry { details, ..self.show() }
    }

    /// The number of bytes of text in the entry. Only the details change it after the request has arrived.
    fn text_bytes(&self) -> usize {
        let details = self.details.as_ref().map_or(0, |details| details.text_bytes());
        self.entry.path.len() + self.query.len() + self.headers.text_bytes() + details
    }
}

/// Limits the text of all entries together. The headers of one request can be hundreds of kilobytes.
const MAX_TEXT_BYTES: usize = 64 * 1024 * 1024;

/// How many of the newest entries have details.
const MAX_DETAILED_ENTRIES: usize = 500;

/// How many can wait for changes at a time: each may receive all of them.
pub(crate) const MAX_SUBSCRIBERS: usize = 32;

/// The newest entries, up to a number and a size; both hosts share it.
#[derive(Debug, Clone)]
pub(crate) struct RequestLog {
    inner: Arc<Mutex<Inner>>,
    /// The revision after the latest change.
    revisions: watch::Sender<u64>,
    subscribers: Arc<Semaphore>,
}

/// Waits for changes of the log.
#[derive(Debug)]
pub(crate) struct ChangeReceiver {
    revisions: watch::Receiver<u64>,
    _permit: OwnedSemaphorePermit,
}

impl ChangeReceiver {
    /// Waits for a change since the last call of [`mark_seen`](Self::mark_seen). Pending forever once there is no log.
    pub(crate) async fn changed(&mut self) {
        if self.revisions.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    pub(crate) fn mark_seen(&mut self) {
        self.revisions.borrow_and_update();
    }
}

/// A point in the history of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Changes {
    revision: u64,
    /// How often entries were removed on request.
    pub(crate) removals: u64,
}

#[derive(Debug)]
struct Inner {
    /// How many of the oldest entries have been dropped.
    dropped: u64,
    /// `None` in place of an entry that was removed.
    entries: VecDeque<Option<StoredEntry>>,
    max_entries: usize,
    /// The bytes of text in all entries.
    text_bytes: usize,
    max_text_bytes: usize,
    /// The last `world_seq` of each world.
    world_seqs: HashMap<u64, u64>,
    now: Changes,
}

impl Inner {
    fn next_revision(&mut self) -> u64 {
        self.now.revision += 1;
        self.now.revision
    }

    /// Drops the details of the entry that has just left the newest.
    fn drop_details(&mut self) {
        let index = self.entries.len().checked_sub(MAX_DETAILED_ENTRIES + 1);
        let entry = index.and_then(|index| self.entries.get_mut(index)?.as_mut());
        if let Some(details) = entry.and_then(|entry| entry.details.take()) {
            self.text_bytes -= details.text_bytes();
        }
    }

    fn enforce_limits(&mut self) {
        while self.entries.len() > self.max_entries.max(1)
            || (self.text_bytes > self.max_text_bytes && self.entries.len() > 1)
        {
            self.drop_oldest();
        }
    }

    fn entry_mut(&mut self, seq: u64) -> Option<&mut StoredEntry> {
        let index = usize::try_from(seq.checked_sub(self.dropped + 1)?).ok()?;
        self.entries.get_mut(index)?.as_mut()
    }

    fn drop_oldest(&mut self) {
        if let Some(entry) = self.entries.pop_front() {
            self.dropped += 1;
            self.text_bytes -= entry.map_or(0, |entry| entry.text_bytes());
        }
    }
}

impl RequestLog {
    /// A log of the newest `max_entries` requests.
    pub(crate) fn new(max_entries: usize) -> Self {
        Self::with_limits(max_entries, MAX_TEXT_BYTES)
    }

    fn with_limits(max_entries: usize, max_text_bytes: usize) -> Self {
        let (entries, world_seqs) = (VecDeque::new(), HashMap::new());
        let now = Changes { revision: 0, removals: 0 };
        let inner =
            Inner { dropped: 0, entries, max_entries, text_bytes: 0, max_text_bytes, world_seqs, now };
        Self {
            inner: Arc::new(Mutex::new(inner)),
            revisions: watch::Sender::new(0),
            subscribers: Arc::new(Semaphore::new(MAX_SUBSCRIBERS)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an entry for a request that has just arrived.
    pub(crate) fn begin(&self, host: Host, request: &http::request::Parts) -> EntryHandle {
        let entry = RequestLogEntry {
            seq: 0,
            world_seq: 0,
            world: None,
            host,
            method: request.method.clone(),
            path: request.uri.path().to_owned(),
            query: String::new(),
            operation: None,
            status: None,
            token_fingerprint: bearer(&request.headers).map(fingerprint),
            headers: BTreeMap::new(),
            has_authorization: request.headers.contains_key(header::AUTHORIZATION),
            body_length: 0,
            response_offset: None,
            fault: None,
            nearest_operation: None,
            recorded: false,
            unknown_parameters: Vec::new(),
            details: None,
        };
        let mut stored = StoredEntry {
            entry,
            query: request.uri.query().unwrap_or_default().into(),
            headers: StoredHeaders::of(&request.headers),
            details: Some(Box::default()),
            is_finished: false,
            revision: 0,
        };
        let mut log = self.lock();
        let seq = log.dropped + log.entries.len() as u64 + 1;
        (stored.entry.seq, stored.revision) = (seq, log.next_revision());
        log.text_bytes += stored.text_bytes();
        log.entries.push_back(Some(stored));
        log.drop_details();
        log.enforce_limits();
        self.announce(&log);
        drop(log);
        EntryHandle { log: self.clone(), seq }
    }

    fn announce(&self, log: &Inner) {
        // Who subscribes reads the log afterwards.
        if self.revisions.receiver_count() > 0 {
            self.revisions.send_replace(log.now.revision);
        }
    }

    /// Reports each change from now on; `None` if there are [`MAX_SUBSCRIBERS`] already.
    pub(crate) fn subscribe(&self) -> Option<ChangeReceiver> {
        let permit = Arc::clone(&self.subscribers).try_acquire_owned().ok()?;
        Some(ChangeReceiver { revisions: self.revisions.subscribe(), _permit: permit })
    }

    /// The entries of a world that are new or have changed since then, in the order of arrival, and the present. Entries of no
    /// world are among them once they are finished: before, they can be of any world. At the beginning, and if entries were
    /// removed since then: the newest entries, which have details.
    pub(crate) fn changed_since(&self, then: Option<Changes>, world: u64) -> (Vec<RequestLogEntry>, Changes) {
        let log = self.lock();
        let then = then.filter(|then| then.removals == log.now.removals);
        let (revision, limit) = then.map_or((0, MAX_DETAILED_ENTRIES), |then| (then.revision, usize::MAX));
        let is_of_world = |stored: &StoredEntry| match stored.entry.world {
            Some(own) => own == world,
            None => stored.is_finished,
        };
        let newest_first = log.entries.iter().rev().flatten();
        let changed =
            newest_first.filter(|stored| stored.revision > revision && is_of_world(stored)).take(limit);
        let changed: Vec<StoredEntry> = changed.cloned().collect();
        let now = log.now;
        drop(log);
        (changed.iter().rev().map(StoredEntry::show_with_details).collect(), now)
    }

    pub(crate) fn entries(&self) -> Vec<RequestLogEntry> {
        let without_details = |stored: &StoredEntry| StoredEntry { details: None, ..stored.clone() };
        let stored: Vec<StoredEntry> = self.lock().entries.iter().flatten().map(without_details).collect();
        stored.iter().map(StoredEntry::show).collect()
    }

    /// Removes all entries; `seq` continues.
    pub(crate) fn clear(&self) {
        let mut log = self.lock();
        log.dropped += log.entries.len() as u64;
        log.entries.clear();
        log.text_bytes = 0;
        log.now.removals += 1;
        log.next_revision();
        self.announce(&log);
    }

    /// Removes the entries of a world, and restarts its `world_seq`.
    pub(crate) fn remove_world(&self, world: u64) {
        let mut log = self.lock();
        log.world_seqs.remove(&world);
        let mut removed_bytes = 0;
        for entry in &mut log.entries {
            if let Some(removed) = entry.take_if(|stored| stored.entry.world == Some(world)) {
                removed_bytes += removed.text_bytes();
            }
        }
        log.text_bytes -= removed_bytes;
        log.now.removals += 1;
        log.next_revision();
        self.announce(&log);
    }
}

/// Updates the entry of a request that is in progress. If the request is cut off, the entry keeps what was recorded so far.
/// Dropping it finishes the entry.
#[derive(Debug)]
pub(crate) struct EntryHandle {
    log: RequestLog,
    seq: u64,
}

impl Drop for EntryHandle {
    fn drop(&mut self) {
        self.update_stored(|stored| {
            stored.is_finished = true;
            // Others are visible already.
            stored.entry.world.is_none()
        });
    }
}

impl EntryHandle {
    pub(crate) fn seq(&self) -> u64 {
        self.seq
    }

    /// Records the request's world. Recording the same world again changes nothing.
    pub(crate) fn set_world(&self, world: u64) {
        let mut log = self.log.lock();
        if log.entry_mut(self.seq).is_some_and(|stored| stored.entry.world == Some(world)) {
            return;
        }
        let number = log.world_seqs.entry(world).or_default();
        *number += 1;
        let number = *number;
        let revision = log.next_revision();
        if let Some(stored) = log.entry_mut(self.seq) {
            (stored.entry.world, stored.entry.world_seq) = (Some(world), number);
            stored.revision = revision;
        }
        self.log.announce(&log);
    }

    pub(crate) fn update(&self, change: impl FnOnce(&mut RequestLogEntry)) {
        self.update_stored(|stored| {
            change(&mut stored.entry);
            true
        });
    }

    /// Records the beginning of the request's body.
    pub(crate) fn set_request_body(&self, headers: &HeaderMap, body: &Bytes) {
        if !body.is_empty() {
            self.update_stored(|stored| {
                stored.details.as_mut().is_some_and(|details| details.set_request_body(headers, body))
            });
        }
    }

    /// Records the response's headers and the beginning of its body.
    pub(crate) fn set_response(&self, headers: &HeaderMap, body: &Bytes) {
        self.update_stored(|stored| {
            stored.details.as_mut().is_some_and(|details| details.set_response(headers, body))
        });
    }

    /// Changes the entry, unless it was dropped or removed; `change` returns whether anything visible changed.
    fn update_stored(&self, change: impl FnOnce(&mut StoredEntry) -> bool) {
        let mut log = self.log.lock();
        let revision = log.now.revision + 1;
        let Some(stored) = log.entry_mut(self.seq) else { return };
        let before = stored.details.as_ref().map_or(0, |details| details.text_bytes());
        if !change(stored) {
            return;
        }
        stored.revision = revision;
        let after = stored.details.as_ref().map_or(0, |details| details.text_bytes());
        log.now.revision = revision;
        if after != before {
            log.text_bytes = (log.text_bytes + after).saturating_sub(before);
            log.enforce_limits();
        }
        self.log.announce(&log);
    }
}

/// The token of an `Authorization: bearer …` header.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// Identifies a token in logs and errors without revealing it: the first eight hexadecimal digits of its SHA-256.
pub(crate) fn fingerprint(token: &str) -> String {
    let mut digest = ids::hex(&Sha256::digest(token));
    digest.truncate(8);
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(path: &str) -> http::request::Parts {
        let request = http::Request::builder()
            .uri(path)
            .header("authorization", "bearer fake-token")
            .header("accept", "text/plain")
            .body(())
            .unwrap();
        request.into_parts().0
    }

    #[test]
    fn redacts_secrets_and_drops_oldest_entries() {
        let log = RequestLog::new(2);
        let first = log.begin(Host::Api, &request("/one?a=b"));
        let second = log.begin(Host::Api, &request("/two"));
        log.begin(Host::Upload, &request("/three"));
        first.update(|entry| entry.status = Some(200));
        second.update(|entry| entry.status = Some(204));

        let entries = log.entries();
        assert_eq!(entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(entries[0].status, Some(204));
        assert!(!format!("{entries:?}").contains("fake-token"));
        // The first digits of `printf fake-token | sha256sum`.
        assert_eq!(entries[0].token_fingerprint.as_deref(), Some("e1466187"));
        assert!(entries[0].has_authorization);
        assert_eq!(entries[0].header("accept"), Some("text/plain"));
        assert!(!format!("{log:?}").contains("fake-token"));

        second.set_world(7);
        let query =
            "a=b&sig=fake-signature&code=fake&Access%5FToken=fake&refresh_token=fake&encode=x&design=y";
        let shown =
            "a=b&sig=REDACTED&code=REDACTED&Access%5FToken=REDACTED&refresh_token=REDACTED&encode=x&design=y";
        assert_eq!(redact(query), shown);
        log.remove_world(7);
        assert_eq!(log.entries().len(), 1);

        log.clear();
        assert_eq!(log.begin(Host::Api, &request("/four")).seq(), 4);
    }

    #[test]
    fn lists_changes_and_after_a_removal_the_newest_entries() {
        let log = RequestLog::new(10);
        let paths = |entries: &[RequestLogEntry]| {
            entries.iter().map(|entry| entry.path.clone()).collect::<Vec<_>>().join(" ")
        };
        log.begin(Host::Api, &request("/one")).set_world(1);
        log.begin(Host::Api, &request("/two")).set_world(2);
        let (entries, then) = log.changed_since(None, 1);
        assert_eq!(paths(&entries), "/one");
        let third = log.begin(Host::Api, &request("/three"));
        let (entries, then) = log.changed_since(Some(then), 1);
        assert!(entries.is_empty(), "it can still be of another world");
        drop(third);
        let (entries, then) = log.changed_since(Some(then), 1);
        assert_eq!(paths(&entries), "/three");
        log.remove_world(2);
        let (entries, then) = log.changed_since(Some(then), 1);
        assert_eq!(paths(&entries), "/one /three");
        assert!(log.changed_since(Some(then), 1).0.is_empty());

        let log = RequestLog::new(MAX_DETAILED_ENTRIES + 2);
        for number in 0..MAX_DETAILED_ENTRIES + 2 {
            log.begin(Host::Api, &request(&format!("/{number}")));
        }
        let (entries, _) = log.changed_since(None, 1);
        assert_eq!((entries.len(), entries[0].path.as_str()), (MAX_DETAILED_ENTRIES, "/2"));
    }

    #[test]
    fn no_view_shows_secrets() {
        let log = RequestLog::new(10);
        let request = http::Request::builder()
            .method("POST")
            .uri("/oauth?code=fake-1&page=2")
            .header("authorization", "basic fake-2")
            .header("cookie", "session=fake-3")
            .header("x-api-key", "fake-4")
            .header("content-type", "application/json")
            .body(())
            .unwrap();
        let (parts, ()) = request.into_parts();
        let handle = log.begin(Host::Api, &parts);
        handle.set_request_body(&parts.headers, &Bytes::from(r#"{"password":"fake-5","name":"shown"}"#));
        let mut headers = HeaderMap::new();
        headers.insert("set-cookie", "session=fake-6".parse().unwrap());
        headers.insert("content-type", "application/json".parse().unwrap());
        let body = r#"{"access_token":"fake-7","link":"http://u/files/1?sig=fake-8"}"#;
        handle.set_response(&headers, &Bytes::from(body));
        for entry in log.changed_since(None, 1).0.iter().chain(&log.entries()) {
            assert!(!entry.to_json().contains("fake-"), "{}", entry.to_json());
        }
        let debug = format!("{handle:?} {log:?} {:?}", log.entries());
        assert!(!debug.contains("fake-") && debug.contains("page=2"), "{debug}");
        drop(handle);
        let (entries, _) = log.changed_since(None, 1);
        let detailed = entries[0].to_detailed_json();
        assert!(!detailed.contains("fake-") && detailed.contains("shown"), "{detailed}");
        assert!(!format!("{entries:?}").contains("fake-"));
    }

    #[test]
    fn large_entries_evict_several() {
        let log = RequestLog::with_limits(100, 200);
        let paths = || log.entries().iter().map(|entry| entry.path.clone()).collect::<Vec<_>>();
        let begin = |path: &str| log.begin(Host::Api, &request(path));
        for path in ["/one", "/two", "/three"] {
            begin(path);
        }
        assert_eq!(paths(), ["/one", "/two", "/three"]);
        let long = format!("/{}", "x".repeat(150));
        begin(&long);
        assert_eq!(paths(), ["/three".to_owned(), long.clone()]);
        // An entry over the limit stays until the next request.
        begin(&long.repeat(3));
        assert_eq!(log.entries().len(), 1);
        begin("/five").set_world(3);
        log.remove_world(3);
        begin("/six").set_world(3);
        assert_eq!(paths(), ["/six"]);
        assert_eq!(log.entries()[0].seq, 7);
    }
}
