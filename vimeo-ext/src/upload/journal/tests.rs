use tempfile::TempDir;

use super::super::source::FileSource;
use super::*;
use crate::upload_ticket::SourceChange;

const PURPOSE: &str = "new video";

struct Place {
    folder: TempDir,
    journal: Journal,
    path: PathBuf,
}

impl Place {
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
async fn an_upload_is_new_then_uncertain_then_resumable_then_gone() {
    let place = Place::new();
    assert!(place.journal.list().await.unwrap().is_empty(), "no folder, no uploads");

    let lock = place.lock().await.unwrap();
    assert!(matches!(lock.resume_state(), ResumeState::New));
    drop(lock);

    let mut lock = place.lock().await.unwrap();
    assert!(matches!(lock.resume_state(), ResumeState::OutcomeUnknown), "it may have been created");
    lock.record(&ticket()).await.unwrap();
    drop(lock);

    let lock = place.lock().await.unwrap();
    let ResumeState::Resumable(found) = lock.resume_state() else { panic!("{:?}", lock.resume_state()) };
    assert_eq!(found.video_uri(), "/videos/1");
    assert!(!format!("{lock:?}").contains("s3cret"));

    lock.finish().await.unwrap();
    assert!(place.names().is_empty(), "{:?}", place.names());
    assert!(matches!(place.lock().await.unwrap().resume_state(), ResumeState::New));
}

#[tokio::test]
async fn two_cannot_work_on_one_upload() {
    let place = Place::new();
    let first = place.lock().await.unwrap();
    let error = place.lock().await.unwrap_err();
    assert!(matches!(error, UploadError::InUse { .. }), "{error:?}");
    let error = place.journal.discard(&first.entry().id()).await.unwrap_err();
    assert!(matches!(error, UploadError::InUse { .. }), "{error:?}");
    // The same file for another purpose is another upload.
    let mut source = FileSource::open(&place.path).await.unwrap();
    place.journal.lock(&mut source, "replace /videos/2").await.unwrap();
    drop(first);
    place.lock().await.unwrap();
}

#[tokio::test]
async fn a_file_that_changed_since_is_not_resumed() {
    let place = Place::new();
    drop(place.lock().await.unwrap());
    std::fs::write(&place.path, b"another film").unwrap();
    let error = place.lock().await.unwrap_err();
    assert!(matches!(error, UploadError::Journal { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains(&SourceChange::Grew { from: 4, to: 12 }.to_string()), "{text}");
    assert!(text.contains("discard"), "{text}");

    let entries = place.journal.list().await.unwrap();
    let [entry] = &entries[..] else { panic!("{entries:?}") };
    assert_eq!(entry.path, place.path.canonicalize().unwrap());
    assert!(place.journal.discard(&entry.id()).await.unwrap());
    assert!(!place.journal.discard(&entry.id()).await.unwrap());
    assert!(matches!(place.lock().await.unwrap().resume_state(), ResumeState::New));
}

#[tokio::test]
async fn an_entry_cut_short_is_named_and_can_be_discarded() {
    let place = Place::new();
    let mut lock = place.lock().await.unwrap();
    lock.record(&ticket()).await.unwrap();
    let file = lock.files.entry.clone();
    drop(lock);
    let text = std::fs::read_to_string(&file).unwrap();
    for length in [0, 1, text.len() / 2, text.len() - 2] {
        std::fs::write(&file, &text[..length]).unwrap();
        let error = place.lock().await.unwrap_err();
        let UploadError::Journal { name, .. } = &error else { panic!("{error:?}") };
        assert!(!error.to_string().contains("s3cret"), "{error}");
        assert!(place.journal.list().await.unwrap().is_empty());
        assert_eq!(place.journal.damaged().await.unwrap().len(), 1);
        assert_eq!(Path::new(name), file);
    }
    assert!(place.journal.discard(&file.to_string_lossy()).await.unwrap());
    place.lock().await.unwrap();
}

#[tokio::test]
async fn what_a_killed_write_left_behind_is_not_seen() {
    let place = Place::new();
    let mut lock = place.lock().await.unwrap();
    let temp = lock.files.temp.clone();
    std::fs::write(&temp, vec![b'x'; 100_000]).unwrap();
    assert_eq!(place.journal.list().await.unwrap().len(), 1);
    lock.record(&ticket()).await.unwrap();
    drop(lock);
    assert!(matches!(place.lock().await.unwrap().resume_state(), ResumeState::Resumable(_)));
    assert!(!temp.exists());
}

#[tokio::test]
async fn nothing_outside_the_folder_can_be_discarded() {
    let place = Place::new();
    let outside = place.folder.path().join("mine.json");
    std::fs::write(&outside, b"{}").unwrap();
    for id in ["../../mine", "../../mine.json", "", ".", "mine"] {
        assert!(!place.journal.discard(id).await.unwrap(), "{id}");
    }
    assert!(outside.exists());
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let mut lock = place.lock().await.unwrap();
    lock.record(&ticket()).await.unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&lock.files.entry), 0o600);
    assert_eq!(mode(place.journal.folder()), 0o700);
}

/// Whoever may write an entry could lead the bytes of an upload elsewhere.
#[cfg(unix)]
#[tokio::test]
async fn what_others_may_write_is_not_trusted() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let with_mode =
        |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    let place = Place::new();
    let mut lock = place.lock().await.unwrap();
    lock.record(&ticket()).await.unwrap();
    let (entry, id) = (lock.files.entry.clone(), lock.entry().id());
    drop(lock);

