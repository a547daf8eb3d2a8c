use chrono::{DateTime, Utc};
use tempfile::TempDir;

use super::super::source::FileSource;
use super::*;
use crate::upload_ticket::{SourceChange, UploadTicket};

const PURPOSE: &str = "new video";

struct Fixture {
    folder: TempDir,
    journal: Journal,
    path: PathBuf,
}

impl Fixture {
    fn new() -> Self {
        let folder = crate::private_files::test_folder();
        let path = folder.path().join("film.mp4");
        std::fs::write(&path, b"film").unwrap();
        let journal = Journal::in_folder(folder.path().join("not yet").join("there"));
        Self { folder, journal, path }
    }

    async fn lock(&self) -> Result<JournalLock, UploadError> {
        let mut source = FileSource::open(&self.path).await.unwrap();
        self.journal.lock(&mut source, PURPOSE).await
    }

    fn names(&self) -> Vec<String> {
        let found = std::fs::read_dir(self.journal.folder()).unwrap();
        found.map(|item| item.unwrap().file_name().into_string().unwrap()).collect()
    }
}

fn ticket() -> UploadTicket {
    UploadTicket::new("/videos/1", "https://files.example/1?sig=s3cret", 4).unwrap()
}

#[tokio::test]
async fn resume_states_follow_the_life_of_an_entry() {
    let fixture = Fixture::new();
    assert!(fixture.journal.list().await.unwrap().is_empty(), "no folder yet");

    let lock = fixture.lock().await.unwrap();
    assert!(matches!(lock.resume_state(), ResumeState::New));
    drop(lock);

    let mut lock = fixture.lock().await.unwrap();
    assert!(matches!(lock.resume_state(), ResumeState::OutcomeUnknown), "a video may exist");
    lock.record(&ticket()).await.unwrap();
    drop(lock);

    let lock = fixture.lock().await.unwrap();
    let ResumeState::Resumable(found) = lock.resume_state() else { panic!("{:?}", lock.resume_state()) };
    assert_eq!(found.video_uri(), "/videos/1");
    assert!(!format!("{lock:?}").contains("s3cret"));

    lock.finish().await.unwrap();
    assert!(fixture.names().is_empty(), "{:?}", fixture.names());
    assert!(matches!(fixture.lock().await.unwrap().resume_state(), ResumeState::New));
}

#[tokio::test]
async fn lock_is_exclusive() {
    let fixture = Fixture::new();
    let first = fixture.lock().await.unwrap();
    let error = fixture.lock().await.unwrap_err();
    assert!(matches!(error, UploadError::InUse { .. }), "{error:?}");
    let error = fixture.journal.discard(&first.entry().id()).await.unwrap_err();
    assert!(matches!(error, UploadError::InUse { .. }), "{error:?}");
    // The same file with another purpose is another upload.
    let mut source = FileSource::open(&fixture.path).await.unwrap();
    fixture.journal.lock(&mut source, "replace /videos/2").await.unwrap();
    drop(first);
    fixture.lock().await.unwrap();
}

