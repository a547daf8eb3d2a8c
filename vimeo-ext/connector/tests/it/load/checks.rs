//! Compares what was acknowledged with what is there.

use std::collections::BTreeMap;
use std::fmt;

use reqwest::Method;
use serde_json::Value;
use vimeo_sandbox::Sandbox;

use super::acknowledged::{AcknowledgedAccount, StatusChange};
use super::caller::Caller;
use super::script;

/// One line of the report.
#[derive(Default)]
struct Line {
    acknowledged: usize,
    unknown: usize,
    found: usize,
    lost: usize,
    doubled: usize,
}

/// What was found, by kind.
#[derive(Default)]
pub(super) struct Report(BTreeMap<&'static str, Line>, Vec<String>);

impl Report {
    pub(super) fn is_clean(&self) -> bool {
        self.0.values().all(|line| line.lost == 0 && line.doubled == 0)
    }

    /// Adds what was acknowledged and found. What has an unknown outcome may be there or not.
    fn add(&mut self, kind: &'static str, of: &str, acknowledged: usize, unknown: usize, found: usize) {
        let line = self.0.entry(kind).or_default();
        line.acknowledged += acknowledged;
        line.unknown += unknown;
        line.found += found;
        let lost = acknowledged.saturating_sub(found);
        let doubled = found.saturating_sub(acknowledged + unknown);
        line.lost += lost;
        line.doubled += doubled;
        if lost + doubled > 0 {
            self.1.push(format!("{kind} of {of}: {acknowledged} + {unknown} unknown, {found} found"));
        }
    }

    fn expect(&mut self, kind: &'static str, of: &str, found: bool) {
        self.add(kind, of, 1, 0, usize::from(found));
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = ("acknowledged", "unknown", "found", "lost", "doubled");
        let (a, b, c, d, e) = columns;
        writeln!(f, "{:<34} {a:>12} {b:>8} {c:>8} {d:>6} {e:>8}", "")?;
        for (kind, line) in &self.0 {
            let Line { acknowledged, unknown, found, lost, doubled } = line;
            writeln!(f, "{kind:<34} {acknowledged:>12} {unknown:>8} {found:>8} {lost:>6} {doubled:>8}")?;
        }
        for problem in &self.1 {
            writeln!(f, "{problem}")?;
        }
        Ok(())
    }
}

/// Compares everything.
pub(super) async fn run(
    caller: &Caller,
    sandbox: &Sandbox,
    recorded: &[AcknowledgedAccount],
    events: &[Vec<Value>],
) -> Report {
    let mut report = Report::default();
    let connections = all_connections(caller).await;
    let expected = recorded.iter().filter(|account| account.connection.is_some()).count();
    report.add("stored connections", "all", expected, 0, connections.len());
    for account in recorded {
        check_account(&mut report, caller, account).await;
        check_sandbox(&mut report, sandbox, account).await;
        check_connection(&mut report, account, &connections);
    }
    for (process, events) in events.iter().enumerate() {
        let kind = ["events read from the first process", "events read from the killed process"][process];
        check_events(&mut report, kind, recorded, events);
    }
    report
}

async fn all_connections(caller: &Caller) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/vimeo-connections?limit=1000{cursor}");
        let page = caller.until_acknowledged(Method::GET, &path, None).await.0.body;
        all.extend(page["connections"].as_array().unwrap().iter().cloned());
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={}", next.replace(' ', "%20")),
            None => return all,
        }
    }
}

async fn check_account(report: &mut Report, caller: &Caller, account: &AcknowledgedAccount) {
    let id = account.identifier.as_str();
    let path = format!("/v1/accounts/{id}");
    let answer = caller.once(Method::GET, &path, None).await.unwrap();
    if account.is_disconnected {
        report.expect("accounts disconnected", id, answer.status == 404);
        return;
    }
    let status = account.statuses.last().and_then(|(_, to)| *to).unwrap();
    report.expect("accounts with their status", id, answer.body["status"] == status);
    let Some(upload) = &account.upload else { return };
    let tokens = caller.once(Method::GET, &format!("{path}/upload-tokens"), None).await.unwrap();
    let tokens = tokens.body["upload_tokens"].as_array().unwrap();
    let expected = usize::from(!upload.is_revoked);
    report.add("upload tokens", id, expected, account.unknown_tokens, tokens.len());
    let found = tokens.iter().find(|token| token["id"] == *upload.id);
    if upload.is_revoked {
        let begun = script::begin(caller, &upload.url).await.unwrap();
        report.expect("upload tokens revoked", id, found.is_none() && begun.status == 401);
        return;
    }
    let left = found.and_then(|token| token["uploads_left"].as_u64()).unwrap_or(u64::MAX);
    let used = upload.max_uploads.saturating_sub(usize::try_from(left).unwrap_or(usize::MAX));
    report.add("uses of upload tokens counted", id, upload.videos.len(), upload.unknown, used);
}

