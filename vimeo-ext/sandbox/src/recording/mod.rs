//! Recordings: exchanges with a real API, stored as a fixture and played by a sandbox.
//!
//! # Design
//!
//! A recorder (`crate::recorder`, the command `record`) is a proxy between a client and the API. It stores each exchange
//! here; [`playback`] finds the responses again.
//!
//! - **The file** is JSON lines. The first line is `{"vimeo_sandbox_recording":1}`, the version of the format. Each further
//!   line is one [`RecordingEntry`], in the order in which the requests arrived.
//! - **Redaction** happens before an exchange is stored, so a recording never contains what it redacts. It walks the JSON
//!   with the types of the API description. Only values that cannot be private are stored as they are: booleans, numbers,
//!   times, values of the description's enums, names of fields. Every other text is replaced, whatever its member is called.
//!   The same text has the same replacement everywhere in a recording, and the same replacements result from the same
//!   exchanges in the same order.
//! - **Numeric IDs** are replaced in the same way, in URIs, in links and in members such as `id` and `user_id`, because
//!   the ID of a user or of a video leads to a public page with the name that the recording leaves out. A client under test
//!   has to read IDs from responses.
//! - **Request bodies** are stored as their shape: member names and types. **Uploads** are stored as their size and, from
//!   1 KiB on, their SHA-256. Shorter bodies have no hash, because it could be reversed.
//! - **Playing**: a request gets the responses that were recorded for the same method, path and query, in order; the last
//!   one repeats. A parameter whose value was replaced matches any value. The sandbox itself responds to all other requests.
//!   A request without a bearer token only gets responses that were recorded without one.
//!
//! What is left out: the texts of errors, the form of uploads by form, bodies that are not JSON, all headers but those in
//! `redaction::headers`, and `Set-Cookie` in any case.

pub(crate) mod playback;
#[cfg(feature = "record")]
pub(crate) mod redaction;

use std::collections::BTreeMap;

use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::request_log::Host;

/// The version of the format that this release writes, and the only one that it reads.
const VERSION: u64 = 1;

/// The base of the API in recorded links, without a trailing slash. Playback replaces it with the sandbox's address. The
/// domain `invalid` never resolves.
pub(crate) const API_BASE: &str = "http://api.recording.invalid";

/// The beginning of recorded upload links; a number follows. Playback replaces it with the address of the sandbox's upload
/// host.
pub(crate) const UPLOAD_BASE: &str = "http://upload.recording.invalid/recorded/";

/// The beginning of the paths of recorded upload links.
pub(crate) const UPLOAD_ROOT: &str = "/recorded/";

/// Headers that the sandbox's HTTP server sets itself.
const FRAMING_HEADERS: [&str; 4] = ["connection", "content-length", "transfer-encoding", "upgrade"];

/// One exchange.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordingEntry {
    pub(crate) request: RequestRecord,
    pub(crate) response: ResponseRecord,
}

/// A request of a recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestRecord {
    pub(crate) host: Host,
    pub(crate) method: String,
    pub(crate) path: String,
    /// The query, without the question mark.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) query: String,
    /// The names of query parameters whose value was replaced; they match any value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) replaced: Vec<String>,
    /// The scheme of `Authorization`, in lower case; `None` if the header was not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) authorization: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<BodyRecord>,
}

/// What is stored of the body of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BodyRecord {
    pub(crate) bytes: u64,
    /// The SHA-256 of an upload, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sha256: Option<String>,
    /// The body of an API request, with types in place of values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shape: Option<Value>,
}

/// A response of a recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResponseRecord {
    pub(crate) status: u16,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) headers: BTreeMap<String, String>,
    /// The JSON body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<Value>,
    /// The size of a body that is not JSON and was therefore not stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) omitted_bytes: Option<u64>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    vimeo_sandbox_recording: u64,
}

/// Why a recording cannot be read, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecordingError {
    /// The line in the file, starting at 1.
    pub(crate) line: usize,
    pub(crate) message: String,
}

