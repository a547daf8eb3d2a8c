//! One test suite for several tus servers: the sandbox, and `@tus/server`. The latter and tus-js-client need Node:
//! `cargo xtask test-tus` installs both and runs this.

use std::io::{BufRead, BufReader};
use std::num::NonZeroU64;
use std::ops::Range;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use sha2::{Digest, Sha256};
use vimeo_ext::Vimeo;
use vimeo_ext::upload::{
    Backoff, Bandwidth, BoxFuture, ByteStream, BytesSource, Chunking, Source, Upload, UploadError,
    UploadOptions, UploadTicket, Uploaded,
};
use vimeo_sandbox::{Effect, Fault, Host, Sandbox};

const MIB: usize = 1024 * 1024;

fn film(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8).collect()
}

fn no_backoff() -> UploadOptions {
    UploadOptions::new().backoff(Backoff::new(Duration::ZERO, Duration::ZERO))
}

/// A server to upload to, and how to prepare and inspect it.
enum Server {
    Ours(Box<Sandbox>),
    /// `@tus/server`: a URL for uploads, and one for uploads whose links expire immediately.
    Theirs {
        lasting: String,
        expiring: String,
    },
}

impl Server {
    async fn ours() -> Self {
        Self::Ours(Box::new(
            Sandbox::builder().keep_bytes(true).refuse_upload_authorization(true).start().await.unwrap(),
        ))
    }

    fn theirs() -> Self {
        let addresses = std::env::var("TUS_SERVER").expect("run by `cargo xtask test-tus`");
        let (lasting, expiring) = addresses.split_once(' ').unwrap();
        Self::Theirs { lasting: lasting.to_owned(), expiring: expiring.to_owned() }
    }

    async fn ticket(&self, size: usize) -> UploadTicket {
        match self {
            Self::Ours(sandbox) => vimeo(sandbox).upload(film(size)).ticket().await.unwrap(),
            Self::Theirs { lasting, .. } => create(lasting, size).await,
        }
    }

    /// Returns a ticket whose link has expired.
    async fn expired_ticket(&self, size: usize) -> UploadTicket {
        match self {
            Self::Ours(sandbox) => {
                let ticket = self.ticket(size).await;
                sandbox.add_fault(Fault::new(Effect::LoseUpload).host(Host::Upload));
                ticket
            }
            Self::Theirs { expiring, .. } => create(expiring, size).await,
        }
    }

    async fn bytes(&self, ticket: &UploadTicket) -> Vec<u8> {
        match self {
            Self::Ours(sandbox) => {
                let video = ticket.video_uri().rsplit('/').next().unwrap().parse().unwrap();
                sandbox.upload_bytes(video).unwrap().to_vec()
            }
            Self::Theirs { .. } => {
                let answer =
                    crate::http::client().get(link(ticket)).send().await.unwrap().error_for_status().unwrap();
                answer.bytes().await.unwrap().to_vec()
            }
        }
    }

    async fn arrives_whole(&self, size: usize, options: UploadOptions) {
        let ticket = self.ticket(size).await;
        let uploaded = Upload::new(ticket.clone(), film(size)).options(options).run().await.unwrap();
        assert!(uploaded.verified && uploaded.failures == 0, "{uploaded:?}");
        assert!(self.bytes(&ticket).await == film(size), "{size} bytes differ");
    }

    /// The whole suite.
    async fn run_suite(&self) {
        self.arrives_whole(1, no_backoff()).await;
        self.arrives_whole(3 * MIB + 1, no_backoff()).await;
        let chunks = Chunking::Fixed(NonZeroU64::new(MIB as u64).unwrap());
        self.arrives_whole(3 * MIB, no_backoff().chunking(chunks)).await;
        self.resumes_after_a_kill().await;
        self.corrects_a_wrong_offset().await;
        self.reports_a_gone_link().await;
    }

    async fn resumes_after_a_kill(&self) {
        let folder = tempfile::tempdir().unwrap();
        let film = film(4 * MIB);
        std::fs::write(folder.path().join("film.mp4"), &film).unwrap();
        let ticket = self.ticket(film.len()).await;
        std::fs::write(folder.path().join("ticket.json"), serde_json::to_vec(&ticket).unwrap()).unwrap();
        let place = folder.path().to_owned();
        tokio::task::spawn_blocking(move || kill_after(&place, MIB as u64)).await.unwrap();
        let uploaded = finish(folder.path()).await.unwrap();
        // The server may have lost a little; most of it must be there.
        assert!(uploaded.resumed_from >= MIB as u64 / 2, "{uploaded:?}");
        assert!(self.bytes(&ticket).await == film, "the bytes differ");
    }

    async fn corrects_a_wrong_offset(&self) {
        let film = film(MIB);
        let ticket = self.ticket(film.len()).await;
        let source = Interfering { own: BytesSource::new(film.clone()), link: Some(link(&ticket)) };
        let uploaded = Upload::new(ticket.clone(), source).options(no_backoff()).run().await.unwrap();
        assert_eq!((uploaded.failures, uploaded.verified), (1, true), "{uploaded:?}");
        assert!(self.bytes(&ticket).await == film, "the bytes differ");
    }

    async fn reports_a_gone_link(&self) {
        let ticket = self.expired_ticket(1000).await;
        let error = Upload::new(ticket.clone(), film(1000)).options(no_backoff()).run().await.unwrap_err();
        let UploadError::LinkGone { video_uri, status, .. } = &error else { panic!("{error:?}") };
        assert_eq!(video_uri, ticket.video_uri());
        assert!([404, 410].contains(status), "{error}");
    }
}

