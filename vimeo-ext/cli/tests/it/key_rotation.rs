//! `vimeo accounts rotate-keys`: reports, wrong keys and killed runs.

use std::sync::Arc;

use secrecy::ExposeSecret;
use vimeo_ext::Vimeo;
use vimeo_ext::accounts::{
    AccountId, AccountQuery, AccountRecord, AccountStore, Accounts, Key, KeyRing, NewConnection, SqliteStore,
};

use crate::harness::{Harness, Run};

pub(crate) fn old() -> Key {
    Key::from_bytes([1; 32])
}

fn new() -> Key {
    Key::from_bytes([2; 32])
}

pub(crate) async fn store(harness: &Harness, file: &str) -> SqliteStore {
    SqliteStore::open(harness.path(file)).await.unwrap()
}

pub(crate) async fn accounts(harness: &Harness, store: SqliteStore, keys: KeyRing) -> Accounts {
    let app = Vimeo::builder()
        .app(harness.sandbox.client_id(), harness.sandbox.client_secret())
        .base_url(harness.sandbox.url().as_str())
        .build()
        .unwrap();
    Accounts::builder(app, Arc::new(store), keys).build().await.unwrap()
}

/// Fills a store with accounts and a connection encrypted with the old key, and writes both keys to files.
pub(crate) async fn fill(harness: &Harness, file: &str, number: usize) {
    for (name, key) in [("old.key", old()), ("new.key", new())] {
        let text = key.to_base64();
        std::fs::write(harness.path(name), format!("{}\n", text.expose_secret())).unwrap();
    }
    let store = store(harness, file).await;
    let accounts = accounts(harness, store.clone(), KeyRing::new(old())).await;
    for number in 0..number {
        let id = AccountId::new(format!("user {number}")).unwrap();
        accounts.connect_with_token(&id, harness.sandbox.token()).await.unwrap();
    }
    let (id, secret) = (harness.sandbox.client_id(), harness.sandbox.client_secret());
    let connection =
        NewConnection::new("one", vimeo_ext::auth::AppCredentials::new(id, secret), harness.sandbox.token());
    accounts.connections().create(connection).await.unwrap();
    store.close().await;
}

async fn records(harness: &Harness, file: &str) -> Vec<AccountRecord> {
    let store = store(harness, file).await;
    let records = store.accounts(&AccountQuery::default().limit(1_000)).await.unwrap();
    store.close().await;
    records
}

const ROTATE: [&str; 8] = [
    "accounts",
    "rotate-keys",
    "--store",
    "sqlite:accounts.db",
    "--key-file",
    "new.key",
    "--old-key-file",
    "old.key",
];

#[test]
fn rotates_keys_and_reports_counts() {
    let harness = Harness::new();
    harness.runtime.block_on(fill(&harness, "accounts.db", 3));
    let out = harness.run(&ROTATE).success();
    assert!(out.contains("re-encrypted 3 accounts and 1 connections"), "{out}");
    assert!(out.contains("0 records already used this key"), "{out}");
    let again = harness.run(&[&ROTATE[..], &["--json"]].concat()).json();
    assert_eq!(again["rewritten"], serde_json::json!({"accounts": 0, "connections": 0}));
    assert_eq!((&again["already"], &again["key"]), (&4.into(), &new().id().as_str().into()));
    harness.runtime.block_on(async {
        let accounts = accounts(&harness, store(&harness, "accounts.db").await, KeyRing::new(new())).await;
        let client = accounts.client(&AccountId::new("user 1").unwrap()).await.unwrap();
        client.get("/me").send().await.unwrap();
    });
}

#[test]
fn reads_keys_from_variables() {
    let harness = Harness::new();
    harness.runtime.block_on(fill(&harness, "accounts.db", 1));
    let (first, second) = (new().to_base64(), old().to_base64());
    let mut command = harness.logged_out(&["accounts", "rotate-keys"]);
    command
        .env("VIMEO_STORE", format!("sqlite://{}", harness.path("accounts.db").display()))
        .env("VIMEO_ACCOUNTS_KEY", first.expose_secret())
        .env("VIMEO_ACCOUNTS_OLD_KEYS", format!("{0}, {0}", second.expose_secret()));
    let run = Run::of(command.output().unwrap());
    assert!(run.out.contains("1 accounts and 1 connections"), "{run:?}");
    for key in [first, second] {
        assert!(!format!("{run:?}").contains(key.expose_secret()), "a key was shown");
    }
    let refused = harness.run(&["accounts", "rotate-keys", "--store", "sqlite:accounts.db", "--key", "AAAA"]);
    assert_eq!(refused.code, 2, "{refused:?}");
}

#[test]
fn wrong_keys_and_stores_change_nothing() {
    let harness = Harness::new();
    harness.runtime.block_on(fill(&harness, "accounts.db", 3));
    let before = harness.runtime.block_on(records(&harness, "accounts.db"));
    let rotate = |rest: &[&str]| harness.run(&[&["accounts", "rotate-keys"], rest].concat());
    let file = "sqlite:accounts.db";
    rotate(&["--store", file, "--key-file", "new.key"])
        .fails(2, &[old().id().as_str(), "not overwritten", "--old-key-file"]);
    rotate(&["--store", file]).fails(2, &["VIMEO_ACCOUNTS_KEY"]);
    rotate(&["--store", file, "--key-file", "accounts.db"]).fails(2, &["accounts.db"]);
    std::fs::write(harness.path("short.key"), "AAAA").unwrap();
    rotate(&["--store", file, "--key-file", "short.key"]).fails(2, &["short.key", "32 bytes"]);
    rotate(&["--store", "sqlite:///no/such/file", "--key-file", "new.key"]).fails(2, &["/no/such/file"]);
    rotate(&["--store", "mysql://u:hush@h/d", "--key-file", "new.key"]).fails(2, &["postgres:"]);
    harness.run(&[&ROTATE[..], &["--read-only"]].concat()).fails(11, &["rotating keys"]);
    let shown = rotate(&["--store", "postgres://u:hush@127.0.0.1:1/d", "--key-file", "new.key"]);
    assert!(shown.code == 5 && !format!("{shown:?}").contains("hush"), "{shown:?}");
    assert_eq!(harness.runtime.block_on(records(&harness, "accounts.db")), before);
}

#[cfg(unix)]
#[test]
fn killed_rotation_can_be_continued() {
    let harness = Harness::new();
    harness.runtime.block_on(fill(&harness, "accounts.db", 120));
    let mut child = harness.vimeo(&ROTATE).spawn().unwrap();
    let rewritten = |records: &[AccountRecord]| {
        let new = new();
        records.iter().filter(|record| record.secrets.as_ref().unwrap().key == *new.id()).count()
    };
    // Kill the run after some records are rewritten and, on most machines, before all are.
    while rewritten(&harness.runtime.block_on(records(&harness, "accounts.db"))) == 0 {
        assert!(child.try_wait().unwrap().is_none(), "the run ended before a rewritten record was seen");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let between = harness.runtime.block_on(records(&harness, "accounts.db"));
    let done = rewritten(&between);
    assert!(done > 0 && between.len() == 120);
    let report = harness.run(&[&ROTATE[..], &["--json"]].concat()).json();
    assert_eq!(report["rewritten"]["accounts"], 120 - done);
    let after = harness.runtime.block_on(records(&harness, "accounts.db"));
    assert_eq!(rewritten(&after), 120);
    // Created, logged in, rewritten.
    assert!(after.iter().all(|record| record.account.version == 3), "each was rewritten once");
}
