//! `vimeo.upload(path)` in processes that are killed repeatedly: one video, all bytes correct, and no bytes sent
//! twice except those in flight.
//!
//! `KILLS`, `KILL_SEED` and `KILL_MIB` set the number of kills, the random seed and the size; `cargo xtask test-kill`
//! sets them.

use std::io::{BufRead, BufReader, Read};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use http::Method;
use sha2::{Digest, Sha256};
use vimeo_ext::upload::{Bandwidth, Journal, UploadError, UploadOptions};
use vimeo_ext::{Error, Vimeo};
use vimeo_sandbox::{Effect, Fault, Phase, Sandbox};

const MIB: u64 = 1024 * 1024;

/// The maximum in flight inside a process: passed to the HTTP client but not to the system.
const BUFFER: u64 = MIB;

/// The prefix of each line of the process, because the test harness prints as well.
const LINE_PREFIX: &str = "victim: ";

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// When to kill the process.
#[derive(Debug, Clone, Copy)]
enum KillAt {
    /// This long after the start of the process, wherever it is.
    After(Duration),
    /// Once the process has passed on this many bytes.
    Sent(u64),
    /// While the creation waits for a response that never comes; the number of the sandbox's faults left.
    Creating { left: usize },
}

/// The output of one run.
#[derive(Default)]
struct RunReport {
    /// The server's offset when the run asked for it; `None` if it did not get that far.
    resumed: Option<u64>,
    /// The last position that was passed on.
    handed: Option<u64>,
    finished: bool,
}

/// A process that uploads, and its output.
struct UploadProcess {
    process: Child,
    lines: Receiver<String>,
}

impl UploadProcess {
    fn start(folder: &Path, sandbox: &Sandbox, rate: u64) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "upload_kills::victim", "--ignored", "--nocapture", "--test-threads=1"])
            .env("VICTIM_FOLDER", folder)
            .env("VICTIM_API", sandbox.url().as_str())
            .env("VICTIM_TOKEN", sandbox.token())
            .env("VICTIM_RATE", rate.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = process.stdout.take().unwrap();
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            let mut line = String::new();
            // An incomplete line was cut off by the kill.
            while output.read_line(&mut line).is_ok_and(|_| line.ends_with('\n')) {
                if let Some((_, said)) = line.split_once(LINE_PREFIX) {
                    let _ = sender.send(said.trim().to_owned());
                }
                line.clear();
            }
        });
        Self { process, lines }
    }

    /// Runs the process until `end`, kills it, and reads its output.
    fn run_until(mut self, end: Option<KillAt>, sandbox: &Sandbox) -> RunReport {
        let mut report = RunReport::default();
        match end {
            Some(KillAt::After(delay)) => {
                let until = Instant::now() + delay;
                // The time is up or the upload is finished.
                let left = || until.saturating_duration_since(Instant::now());
                while self.lines.recv_timeout(left()).is_ok_and(|line| report.read_line(&line)) {}
            }
            Some(KillAt::Sent(bytes)) => {
                while let Ok(line) = self.lines.recv() {
                    let heard = report.read_line(&line);
                    let sent = report.handed.map(|handed| handed.saturating_sub(report.resumed.unwrap_or(0)));
                    if !heard || sent.is_some_and(|sent| sent >= bytes) {
                        break;
                    }
                }
            }
            Some(KillAt::Creating { left }) => {
                while sandbox.pending_faults() > left {
                    std::thread::yield_now();
                }
            }
            None => {}
        }
        if end.is_some() {
            self.process.kill().unwrap();
        }
        while let Ok(line) = self.lines.recv() {
            report.read_line(&line);
        }
        let status = self.process.wait().unwrap();
        let mut said = String::new();
        self.process.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(end.is_some() || status.success(), "{said}");
        assert!(status.code().is_none_or(|code| code == 0), "it failed by itself: {said}");
        report
    }
}

impl RunReport {
    /// Returns `false` after the last line.
    fn read_line(&mut self, line: &str) -> bool {
        let mut words = line.split(' ');
        let (word, number) = (words.next(), words.next().and_then(|word| word.parse().ok()));
        match word {
            Some("stands") => self.resumed = number,
            Some("sent") => self.handed = number,
            Some("done") => self.finished = true,
            _ => {}
        }
        !self.finished
    }
}

