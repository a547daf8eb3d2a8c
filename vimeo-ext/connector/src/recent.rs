//! What happened recently in this process, for the operator: failures, and uploads that upload tokens started.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use http::Method;
use serde::Serialize;
use utoipa::ToSchema;

/// How many failures of each kind a process keeps: many of one kind remove none of another.
const MAX_FAILURES: usize = 250;

/// How many uploads a process keeps.
const MAX_UPLOADS: usize = 500;

/// The maximum length of a failure's text, in characters.
const MAX_DETAIL: usize = 400;

/// What failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FailureKind {
    /// A request, with a status of 500 or more.
    Request,
    /// A tool.
    Tool,
    /// The login of an account's user.
    Login,
    /// The renewal of an account's access token.
    Refresh,
}

/// What a failure is about.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) kind: FailureKind,
    pub(crate) identifier: String,
}

/// A failure of this process.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = RecentError)]
pub(crate) struct Failure {
    /// The number of the error in this process, from 1.
    number: u64,
    at: DateTime<Utc>,
    kind: FailureKind,
    /// The identifier of the account, if one was concerned.
    identifier: Option<String>,
    /// The method and the route, without identifiers.
    #[schema(example = "POST /v1/accounts/{identifier}/verify")]
    route: String,
    /// The HTTP status that the caller got.
    status: u16,
    /// The stable name of the error.
    #[schema(example = "vimeo_failed")]
    code: &'static str,
    /// What happened, without links.
    detail: String,
}

impl Failure {
    /// Describes an error response. Without a subject, it is the failure of a request.
    pub(crate) fn new(subject: Option<Subject>, status: u16, code: &'static str, detail: &str) -> Self {
        let (kind, identifier) = match subject {
            Some(subject) => (subject.kind, Some(subject.identifier)),
            None => (FailureKind::Request, None),
        };
        let (at, detail) = (Utc::now(), without_links(detail));
        Self { number: 0, at, kind, identifier, route: String::new(), status, code, detail }
    }

    /// Whether the operator wants to know of it: errors of callers are not shown.
    pub(crate) fn is_for_operator(&self) -> bool {
        self.kind != FailureKind::Request || self.status >= 500
    }

    /// Adds where it happened, and the account in the path if none is known.
    pub(crate) fn at_route(mut self, method: &Method, route: &str, identifier: Option<&str>) -> Self {
        self.route = format!("{method} {route}");
        self.identifier = self.identifier.or_else(|| identifier.map(str::to_owned));
        self
    }

    pub(crate) fn identifier(&self) -> Option<&str> {
        self.identifier.as_deref()
    }
}

/// An upload that an upload token started.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = RecentUpload)]
pub(crate) struct StartedUpload {
    pub(crate) at: DateTime<Utc>,
    /// The identifier of the account that receives the video.
    pub(crate) identifier: String,
    /// The ID of the upload token.
    pub(crate) upload_token: String,
    /// The size of the file, in bytes.
    pub(crate) bytes: u64,
    #[schema(example = "/videos/12345")]
    pub(crate) video_uri: String,
}

/// What happened recently in this process.
#[derive(Default)]
pub(crate) struct Recent {
    failures: Mutex<Failures>,
    uploads: Mutex<VecDeque<StartedUpload>>,
}

#[derive(Default)]
struct Failures {
    /// The number of the last failure.
    last: u64,
    requests: VecDeque<Failure>,
    tools: VecDeque<Failure>,
    logins: VecDeque<Failure>,
    refreshes: VecDeque<Failure>,
}

impl Recent {
    /// Keeps a failure.
    pub(crate) fn add_failure(&self, mut failure: Failure) {
        let mut failures = lock(&self.failures);
        failures.last = failures.last.saturating_add(1);
        failure.number = failures.last;
        let of_kind = match failure.kind {
            FailureKind::Request => &mut failures.requests,
            FailureKind::Tool => &mut failures.tools,
            FailureKind::Login => &mut failures.logins,
            FailureKind::Refresh => &mut failures.refreshes,
        };
        push(of_kind, failure, MAX_FAILURES);
    }