/// Returns whether the text of a fixture file is a recording; a TOML document cannot begin like this.
#[cfg(feature = "cli")]
pub(crate) fn is_recording(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

/// Returns the first line of a recording, with its line break.
#[cfg(feature = "record")]
pub(crate) fn header_line() -> String {
    let line = serde_json::to_string(&Header { vimeo_sandbox_recording: VERSION });
    line.unwrap_or_default() + "\n"
}

/// Parses a recording.
pub(crate) fn parse(text: &str) -> Result<Vec<RecordingEntry>, RecordingError> {
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let error = |index: usize, message: String| RecordingError { line: index + 1, message };
    let (index, first) = lines.next().ok_or_else(|| error(0, "the recording is empty".to_owned()))?;
    let header: Header = serde_json::from_str(first)
        .map_err(|_| error(index, "the first line is not that of a recording".to_owned()))?;
    if header.vimeo_sandbox_recording != VERSION {
        let version = header.vimeo_sandbox_recording;
        return Err(error(
            index,
            format!("the recording has version {version}, but this release reads version {VERSION} only"),
        ));
    }
    lines
        .map(|(index, line)| {
            let entry: RecordingEntry =
                serde_json::from_str(line).map_err(|reason| error(index, reason.to_string()))?;
            match entry.invalid() {
                Some(reason) => Err(error(index, reason)),
                None => Ok(entry),
            }
        })
        .collect()
}

impl RecordingEntry {
    /// Returns why the entry cannot be played, if it cannot.
    fn invalid(&self) -> Option<String> {
        let RequestRecord { method, path, .. } = &self.request;
        if method.parse::<Method>().is_err() {
            return Some(format!("\"{method}\" is not a method"));
        }
        if !path.starts_with('/') {
            return Some(format!("the path \"{path}\" does not begin with a slash"));
        }
        let status = self.response.status;
        if !(200..=599).contains(&status) || StatusCode::from_u16(status).is_err() {
            return Some(format!("{status} is not the status of a response"));
        }
        self.response.headers.iter().find_map(|(name, value)| {
            let is_framing = FRAMING_HEADERS.iter().any(|framing| name.eq_ignore_ascii_case(framing));
            let is_valid =
                !is_framing && HeaderName::try_from(name).is_ok() && HeaderValue::try_from(value).is_ok();
            (!is_valid).then(|| format!("the header \"{name}\" cannot be sent"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = r#"{"vimeo_sandbox_recording":1}"#;

    #[test]
    fn reads_entries_after_the_header() {
        let text = format!(
            "{HEADER}\n{}\n\n",
            r#"{"request":{"host":"api","method":"GET","path":"/me"},"response":{"status":200,"body":{"a":1}}}"#
        );
        let entries = parse(&text).unwrap();
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].response.body, Some(serde_json::json!({"a": 1})));
        let line = serde_json::to_string(&entries[0]).unwrap();
        assert_eq!(text.lines().nth(1), Some(line.as_str()));
    }

    #[test]
    fn invalid_recordings_name_the_line() {
        let entry = |request: &str, response: &str| {
            format!("{HEADER}\n{{\"request\":{{{request}}},\"response\":{{{response}}}}}")
        };
        let get = r#""host":"api","method":"GET","path":"/me""#;
        for (text, line, message) in [
            (String::new(), 1, "empty"),
            ("[]".to_owned(), 1, "first line"),
            (r#"{"vimeo_sandbox_recording":2}"#.to_owned(), 1, "version 2"),
            (format!("{HEADER}\nx"), 2, "expected value"),
            (entry(r#""host":"api","method":"G T","path":"/me""#, r#""status":200"#), 2, "not a method"),
            (entry(r#""host":"api","method":"GET","path":"me""#, r#""status":200"#), 2, "slash"),
            (entry(get, r#""status":101"#), 2, "101"),
            (entry(get, r#""status":1000"#), 2, "1000"),
            (entry(get, r#""status":200,"headers":{"a b":"c"}"#), 2, "a b"),
            (entry(get, r#""status":200,"headers":{"Content-Length":"9"}"#), 2, "Content-Length"),
            (entry(get, r#""status":200,"surprise":1"#), 2, "surprise"),
        ] {
            let error = parse(&text).unwrap_err();
            assert_eq!(error.line, line, "{text}");
            assert!(error.message.contains(message), "{}", error.message);
        }
    }
}
