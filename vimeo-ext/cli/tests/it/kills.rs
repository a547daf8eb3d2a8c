//! `vimeo upload` of three files, killed without warning again and again: three videos, every byte right, and nothing
//! sent again but what was under way.
//!
//! `KILLS`, `KILL_SEED` and `KILL_MIB` say how often, with which luck and how large each file is; `cargo xtask kill-test
//! --command` sets them.

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

/// The most that is on its way inside a process: what was handed to the HTTP client and not yet to the system.
const BUFFER: u64 = MIB;

const COMMAND: [&str; 10] =
    ["upload", "a.mp4", "b.mp4", "c.mp4", "--transfers", "2", "--bwlimit", "10M", "--progress", "json"];

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// When a life ends.
#[derive(Debug, Clone, Copy)]
enum End {
    /// So long after the process was started, wherever it is by then.
    After(Duration),
    /// So long after it first told how far it is: about to ask for a video, or to go on with one.
    Awake(Duration),
    /// As soon as it has sent so many bytes.
    Sent(u64),
    /// While a creation waits for an answer that will not come; so many of the sandbox's faults are then left.
    Creating { left: usize },
}

/// What one life said.
#[derive(Default)]
struct Life {
    /// For each file where the server stood when it went on, and how far it was at the end.
    stood: [Option<u64>; 3],
    sent: [Option<u64>; 3],
    acknowledged: u64,
    each_acknowledged: [u64; 3],
    is_awake: bool,
    ended: Option<i32>,
}

impl Life {
    fn hear(&mut self, line: &str) {
        let Ok(told) = serde_json::from_str::<Value>(line) else { return };
        let Some(files) = told["files"].as_array() else { return };
        self.is_awake = true;
        let acknowledged = told["acknowledged"].as_u64().unwrap();
        assert!(acknowledged >= self.acknowledged, "progress fell from {} in {line}", self.acknowledged);
        self.acknowledged = acknowledged;
        for (place, file) in files.iter().enumerate() {
            let acknowledged = file["acknowledged"].as_u64().unwrap();
            assert!(acknowledged >= self.each_acknowledged[place], "progress fell in {line}");
            self.each_acknowledged[place] = acknowledged;
            if file["state"] == "uploading" {
                self.stood[place].get_or_insert(acknowledged);
                self.sent[place] = file["sent"].as_u64();
            }
        }
    }

    fn has_sent(&self) -> u64 {
        let of = |(sent, stood): (&Option<u64>, &Option<u64>)| {
            sent.unwrap_or_default().saturating_sub(stood.unwrap_or_default())
        };
        self.sent.iter().zip(&self.stood).map(of).sum()
    }
}

/// A process that uploads.
struct Victim {
    process: Child,
    lines: Receiver<String>,
}

impl Victim {
    fn start(harness: &Harness) -> Self {
        let mut command = harness.vimeo(&COMMAND);
        command.env("VIMEO_PROGRESS_FPS", "60").stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut output = BufReader::new(process.stderr.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            // A line without an end was cut short by the kill and says nothing.
            while output.read_line(&mut line).is_ok_and(|_| line.ends_with('\n')) {
                let _ = sender.send(std::mem::take(&mut line));
            }
        });
        Self { process, lines }
    }

    /// Lets it live until `end`, kills it, and reads what it said.
    fn live(mut self, end: Option<End>, sandbox: &Sandbox) -> Life {
        let mut life = Life::default();
        let mut said = String::new();
        let mut hear = |life: &mut Life, line: String| {
            life.hear(&line);
            said.push_str(&line);
        };
        let mut wait = |life: &mut Life, lines: &Receiver<String>, time: Duration| {
            let until = Instant::now() + time;
            // The time is up, or it has ended: in both cases nothing more is to be waited for.
            while let Ok(line) = lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                hear(life, line);
            }
        };
        let moment = Duration::from_millis(1);
        match end {
            Some(End::After(time)) => wait(&mut life, &self.lines, time),
            Some(End::Awake(time)) => {
                while !life.is_awake && self.process.try_wait().unwrap().is_none() {
                    wait(&mut life, &self.lines, moment);
                }
                wait(&mut life, &self.lines, time);
            }
            Some(End::Sent(bytes)) => {
                while life.has_sent() < bytes && self.process.try_wait().unwrap().is_none() {
                    wait(&mut life, &self.lines, moment);
                }
            }
            Some(End::Creating { left }) => {
                while sandbox.pending_faults() > left {
                    wait(&mut life, &self.lines, moment);
                }
            }
            None => {}
        }
        if end.is_some() {
            self.process.kill().unwrap();
        }
        while let Ok(line) = self.lines.recv() {
            hear(&mut life, line);
        }
        life.ended = self.process.wait().unwrap().code();
        assert!(life.ended.is_none_or(|code| code == 0), "it failed by itself: {:?} {said}", life.ended);
        life
    }
}

