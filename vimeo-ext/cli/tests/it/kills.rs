//! `vimeo upload` of three files, repeatedly killed with SIGKILL: makes three complete videos, and resends only bytes
//! that were in transit.
//!
//! `KILLS`, `KILL_SEED` and `KILL_MIB` set the number of kills, the random seed and the size of each file; `cargo xtask
//! test-kill --command` sets them.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use http::Method;
use serde_json::Value;
use vimeo_sandbox::{Effect, Fault, Host, Phase, Sandbox, Transcode};

use crate::harness::Harness;

const NAMES: [&str; 3] = ["a", "b", "c"];
const MIB: u64 = 1024 * 1024;

/// The most bytes in transit inside a process: passed to the HTTP client, but not yet to the operating system.
const MAX_IN_TRANSIT: u64 = MIB;

const COMMAND: [&str; 10] =
    ["upload", "a.mp4", "b.mp4", "c.mp4", "--transfers", "2", "--bwlimit", "10M", "--progress", "json"];

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// When a run is killed.
#[derive(Debug, Clone, Copy)]
enum KillPoint {
    /// This long after the process was started.
    After(Duration),
    /// This long after its first progress line: about to create a video or to resume an upload.
    AfterProgress(Duration),
    /// As soon as it has sent this many bytes.
    Sent(u64),
    /// While a creation waits for a response that never comes; `left` of the sandbox's faults are unused then.
    Creating { left: usize },
}

/// The progress reported by one run.
#[derive(Default)]
struct RunProgress {
    /// For each file, the acknowledged bytes when the upload resumed.
    resumed_at: [Option<u64>; 3],
    /// For each file, the bytes sent at the end.
    sent: [Option<u64>; 3],
    acknowledged: u64,
    each_acknowledged: [u64; 3],
    has_progress: bool,
    exit_code: Option<i32>,
}

impl RunProgress {
    fn read_line(&mut self, line: &str) {
        let Ok(progress) = serde_json::from_str::<Value>(line) else { return };
        let Some(files) = progress["files"].as_array() else { return };
        self.has_progress = true;
        let acknowledged = progress["acknowledged"].as_u64().unwrap();
        assert!(acknowledged >= self.acknowledged, "progress decreased from {} in {line}", self.acknowledged);
        self.acknowledged = acknowledged;
        for (index, file) in files.iter().enumerate() {
            let acknowledged = file["acknowledged"].as_u64().unwrap();
            assert!(acknowledged >= self.each_acknowledged[index], "progress decreased in {line}");
            self.each_acknowledged[index] = acknowledged;
            if file["state"] == "uploading" {
                self.resumed_at[index].get_or_insert(acknowledged);
                self.sent[index] = file["sent"].as_u64();
            }
        }
    }

    fn bytes_sent(&self) -> u64 {
        let of = |(sent, resumed_at): (&Option<u64>, &Option<u64>)| {
            sent.unwrap_or_default().saturating_sub(resumed_at.unwrap_or_default())
        };
        self.sent.iter().zip(&self.resumed_at).map(of).sum()
    }
}

/// A running upload process.
struct UploadProcess {
    process: Child,
    lines: Receiver<String>,
}

impl UploadProcess {
    fn start(harness: &Harness) -> Self {
        let mut command = harness.vimeo(&COMMAND);
        command.env("VIMEO_PROGRESS_FPS", "60").stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut output = BufReader::new(process.stderr.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            // Ignore a line without a newline: the kill truncated it.
            while output.read_line(&mut line).is_ok_and(|_| line.ends_with('\n')) {
                let _ = sender.send(std::mem::take(&mut line));
            }
        });
        Self { process, lines }
    }

    /// Runs the process until `kill_point`, kills it, and reads its progress.
    fn run_until(mut self, kill_point: Option<KillPoint>, sandbox: &Sandbox) -> RunProgress {
        let mut progress = RunProgress::default();
        let mut output_so_far = String::new();
        let mut read_line = |progress: &mut RunProgress, line: String| {
            progress.read_line(&line);
            output_so_far.push_str(&line);
        };
        let mut wait = |progress: &mut RunProgress, lines: &Receiver<String>, time: Duration| {
            let until = Instant::now() + time;
            // Ends at the timeout, or if the process has ended.
            while let Ok(line) = lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                read_line(progress, line);
            }
        };
        let poll_interval = Duration::from_millis(1);
        match kill_point {
            Some(KillPoint::After(time)) => wait(&mut progress, &self.lines, time),
            Some(KillPoint::AfterProgress(time)) => {
                while !progress.has_progress && self.process.try_wait().unwrap().is_none() {
                    wait(&mut progress, &self.lines, poll_interval);
                }
                wait(&mut progress, &self.lines, time);
            }
            Some(KillPoint::Sent(bytes)) => {
                while progress.bytes_sent() < bytes && self.process.try_wait().unwrap().is_none() {
                    wait(&mut progress, &self.lines, poll_interval);
                }
            }
            Some(KillPoint::Creating { left }) => {
                while sandbox.pending_faults() > left {
                    wait(&mut progress, &self.lines, poll_interval);
                }
            }
            None => {}
        }
        if kill_point.is_some() {
            self.process.kill().unwrap();
        }
        while let Ok(line) = self.lines.recv() {
            read_line(&mut progress, line);
        }
        progress.exit_code = self.process.wait().unwrap().code();
        assert!(
            progress.exit_code.is_none_or(|code| code == 0),
            "the process failed: {:?} {output_so_far}",
            progress.exit_code
        );
        progress
    }
}

/// Totals over all rounds.
#[derive(Default)]
struct Totals {
    rounds: u64,
    killed: u64,
    before_progress: u64,
    while_sending: u64,
    resent: u64,
    max_resent: u64,
}

