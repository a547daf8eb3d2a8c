//! An entry of the request log, as it is shown.

use std::collections::BTreeMap;

use http::Method;
use serde::{Deserialize, Serialize};

use super::details::Details;

/// One of the sandbox's two hosts. To a client they are different servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Host {
    /// The API, which takes access tokens.
    Api,
    /// The upload host, which is reached by signed links and takes no access token.
    Upload,
}

/// One request in the request log, in the order of arrival.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct RequestLogEntry {
    /// Counts from 1 over both hosts.
    pub seq: u64,
    /// Counts from 1 within the world; 0 until the world is known. Requests to other worlds do not change it, so the same
    /// script produces the same numbers. `in_world` in JSON.
    #[serde(rename = "in_world")]
    pub world_seq: u64,
    /// The world that the token or the signed link belongs to; `None` if neither identifies one.
    pub world: Option<u64>,
    /// The host that received the request.
    pub host: Host,
    /// The request's method.
    #[serde(serialize_with = "as_text")]
    pub method: Method,
    /// The path, without the query.
    pub path: String,
    /// The query, without the question mark; empty if there was none. Secrets in it are redacted.
    pub query: String,
    /// Vimeo's name of the operation; `None` on the upload host and for unknown paths.
    pub operation: Option<&'static str>,
    /// The response's status; `None` while the request runs, and for good if it was cut off without a response.
    pub status: Option<u16>,
    /// The first eight hexadecimal digits of the token's SHA-256; the token itself is never stored. `token` in JSON.
    #[serde(rename = "token")]
    pub token_fingerprint: Option<String>,
    /// The request's headers by lower-case name, without those that carry secrets.
    pub headers: BTreeMap<String, String>,
    /// Whether an `Authorization` header was sent.
    pub has_authorization: bool,
    /// How many bytes of the request's body arrived.
    pub body_length: u64,
    /// `Upload-Offset` of the response, on the upload host. `answered_offset` in JSON.
    #[serde(rename = "answered_offset")]
    pub response_offset: Option<u64>,
    /// The ID of the fault that hit this request.
    pub fault: Option<u64>,
    /// The closest operation, if the API has no such path or method. `near` in JSON.
    #[serde(rename = "near")]
    pub nearest_operation: Option<String>,
    /// Whether the response came from a recording.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub recorded: bool,
    /// Query parameters that the operation does not have; they were ignored.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown_parameters: Vec<String>,
    /// Headers and bodies, for people; `None` for entries that are not among the newest.
    #[serde(skip)]
    pub(super) details: Option<Box<Details>>,
}

fn as_text<S: serde::Serializer>(method: &Method, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(method.as_str())
}

impl RequestLogEntry {
    /// Returns the entry as one line of JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Returns the entry as one line of JSON, with headers and bodies of the exchange.
    pub(crate) fn to_detailed_json(&self) -> String {
        #[derive(Serialize)]
        struct Detailed<'a> {
            #[serde(flatten)]
            entry: &'a RequestLogEntry,
            #[serde(flatten)]
            details: Option<&'a Details>,
        }
        let detailed = Detailed { entry: self, details: self.details.as_deref() };
        serde_json::to_string(&detailed).unwrap_or_default()
    }

    /// Returns the entry as one line of JSON, reduced to what the same script in a world of the same seed repeats byte for
    /// byte: without the numbers that other worlds change, and without headers.
    #[must_use]
    pub fn to_stable_json(&self) -> String {
        let mut line = serde_json::to_value(self).unwrap_or_default();
        if let Some(members) = line.as_object_mut() {
            let has_fault = self.fault.is_some();
            members.retain(|name, _| !matches!(name.as_str(), "seq" | "headers"));
            members.insert("fault".to_owned(), has_fault.into());
        }
        line.to_string()
    }

    /// Returns a header of the request by its lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}
