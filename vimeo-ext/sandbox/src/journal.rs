//! What the sandbox was asked, and what it answered.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderMap, Method, header};
use sha2::{Digest, Sha256};

use crate::ids;

/// The side of the sandbox that a request reached. To a client they are two hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Host {
    /// The API, where tokens belong.
    Api,
    /// Where files go by signed links, and where no token belongs.
    Upload,
}

/// One request, in the order of arrival.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct JournalEntry {
    /// Counts from 1 over both hosts.
    pub seq: u64,
    /// The world that the token or the signed link belongs to; `None` when neither told.
    pub world: Option<u64>,
    /// Which host was asked.
    pub host: Host,
    /// The request's method.
    pub method: Method,
    /// The path, without the query.
    pub path: String,
    /// The query as it came, without the question mark; empty when there was none.
    pub query: String,
    /// Vimeo's name of the operation; `None` on the upload host and for unknown paths.
    pub operation: Option<&'static str>,
    /// The status that was answered; `None` while the request runs, and for good when it was cut off without an answer.
    pub status: Option<u16>,
    /// The first eight hexadecimal digits of the token's SHA-256; the token itself is never kept.
    pub token: Option<String>,
    /// The request's headers by lower-case name, but for those that carry secrets.
    pub headers: BTreeMap<String, String>,
    /// Whether an `Authorization` header was sent.
    pub has_authorization: bool,
    /// How many bytes of the request's body arrived.
    pub body_length: u64,
    /// `Upload-Offset` of the answer, on the upload host.
    pub answered_offset: Option<u64>,
    /// The fault that fired on this request.
    pub fault: Option<u64>,
}

impl JournalEntry {
    /// A header of the request by lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// Headers whose values are secrets.
const SECRET: [header::HeaderName; 3] = [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION];

/// The newest entries, up to a number; shared by both hosts.
#[derive(Debug, Clone)]
pub(crate) struct Journal {
    log: Arc<Mutex<Log>>,
}

#[derive(Debug)]
struct Log {
    /// Entries that have left at the old end.
    dropped: u64,
    entries: VecDeque<JournalEntry>,
    keep: usize,
}

impl Journal {
    /// Keeps the newest `keep` entries.
    pub(crate) fn new(keep: usize) -> Self {
        Self { log: Arc::new(Mutex::new(Log { dropped: 0, entries: VecDeque::new(), keep })) }
    }

    pub(crate) fn begin(&self, host: Host, request: &http::request::Parts) -> Line {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let seq = log.dropped + log.entries.len() as u64 + 1;
        let authorization = request.headers.get(header::AUTHORIZATION);
        log.entries.push_back(JournalEntry {
            seq,
            world: None,
            host,
            method: request.method.clone(),
            path: request.uri.path().to_owned(),
            query: request.uri.query().unwrap_or_default().to_owned(),
            operation: None,
            status: None,
            token: bearer(&request.headers).map(fingerprint),
            headers: visible(&request.headers),
            has_authorization: authorization.is_some(),
            body_length: 0,
            answered_offset: None,
            fault: None,
        });
        if log.entries.len() > log.keep {
            log.entries.pop_front();
            log.dropped += 1;
        }
        Line { journal: self.clone(), seq }
    }

    pub(crate) fn entries(&self) -> Vec<JournalEntry> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).entries.iter().cloned().collect()
    }

    pub(crate) fn clear(&self) {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.dropped += log.entries.len() as u64;
        log.entries.clear();
    }
}

/// The entry of a request that is being answered. When the request is cut off, the entry keeps what was written to it.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    journal: Journal,
    seq: u64,
}

impl Line {
    pub(crate) fn seq(&self) -> u64 {
        self.seq
    }

    pub(crate) fn note(&self, write: impl FnOnce(&mut JournalEntry)) {
        let mut log = self.journal.log.lock().unwrap_or_else(PoisonError::into_inner);
        let place = self.seq.checked_sub(log.dropped + 1).and_then(|place| usize::try_from(place).ok());
        if let Some(entry) = place.and_then(|place| log.entries.get_mut(place)) {
            write(entry);
        }
    }
}

/// The token of an `Authorization: bearer …` header.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// What stands for a token where the token itself must not stand.
pub(crate) fn fingerprint(token: &str) -> String {
    let mut digest = ids::hex(&Sha256::digest(token));
    digest.truncate(8);
    digest
}

fn visible(headers: &HeaderMap) -> BTreeMap<String, String> {
    headers
        .iter()
        .filter(|(name, _)| !SECRET.contains(name))
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect()
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
    fn secrets_are_never_kept_and_old_entries_leave() {
        let journal = Journal::new(2);
        let first = journal.begin(Host::Api, &request("/one?a=b"));
        let second = journal.begin(Host::Api, &request("/two"));
        journal.begin(Host::Upload, &request("/three"));
        first.note(|entry| entry.status = Some(200));
        second.note(|entry| entry.status = Some(204));

        let entries = journal.entries();
        assert_eq!(entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(entries[0].status, Some(204));
        assert!(!format!("{entries:?}").contains("fake-token"));
        // What `printf fake-token | sha256sum` begins with.
        assert_eq!(entries[0].token.as_deref(), Some("e1466187"));
        assert!(entries[0].has_authorization);
        assert_eq!(entries[0].header("accept"), Some("text/plain"));

        journal.clear();
        assert_eq!(journal.begin(Host::Api, &request("/four")).seq(), 4);
    }
}