    /// Returns the newest failures that `wanted` accepts, newest first, at most `limit`.
    pub(crate) fn failures(&self, limit: usize, wanted: impl Fn(&Failure) -> bool) -> Vec<Failure> {
        let failures = lock(&self.failures);
        let kinds = [&failures.requests, &failures.tools, &failures.logins, &failures.refreshes];
        let mut found: Vec<Failure> =
            kinds.into_iter().flatten().filter(|failure| wanted(failure)).cloned().collect();
        drop(failures);
        found.sort_by_key(|failure| std::cmp::Reverse(failure.number));
        found.truncate(limit);
        found
    }

    /// Keeps an upload.
    pub(crate) fn add_upload(&self, upload: StartedUpload) {
        push(&mut lock(&self.uploads), upload, MAX_UPLOADS);
    }

    /// Returns the newest uploads that `wanted` accepts, newest first, at most `limit`.
    pub(crate) fn uploads(
        &self,
        limit: usize,
        wanted: impl Fn(&StartedUpload) -> bool,
    ) -> Vec<StartedUpload> {
        lock(&self.uploads).iter().rev().filter(|upload| wanted(upload)).take(limit).cloned().collect()
    }
}

fn push<T>(items: &mut VecDeque<T>, item: T, max: usize) {
    if items.len() >= max {
        items.pop_front();
    }
    items.push_back(item);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns a text with a placeholder for every link, because a link can grant access to what it leads to.
fn without_links(text: &str) -> String {
    let mut shown = String::new();
    for word in text.split_inclusive(char::is_whitespace) {
        match word.find("://") {
            Some(_) => shown.push_str("[link] "),
            None => shown.push_str(word),
        }
    }
    let shown = shown.trim_end();
    match shown.char_indices().nth(MAX_DETAIL) {
        Some((end, _)) => shown.get(..end).unwrap_or_default().to_owned() + "…",
        None => shown.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(kind: FailureKind, code: &'static str) -> Failure {
        let subject = Subject { kind, identifier: "a".to_owned() };
        Failure::new(Some(subject), 502, code, "it failed").at_route(&Method::GET, "/v1/a", None)
    }

    #[test]
    fn many_failures_of_one_kind_remove_none_of_another() {
        let recent = Recent::default();
        recent.add_failure(failure(FailureKind::Login, "first"));
        for _ in 0..MAX_FAILURES + 7 {
            recent.add_failure(failure(FailureKind::Tool, "tool"));
        }
        recent.add_failure(failure(FailureKind::Refresh, "last"));
        let all = recent.failures(usize::MAX, |_| true);
        assert_eq!(all.len(), MAX_FAILURES + 2);
        assert_eq!((all.first().unwrap().code, all.last().unwrap().code), ("last", "first"));
        assert_eq!(recent.failures(1, |failure| failure.code == "tool").len(), 1);
    }

    #[test]
    fn errors_of_callers_are_not_for_the_operator() {
        for (kind, status, expected) in [
            (None, 404, false),
            (None, 503, true),
            (Some(FailureKind::Tool), 400, true),
            (Some(FailureKind::Login), 403, true),
        ] {
            let subject = kind.map(|kind| Subject { kind, identifier: "a".to_owned() });
            assert_eq!(
                Failure::new(subject, status, "a", "b").is_for_operator(),
                expected,
                "{kind:?} {status}"
            );
        }
    }

    #[test]
    fn details_have_no_links_and_a_bound() {
        for (text, expected) in [
            ("it failed", "it failed"),
            ("see https://player.vimeo.com/video/1?h=abc for more", "see [link] for more"),
            ("link=<http://a/b>", "[link]"),
            ("", ""),
        ] {
            assert_eq!(without_links(text), expected);
        }
        assert_eq!(without_links(&"ä".repeat(MAX_DETAIL + 1)).chars().count(), MAX_DETAIL + 1);
    }
}