    with_mode(&entry, 0o620);
    let error = place.lock().await.unwrap_err();
    assert!(error.to_string().contains("chmod go-w"), "{error}");
    let damaged = place.journal.damaged().await.unwrap();
    assert!(matches!(&damaged[..], [DamagedEntry { error: UploadError::Io { .. }, .. }]), "{damaged:?}");
    assert_eq!(damaged[0].id, id);
    with_mode(&entry, 0o600);

    with_mode(place.journal.folder(), 0o777);
    for error in [
        place.lock().await.map(drop).unwrap_err(),
        place.journal.list().await.map(drop).unwrap_err(),
        place.journal.discard(&id).await.map(drop).unwrap_err(),
    ] {
        assert!(error.to_string().contains("chmod go-w"), "{error}");
    }
    with_mode(place.journal.folder(), 0o700);

    // A link in the place of an entry is not followed, neither to be read nor to be written.
    let elsewhere = place.journal.folder().join("elsewhere");
    std::fs::rename(&entry, &elsewhere).unwrap();
    symlink(&elsewhere, &entry).unwrap();
    let error = place.lock().await.unwrap_err();
    assert!(error.to_string().contains("is a link"), "{error}");
    std::fs::remove_file(&entry).unwrap();
    std::fs::rename(&elsewhere, &entry).unwrap();
    assert!(matches!(place.lock().await.unwrap().resume_state(), ResumeState::Resumable(_)));
}

/// The one thread for blocking work is busy until `go` is told, so that what is asked for meanwhile is only begun.
#[test]
fn what_is_dropped_while_it_writes_keeps_others_out_until_it_has_written() {
    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
    type Ask = fn(JournalLock) -> std::pin::Pin<Box<dyn Future<Output = Result<(), UploadError>>>>;
    let asks: [(&str, Ask); 3] = [
        ("finish", |lock| Box::pin(lock.finish())),
        ("record", |mut lock| Box::pin(async move { lock.record(&ticket()).await })),
        ("mark", |lock| Box::pin(async move { lock.marker().write().await })),
    ];
    for (name, ask) in asks {
        let place = Place::new();
        runtime.block_on(async {
            let lock = place.lock().await.unwrap();
            let files = lock.files.clone();
            let (go, wait) = std::sync::mpsc::channel::<()>();
            let busy = tokio::task::spawn_blocking(move || wait.recv());
            let mut asked = ask(lock);
            assert!(futures_util::poll!(asked.as_mut()).is_pending(), "{name}");
            drop(asked);
            assert!(matches!(files.lock("film.mp4"), Err(UploadError::InUse { .. })), "{name}");
            go.send(()).unwrap();
            busy.await.unwrap().unwrap();
            // Behind what was asked for.
            tokio::task::spawn_blocking(|| ()).await.unwrap();
            assert!(files.lock("film.mp4").is_ok(), "{name}");
        });
    }
}