/// What all rounds came to.
#[derive(Default)]
struct Sum {
    rounds: u64,
    killed: u64,
    asleep: u64,
    sending: u64,
    again: u64,
    worst: u64,
}

#[test]
fn three_uploads_killed_at_random_moments_make_three_whole_videos() {
    let (kills, seed, size) = (setting("KILLS", 10), setting("KILL_SEED", 7), setting("KILL_MIB", 4) * MIB);
    let mut luck = fastrand::Rng::with_seed(seed);
    let mut sum = Sum::default();
    while sum.killed < kills {
        round(kills, size, &mut luck, &mut sum);
    }
    println!(
        "{} kills (seed {seed}) in {} rounds of three files: {} before the command said a word, {} while bytes were sent; \
         {} bytes sent again in all, {} at most after one kill",
        sum.killed, sum.rounds, sum.asleep, sum.sending, sum.again, sum.worst,
    );
}

/// Three files, until they are videos or there were kills enough.
fn round(kills: u64, size: u64, luck: &mut fastrand::Rng, sum: &mut Sum) {
    sum.rounds += 1;
    let builder =
        Sandbox::builder().transcode(Transcode::Immediate).keep_bytes(true).request_log_size(100_000);
    let harness = Harness::with(builder);
    let sizes = [size, size + 1, size - 1];
    for (name, size) in NAMES.iter().zip(sizes) {
        let mut bytes = vec![0; usize::try_from(size).unwrap()];
        luck.fill(&mut bytes);
        std::fs::write(harness.path(&format!("{name}.mp4")), bytes).unwrap();
    }
    // Asked to create a video and never answered: once before it is created, once after.
    for phase in [Phase::Before, Phase::AfterCommit] {
        harness
            .sandbox
            .add_fault(Fault::new(Effect::Stall).method(Method::POST).path("/me/videos").phase(phase));
    }
    let mut handed = [None; 3];
    let mut first = 2;
    loop {
        let left = kills.saturating_sub(sum.killed);
        let end = match (left, first) {
            (0, _) => None,
            (_, 1 | 2) => Some(End::Creating { left: first - 1 }),
            // Where it is by then depends on the machine: starting, asking, resuming, sending.
            _ => Some(match luck.u8(..4) {
                0 => End::After(Duration::from_millis(luck.u64(..120))),
                1 => End::Awake(Duration::from_millis(luck.u64(..30))),
                // As much as leaves something for others in this round.
                _ => End::Sent(luck.u64(..size / 16)),
            }),
        };
        first = first.saturating_sub(1);
        let life = Victim::start(&harness).live(end, &harness.sandbox);
        for ((handed, stood), sent) in handed.iter_mut().zip(life.stood).zip(life.sent) {
            if let (Some(before), Some(now)) = (*handed, stood) {
                let lost = u64::saturating_sub(before, now);
                sum.again += lost;
                sum.worst = sum.worst.max(lost);
                *handed = None;
            }
            *handed = sent.or(*handed);
        }
        if life.ended.is_some() {
            break;
        }
        sum.killed += 1;
        sum.asleep += u64::from(!life.is_awake);
        sum.sending += u64::from(life.sent.iter().any(Option::is_some));
    }
    assert!(sum.worst <= BUFFER, "{} bytes were sent again after one kill", sum.worst);
    let patches = harness.sandbox.request_log();
    let patches = patches.iter().filter(|entry| entry.host == Host::Upload && entry.method == Method::PATCH);
    let taken: u64 = patches.map(|entry| entry.body_length).sum();
    assert_eq!(taken, sizes.iter().sum::<u64>(), "the server took each byte once");
    all_there(&harness);
}

/// Each file is one video, whole, and nothing is left to go on with.
fn all_there(harness: &Harness) {
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
#[ignore = "depends on the machine's speed; `cargo xtask kill-test --command` runs it"]
fn bwlimit_keeps_the_requested_rate() {
    let harness = Harness::new();
    for name in NAMES {
        harness.file(&format!("{name}.mp4"), 24 << 20);
    }
    let mut command = harness.vimeo(&COMMAND);
    command.env("VIMEO_PROGRESS_FPS", "60").stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (mut began, mut last) = (None, (0, Instant::now()));
    let mut output = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while output.read_line(&mut line).unwrap() > 0 {
        let told: Value = serde_json::from_str(&line).unwrap();
        let sent = told["sent"].as_u64().unwrap();
        // A second in, whatever the beginning was allowed at once is over.
        if sent > 10 * MIB && began.is_none() {
            began = Some((sent, Instant::now()));
        }
        if sent > last.0 {
            last = (sent, Instant::now());
        }
        line.clear();
    }
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert!(child.wait().unwrap().success(), "{rest}");
    let (from, since) = began.unwrap();
    let rate = (last.0 - from) as f64 / last.1.duration_since(since).as_secs_f64() / MIB as f64;
    println!("{rate:.3} MiB a second of 10");
    assert!((9.5..=10.5).contains(&rate), "{rate}");
}
