//! Unfinished uploads of earlier releases. The fixtures are as those releases wrote them, except for file, API, video
//! and link.

use std::path::Path;
use std::time::SystemTime;

use secrecy::ExposeSecret;
use serde_json::json;
use sha2::{Digest, Sha256};
use vimeo_ext::Vimeo;
use vimeo_ext::upload::{FileSource, Journal, Purpose, ResumeState, UploadTicket};

use super::UploadFixture;

/// An entry, and the sentence that was its identity, with the account if a client wrote it.
const NEW_VIDEO: (&str, &str) =
    (include_str!("journals_of_releases/new_video.json"), "new video at API for account anna");
const NEW_VERSION: (&str, &str) =
    (include_str!("journals_of_releases/new_version.json"), "new file of VIDEO at API for account anna");
const OWN_PURPOSE: (&str, &str) = (include_str!("journals_of_releases/own_purpose.json"), "new video");

/// A folder with a file and its entry, as an earlier release left them.
struct Left {
    fixture: UploadFixture,
    film: std::path::PathBuf,
    video: String,
}

impl Left {
    async fn by(release: (&str, &str)) -> Self {
        let fixture = UploadFixture::new().await;
        let film = fixture.file("film.mp4", b"twelve bytes").canonicalize().unwrap();
        let (entry, sentence) = release;
        let modified = entry.split("\"modified\": \"").nth(1).unwrap().split('"').next().unwrap();
        let modified: chrono::DateTime<chrono::Utc> = modified.parse().unwrap();
        std::fs::File::options()
            .append(true)
            .open(&film)
            .unwrap()
            .set_modified(SystemTime::from(modified))
            .unwrap();
        let vimeo = fixture.vimeo();
        let ticket = created(&vimeo).await;
        let fill = |text: &str| {
            text.replace("FILM", film.to_str().unwrap())
                .replace("VIDEO", ticket.video_uri())
                .replace("LINK", ticket.upload_link().expose_secret())
                .replace("API", vimeo.api().base_url().as_str())
        };
        let folder = fixture.journal().folder().to_owned();
        private_folder(&folder);
        let name = name_of(&film, &fill(sentence));
        std::fs::write(folder.join(format!("{name}.json")), fill(entry)).unwrap();
        std::fs::write(folder.join(format!("{name}.lock")), "").unwrap();
        Self { fixture, film, video: ticket.video_uri().to_owned() }
    }

    fn anna(&self) -> Vimeo {
        self.fixture.builder().account("anna").build().unwrap()
    }

    fn posts(&self) -> usize {
        self.fixture.requests().iter().filter(|step| step.starts_with("POST")).count()
    }

    /// Asserts that the video is complete, that nothing else was created, and that the journal is empty.
    fn is_finished(&self) {
        assert_eq!(self.posts(), 1, "the creation by the earlier release");
        assert_eq!(self.fixture.journal_files(), 0);
        let steps = self.fixture.requests();
        assert!(steps.contains(&"PATCH link".to_owned()), "{steps:?}");
    }
}

async fn created(vimeo: &Vimeo) -> UploadTicket {
    let body = json!({"upload": {"approach": "tus", "size": 12}, "name": "Surf"});
    let video = vimeo.post("/me/videos").json(&body).send().await.unwrap();
    let link = video["upload"]["upload_link"].as_str().unwrap();
    UploadTicket::new(video["uri"].as_str().unwrap(), link, 12).unwrap()
}

/// The ID of an entry in version 1.
fn name_of(film: &Path, sentence: &str) -> String {
    let hash = Sha256::new().chain_update(film.to_str().unwrap()).chain_update([0]).chain_update(sentence);
    let digest = hash.finalize();
    digest[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn private_folder(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).unwrap();
    }
}

