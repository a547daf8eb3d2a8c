//! What the sandbox was asked, and what it answered.

pub(crate) mod verify;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderMap, Method, header};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::protocol::ids;

/// The side of the sandbox that a request reached. To a client they are two hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Host {
    /// The API, where tokens belong.
    Api,
    /// Where files go by signed links, and where no token belongs.
    Upload,
}

/// One request, in the order of arrival.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct JournalEntry {
    /// Counts from 1 over both hosts.
    pub seq: u64,
    /// Counts from 1 in its world; 0 while no world is known. Other worlds do not move it, so the same script gives the
    /// same numbers.
    pub in_world: u64,
    /// The world that the token or the signed link belongs to; `None` when neither told.
    pub world: Option<u64>,
    /// Which host was asked.
    pub host: Host,
    /// The request's method.
    #[serde(serialize_with = "as_text")]
    pub method: Method,
    /// The path, without the query.
    pub path: String,
    /// The query, without the question mark; empty when there was none. What is secret in it is masked.
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
    /// For a path or method that the API does not have: the closest operation that it has.
    pub near: Option<String>,
    /// The names of the query's parameters that the operation does not have; they were passed over.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown_parameters: Vec<String>,
}

fn as_text<S: serde::Serializer>(method: &Method, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(method.as_str())
}

/// What the names of headers and parameters are made of whose values open something.
const SECRET_WORDS: [&str; 10] =
    ["auth", "code", "cookie", "key", "passphrase", "password", "secret", "sig", "signature", "token"];

/// Whether a name is that of a secret: `access_token`, `X-Api-Key`. Words are parted as in either.
fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let mut words = name.split(|sign: char| !sign.is_ascii_alphanumeric());
    name == "state" || name.contains("authorization") || words.any(|word| SECRET_WORDS.contains(&word))
}

/// The query with its secrets masked.
fn masked(query: &str) -> String {
    let mask = |pair: &str| match pair.split_once('=') {
        Some((name, _)) if is_secret_name(&percent_decode_str(name).decode_utf8_lossy()) => {
            format!("{name}=REDACTED")
        }
        _ => pair.to_owned(),
    };
    query.split('&').map(mask).collect::<Vec<_>>().join("&")
}

impl Log {
    fn drop_oldest(&mut self) {
        if let Some(entry) = self.entries.pop_front() {
            self.dropped += 1;
            self.text -= entry.map_or(0, |entry| entry.text());
        }
    }
}

impl JournalEntry {
    /// How many bytes of text came with the request. It does not change afterwards.
    fn text(&self) -> usize {
        let headers = self.headers.iter().map(|(name, value)| name.len() + value.len());
        self.path.len() + self.query.len() + headers.sum::<usize>()
    }

    /// The entry as one line of JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The entry as one line of JSON with only what the same script in a world of the same seed repeats byte for byte:
    /// without the numbers that other worlds move, and without headers.
    #[must_use]
    pub fn to_stable_json(&self) -> String {
        let mut line = serde_json::to_value(self).unwrap_or_default();
        if let Some(members) = line.as_object_mut() {
            let faulty = self.fault.is_some();
            members.retain(|name, _| !matches!(name.as_str(), "seq" | "headers"));
            members.insert("fault".to_owned(), faulty.into());
        }
        line.to_string()
    }

    /// A header of the request by lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// How many bytes of text the entries may hold together. The headers of one request can be hundreds of kilobytes.
const MAX_TEXT_BYTES: usize = 64 * 1024 * 1024;

/// The newest entries, up to a number and a size; shared by both hosts.
#[derive(Debug, Clone)]
pub(crate) struct Journal {
    log: Arc<Mutex<Log>>,
}

#[derive(Debug)]
struct Log {
    /// Entries that have left at the old end.
    dropped: u64,
    /// `None` where an entry was taken out.
    entries: VecDeque<Option<JournalEntry>>,
    keep: usize,
    /// How many bytes of text the entries held when they began.
    text: usize,
    most_text: usize,
    /// The last number given in each world.
    in_world: HashMap<u64, u64>,
}

impl Journal {
    /// Keeps the newest `keep` entries.
    pub(crate) fn new(keep: usize) -> Self {
        Self::with_text(keep, MAX_TEXT_BYTES)
    }

    fn with_text(keep: usize, most_text: usize) -> Self {
        let (entries, in_world) = (VecDeque::new(), HashMap::new());
        let log = Log { dropped: 0, entries, keep, text: 0, most_text, in_world };
        Self { log: Arc::new(Mutex::new(log)) }
    }

