//! Finds the recorded response to a request.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::Value;

use super::{API_BASE, RecordingEntry, RequestRecord, ResponseRecord, UPLOAD_BASE};
use crate::protocol::query::Query;
use crate::request_log::Host;

/// The response to a request whose recorded body was not stored.
const OMITTED_BODY: &str = "The recorded body was not stored, because it is not JSON.\n";

/// The responses of a recording, in the order in which they are played.
#[derive(Debug, Default)]
pub(crate) struct Playback {
    by_target: HashMap<(Host, String, String), Vec<RequestGroup>>,
}

/// The responses to requests that are the same.
#[derive(Debug)]
struct RequestGroup {
    /// The query's parameters in order of their names; `None` matches any value.
    parameters: Vec<(String, Option<String>)>,
    has_token: bool,
    responses: Vec<ResponseRecord>,
    next: AtomicUsize,
}

/// What identifies a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestKey<'a> {
    pub(crate) host: Host,
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    /// Whether a bearer token was sent.
    pub(crate) has_token: bool,
}

/// Where links of a played response lead.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlaybackBases<'a> {
    /// The API, without a trailing slash.
    pub(crate) api: &'a str,
    /// The beginning of upload links; the number of the link follows.
    pub(crate) upload: &'a str,
}

impl Playback {
    pub(crate) fn new(entries: Vec<RecordingEntry>) -> Self {
        let mut playback = Self::default();
        for RecordingEntry { request, response } in entries {
            playback.add(&request, response);
        }
        for groups in playback.by_target.values_mut() {
            // Exact values take precedence.
            groups.sort_by_key(|group| group.parameters.iter().filter(|(_, value)| value.is_none()).count());
        }
        playback
    }

    fn add(&mut self, request: &RequestRecord, response: ResponseRecord) {
        let key = (request.host, request.method.clone(), normal_path(&request.path));
        let parameters: Vec<(String, Option<String>)> = sorted_parameters(&request.query)
            .into_iter()
            .map(|(name, value)| {
                let value = (!request.replaced.contains(&name)).then_some(value);
                (name, value)
            })
            .collect();
        let has_token = request.authorization.as_deref() == Some("bearer");
        let groups = self.by_target.entry(key).or_default();
        match groups.iter_mut().find(|group| group.parameters == parameters && group.has_token == has_token) {
            Some(group) => group.responses.push(response),
            None => groups.push(RequestGroup {
                parameters,
                has_token,
                responses: vec![response],
                next: AtomicUsize::new(0),
            }),
        }
    }

    /// Starts again with the first responses.
    pub(crate) fn rewind(&self) {
        self.by_target.values().flatten().for_each(|group| group.next.store(0, Ordering::Relaxed));
    }

    /// Returns the next response to a request; the last one repeats.
    pub(crate) fn next(&self, request: RequestKey<'_>) -> Option<&ResponseRecord> {
        let key = (request.host, request.method.to_owned(), normal_path(request.path));
        let groups = self.by_target.get(&key)?;
        let parameters = sorted_parameters(request.query);
        let group = groups.iter().find(|group| group.matches(request.has_token, &parameters))?;
        let last = group.responses.len().saturating_sub(1);
        let advance = |next: usize| Some(next.saturating_add(1).min(last));
        let place = group.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, advance);
        group.responses.get(place.unwrap_or(last))
    }
}

impl RequestGroup {
    fn matches(&self, has_token: bool, parameters: &[(String, String)]) -> bool {
        self.has_token == has_token
            && self.parameters.len() == parameters.len()
            && self.parameters.iter().zip(parameters).all(|((name, value), (sent_name, sent_value))| {
                name == sent_name && value.as_ref().is_none_or(|value| value == sent_value)
            })
    }
}

/// Returns a path without double and trailing slashes, which the API ignores.
fn normal_path(path: &str) -> String {
    path.split('/').filter(|part| !part.is_empty()).fold(String::new(), |path, part| path + "/" + part)
}

fn sorted_parameters(query: &str) -> Vec<(String, String)> {
    let mut parameters = Query::parse(query).pairs().to_vec();
    parameters.sort();
    parameters
}

