//! `kill -9` during every kind of write to accounts and connections: each write is stored completely or not at all.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use vimeo_ext::AccessToken;
use vimeo_ext::accounts::{
    Account, AccountRefresher, AccountStore, Accounts, ConnectionUpdate, Key, KeyRing, KeyRotation,
    NewConnection, Status, StatusEvent, Tokens,
};
use vimeo_ext::auth::{BoxFuture, RefreshError};
use vimeo_sandbox::Sandbox;

use super::stores::{env_var, open, postgres_schema, spawn_child, sqlite_place};
use super::{REDIRECT, id, visit};

/// The writes of an account's lifecycle, in order, and the state of the account and its connection after each: the version and
/// the status; `None` if it does not exist.
const LIFECYCLE: [(&str, Option<&str>, Option<&str>); 12] = [
    ("create", Some("1 pending"), None),
    ("link", Some("1 pending"), None),
    ("complete", Some("2 active"), None),
    ("refresh", Some("3 active"), None),
    ("rotate", Some("4 active"), None),
    ("disable", Some("5 disabled"), None),
    ("enable", Some("6 active"), None),
    ("connect", Some("6 active"), Some("1 true")),
    ("edit", Some("6 active"), Some("2 false")),
    ("replace", Some("6 active"), Some("3 false")),
    ("remove", Some("6 active"), None),
    ("disconnect", None, None),
];

fn keys() -> [Key; 2] {
    [Key::from_bytes([7; 32]), Key::from_bytes([8; 32])]
}

/// Encrypts with the first or the second key, and decrypts with both.
fn ring(second: bool) -> KeyRing {
    let [a, b] = keys();
    if second { KeyRing::new(b).with_old(a) } else { KeyRing::new(a).with_old(b) }
}

struct RandomTokenRefresher;

impl AccountRefresher for RandomTokenRefresher {
    fn refresh<'a>(&'a self, _: &'a Account, _: &'a Tokens) -> BoxFuture<'a, Result<Tokens, RefreshError>> {
        let token = format!("token-{:016x}", fastrand::u64(..));
        let token = AccessToken::from(token).with_expiry(Utc::now() + Duration::from_secs(60));
        Box::pin(async move { Ok(Tokens::new(token)) })
    }
}

async fn process(place: &str) -> (Arc<dyn AccountStore>, Accounts) {
    let store = open(place).await;
    let app = vimeo_ext::Vimeo::builder()
        .app(env_var("VIMEO_TEST_APP"), env_var("VIMEO_TEST_SECRET"))
        .base_url(env_var("VIMEO_TEST_URL"))
        .build()
        .unwrap();
    let accounts = Accounts::builder(app, Arc::clone(&store), ring(false)).redirect_uri(REDIRECT);
    (store, accounts.refresher(RandomTokenRefresher).build().await.unwrap())
}

/// Performs one write of the lifecycle on the account and connection called `name`.
async fn write(
    kind: &str,
    name: &str,
    store: &Arc<dyn AccountStore>,
    accounts: &Accounts,
    link: &mut String,
) {
    let (account, connections) = (id(name), accounts.connections());
    let connection = async || connections.get_by_name(name).await.unwrap().unwrap();
    match kind {
        "create" => drop(accounts.get_or_create(&account).await.unwrap()),
        "link" => {
            let url = accounts.authorization_link(&account, "private").await.unwrap();
            *link = visit(&url, env_var("VIMEO_TEST_USER").parse().unwrap(), true).await;
        }
        "complete" => drop(accounts.complete(link).await.unwrap()),
        "refresh" => drop(accounts.refresh(&account).await.unwrap()),
        "rotate" => {
            let rotation = KeyRotation::new(Arc::clone(store), ring(true)).run().await.unwrap();
            assert!(rotation.is_complete(), "{rotation:?}");
        }
        "disable" => drop(accounts.disable(&account, "for a while").await.unwrap()),
        "enable" => drop(accounts.enable(&account).await.unwrap()),
        "connect" => {
            let (app, secret) = (env_var("VIMEO_TEST_APP"), env_var("VIMEO_TEST_SECRET"));
            let app = vimeo_ext::auth::AppCredentials::new(app, secret);
            let new = NewConnection::new(name, app, env_var("VIMEO_TEST_TOKEN"));
            connections.create(new).await.unwrap();
        }
        "edit" => {
            let update = ConnectionUpdate::default().enabled(false);
            connections.update(&connection().await.id, 1, update).await.unwrap();
        }
        "replace" => {
            let update = ConnectionUpdate::default().access_token(env_var("VIMEO_TEST_TOKEN"));
            connections.update(&connection().await.id, 2, update).await.unwrap();
        }
        "remove" => connections.remove(&connection().await.id, 3).await.unwrap(),
        "disconnect" => accounts.disconnect(&account).await.unwrap(),
        other => panic!("{other}"),
    }
}

#[tokio::test]
#[ignore = "the child of the kill tests"]
async fn child_runs_lifecycle_until_killed() {
    let (store, accounts) = process(&env_var("VIMEO_TEST_PLACE")).await;
    let (name, mut link) = (env_var("VIMEO_TEST_NAME"), String::new());
    let mut out = std::io::stdout();
    for (kind, ..) in LIFECYCLE {
        writeln!(out, "\nbegin {kind}").unwrap();
        out.flush().unwrap();
        write(kind, &name, &store, &accounts, &mut link).await;
        // Printed after the write: everything that was printed must be stored after the kill.
        writeln!(out, "\ndone {kind}").unwrap();
        out.flush().unwrap();
    }
    // The last kill happens here.
    std::future::pending::<()>().await;
}