    pub(crate) fn begin(&self, host: Host, request: &http::request::Parts) -> Line {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let seq = log.dropped + log.entries.len() as u64 + 1;
        let authorization = request.headers.get(header::AUTHORIZATION);
        let entry = JournalEntry {
            seq,
            in_world: 0,
            world: None,
            host,
            method: request.method.clone(),
            path: request.uri.path().to_owned(),
            query: masked(request.uri.query().unwrap_or_default()),
            operation: None,
            status: None,
            token: bearer(&request.headers).map(fingerprint),
            headers: visible(&request.headers),
            has_authorization: authorization.is_some(),
            body_length: 0,
            answered_offset: None,
            fault: None,
            near: None,
            unknown_parameters: Vec::new(),
        };
        log.text += entry.text();
        log.entries.push_back(Some(entry));
        while log.entries.len() > log.keep.max(1) || (log.text > log.most_text && log.entries.len() > 1) {
            log.drop_oldest();
        }
        Line { journal: self.clone(), seq }
    }

    pub(crate) fn entries(&self) -> Vec<JournalEntry> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).entries.iter().flatten().cloned().collect()
    }

    pub(crate) fn clear(&self) {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.dropped += log.entries.len() as u64;
        log.entries.clear();
        log.text = 0;
    }

    /// Takes out what belongs to a world, and counts anew in it.
    pub(crate) fn forget(&self, world: u64) {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.in_world.remove(&world);
        let mut text = 0;
        for entry in &mut log.entries {
            if let Some(gone) = entry.take_if(|entry| entry.world == Some(world)) {
                text += gone.text();
            }
        }
        log.text -= text;
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

    /// Says in which world the request is; a second time changes nothing.
    pub(crate) fn in_world(&self, world: u64) {
        let mut known = false;
        self.note(|entry| known = entry.world == Some(world));
        if known {
            return;
        }
        let number = {
            let mut log = self.journal.log.lock().unwrap_or_else(PoisonError::into_inner);
            let number = log.in_world.entry(world).or_default();
            *number += 1;
            *number
        };
        self.note(|entry| (entry.world, entry.in_world) = (Some(world), number));
    }

    pub(crate) fn note(&self, write: impl FnOnce(&mut JournalEntry)) {
        let mut log = self.journal.log.lock().unwrap_or_else(PoisonError::into_inner);
        let place = self.seq.checked_sub(log.dropped + 1).and_then(|place| usize::try_from(place).ok());
        if let Some(entry) = place.and_then(|place| log.entries.get_mut(place)?.as_mut()) {
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
        .filter(|(name, _)| !is_secret_name(name.as_str()))
        .map(|(name, value)| {
            let text = String::from_utf8_lossy(value.as_bytes());
            // The address of the page before can have a secret in its query.
            let text = match (*name == header::REFERER, text.split_once('?')) {
                (true, Some((page, query))) => format!("{page}?{}", masked(query)),
                _ => text.into_owned(),
            };
            (name.as_str().to_owned(), text)
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

        second.in_world(7);
        let query =
            "a=b&sig=fake-signature&code=fake&Access%5FToken=fake&refresh_token=fake&encode=x&design=y";
        let shown =
            "a=b&sig=REDACTED&code=REDACTED&Access%5FToken=REDACTED&refresh_token=REDACTED&encode=x&design=y";
        assert_eq!(masked(query), shown);
        journal.forget(7);
        assert_eq!(journal.entries().len(), 1);

        journal.clear();
        assert_eq!(journal.begin(Host::Api, &request("/four")).seq(), 4);
    }

    #[test]
    fn headers_with_secrets_are_left_out() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("x-api-key", "fake"),
            ("x-auth-token", "fake"),
            ("x-goog-signature", "fake"),
            ("x-amz-security-token", "fake"),
            ("x-forwarded-authorization", "fake"),
            ("set-cookie", "fake"),
            ("referer", "http://localhost:3000/back?code=fake&page=2"),
            ("tus-resumable", "1.0.0"),
            ("user-agent", "tokenizer/1"),
            ("accept-encoding", "gzip"),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        let shown = visible(&headers);
        let names: Vec<&str> = shown.keys().map(String::as_str).collect();
        assert_eq!(names, ["accept-encoding", "referer", "tus-resumable", "user-agent"]);
        assert_eq!(shown["referer"], "http://localhost:3000/back?code=REDACTED&page=2");
    }

    #[test]
    fn large_requests_push_out_more_than_one() {
        let journal = Journal::with_text(100, 200);
        let paths = || journal.entries().iter().map(|entry| entry.path.clone()).collect::<Vec<_>>();
        let begin = |path: &str| journal.begin(Host::Api, &request(path));
        for path in ["/one", "/two", "/three"] {
            begin(path);
        }
        assert_eq!(paths(), ["/one", "/two", "/three"]);
        let long = format!("/{}", "x".repeat(150));
        begin(&long);
        assert_eq!(paths(), ["/three".to_owned(), long.clone()]);
        // One that is larger than all may be is still there until the next comes.
        begin(&long.repeat(3));
        assert_eq!(journal.entries().len(), 1);
        begin("/five").in_world(3);
        journal.forget(3);
        begin("/six").in_world(3);
        assert_eq!(paths(), ["/six"]);
        assert_eq!(journal.entries()[0].seq, 7);
    }
}
