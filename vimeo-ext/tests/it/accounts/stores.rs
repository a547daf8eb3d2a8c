//! The durable stores: conformance, encryption at rest, and consistency after `kill -9`.
//!
//! The PostgreSQL tests are ignored unless `cargo xtask test-stores` runs them, which starts a server.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use vimeo_ext::Vimeo;
use vimeo_ext::accounts::{
    Account, AccountStore, Accounts, AccountsError, Ciphertext, Connection, ConnectionUpdate, KeyId,
    PostgresStore, ServiceStore, SqliteStore, Status, StatusEvent, StoreError,
};
use vimeo_sandbox::Sandbox;

use super::conformance::TestStore;
use super::records::{account, connection, event};
use super::{builder, conformance, id};

/// Returns the URL of the server that `cargo xtask test-stores` started.
fn postgres_url() -> String {
    std::env::var("VIMEO_TEST_POSTGRES").expect("cargo xtask test-stores sets VIMEO_TEST_POSTGRES")
}

/// Returns the name of a new schema on that server, because tests run concurrently.
pub(super) fn postgres_schema() -> String {
    format!("t{:08x}", fastrand::u32(..))
}

/// Opens the store at a place: `sqlite:PATH`, or a PostgreSQL schema.
pub(super) async fn open(place: &str) -> Arc<dyn AccountStore> {
    open_service(place).await
}

/// Opens the store as [`open`] does, with its documents.
async fn open_service(place: &str) -> Arc<dyn ServiceStore> {
    match place.strip_prefix("sqlite:") {
        Some(path) => Arc::new(SqliteStore::open(path).await.unwrap()),
        None => Arc::new(PostgresStore::connect_in(&postgres_url().into(), place, 8).await.unwrap()),
    }
}