/// Builds the response to send.
pub(crate) fn response(record: &ResponseRecord, bases: PlaybackBases<'_>) -> Response<Body> {
    let localized = |text: &str| text.replace(UPLOAD_BASE, bases.upload).replace(API_BASE, bases.api);
    let body = match (&record.body, record.omitted_bytes) {
        (Some(body), _) => Body::from(localize(body, &localized).to_string()),
        (None, Some(_)) => Body::from(OMITTED_BODY),
        (None, None) => Body::empty(),
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(record.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    for (name, value) in &record.headers {
        // The reader has rejected headers that cannot be sent.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(localized(value))) {
            headers.insert(name, value);
        }
    }
    if record.omitted_bytes.is_some() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    }
    response
}

fn localize(value: &Value, localized: &impl Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(localized(text)),
        Value::Array(items) => Value::Array(items.iter().map(|item| localize(item, localized)).collect()),
        Value::Object(members) => Value::Object(
            members.iter().map(|(name, value)| (name.clone(), localize(value, localized))).collect(),
        ),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    fn entry(
        path: &str,
        query: &str,
        replaced: &[&str],
        authorization: Option<&str>,
        status: u16,
    ) -> RecordingEntry {
        RecordingEntry {
            request: RequestRecord {
                host: Host::Api,
                method: "GET".to_owned(),
                path: path.to_owned(),
                query: query.to_owned(),
                replaced: replaced.iter().map(|name| (*name).to_owned()).collect(),
                authorization: authorization.map(str::to_owned),
                body: None,
            },
            response: ResponseRecord { status, headers: BTreeMap::new(), body: None, omitted_bytes: None },
        }
    }

    fn key<'a>(path: &'a str, query: &'a str) -> RequestKey<'a> {
        RequestKey { host: Host::Api, method: "GET", path, query, has_token: true }
    }

    #[test]
    fn plays_in_order_and_repeats_the_last() {
        let bearer = Some("bearer");
        let playback = Playback::new(vec![
            entry("/me", "", &[], bearer, 200),
            entry("/me/", "", &[], bearer, 404),
            entry("/me", "page=2&per_page=5", &[], bearer, 201),
        ]);
        let status = |key| playback.next(key).map(|record| record.status);
        assert_eq!(status(key("/me", "per_page=5&page=2")), Some(201));
        for expected in [200, 404, 404] {
            assert_eq!(status(key("//me", "")), Some(expected));
        }
        assert_eq!(status(key("/me", "page=3&per_page=5")), None);
        assert_eq!(status(key("/users/1", "")), None);
        assert_eq!(status(RequestKey { method: "HEAD", ..key("/me", "") }), None);
        assert_eq!(status(RequestKey { host: Host::Upload, ..key("/me", "") }), None);
        assert_eq!(status(RequestKey { has_token: false, ..key("/me", "") }), None);
    }

    #[test]
    fn replaced_values_match_any_value_after_exact_ones() {
        let playback = Playback::new(vec![
            entry("/videos", "page=1&query=text-1", &["query"], None, 201),
            entry("/videos", "page=1&query=plain", &[], None, 202),
        ]);
        let status = |query| {
            playback
                .next(RequestKey { has_token: false, ..key("/videos", query) })
                .map(|record| record.status)
        };
        for (query, expected) in [
            ("query=plain&page=1", Some(202)),
            ("query=other&page=1", Some(201)),
            ("query=other&page=2", None),
            ("query=other", None),
            ("other=other&page=1", None),
        ] {
            assert_eq!(status(query), expected, "{query}");
        }
    }

    #[tokio::test]
    async fn links_lead_to_the_sandbox() {
        let record = ResponseRecord {
            status: 201,
            headers: [("location".to_owned(), format!("{API_BASE}/videos/1"))].into(),
            body: Some(json!({"upload": [{"upload_link": format!("{UPLOAD_BASE}7")}], "count": 1})),
            omitted_bytes: None,
        };
        let bases = PlaybackBases { api: "http://127.0.0.1:1", upload: "http://127.0.0.1:2/recorded/3/" };
        let response = response(&record, bases);
        assert_eq!(response.status(), 201);
        assert_eq!(response.headers()["location"], "http://127.0.0.1:1/videos/1");
        let body = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
        assert_eq!(body, r#"{"upload":[{"upload_link":"http://127.0.0.1:2/recorded/3/7"}],"count":1}"#);
    }
}