#[tokio::test]
async fn changed_file_is_refused() {
    let fixture = Fixture::new();
    drop(fixture.lock().await.unwrap());
    std::fs::write(&fixture.path, b"another film").unwrap();
    let error = fixture.lock().await.unwrap_err();
    assert!(matches!(error, UploadError::Journal { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains(&SourceChange::Grew { from: 4, to: 12 }.to_string()), "{text}");
    assert!(text.contains("discard"), "{text}");

    let entries = fixture.journal.list().await.unwrap();
    let [entry] = &entries[..] else { panic!("{entries:?}") };
    assert_eq!(entry.path, fixture.path.canonicalize().unwrap());
    assert!(fixture.journal.discard(&entry.id()).await.unwrap());
    assert!(!fixture.journal.discard(&entry.id()).await.unwrap());
    assert!(matches!(fixture.lock().await.unwrap().resume_state(), ResumeState::New));
}

#[tokio::test]
async fn truncated_entry_is_reported_and_discarded() {
    let fixture = Fixture::new();
    let mut lock = fixture.lock().await.unwrap();
    lock.record(&ticket()).await.unwrap();
    let file = lock.files.entry.clone();
    drop(lock);
    let text = std::fs::read_to_string(&file).unwrap();
    for length in [0, 1, text.len() / 2, text.len() - 2] {
        std::fs::write(&file, &text[..length]).unwrap();
        let error = fixture.lock().await.unwrap_err();
        let UploadError::Journal { name, .. } = &error else { panic!("{error:?}") };
        assert!(!error.to_string().contains("s3cret"), "{error}");
        assert!(fixture.journal.list().await.unwrap().is_empty());
        assert_eq!(fixture.journal.damaged().await.unwrap().len(), 1);
        assert_eq!(Path::new(name), file);
    }
    assert!(fixture.journal.discard(&file.to_string_lossy()).await.unwrap());
    fixture.lock().await.unwrap();
}

#[tokio::test]
async fn entries_are_read_in_one_pass() {
    let fixture = Fixture::new();
    let none = fixture.journal.entries().await.unwrap();
    assert!(none.pending.is_empty() && none.damaged.is_empty(), "no folder yet");
    let mut ids = Vec::new();
    for purpose in ["one", "two", "three"] {
        let mut source = FileSource::open(&fixture.path).await.unwrap();
        ids.push(fixture.journal.lock(&mut source, purpose).await.unwrap().entry().id());
    }
    let damaged = ids.remove(1);
    std::fs::write(fixture.journal.folder().join(format!("{damaged}.json")), "{").unwrap();
    let entries = fixture.journal.entries().await.unwrap();
    assert_eq!(entries.pending.iter().map(PendingUpload::id).collect::<Vec<_>>(), ids, "oldest first");
    let [entry] = &entries.damaged[..] else { panic!("{:?}", entries.damaged) };
    assert_eq!(entry.id, damaged);
    assert!(matches!(entry.error, UploadError::Journal { .. }), "{:?}", entry.error);
}

#[tokio::test]
async fn leftover_temp_file_is_ignored() {
    let fixture = Fixture::new();
    let mut lock = fixture.lock().await.unwrap();
    let temp = lock.files.temp.clone();
    std::fs::write(&temp, vec![b'x'; 100_000]).unwrap();
    assert_eq!(fixture.journal.list().await.unwrap().len(), 1);
    lock.record(&ticket()).await.unwrap();
    drop(lock);
    assert!(matches!(fixture.lock().await.unwrap().resume_state(), ResumeState::Resumable(_)));
    assert!(!temp.exists());
}

#[tokio::test]
async fn discard_stays_in_the_folder() {
    let fixture = Fixture::new();
    let outside = fixture.folder.path().join("mine.json");
    std::fs::write(&outside, b"{}").unwrap();
    for id in ["../../mine", "../../mine.json", "", ".", "mine"] {
        assert!(!fixture.journal.discard(id).await.unwrap(), "{id}");
    }
    assert!(outside.exists());
}

#[cfg(unix)]
#[tokio::test]
async fn entries_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::new();
    let mut lock = fixture.lock().await.unwrap();
    lock.record(&ticket()).await.unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&lock.files.entry), 0o600);
    assert_eq!(mode(fixture.journal.folder()), 0o700);
}

/// Other users who can write an entry could redirect an upload.
#[cfg(unix)]
#[tokio::test]
async fn entries_writable_by_others_are_refused() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let with_mode =
        |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    let fixture = Fixture::new();
    let mut lock = fixture.lock().await.unwrap();
    lock.record(&ticket()).await.unwrap();
    let (entry, id) = (lock.files.entry.clone(), lock.entry().id());
    drop(lock);

    with_mode(&entry, 0o620);
    let error = fixture.lock().await.unwrap_err();
    assert!(error.to_string().contains("chmod go-w"), "{error}");
    let damaged = fixture.journal.damaged().await.unwrap();
    assert!(matches!(&damaged[..], [DamagedEntry { error: UploadError::Io { .. }, .. }]), "{damaged:?}");
    assert_eq!(damaged[0].id, id);
    with_mode(&entry, 0o600);

    with_mode(fixture.journal.folder(), 0o777);
    for error in [
        fixture.lock().await.map(drop).unwrap_err(),
        fixture.journal.list().await.map(drop).unwrap_err(),
        fixture.journal.discard(&id).await.map(drop).unwrap_err(),
    ] {
        assert!(error.to_string().contains("chmod go-w"), "{error}");
    }
    with_mode(fixture.journal.folder(), 0o700);

    // A link in place of an entry is not followed, neither for reading nor for writing.
    let elsewhere = fixture.journal.folder().join("elsewhere");
    std::fs::rename(&entry, &elsewhere).unwrap();
    symlink(&elsewhere, &entry).unwrap();
    let error = fixture.lock().await.unwrap_err();
    assert!(error.to_string().contains("is a link"), "{error}");
    std::fs::remove_file(&entry).unwrap();
    std::fs::rename(&elsewhere, &entry).unwrap();
    assert!(matches!(fixture.lock().await.unwrap().resume_state(), ResumeState::Resumable(_)));
}