fn vimeo(sandbox: &Sandbox) -> Vimeo {
    Vimeo::builder()
        .access_token(sandbox.token())
        .base_url(sandbox.url().as_str())
        .journal(None)
        .build()
        .unwrap()
}

fn link(ticket: &UploadTicket) -> String {
    use secrecy::ExposeSecret;
    ticket.upload_link().expose_secret().to_owned()
}

/// Creates an upload as any tus client does; at Vimeo the API does this.
async fn create(base: &str, size: usize) -> UploadTicket {
    let request =
        crate::http::client().post(base).header("tus-resumable", "1.0.0").header("upload-length", size);
    let answer = request.send().await.unwrap().error_for_status().unwrap();
    let location = answer.headers()["location"].to_str().unwrap();
    let link = answer.url().join(location).unwrap();
    UploadTicket::new("/videos/1", link.as_str(), size as u64).unwrap()
}

/// A source whose first read lets another client send bytes, so that the offset just fetched is wrong when the upload
/// sends.
struct Interfering {
    own: BytesSource,
    link: Option<String>,
}

impl Source for Interfering {
    fn name(&self) -> &str {
        self.own.name()
    }

    fn size(&self) -> u64 {
        self.own.size()
    }

    fn read(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<ByteStream, UploadError>> {
        let Some(link) = self.link.take() else { return self.own.read(range) };
        Box::pin(async move {
            let request = crate::http::client()
                .patch(link)
                .header("tus-resumable", "1.0.0")
                .header("upload-offset", 0)
                .header("content-type", "application/offset+octet-stream")
                .body(Bytes::from(film(1000)));
            request.send().await.unwrap().error_for_status().unwrap();
            self.own.read(range).await
        })
    }
}

/// Starts an upload in another process and kills it after it has sent `bytes`.
fn kill_after(folder: &Path, bytes: u64) {
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "upload_servers::child", "--ignored", "--nocapture", "--test-threads=1"])
        .env("UPLOAD_FOLDER", folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let sent = |line: &str| line.split_once("sent: ").and_then(|(_, sent)| sent.parse().ok()).unwrap_or(0);
    let output = BufReader::new(process.stdout.take().unwrap());
    let reached = output.lines().any(|line| sent(&line.unwrap()) >= bytes);
    process.kill().unwrap();
    process.wait().unwrap();
    assert!(reached, "it ended before it was killed");
}

async fn finish(folder: &Path) -> Result<Uploaded, UploadError> {
    let ticket = std::fs::read(folder.join("ticket.json")).unwrap();
    let ticket: UploadTicket = serde_json::from_slice(&ticket).unwrap();
    Upload::new(ticket, folder.join("film.mp4")).options(no_backoff()).run().await
}

#[tokio::test]
#[ignore = "run by the tests below, in processes of their own"]
async fn child() {
    let folder = std::path::PathBuf::from(std::env::var_os("UPLOAD_FOLDER").unwrap());
    let ticket: UploadTicket =
        serde_json::from_slice(&std::fs::read(folder.join("ticket.json")).unwrap()).unwrap();
    let rate = Bandwidth::new(NonZeroU64::new(4 * MIB as u64).unwrap());
    let upload = Upload::new(ticket, folder.join("film.mp4")).options(no_backoff().bandwidth(rate));
    upload.on_progress(|progress| println!("sent: {}", progress.sent)).run().await.unwrap();
}

#[tokio::test]
async fn sandbox_passes_the_tus_suite() {
    Server::ours().await.run_suite().await;
}

#[tokio::test]
#[ignore = "needs Node: cargo xtask test-tus"]
async fn tus_node_server_passes_the_suite() {
    let server = Server::theirs();
    // The sandbox does not create empty videos.
    server.arrives_whole(0, no_backoff()).await;
    server.run_suite().await;
}

#[tokio::test]
#[ignore = "needs Node: cargo xtask test-tus"]
async fn tus_js_client_finishes_a_ticket() {
    let node = std::env::var_os("NODE_FOLDER").expect("run by `cargo xtask test-tus`");
    let folder = tempfile::tempdir().unwrap();
    let film = film(48 * MIB);
    std::fs::write(folder.path().join("film.mp4"), &film).unwrap();
    let sandbox = Sandbox::builder().refuse_upload_authorization(true).start().await.unwrap();
    let ticket = vimeo(&sandbox).upload(folder.path().join("film.mp4")).ticket().await.unwrap();
    let video = ticket.video_uri().rsplit('/').next().unwrap().parse().unwrap();
    std::fs::write(folder.path().join("ticket.json"), serde_json::to_vec(&ticket).unwrap()).unwrap();

    let mut command = Command::new("node");
    command.arg(Path::new(&node).join("finish-ticket.mjs"));
    command.arg(folder.path().join("ticket.json")).arg(folder.path().join("film.mp4"));
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let (interrupted, resumed) = said.trim().split_once(' ').unwrap();
    println!("tus-js-client: interrupted after {interrupted} bytes, went on at {resumed}");
    let resumed: u64 = resumed.parse().unwrap();
    assert!(resumed > 0, "it began again");

    let stored = sandbox.stored_upload(video).unwrap();
    let sha256: String = Sha256::digest(&film).iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(stored.complete && stored.sha256.as_ref() == Some(&sha256), "{stored:?}");
    let request_log = sandbox.request_log();
    let uploading = request_log.iter().filter(|entry| entry.host == Host::Upload);
    let mut methods: Vec<&Method> = uploading.map(|entry| &entry.method).collect();
    methods.dedup();
    assert_eq!(methods, [Method::HEAD, Method::PATCH, Method::HEAD, Method::PATCH]);
}