/// The state of an account and its connection.
type State = (Option<String>, Option<String>);

async fn state(store: &Arc<dyn AccountStore>, name: &str) -> (State, Vec<StatusEvent>) {
    loop {
        let account = store.account(&id(name)).await.unwrap().map(|record| record.account);
        let connection = store.connection_by_name(name).await.unwrap().map(|record| record.connection);
        let mut events = store.events(0, 1_000_000).await.unwrap();
        events.retain(|event| event.account == id(name));
        // A server may still execute a statement that it received just before the kill.
        if store.account(&id(name)).await.unwrap().map(|record| record.account) != account {
            continue;
        }
        let account = account.map(|account| format!("{} {}", account.version, account.status));
        let connection =
            connection.map(|connection| format!("{} {}", connection.version, connection.enabled));
        return ((account, connection), events);
    }
}

/// Checks that the events of an account form an unbroken sequence that ends with its status.
fn assert_events_match(events: &[StatusEvent], account: Option<&str>) {
    let status = account.map(|account| Status::parse(account.split_once(' ').unwrap().1).unwrap());
    assert_eq!(events.last().and_then(|event| event.to), status, "{events:?}");
    // Of a disconnected account, only the last event is kept.
    if status.is_some() {
        assert_eq!(events.first().and_then(|event| event.from), None, "{events:?}");
        assert!(events.windows(2).all(|pair| pair[0].to == pair[1].from), "{events:?}");
    }
}

async fn assert_writes_are_atomic(place: &str, kills: usize) {
    let sandbox = Sandbox::builder().token_lifetime(Duration::from_secs(60)).start().await.unwrap();
    let store = open(place).await;
    let after = |index: usize| -> State {
        let (_, account, connection) = LIFECYCLE[index];
        (account.map(str::to_owned), connection.map(str::to_owned))
    };
    let mut outcomes = BTreeMap::new();
    for kill in 0..kills * LIFECYCLE.len() {
        let target = LIFECYCLE[kill % LIFECYCLE.len()].0;
        let name = format!("life {kill}");
        let mut child = spawn_child(
            "kills::child_runs_lifecycle_until_killed",
            place,
            &name,
            &[
                ("VIMEO_TEST_APP", &sandbox.client_id()),
                ("VIMEO_TEST_SECRET", &sandbox.client_secret()),
                ("VIMEO_TEST_TOKEN", sandbox.token()),
                ("VIMEO_TEST_URL", sandbox.url().as_str()),
                ("VIMEO_TEST_USER", &sandbox.user_id().to_string()),
            ],
        );
        let pipe = child.stdout.take().unwrap();
        let (sender, receiver) = std::sync::mpsc::channel();
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let begin = format!("begin {target}");
        let mut lines: Vec<String> = Vec::new();
        // The sandbox runs in this process, so its runtime must not be blocked.
        let lines = tokio::task::spawn_blocking(move || {
            while let Ok(line) = receiver.recv() {
                let found = line == begin;
                lines.push(line);
                if found {
                    break;
                }
            }
            // At a random time, from the start of the write to just after it.
            std::thread::sleep(Duration::from_micros(fastrand::u64(..12_000)));
            child.kill().unwrap();
            child.wait().unwrap();
            lines.extend(receiver.iter());
            lines
        })
        .await
        .unwrap();
        reader.join().unwrap();
        let (mut last_done, mut in_progress) = (None, false);
        for (index, (kind, ..)) in LIFECYCLE.iter().enumerate() {
            if lines.contains(&format!("done {kind}")) {
                (last_done, in_progress) = (Some(index), false);
            } else if lines.contains(&format!("begin {kind}")) {
                in_progress = true;
            }
        }
        let before = last_done.map_or((None, None), &after);
        let next = last_done.map_or(0, |index| index + 1);
        let ((account, connection), events) = state(&store, &name).await;
        let found = (account, connection);
        let allowed = found == before || (in_progress && found == after(next));
        assert!(allowed, "killed in {target}, last done {last_done:?}, found {found:?}, before {before:?}");
        assert_events_match(&events, found.0.as_deref());
        let outcome = match (in_progress, found == before) {
            (false, _) => "between two writes",
            (true, true) => "during a write, which was not stored",
            (true, false) => "during a write, which was stored",
        };
        *outcomes.entry(outcome).or_insert(0) += 1;
        // The stored secrets can be decrypted.
        let rotation = KeyRotation::new(Arc::clone(&store), ring(false)).run().await.unwrap();
        assert!(rotation.is_complete(), "{rotation:?}");
    }
    println!("{place}: {outcomes:?}");
    assert!(outcomes.keys().any(|outcome| outcome.starts_with("during a write")), "no kill hit a write");
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_writes_are_atomic_under_kill_9() {
    let folder = super::test_folder();
    assert_writes_are_atomic(&sqlite_place(folder.path()), 2).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: cargo xtask test-stores"]
async fn postgres_writes_are_atomic_under_kill_9() {
    assert_writes_are_atomic(&postgres_schema(), 3).await;
}