#[tokio::test]
async fn resumes_a_new_video_of_an_earlier_release() {
    let left = Left::by(NEW_VIDEO).await;
    let video = left.anna().upload(&*left.film).name("Surf").send().await.unwrap();
    assert!(video.continued);
    assert_eq!(video.uri, left.video);
    left.is_finished();
}

#[tokio::test]
async fn resumes_a_new_version_of_an_earlier_release() {
    let left = Left::by(NEW_VERSION).await;
    let replaced = left.anna().replace(&*left.video, &*left.film).send().await.unwrap();
    assert!(replaced.continued);
    left.is_finished();
}

#[tokio::test]
async fn finds_an_entry_with_a_program_defined_purpose() {
    let left = Left::by(OWN_PURPOSE).await;
    let mut source = FileSource::open(&left.film).await.unwrap();
    let claim = left.fixture.journal().lock(&mut source, "new video").await.unwrap();
    let ResumeState::Resumable(ticket) = claim.resume_state() else { panic!("{:?}", claim.resume_state()) };
    assert_eq!(ticket.video_uri(), left.video);
    drop(claim);

    let pending = left.anna().pending_uploads().unwrap();
    let [entry] = &pending.list().await.unwrap()[..] else { panic!("one entry") };
    assert_eq!(entry.purpose(), &Purpose::from("new video"));
    assert!(!pending.is_own(entry), "the owner is unknown");
    pending.resume(entry).await.unwrap().run().await.unwrap();
    left.is_finished();
}

#[tokio::test]
async fn rewritten_entry_keeps_its_id() {
    for (release, purpose) in [(NEW_VIDEO, Some(Purpose::NewVideo)), (NEW_VERSION, None)] {
        let left = Left::by(release).await;
        let pending = left.anna().pending_uploads().unwrap();
        let [entry] = &pending.list().await.unwrap()[..] else { panic!("one entry") };
        let video = left.video.rsplit('/').next().unwrap().parse().unwrap();
        assert_eq!(entry.purpose(), &purpose.unwrap_or(Purpose::NewVersion { video }));
        assert_eq!(entry.account(), Some("anna"));
        assert_eq!(entry.api(), Some(left.fixture.sandbox.url().as_str()));
        assert!(pending.is_own(entry));
        assert!(!left.fixture.vimeo().pending_uploads().unwrap().is_own(entry));

        pending.adopt(entry, &left.video).await.unwrap();
        let [again] = &pending.list().await.unwrap()[..] else { panic!("one entry") };
        assert_eq!((again.id(), again.purpose()), (entry.id(), entry.purpose()));
        let written =
            std::fs::read_to_string(left.fixture.journal().folder().join(format!("{}.json", entry.id())));
        let written: serde_json::Value = serde_json::from_str(&written.unwrap()).unwrap();
        assert_eq!(written["version"], 2);
        assert_eq!(
            written["owner"],
            json!({"account": {"kind": "account", "name": "anna"}, "api": entry.api().unwrap()})
        );
        assert!(pending.discard(&entry.id()).await.unwrap());
        assert_eq!(left.fixture.journal_files(), 0);
    }
}

#[tokio::test]
async fn later_entry_version_is_refused() {
    let left = Left::by(NEW_VIDEO).await;
    let folder = left.fixture.journal().folder().to_owned();
    let path = std::fs::read_dir(&folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .find(|path| path.extension().is_some_and(|kind| kind == "json"))
        .unwrap();
    std::fs::write(&path, r#"{"version": 3, "upload": "otherwise"}"#).unwrap();
    let error = left.anna().upload(&*left.film).name("Surf").send().await.unwrap_err();
    assert!(error.to_string().contains("version is 3"), "{error}");
    assert_eq!(left.posts(), 1);
    let journal = Journal::in_folder(&folder);
    let [damaged] = &journal.damaged().await.unwrap()[..] else { panic!("one entry") };
    assert!(journal.list().await.unwrap().is_empty());
    assert!(damaged.error.to_string().contains("version is 3"), "{damaged:?}");
}
