//! `cargo xtask command-figures`: how large the command is, how soon it answers, how much memory a long list takes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::Value;

use crate::running::Running;
use crate::workspace::{Failure, build};

const MIB: u64 = 1024 * 1024;

/// The most that each may be: the program without symbols, `vimeo --help`, and a list of 10,000 videos.
const SIZE: u64 = 20 * MIB;
const HELP: Duration = Duration::from_millis(20);
const MEMORY: u64 = 32 * MIB;

const RUNS: usize = 20;

/// Ways to print the list. A filter that looks at whole items keeps them all, and is none of these.
const LISTS: [&[&str]; 3] = [&[], &["--stream"], &["--jq", "length"]];

#[derive(Args)]
pub(crate) struct Arguments {
    /// The command to measure, instead of a new build of profile dist, which takes some ten minutes.
    #[arg(long)]
    binary: Option<PathBuf>,
}

/// Measures the command as it is given to people; fails when a figure is missed. Memory is measured on Linux alone.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let vimeo = match &arguments.binary {
        Some(binary) => binary.clone(),
        None => build(&["--profile", "dist", "--package", "vimeo-cli", "--bin", "vimeo"])?,
    };
    let mut missed = Vec::new();
    let mut figure = |name: &str, measured: String, asked: String, holds: bool| {
        println!("{name:<44} {measured:>12}  (asked: at most {asked})");
        if !holds {
            missed.push(name.to_owned());
        }
    };

    let size = fs::metadata(&vimeo).map_err(Failure::file(&vimeo))?.len();
    figure("size", mib(size), mib(SIZE), size <= SIZE);

    let help = help(&vimeo)?;
    let name = format!("vimeo --help, median of {RUNS}");
    figure(&name, format!("{:.1} ms", help.as_secs_f64() * 1000.0), format!("{HELP:?}"), help <= HELP);

    if cfg!(target_os = "linux") {
        for more in LISTS {
            let memory = memory(&vimeo, more)?;
            let name = ["10,000 videos, --paginate", &more.join(" ")].join(" ");
            figure(&name, mib(memory), mib(MEMORY), memory <= MEMORY);
        }
    }
    match missed.as_slice() {
        [] => Ok(()),
        missed => Err(Failure::Command(format!("more than was asked for: {}", missed.join("; ")))),
    }
}

fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / MIB as f64)
}

/// How long the help takes, from the start of the process to its end.
fn help(vimeo: &Path) -> Result<Duration, Failure> {
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let begun = Instant::now();
        let status =
            Command::new(vimeo).arg("--help").stdout(Stdio::null()).status().map_err(Failure::file(vimeo))?;
        times.push(begun.elapsed());
        succeeded("vimeo --help", status.success())?;
    }
    times.sort();
    Ok(times.get(times.len() / 2).copied().unwrap_or_default())
}

/// What a list of 10,000 videos has in memory at the most, out of a sandbox in another process.
fn memory(vimeo: &Path, more: &[&str]) -> Result<u64, Failure> {
    let mut sandbox = Running::start(Command::new(vimeo).args(["sandbox", "--fill", "large"]))?;
    let line = sandbox.line()?;
    let told: Value = serde_json::from_str(&line).unwrap_or_default();
    let text = |name: &str| match told.get(name).and_then(Value::as_str) {
        Some(text) => Ok(text.to_owned()),
        None => Err(Failure::Command(format!("the sandbox tells no {name}: {line}"))),
    };
    let list = Command::new(vimeo)
        .args(["api", "/me/videos", "--paginate"])
        .args(more)
        .env("VIMEO_BASE_URL", text("url")?)
        .env("VIMEO_ACCESS_TOKEN", text("token")?)
        .stdout(Stdio::null())
        .spawn()
        .map_err(Failure::file(vimeo))?;
    peak(list)
}

/// The most memory of a process, looked at until it ends. The system's own sum at its end would count this process too,
/// whose memory a child shares until it becomes another program.
fn peak(mut process: Child) -> Result<u64, Failure> {
    let status = PathBuf::from(format!("/proc/{}/status", process.id()));
    let mut most = 0;
    loop {
        // A process that has ended has no such line any more.
        let text = fs::read_to_string(&status).unwrap_or_default();
        let now = text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        most = now.and_then(|kib| kib.parse().ok()).map_or(most, |kib: u64| kib * 1024);
        if let Some(ended) = process.try_wait().map_err(Failure::file(&status))? {
            succeeded("the list", ended.success() && most > 0)?;
            return Ok(most);
        }
        sleep(Duration::from_millis(1));
    }
}

fn succeeded(what: &str, good: bool) -> Result<(), Failure> {
    if good { Ok(()) } else { Err(Failure::Command(format!("{what} failed"))) }
}
