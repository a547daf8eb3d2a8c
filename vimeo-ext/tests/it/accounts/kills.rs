//! `kill -9` in every kind of write that accounts and connections know: each leaves what was before or what comes after.

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

use super::stores::{child, file, open, postgres, told};
use super::{REDIRECT, id, visit};

/// The writes of one account's life in their order, and how the account and its connection stand after each: the version
/// and what else tells it apart; `None` when there is none.
const LIFE: [(&str, Option<&str>, Option<&str>); 12] = [
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

/// Writes with the first or the second, and reads with both.
fn ring(second: bool) -> KeyRing {
    let [a, b] = keys();
    if second { KeyRing::new(b).with_old(a) } else { KeyRing::new(a).with_old(b) }
}

struct Next;

impl AccountRefresher for Next {
    fn refresh<'a>(&'a self, _: &'a Account, _: &'a Tokens) -> BoxFuture<'a, Result<Tokens, RefreshError>> {
        let token = format!("token-{:016x}", fastrand::u64(..));
        let token = AccessToken::from(token).with_expiry(Utc::now() + Duration::from_secs(60));
        Box::pin(async move { Ok(Tokens::new(token)) })
    }
}

async fn process(place: &str) -> (Arc<dyn AccountStore>, Accounts) {
    let store = open(place).await;
    let app = vimeo_ext::Vimeo::builder()
        .app(told("VIMEO_TEST_APP"), told("VIMEO_TEST_SECRET"))
        .base_url(told("VIMEO_TEST_URL"))
        .build()
        .unwrap();
    let accounts = Accounts::builder(app, Arc::clone(&store), ring(false)).redirect_uri(REDIRECT);
    (store, accounts.refresher(Next).build().await.unwrap())
}

/// One write of the life called `name`.
async fn write(
    kind: &str,
    name: &str,
    store: &Arc<dyn AccountStore>,
    accounts: &Accounts,
    link: &mut String,
) {
    let (account, connections) = (id(name), accounts.connections());
    let made = async || connections.get_by_name(name).await.unwrap().unwrap();
    match kind {
        "create" => drop(accounts.get_or_create(&account).await.unwrap()),
        "link" => {
            let url = accounts.authorization_link(&account, "private").await.unwrap();
            *link = visit(&url, told("VIMEO_TEST_USER").parse().unwrap(), true).await;
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
            let (app, secret) = (told("VIMEO_TEST_APP"), told("VIMEO_TEST_SECRET"));
            let new = NewConnection::new(name, app, secret, told("VIMEO_TEST_TOKEN"));
            connections.create(new).await.unwrap();
        }
        "edit" => {
            let change = ConnectionUpdate::default().enabled(false);
            connections.update(&made().await.id, 1, change).await.unwrap();
        }
        "replace" => {
            let change = ConnectionUpdate::default().access_token(told("VIMEO_TEST_TOKEN"));
            connections.update(&made().await.id, 2, change).await.unwrap();
        }
        "remove" => connections.remove(&made().await.id, 3).await.unwrap(),
        "disconnect" => accounts.disconnect(&account).await.unwrap(),
        other => panic!("{other}"),
    }
}

#[tokio::test]
#[ignore = "the child of the kill tests"]
async fn lives_until_it_is_killed() {
    let (store, accounts) = process(&told("VIMEO_TEST_PLACE")).await;
    let (name, mut link) = (told("VIMEO_TEST_NAME"), String::new());
    let mut out = std::io::stdout();
    for (kind, ..) in LIFE {
        writeln!(out, "\nbegin {kind}").unwrap();
        out.flush().unwrap();
        write(kind, &name, &store, &accounts, &mut link).await;
        // Told once it is written: what was told must be there after the kill.
        writeln!(out, "\ndone {kind}").unwrap();
        out.flush().unwrap();
    }
    // The last kill comes here.
    std::future::pending::<()>().await;
}

type Standing = (Option<String>, Option<String>);