/// The only blocking thread is busy until `release` is sent, so the operation is started but does not run yet.
#[test]
fn dropped_write_keeps_the_lock_until_done() {
    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
    type Operation = fn(JournalLock) -> std::pin::Pin<Box<dyn Future<Output = Result<(), UploadError>>>>;
    let operations: [(&str, Operation); 3] = [
        ("finish", |lock| Box::pin(lock.finish())),
        ("record", |mut lock| Box::pin(async move { lock.record(&ticket()).await })),
        ("mark", |lock| Box::pin(async move { lock.marker().write().await })),
    ];
    for (name, operation) in operations {
        let fixture = Fixture::new();
        runtime.block_on(async {
            let lock = fixture.lock().await.unwrap();
            let files = lock.files.clone();
            let (release, wait) = std::sync::mpsc::channel::<()>();
            let busy = tokio::task::spawn_blocking(move || wait.recv());
            let mut running = operation(lock);
            assert!(futures_util::poll!(running.as_mut()).is_pending(), "{name}");
            drop(running);
            assert!(matches!(files.lock("film.mp4"), Err(UploadError::InUse { .. })), "{name}");
            release.send(()).unwrap();
            busy.await.unwrap().unwrap();
            // Queued behind the operation.
            tokio::task::spawn_blocking(|| ()).await.unwrap();
            assert!(files.lock("film.mp4").is_ok(), "{name}");
        });
    }
}

/// As an earlier release wrote it, byte for byte.
#[tokio::test]
async fn version_1_entry_is_read() {
    let fixture = Fixture::new();
    let id = "0123456789abcdef0123456789abcdef";
    std::fs::create_dir_all(fixture.journal.folder()).unwrap();
    let entry = r#"{
  "version": 1,
  "path": "/films/film.mp4",
  "purpose": "new video at https://api.vimeo.com/ for account anna",
  "fingerprint": { "size": 4, "modified": "2026-03-01T12:00:00.5Z", "sample": "00" },
  "begun": "2026-03-01T12:00:01Z",
  "asked": "2026-03-01T12:00:02Z",
  "ticket": {
    "video_uri": "/videos/1", "upload_link": "https://files.example/1?sig=s3cret", "size": 4,
    "created": "2026-03-01T12:00:03Z"
  },
  "settings": { "name": "Surf" }
}"#;
    std::fs::write(fixture.journal.folder().join(format!("{id}.json")), entry).unwrap();
    let entries = fixture.journal.list().await.unwrap();
    let [entry] = &entries[..] else { panic!("{entries:?}") };
    assert_eq!((entry.path.as_path(), entry.account()), (Path::new("/films/film.mp4"), Some("anna")));
    assert_eq!(entry.ticket.as_ref().unwrap().video_uri(), "/videos/1");
    assert_eq!(entry.started_at, "2026-03-01T12:00:01Z".parse::<DateTime<Utc>>().unwrap());
    assert_eq!(entry.requested_at, Some("2026-03-01T12:00:02Z".parse().unwrap()));
    assert_eq!(entry.server_clock_ahead, None);
}

#[tokio::test]
async fn damaged_entry_is_discarded_by_its_id() {
    let fixture = Fixture::new();
    let lock = fixture.lock().await.unwrap();
    let id = lock.entry().id();
    drop(lock);
    std::fs::write(fixture.journal.folder().join(format!("{id}.json")), "{").unwrap();
    // Other files are ignored.
    std::fs::write(fixture.journal.folder().join("notes.json"), "{").unwrap();
    let damaged = fixture.journal.damaged().await.unwrap();
    let [entry] = &damaged[..] else { panic!("{damaged:?}") };
    assert_eq!((entry.id.as_str(), entry.error.journal_entry()), (id.as_str(), Some(id.as_str())));
    let refused = fixture.lock().await.unwrap_err();
    assert_eq!(refused.journal_entry(), Some(id.as_str()));
    assert!(fixture.journal.discard(&id).await.unwrap());
    assert!(matches!(fixture.lock().await.unwrap().resume_state(), ResumeState::New));
}

#[cfg(unix)]
#[tokio::test]
async fn non_unicode_paths_have_own_entries() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let fixture = Fixture::new();
    let mut ids = Vec::new();
    for name in [b"\xff.mp4", b"\xfe.mp4"] {
        let path = fixture.folder.path().join(OsStr::from_bytes(&name[..]));
        std::fs::write(&path, b"film").unwrap();
        let mut source = FileSource::open(&path).await.unwrap();
        let mut lock = fixture.journal.lock(&mut source, PURPOSE).await.unwrap();
        lock.record(&ticket()).await.unwrap();
        ids.push((lock.entry().id(), path.canonicalize().unwrap()));
    }
    for (id, path) in ids {
        let entries = fixture.journal.list().await.unwrap();
        let entry = entries.iter().find(|entry| entry.id() == id).unwrap();
        assert_eq!(entry.path, path, "round-trips byte for byte");
    }
}