#[test]
fn randomly_killed_uploads_create_three_whole_videos() {
    let (kills, seed, size) = (setting("KILLS", 10), setting("KILL_SEED", 7), setting("KILL_MIB", 4) * MIB);
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut totals = Totals::default();
    while totals.killed < kills {
        round(kills, size, &mut rng, &mut totals);
    }
    println!(
        "{} kills (seed {seed}) in {} rounds of three files: {} before the first progress, {} while sending; \
         {} bytes resent in total, at most {} after one kill",
        totals.killed,
        totals.rounds,
        totals.before_progress,
        totals.while_sending,
        totals.resent,
        totals.max_resent,
    );
}

/// Uploads three files until they are complete, killing the command on the way.
fn round(kills: u64, size: u64, rng: &mut fastrand::Rng, totals: &mut Totals) {
    totals.rounds += 1;
    let builder =
        Sandbox::builder().transcode(Transcode::Immediate).keep_bytes(true).request_log_size(100_000);
    let harness = Harness::with(builder);
    let sizes = [size, size + 1, size - 1];
    for (name, size) in NAMES.iter().zip(sizes) {
        let mut bytes = vec![0; usize::try_from(size).unwrap()];
        rng.fill(&mut bytes);
        std::fs::write(harness.path(&format!("{name}.mp4")), bytes).unwrap();
    }
    // Two creations that get no response: one before the video is created, one after.
    for phase in [Phase::Before, Phase::AfterCommit] {
        harness
            .sandbox
            .add_fault(Fault::new(Effect::Stall).method(Method::POST).path("/me/videos").phase(phase));
    }
    let mut last_sent = [None; 3];
    let mut first = 2;
    loop {
        let left = kills.saturating_sub(totals.killed);
        let kill_point = match (left, first) {
            (0, _) => None,
            (_, 1 | 2) => Some(KillPoint::Creating { left: first - 1 }),
            // What the process does by then depends on the machine: starting, creating, resuming, sending.
            _ => Some(match rng.u8(..4) {
                0 => KillPoint::After(Duration::from_millis(rng.u64(..120))),
                1 => KillPoint::AfterProgress(Duration::from_millis(rng.u64(..30))),
                // Little enough to leave bytes for other runs of this round.
                _ => KillPoint::Sent(rng.u64(..size / 16)),
            }),
        };
        first = first.saturating_sub(1);
        let progress = UploadProcess::start(&harness).run_until(kill_point, &harness.sandbox);
        for ((last_sent, resumed_at), sent) in
            last_sent.iter_mut().zip(progress.resumed_at).zip(progress.sent)
        {
            if let (Some(before), Some(now)) = (*last_sent, resumed_at) {
                let lost = u64::saturating_sub(before, now);
                totals.resent += lost;
                totals.max_resent = totals.max_resent.max(lost);
                *last_sent = None;
            }
            *last_sent = sent.or(*last_sent);
        }
        if progress.exit_code.is_some() {
            break;
        }
        totals.killed += 1;
        totals.before_progress += u64::from(!progress.has_progress);
        totals.while_sending += u64::from(progress.sent.iter().any(Option::is_some));
    }
    assert!(totals.max_resent <= MAX_IN_TRANSIT, "{} bytes were resent after one kill", totals.max_resent);
    let patches = harness.sandbox.request_log();
    let patches = patches.iter().filter(|entry| entry.host == Host::Upload && entry.method == Method::PATCH);
    let received: u64 = patches.map(|entry| entry.body_length).sum();
    assert_eq!(received, sizes.iter().sum::<u64>(), "the server received each byte once");
    assert_all_uploaded(&harness);
}

/// Asserts that each file is one complete video, and that no upload is left to resume.
fn assert_all_uploaded(harness: &Harness) {
    let list = harness.run(&["videos", "list", "--json=uri,name"]).json();
    let list = list.as_array().unwrap();
    let mut names: Vec<&str> = list.iter().map(|video| video["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, NAMES);
    for video in list {
        let number = video["uri"].as_str().unwrap().rsplit('/').next().unwrap().parse().unwrap();
        let file = std::fs::read(harness.path(&format!("{}.mp4", video["name"].as_str().unwrap()))).unwrap();
        assert!(harness.sandbox.upload_bytes(number).unwrap() == file, "{} differs", video["name"]);
    }
    for folder in ["state/uploads", "state/batches"] {
        assert_eq!(std::fs::read_dir(harness.path(folder)).unwrap().count(), 0, "{folder}");
    }
}

#[test]
#[ignore = "depends on the machine's speed; `cargo xtask test-kill --command` runs it"]
fn bwlimit_keeps_the_requested_rate() {
    let harness = Harness::new();
    for name in NAMES {
        harness.file(&format!("{name}.mp4"), 24 << 20);
    }
    let mut command = harness.vimeo(&COMMAND);
    command.env("VIMEO_PROGRESS_FPS", "60").stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (mut first, mut last) = (None, (0, Instant::now()));
    let mut output = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while output.read_line(&mut line).unwrap() > 0 {
        let progress: Value = serde_json::from_str(&line).unwrap();
        let sent = progress["sent"].as_u64().unwrap();
        // After a second, the initial burst is over.
        if sent > 10 * MIB && first.is_none() {
            first = Some((sent, Instant::now()));
        }
        if sent > last.0 {
            last = (sent, Instant::now());
        }
        line.clear();
    }
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert!(child.wait().unwrap().success(), "{rest}");
    let (from, since) = first.unwrap();
    let rate = (last.0 - from) as f64 / last.1.duration_since(since).as_secs_f64() / MIB as f64;
    println!("{rate:.3} of 10 MiB/s");
    assert!((9.5..=10.5).contains(&rate), "{rate}");
}