/// BEHAVIOUR.md: U06.
#[test]
fn randomly_killed_upload_creates_one_video() {
    let (kills, seed, size) =
        (setting("KILLS", 10), setting("KILL_SEED", 7), setting("KILL_MIB", 24) * MIB + 17);
    let mut rng = fastrand::Rng::with_seed(seed);
    let folder = tempfile::tempdir().unwrap();
    let sha256 = write_film(&folder.path().join("film.mp4"), size, &mut rng);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let sandbox = runtime
        .block_on(Sandbox::builder().refuse_upload_authorization(true).request_log_size(100_000).start())
        .unwrap();

    // Creations without a response: once before and once after the video is created.
    for phase in [Phase::Before, Phase::AfterCommit] {
        sandbox.add_fault(Fault::new(Effect::Stall).method(Method::POST).path("/me/videos").phase(phase));
    }
    let mut server_offset = 0;
    let (mut killed, mut sending, mut again, mut worst) = (0, 0, 0, 0);
    let mut handed: Option<u64> = None;
    loop {
        let left = kills - killed;
        let end = match (left, killed) {
            (0, _) => None,
            (_, 0 | 1) => Some(KillAt::Creating { left: 1 - killed as usize }),
            // Starting, creating, resuming or sending, depending on the machine.
            _ if rng.u8(..4) == 0 => Some(KillAt::After(Duration::from_millis(rng.u64(..120)))),
            // Leaves bytes for the remaining kills.
            _ => Some(KillAt::Sent(rng.u64(..=(size - server_offset) / (left + 1)))),
        };
        // Sometimes without a limit, otherwise slow enough that there is an upload left to kill.
        let fast = rng.u8(..16) == 0 && size - server_offset > 100 * MIB;
        let rate = if fast { 0 } else { 24 * MIB };
        let report = UploadProcess::start(folder.path(), &sandbox, rate).run_until(end, &sandbox);
        if let (Some(before), Some(now)) = (handed, report.resumed) {
            assert!(now >= server_offset, "the server went back from {server_offset} to {now}");
            let lost = before.saturating_sub(now);
            again += lost;
            worst = worst.max(lost);
            handed = None;
        }
        server_offset = report.resumed.unwrap_or(server_offset);
        handed = report.handed.or(handed);
        sending += u64::from(report.handed.is_some());
        if report.finished {
            break;
        }
        killed += u64::from(end.is_some());
    }

    let entries = sandbox.request_log();
    let created =
        entries.iter().filter(|entry| entry.method == Method::POST && entry.host == vimeo_sandbox::Host::Api);
    let patches = entries.iter().filter(|entry| entry.method == Method::PATCH);
    println!(
        "{killed} kills (seed {seed}), {sending} of them while bytes were sent; {} creations asked for, {} PATCH requests; \
         {again} bytes sent again in all, {worst} at most after one kill",
        created.count(),
        patches.clone().count(),
    );
    let stored: u64 = patches.map(|entry| entry.body_length).sum();
    assert_eq!(stored, size, "the server took each byte once");
    assert!(worst <= BUFFER, "{worst} bytes were sent again after one kill");
    let vimeo =
        Vimeo::builder().access_token(sandbox.token()).base_url(sandbox.url().as_str()).build().unwrap();
    let list = runtime.block_on(vimeo.get("/me/videos").fields("uri").send()).unwrap();
    let data = list.get("data").and_then(|data| data.as_array()).unwrap();
    assert_eq!(data.len(), 1, "one video for one upload: {data:?}");
    let video = data[0]["uri"].as_str().unwrap().rsplit('/').next().unwrap().parse().unwrap();
    let kept = sandbox.stored_upload(video).unwrap();
    assert!(kept.complete);
    assert_eq!(kept.sha256.as_ref(), Some(&sha256), "the bytes differ");
    let left = std::fs::read_dir(folder.path().join("journal")).unwrap().count();
    assert_eq!(left, 0, "a finished upload leaves nothing in the journal");
    runtime.block_on(sandbox.stop());
}

/// Writes a file of random bytes; returns its SHA-256.
fn write_film(path: &Path, size: u64, rng: &mut fastrand::Rng) -> String {
    let mut bytes = vec![0; usize::try_from(size).unwrap()];
    rng.fill(&mut bytes);
    std::fs::write(path, &bytes).unwrap();
    Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
#[ignore = "run by the test above, in processes of their own"]
async fn victim() {
    let folder = PathBuf::from(std::env::var_os("VICTIM_FOLDER").unwrap());
    let vimeo = Vimeo::builder()
        .access_token(std::env::var("VICTIM_TOKEN").unwrap())
        .base_url(std::env::var("VICTIM_API").unwrap())
        .journal(Journal::in_folder(folder.join("journal")))
        .build()
        .unwrap();
    let rate = NonZeroU64::new(setting("VICTIM_RATE", 0)).map(Bandwidth::new);
    let mut reported_offset = false;
    let mut report_progress = move |progress: &vimeo_ext::upload::Progress| {
        if !std::mem::replace(&mut reported_offset, true) {
            println!("{LINE_PREFIX}stands {}", progress.acknowledged);
        }
        println!("{LINE_PREFIX}sent {}", progress.sent);
    };
    let film = folder.join("film.mp4");
    let upload = vimeo
        .upload(&film)
        .options(UploadOptions::new().bandwidth(rate.clone()))
        .on_progress(report_progress);
    match upload.send().await {
        Ok(_) => {}
        // An earlier run sent a creation without a response: what a program does that cannot ask a person.
        Err(Error::Upload { source, .. }) if matches!(*source, UploadError::OutcomeUnknown { .. }) => {
            let pending = vimeo.pending_uploads().unwrap();
            let entry = pending.list().await.unwrap().pop().unwrap();
            match &pending.candidates(&entry).await.unwrap()[..] {
                [video] => {
                    let upload = pending.adopt(&entry, &video.uri).await.unwrap();
                    let upload = upload.options(UploadOptions::new().bandwidth(rate));
                    upload.on_progress(move |progress| report_progress(progress)).run().await.unwrap();
                }
                [] => {
                    pending.discard(&entry.id()).await.unwrap();
                    vimeo
                        .upload(&film)
                        .options(UploadOptions::new().bandwidth(rate))
                        .on_progress(report_progress)
                        .send()
                        .await
                        .unwrap();
                }
                more => panic!("more than one video: {more:?}"),
            }
        }
        Err(error) => panic!("{error}"),
    }
    println!("{LINE_PREFIX}done");
}