async fn standing(store: &Arc<dyn AccountStore>, name: &str) -> (Standing, Vec<StatusEvent>) {
    loop {
        let account = store.account(&id(name)).await.unwrap().map(|record| record.account);
        let connection = store.connection_by_name(name).await.unwrap().map(|record| record.connection);
        let mut events = store.events(0, 1_000_000).await.unwrap();
        events.retain(|event| event.account == id(name));
        // A server may yet carry out what it was told just before the kill.
        if store.account(&id(name)).await.unwrap().map(|record| record.account) != account {
            continue;
        }
        let account = account.map(|account| format!("{} {}", account.version, account.status));
        let connection =
            connection.map(|connection| format!("{} {}", connection.version, connection.enabled));
        return ((account, connection), events);
    }
}

/// That what was told of an account is one unbroken line, and ends where it stands.
fn follows(events: &[StatusEvent], account: Option<&str>) {
    let status = account.map(|account| Status::parse(account.split_once(' ').unwrap().1).unwrap());
    assert_eq!(events.last().and_then(|event| event.to), status, "{events:?}");
    // Of one that was forgotten only that is kept.
    if status.is_some() {
        assert_eq!(events.first().and_then(|event| event.from), None, "{events:?}");
        assert!(events.windows(2).all(|pair| pair[0].to == pair[1].from), "{events:?}");
    }
}

async fn every_write_is_whole_after_kills(place: &str, kills: usize) {
    let sandbox = Sandbox::builder().token_lifetime(Duration::from_secs(60)).start().await.unwrap();
    let store = open(place).await;
    let at = |place: usize| -> Standing {
        let (_, account, connection) = LIFE[place];
        (account.map(str::to_owned), connection.map(str::to_owned))
    };
    let mut came_of = BTreeMap::new();
    for kill in 0..kills * LIFE.len() {
        let wanted = LIFE[kill % LIFE.len()].0;
        let name = format!("life {kill}");
        let mut child = child(
            "kills::lives_until_it_is_killed",
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
        let (ours, theirs) = std::sync::mpsc::channel();
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                let _ = ours.send(line);
            }
        });
        let begin = format!("begin {wanted}");
        let mut lines: Vec<String> = Vec::new();
        // The sandbox lives in this process: it must not be kept from answering.
        let lines = tokio::task::spawn_blocking(move || {
            while let Ok(line) = theirs.recv() {
                let found = line == begin;
                lines.push(line);
                if found {
                    break;
                }
            }
            // From the first moments of the write to just after it.
            std::thread::sleep(Duration::from_micros(fastrand::u64(..12_000)));
            child.kill().unwrap();
            child.wait().unwrap();
            lines.extend(theirs.iter());
            lines
        })
        .await
        .unwrap();
        reader.join().unwrap();
        let (mut told, mut under_way) = (None, false);
        for (place, (kind, ..)) in LIFE.iter().enumerate() {
            if lines.contains(&format!("done {kind}")) {
                (told, under_way) = (Some(place), false);
            } else if lines.contains(&format!("begin {kind}")) {
                under_way = true;
            }
        }
        let before = told.map_or((None, None), &at);
        let next = told.map_or(0, |place| place + 1);
        let ((account, connection), events) = standing(&store, &name).await;
        let found = (account, connection);
        let allowed = found == before || (under_way && found == at(next));
        assert!(allowed, "killed in {wanted}, told {told:?}, found {found:?}, before {before:?}");
        follows(&events, found.0.as_deref());
        let outcome = match (under_way, found == before) {
            (false, _) => "between two writes",
            (true, true) => "in a write, which left what was before",
            (true, false) => "in a write, which left what comes after",
        };
        *came_of.entry(outcome).or_insert(0) += 1;
        // Whatever it left can be opened.
        let rotation = KeyRotation::new(Arc::clone(&store), ring(false)).run().await.unwrap();
        assert!(rotation.is_complete(), "{rotation:?}");
    }
    println!("{place}: {came_of:?}");
    assert!(came_of.keys().any(|outcome| outcome.starts_with("in a write")), "no kill met a write");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_write_to_a_sqlite_file_is_whole_after_kill_9() {
    let folder = super::test_folder();
    every_write_is_whole_after_kills(&file(folder.path()), 2).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: cargo xtask stores"]
async fn every_write_to_postgres_is_whole_after_kill_9() {
    every_write_is_whole_after_kills(&postgres(), 3).await;
}