/// As an earlier release wrote it, byte for byte.
#[tokio::test]
async fn an_entry_of_an_earlier_release_is_read() {
    let place = Place::new();
    let id = "0123456789abcdef0123456789abcdef";
    std::fs::create_dir_all(place.journal.folder()).unwrap();
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
    std::fs::write(place.journal.folder().join(format!("{id}.json")), entry).unwrap();
    let entries = place.journal.list().await.unwrap();
    let [entry] = &entries[..] else { panic!("{entries:?}") };
    assert_eq!((entry.path.as_path(), entry.account()), (Path::new("/films/film.mp4"), Some("anna")));
    assert_eq!(entry.ticket.as_ref().unwrap().video_uri(), "/videos/1");
    assert_eq!(entry.server_clock_ahead, None);
}

#[tokio::test]
async fn a_damaged_entry_has_a_name_to_forget_it_by() {
    let place = Place::new();
    let lock = place.lock().await.unwrap();
    let id = lock.entry().id();
    drop(lock);
    std::fs::write(place.journal.folder().join(format!("{id}.json")), "{").unwrap();
    // What is no entry at all is none of its business.
    std::fs::write(place.journal.folder().join("notes.json"), "{").unwrap();
    let damaged = place.journal.damaged().await.unwrap();
    let [entry] = &damaged[..] else { panic!("{damaged:?}") };
    assert_eq!((entry.id.as_str(), entry.error.journal_entry()), (id.as_str(), Some(id.as_str())));
    let barred = place.lock().await.unwrap_err();
    assert_eq!(barred.journal_entry(), Some(id.as_str()));
    assert!(place.journal.discard(&id).await.unwrap());
    assert!(matches!(place.lock().await.unwrap().resume_state(), ResumeState::New));
}

#[cfg(unix)]
#[tokio::test]
async fn files_whose_names_are_no_text_are_uploads_of_their_own() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new();
    let mut ids = Vec::new();
    for name in [b"\xff.mp4", b"\xfe.mp4"] {
        let path = place.folder.path().join(OsStr::from_bytes(&name[..]));
        std::fs::write(&path, b"film").unwrap();
        let mut source = FileSource::open(&path).await.unwrap();
        let mut lock = place.journal.lock(&mut source, PURPOSE).await.unwrap();
        lock.record(&ticket()).await.unwrap();
        ids.push((lock.entry().id(), path.canonicalize().unwrap()));
    }
    for (id, path) in ids {
        let entries = place.journal.list().await.unwrap();
        let entry = entries.iter().find(|entry| entry.id() == id).unwrap();
        assert_eq!(entry.path, path, "it comes back byte for byte");
    }
}

#[test]
fn differing_settings_are_named() {
    use serde_json::json;
    let stored = json!({"name": "Surf", "locale": "de"});
    // (requested settings, names of those that differ)
    let table = [
        (json!({"name": "Surf", "locale": "de"}), vec![]),
        (json!({"name": "Swell", "locale": "de"}), vec!["name"]),
        (json!({"name": "Surf", "license": "by"}), vec!["license", "locale"]),
        (Value::Null, vec![]),
    ];
    for (requested, names) in table {
        assert_eq!(differing_members(&stored, &requested), names, "{requested}");
    }
}
