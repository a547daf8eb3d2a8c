//! The durable stores: that they conform, keep no secret in the clear, and are whole after `kill -9`.
//!
//! The tests over PostgreSQL are ignored unless `cargo xtask stores` runs them, which brings a server.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use vimeo_ext::Vimeo;
use vimeo_ext::accounts::{
    Account, AccountStore, Accounts, AccountsError, Ciphertext, Connection, ConnectionUpdate, KeyId,
    PostgresStore, SqliteStore, Status, StatusEvent, StoreError,
};
use vimeo_sandbox::Sandbox;

use super::conformance::Fresh;
use super::records::{account, connection, event};
use super::{builder, conformance, id};

/// Where `cargo xtask stores` has its server.
fn postgres_url() -> String {
    std::env::var("VIMEO_TEST_POSTGRES").expect("cargo xtask stores sets VIMEO_TEST_POSTGRES")
}

/// A schema of its own on that server, since tests run side by side.
pub(super) fn postgres() -> String {
    format!("t{:08x}", fastrand::u32(..))
}

/// Opens what a test, or its child, is told to work on.
pub(super) async fn open(place: &str) -> Arc<dyn AccountStore> {
    match place.strip_prefix("sqlite:") {
        Some(path) => Arc::new(SqliteStore::open(path).await.unwrap()),
        None => Arc::new(PostgresStore::connect_in(&postgres_url().into(), place, 8).await.unwrap()),
    }
}

pub(super) fn file(folder: &Path) -> String {
    format!("sqlite:{}", folder.join("accounts.db").display())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sqlite_store_conforms() {
    let folders = std::sync::Mutex::new(Vec::new());
    conformance::run(async || {
        let folder = super::test_folder();
        let path = folder.path().to_owned();
        folders.lock().unwrap().push(folder);
        // The file, and those beside it.
        let read = move || {
            let files = std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path());
            files.flat_map(|file| std::fs::read(file).unwrap()).collect()
        };
        let place = file(folders.lock().unwrap().last().unwrap().path());
        Fresh { store: open(&place).await, dump: Box::new(move || Box::pin(std::future::ready(read()))) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: cargo xtask stores"]
async fn postgres_conforms() {
    conformance::run(async || {
        let place = postgres();
        let store = open(&place).await;
        let dump = move || {
            let program = std::env::var("VIMEO_TEST_PG_DUMP").expect("cargo xtask stores sets it");
            let schema = format!("--schema={place}");
            let dump = Command::new(program).args([postgres_url(), schema]).output().unwrap();
            assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
            dump.stdout
        };
        Fresh { store, dump: Box::new(move || Box::pin(std::future::ready(dump()))) }
    })
    .await;
}

#[tokio::test]
async fn a_sqlite_file_is_opened_by_many_at_once_and_is_its_owners() {
    let folder = super::test_folder();
    let place = file(folder.path());
    let opened = futures_util::future::join_all((0..6).map(|_| open(&place))).await;
    let seven = id("7");
    opened[0].insert_account(&account(&seven, Status::Pending), &event(&seven, None, None)).await.unwrap();
    for store in &opened {
        assert!(store.account(&seven).await.unwrap().is_some());
    }
    #[cfg(unix)]
    for name in ["accounts.db", "accounts.db-wal"] {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name} is open to others");
    }
    let error = SqliteStore::open(folder.path()).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
}

/// Whoever may write the database says whose token acts for whom.
#[cfg(unix)]
#[tokio::test]
async fn a_sqlite_file_that_others_may_write_is_refused() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let with_mode =
        |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    let folder = super::test_folder();
    let path = folder.path().join("accounts.db");
    SqliteStore::open(&path).await.unwrap().close().await;
    let refused = async |path: &Path, says: &str| {
        let error = SqliteStore::open(path).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)) && error.to_string().contains(says), "{error}");
    };

    for (mode, is_trusted) in [(0o660, false), (0o606, false), (0o644, true), (0o600, true)] {
        with_mode(&path, mode);
        match is_trusted {
            true => SqliteStore::open(&path).await.unwrap().close().await,
            false => refused(&path, &format!("chmod go-w {}", path.display())).await,
        }
    }
    for (mode, is_trusted) in [(0o777, false), (0o1777, false), (0o770, false), (0o755, true)] {
        with_mode(folder.path(), mode);
        match is_trusted {
            true => SqliteStore::open(&path).await.unwrap().close().await,
            false => refused(&path, "chmod go-w").await,
        }
    }
    // What SQLite would take for its own log.
    let beside = folder.path().join("accounts.db-wal");
    std::fs::write(&beside, "").unwrap();
    with_mode(&beside, 0o666);
    refused(&path, "accounts.db-wal").await;
    std::fs::remove_file(&beside).unwrap();
    symlink(folder.path().join("elsewhere"), &beside).unwrap();
    refused(&path, "is a link").await;
    std::fs::remove_file(&beside).unwrap();
    let link = folder.path().join("link.db");
    symlink(&path, &link).unwrap();
    refused(&link, "is a link").await;
    SqliteStore::open(&path).await.unwrap().close().await;
}