pub(super) fn sqlite_place(folder: &Path) -> String {
    format!("sqlite:{}", folder.join("accounts.db").display())
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_store_conforms() {
    let folders = std::sync::Mutex::new(Vec::new());
    conformance::run(async || {
        let folder = super::test_folder();
        let path = folder.path().to_owned();
        folders.lock().unwrap().push(folder);
        // The database file and those next to it.
        let read = move || {
            let files = std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path());
            files.flat_map(|file| std::fs::read(file).unwrap()).collect()
        };
        let place = sqlite_place(folders.lock().unwrap().last().unwrap().path());
        TestStore {
            store: open_service(&place).await,
            dump: Box::new(move || Box::pin(std::future::ready(read()))),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: cargo xtask test-stores"]
async fn postgres_store_conforms() {
    conformance::run(async || {
        let place = postgres_schema();
        let store = open_service(&place).await;
        let dump = move || {
            let program =
                std::env::var("VIMEO_TEST_PG_DUMP").expect("cargo xtask test-stores sets VIMEO_TEST_PG_DUMP");
            let schema = format!("--schema={place}");
            let dump = Command::new(program).args([postgres_url(), schema]).output().unwrap();
            assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
            dump.stdout
        };
        TestStore { store, dump: Box::new(move || Box::pin(std::future::ready(dump()))) }
    })
    .await;
}

#[tokio::test]
async fn sqlite_file_opens_concurrently_and_is_private() {
    let folder = super::test_folder();
    let place = sqlite_place(folder.path());
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
        assert_eq!(mode & 0o077, 0, "{name} is accessible to others");
    }
    let error = SqliteStore::open(folder.path()).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
}

/// Anyone who can write the database decides which token an account uses.
#[cfg(unix)]
#[tokio::test]
async fn rejects_sqlite_file_writable_by_others() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let with_mode =
        |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    let folder = super::test_folder();
    let path = folder.path().join("accounts.db");
    SqliteStore::open(&path).await.unwrap().close().await;
    let assert_rejected = async |path: &Path, expected: &str| {
        let error = SqliteStore::open(path).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
        assert!(error.to_string().contains(expected), "{error}");
    };

    for (mode, is_trusted) in [(0o660, false), (0o606, false), (0o644, true), (0o600, true)] {
        with_mode(&path, mode);
        match is_trusted {
            true => SqliteStore::open(&path).await.unwrap().close().await,
            false => assert_rejected(&path, &format!("chmod go-w {}", path.display())).await,
        }
    }
    for (mode, is_trusted) in [(0o777, false), (0o1777, false), (0o770, false), (0o755, true)] {
        with_mode(folder.path(), mode);
        match is_trusted {
            true => SqliteStore::open(&path).await.unwrap().close().await,
            false => assert_rejected(&path, "chmod go-w").await,
        }
    }
    // A file that SQLite would use as its own write-ahead log.
    let wal = folder.path().join("accounts.db-wal");
    std::fs::write(&wal, "").unwrap();
    with_mode(&wal, 0o666);
    assert_rejected(&path, "accounts.db-wal").await;
    std::fs::remove_file(&wal).unwrap();
    symlink(folder.path().join("elsewhere"), &wal).unwrap();
    assert_rejected(&path, "is a link").await;
    std::fs::remove_file(&wal).unwrap();
    let link = folder.path().join("link.db");
    symlink(&path, &link).unwrap();
    assert_rejected(&link, "is a link").await;
    SqliteStore::open(&path).await.unwrap().close().await;
}

/// A process that hangs while it writes delays the others for some seconds only.
#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test-stores"]
async fn postgres_times_out_on_a_hung_writer() {
    let store = open(&postgres_schema()).await;
    let hung = sqlx::PgPool::connect(&postgres_url()).await.unwrap();
    let mut transaction = hung.begin().await.unwrap();
    // The lock that every write of a status event acquires.
    let sql = "SELECT pg_advisory_xact_lock(x'76696d656f00'::bigint)";
    sqlx::query(sql).execute(&mut *transaction).await.unwrap();
    let seven = id("7");
    let (record, change) = (account(&seven, Status::Pending), event(&seven, None, None));
    let written = tokio::time::timeout(Duration::from_secs(60), store.insert_account(&record, &change)).await;
    assert!(matches!(written, Ok(Err(StoreError::Unavailable(_)))), "{written:?}");
    transaction.rollback().await.unwrap();
    store.insert_account(&record, &change).await.unwrap();
}

/// Runs one ignored test of this binary in another process.
pub(super) fn rerun_test(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture", "--quiet"]);
    command
}

pub(super) fn spawn_child(test: &str, place: &str, name: &str, more: &[(&str, &str)]) -> Child {
    rerun_test(&format!("accounts::{test}"))
        .env("VIMEO_TEST_PLACE", place)
        .env("VIMEO_TEST_NAME", name)
        .envs(more.iter().copied())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

pub(super) fn env_var(variable: &str) -> String {
    std::env::var(variable).expect("set by the parent test")
}

/// Returns the account at version `number` and its event. All fields derive from the number.
fn record_at(name: &str, number: u64) -> (vimeo_ext::accounts::AccountRecord, StatusEvent) {
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
#[ignore = "child process of the kill tests"]
async fn child_writes_until_killed() {
    let name = env_var("VIMEO_TEST_NAME");
    let store = open(&env_var("VIMEO_TEST_PLACE")).await;
    let mut number = store.account(&id(&name)).await.unwrap().unwrap().account.version;
    let mut out = std::io::stdout();
    loop {
        number += 1;
        let (record, change) = record_at(&name, number);
        store.replace_account(&record, Some(&change)).await.unwrap();
        // Printed after the write: everything that was printed must be stored after the kill.
        writeln!(out, "written {number}").unwrap();
        out.flush().unwrap();
    }
}

async fn assert_consistent_after_kills(place: &str, name: &str, kills: usize) {
    let store = open(place).await;
    let (record, change) = record_at(name, 1);
    store.insert_account(&record, &change).await.unwrap();
    for kill in 0..kills {
        let mut child = spawn_child("stores::child_writes_until_killed", place, name, &[]);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let number =
            |line: String| line.strip_prefix("written ").and_then(|number| number.parse::<u64>().ok());
        let writes = 1 + fastrand::usize(..8);
        let mut printed: Vec<u64> =
            lines.by_ref().filter_map(|line| number(line.unwrap())).take(writes).collect();
        if kill % 2 == 1 {
            // At a random time during a write, not right after one.
            std::thread::sleep(Duration::from_micros(fastrand::u64(..2_000)));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        printed.extend(lines.filter_map(|line| number(line.ok()?)));
        let last = printed.last().copied().unwrap();

        let read = async || store.account(&id(name)).await.unwrap().unwrap();
        let (found, own) = loop {
            let found = read().await;
            let mut own: Vec<StatusEvent> = store.events(0, 1_000_000).await.unwrap();
            own.retain(|event| event.account == id(name));
            // A server may still execute a statement that it received just before the kill. Then read again.
            if read().await == found {
                break (found, own);
            }
        };
        let version = found.account.version;
        assert!(version == last || version == last + 1, "printed {last}, found {version}");
        let (complete, _) = record_at(name, version);
        assert_eq!(found, complete, "incomplete record");
        let reasons: Vec<u64> =
            own.iter().map(|event| event.reason.as_ref().unwrap().parse().unwrap()).collect();
        assert_eq!(reasons, (1..=version).collect::<Vec<_>>(), "each change has its event");
    }
}

#[tokio::test]
async fn sqlite_is_consistent_after_kill_9() {
    let folder = super::test_folder();
    assert_consistent_after_kills(&sqlite_place(folder.path()), "killed", 10).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test-stores"]
async fn postgres_is_consistent_after_kill_9() {
    assert_consistent_after_kills(&postgres_schema(), "killed", 20).await;
}

#[tokio::test]
#[ignore = "child process of the tests with two writers"]
async fn child_updates_a_connection_fifty_times() {
    let (store, name) = (open(&env_var("VIMEO_TEST_PLACE")).await, env_var("VIMEO_TEST_NAME"));
    // Updates without credentials do not call Vimeo.
    let app = Vimeo::builder().build().unwrap();
    let accounts = Accounts::builder(app, store, super::ring()).build().await.unwrap();
    let connections = accounts.connections();
    let (mut won, mut lost) = (0, 0);
    while won < 50 {
        let current: Connection = connections.get_by_name(&name).await.unwrap().unwrap();
        let update = ConnectionUpdate::default().description(format!("{}", std::process::id()));
        match connections.update(&current.id, current.version, update).await {
            Ok(updated) => {
                assert_eq!(updated.version, current.version + 1);
                won += 1;
            }
            Err(AccountsError::StaleVersion { expected, found, .. }) => {
                assert!(expected == current.version && found > expected);
                lost += 1;
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    println!("lost {lost}");
}

async fn assert_no_update_is_lost(place: &str, name: &str) {
    let store = open(place).await;
    store.insert_connection(&connection(&format!("{name} id"), name)).await.unwrap();
    let mut children: Vec<Child> = (0..2)
        .map(|_| spawn_child("stores::child_updates_a_connection_fifty_times", place, name, &[]))
        .collect();
    let mut lost = 0;
    for child in &mut children {
        let mut text = String::new();
        child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        assert!(child.wait().unwrap().success(), "{text}");
        let line = text.lines().find_map(|line| line.strip_prefix("lost ")).unwrap();
        lost += line.parse::<u64>().unwrap();
    }
    let version = store.connection_by_name(name).await.unwrap().unwrap().connection.version;
    assert_eq!(version, 101, "no update was lost or counted twice");
    println!("{lost} updates were rejected as stale");
}

#[tokio::test]
async fn sqlite_loses_no_concurrent_connection_update() {
    let folder = super::test_folder();
    assert_no_update_is_lost(&sqlite_place(folder.path()), "one").await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test-stores"]
async fn postgres_loses_no_concurrent_connection_update() {
    assert_no_update_is_lost(&postgres_schema(), "one").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_work_with_sqlite() {
    let folder = super::test_folder();
    let sandbox = Sandbox::start().await.unwrap();
    let (here, there) = (open(&sqlite_place(folder.path())).await, open(&sqlite_place(folder.path())).await);
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