/// Returns a list of the sandbox.
async fn sandbox_list(sandbox: &Sandbox, token: &str, path: &str) -> Vec<Value> {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = sandbox.url().join(path).unwrap();
    let response = client.get(url).bearer_auth(token).send().await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    let body: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    body["data"].as_array().unwrap().clone()
}

/// Compares what the tools and the upload tokens did at Vimeo's side.
async fn check_sandbox(report: &mut Report, sandbox: &Sandbox, account: &AcknowledgedAccount) {
    // Disconnecting revoked the token, so nobody can look.
    if account.is_disconnected {
        return;
    }
    let id = account.identifier.as_str();
    let showcases = sandbox_list(sandbox, &account.token, "/me/albums?per_page=100").await;
    for (name, outcome) in &account.showcases {
        let found = showcases.iter().filter(|showcase| showcase["name"] == **name).count();
        let acknowledged = usize::from(outcome.is_some());
        report.add("showcases created by a tool", id, acknowledged, 1 - acknowledged, found);
    }
    let videos = sandbox_list(sandbox, &account.token, "/me/videos?per_page=100").await;
    let Some(upload) = &account.upload else { return };
    report.add("videos created with tokens", id, upload.videos.len(), upload.unknown, videos.len());
    let mut listed = account.listed.clone();
    listed.sort_unstable();
    listed.dedup();
    report.add("videos listed over both processes", id, videos.len(), 0, account.listed.len());
    report.expect("lists without doubled videos", id, listed.len() == account.listed.len());
    for uri in &upload.videos {
        report.expect("acknowledged videos", id, videos.iter().any(|video| video["uri"] == **uri));
    }
    if let Some(title) = &upload.title {
        let first = videos.iter().find(|video| video["uri"] == *upload.videos[0]);
        let found = first.is_some_and(|video| video["name"] == **title);
        report.expect("titles changed by a tool", id, found);
    }
}

fn check_connection(report: &mut Report, account: &AcknowledgedAccount, connections: &[Value]) {
    let Some(expected) = &account.connection else { return };
    let found = connections.iter().filter(|found| found["connectionId"] == *expected.id);
    let found: Vec<&Value> = found.filter(|found| found["name"] == *expected.name).collect();
    report.add("connections by ID", &account.identifier, 1, 0, found.len());
    // Each change raises the version by one, so a change that was made twice or got lost shows.
    let version = found.first().and_then(|found| found["version"].as_u64()).unwrap_or_default();
    let (acknowledged, found_version) =
        (usize::try_from(expected.version).unwrap(), usize::try_from(version).unwrap());
    report.add("versions of connections", &account.identifier, acknowledged, 0, found_version);
    let description = found.first().map(|found| found["description"].clone());
    report.expect(
        "last changes of connections",
        &account.identifier,
        description == Some(expected.description.clone().into()),
    );
}

/// Compares the status changes of each account with its events: the same, once each, in the same order.
fn check_events(report: &mut Report, kind: &'static str, recorded: &[AcknowledgedAccount], events: &[Value]) {
    let numbers: Vec<u64> = events.iter().map(|event| event["number"].as_u64().unwrap()).collect();
    report.expect("streams in the order of numbers", kind, numbers.is_sorted_by(|one, next| one < next));
    let mut by_account: BTreeMap<&str, Vec<StatusChange<&str>>> = BTreeMap::new();
    for event in events {
        let of = by_account.entry(event["identifier"].as_str().unwrap()).or_default();
        of.push((event["from"].as_str(), event["to"].as_str()));
    }
    for account in recorded {
        let found = by_account.get(account.identifier.as_str()).map_or(&[][..], Vec::as_slice);
        // Disconnecting deletes the events before it, which a reader may have seen or not.
        let expected: &[_] = match account.is_disconnected {
            true => &account.statuses[account.statuses.len() - 1..],
            false => &account.statuses,
        };
        let found = if account.is_disconnected { &found[found.len().saturating_sub(1)..] } else { found };
        report.add(kind, &account.identifier, expected.len(), 0, found.len());
        report.expect("accounts whose events fit", &account.identifier, found == expected);
    }
}