/// A process that is stuck while it writes holds the others up for some seconds, and not for ever.
#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask stores"]
async fn postgres_waits_for_a_stuck_process_only_so_long() {
    let store = open(&postgres()).await;
    let stuck = sqlx::PgPool::connect(&postgres_url()).await.unwrap();
    let mut transaction = stuck.begin().await.unwrap();
    // What whoever writes a change of status locks.
    let sql = "SELECT pg_advisory_xact_lock(x'76696d656f00'::bigint)";
    sqlx::query(sql).execute(&mut *transaction).await.unwrap();
    let seven = id("7");
    let (record, change) = (account(&seven, Status::Pending), event(&seven, None, None));
    let written = tokio::time::timeout(Duration::from_secs(60), store.insert_account(&record, &change)).await;
    assert!(matches!(written, Ok(Err(StoreError::Unavailable(_)))), "{written:?}");
    transaction.rollback().await.unwrap();
    store.insert_account(&record, &change).await.unwrap();
}

/// Starts this binary once more to run one ignored test.
pub(super) fn again(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture", "--quiet"]);
    command
}

pub(super) fn child(test: &str, place: &str, name: &str, more: &[(&str, &str)]) -> Child {
    again(&format!("accounts::{test}"))
        .env("VIMEO_TEST_PLACE", place)
        .env("VIMEO_TEST_NAME", name)
        .envs(more.iter().copied())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

pub(super) fn told(variable: &str) -> String {
    std::env::var(variable).expect("set by the test that starts this one")
}

/// The account after `number` changes: everything in it follows from the number.
fn written(name: &str, number: u64) -> (vimeo_ext::accounts::AccountRecord, StatusEvent) {
    let id = id(name);
    let status = if number.is_multiple_of(2) { Status::Active } else { Status::Expired };
    let mut record = account(&id, status);
    record.account.version = number;
    record.account.reason = Some(number.to_string());
    record.account.user = Some(format!("/users/{number}"));
    record.secrets = Some(Ciphertext {
        key: KeyId::new("k"),
        bytes: number.to_be_bytes().repeat(1 + number as usize % 700),
    });
    let mut change = event(&id, None, Some(status));
    change.reason = Some(number.to_string());
    (record, change)
}

#[tokio::test]
#[ignore = "the child of the kill tests"]
async fn writes_until_it_is_killed() {
    let name = told("VIMEO_TEST_NAME");
    let store = open(&told("VIMEO_TEST_PLACE")).await;
    let mut number = store.account(&id(&name)).await.unwrap().unwrap().account.version;
    let mut out = std::io::stdout();
    loop {
        number += 1;
        let (record, change) = written(&name, number);
        store.replace_account(&record, Some(&change)).await.unwrap();
        // Told once it is written: what was told must be there after the kill.
        writeln!(out, "written {number}").unwrap();
        out.flush().unwrap();
    }
}

async fn is_whole_after_kills(place: &str, name: &str, kills: usize) {
    let store = open(place).await;
    let (record, change) = written(name, 1);
    store.insert_account(&record, &change).await.unwrap();
    for kill in 0..kills {
        let mut child = child("stores::writes_until_it_is_killed", place, name, &[]);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let number =
            |line: String| line.strip_prefix("written ").and_then(|number| number.parse::<u64>().ok());
        let wanted = 1 + fastrand::usize(..8);
        let mut told: Vec<u64> =
            lines.by_ref().filter_map(|line| number(line.unwrap())).take(wanted).collect();
        if kill % 2 == 1 {
            // At some moment of a write, not right after one.
            std::thread::sleep(Duration::from_micros(fastrand::u64(..2_000)));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        told.extend(lines.filter_map(|line| number(line.ok()?)));
        let last = told.last().copied().unwrap();

        let read = async || store.account(&id(name)).await.unwrap().unwrap();
        let (found, own) = loop {
            let found = read().await;
            let mut own: Vec<StatusEvent> = store.events(0, 1_000_000).await.unwrap();
            own.retain(|event| event.account == id(name));
            // A server may yet carry out what it was told just before the kill: then once more.
            if read().await == found {
                break (found, own);
            }
        };
        let version = found.account.version;
        assert!(version == last || version == last + 1, "told {last}, found {version}");
        let (whole, _) = written(name, version);
        assert_eq!(found, whole, "half a record");
        let reasons: Vec<u64> =
            own.iter().map(|event| event.reason.as_ref().unwrap().parse().unwrap()).collect();
        assert_eq!(reasons, (1..=version).collect::<Vec<_>>(), "each change has its event");
    }
}

#[tokio::test]
async fn a_sqlite_file_is_whole_after_kill_9() {
    let folder = super::test_folder();
    is_whole_after_kills(&file(folder.path()), "killed", 10).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask stores"]
async fn postgres_is_whole_after_kill_9() {
    is_whole_after_kills(&postgres(), "killed", 20).await;
}

#[tokio::test]
#[ignore = "the child of the tests of two writers"]
async fn changes_a_connection_fifty_times() {
    let (store, name) = (open(&told("VIMEO_TEST_PLACE")).await, told("VIMEO_TEST_NAME"));
    // What changes no credentials asks nobody.
    let app = Vimeo::builder().build().unwrap();
    let accounts = Accounts::builder(app, store, super::ring()).build().await.unwrap();
    let connections = accounts.connections();
    let (mut won, mut lost) = (0, 0);
    while won < 50 {
        let read: Connection = connections.get_by_name(&name).await.unwrap().unwrap();
        let change = ConnectionUpdate::default().description(format!("{}", std::process::id()));
        match connections.update(&read.id, read.version, change).await {
            Ok(changed) => {
                assert_eq!(changed.version, read.version + 1);
                won += 1;
            }
            Err(AccountsError::StaleVersion { expected, found, .. }) => {
                assert!(expected == read.version && found > expected);
                lost += 1;
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    println!("lost {lost}");
}

async fn of_two_processes_one_wins(place: &str, name: &str) {
    let store = open(place).await;
    store.insert_connection(&connection(&format!("{name} id"), name)).await.unwrap();
    let mut children: Vec<Child> =
        (0..2).map(|_| child("stores::changes_a_connection_fifty_times", place, name, &[])).collect();
    let mut lost = 0;
    for child in &mut children {
        let mut text = String::new();
        child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        assert!(child.wait().unwrap().success(), "{text}");
        let line = text.lines().find_map(|line| line.strip_prefix("lost ")).unwrap();
        lost += line.parse::<u64>().unwrap();
    }
    let version = store.connection_by_name(name).await.unwrap().unwrap().connection.version;
    assert_eq!(version, 101, "no change was lost, and none counted twice");
    println!("{lost} writes met a newer version and were refused");
}

#[tokio::test]
async fn of_two_processes_that_change_a_connection_in_sqlite_one_wins() {
    let folder = super::test_folder();
    of_two_processes_one_wins(&file(folder.path()), "one").await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask stores"]
async fn of_two_processes_that_change_a_connection_in_postgres_one_wins() {
    of_two_processes_one_wins(&postgres(), "one").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_live_in_sqlite_as_in_memory() {
    let folder = super::test_folder();
    let sandbox = Sandbox::start().await.unwrap();
    let (here, there) = (open(&file(folder.path())).await, open(&file(folder.path())).await);
    let here = builder(&sandbox, &here).build().await.unwrap();
    let there = builder(&sandbox, &there).poll_interval(Duration::from_millis(20)).build().await.unwrap();
    let made: Account = here.connect_with_token(&id("a"), sandbox.token()).await.unwrap().account;
    assert_eq!(there.get(&id("a")).await.unwrap().unwrap(), made);
    let client = there.client(&id("a")).await.unwrap();
    client.get("/me").send().await.unwrap();
    here.disable(&id("a"), "unpaid").await.unwrap();
    while client.get("/me").send().await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    here.disconnect(&id("a")).await.unwrap();
    assert_eq!(there.get(&id("a")).await.unwrap(), None);
}
