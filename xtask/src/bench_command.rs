//! `cargo xtask bench-command`: size, start time and memory of the command.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::Value;

use crate::process::ChildProcess;
use crate::workspace::{XtaskError, build};

const MIB: u64 = 1024 * 1024;

/// The limits: the stripped program, `vimeo --help`, and a list of 10,000 videos.
const MAX_SIZE: u64 = 20 * MIB;
const MAX_HELP_TIME: Duration = Duration::from_millis(20);
const MAX_MEMORY: u64 = 32 * MIB;

const RUNS: usize = 20;

/// Options to print the list. Filters that need all items at once are not measured.
const LISTS: [&[&str]; 3] = [&[], &["--stream"], &["--jq", "length"]];

#[derive(Args)]
pub(crate) struct Arguments {
    /// The command to measure [default: a new build with the profile dist, which takes ten minutes].
    #[arg(long)]
    binary: Option<PathBuf>,
}

/// Measures the release command. Fails if a limit is exceeded. Measures memory on Linux only.
pub(crate) fn run(arguments: &Arguments) -> Result<(), XtaskError> {
    let vimeo = match &arguments.binary {
        Some(binary) => binary.clone(),
        None => build(&["--profile", "dist", "--package", "vimeo-cli", "--bin", "vimeo"])?,
    };
    let mut missed = Vec::new();
    let mut figure = |name: &str, measured: String, limit: String, holds: bool| {
        println!("{name:<44} {measured:>12}  (limit: {limit})");
        if !holds {
            missed.push(name.to_owned());
        }
    };

    let size = fs::metadata(&vimeo).map_err(XtaskError::file(&vimeo))?.len();
    figure("size", mib(size), mib(MAX_SIZE), size <= MAX_SIZE);

    let help = help(&vimeo)?;
    let name = format!("vimeo --help, median of {RUNS}");
    figure(
        &name,
        format!("{:.1} ms", help.as_secs_f64() * 1000.0),
        format!("{MAX_HELP_TIME:?}"),
        help <= MAX_HELP_TIME,
    );

    if cfg!(target_os = "linux") {
        for more in LISTS {
            let memory = memory(&vimeo, more)?;
            let name = ["10,000 videos, --paginate", &more.join(" ")].join(" ");
            figure(&name, mib(memory), mib(MAX_MEMORY), memory <= MAX_MEMORY);
        }
    }
    match missed.as_slice() {
        [] => Ok(()),
        missed => Err(XtaskError::Command(format!("limits exceeded: {}", missed.join("; ")))),
    }
}

fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / MIB as f64)
}

/// Measures how long `vimeo --help` takes.
fn help(vimeo: &Path) -> Result<Duration, XtaskError> {
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let begun = Instant::now();
        let status = Command::new(vimeo)
            .arg("--help")
            .stdout(Stdio::null())
            .status()
            .map_err(XtaskError::file(vimeo))?;
        times.push(begun.elapsed());
        succeeded("vimeo --help", status.success())?;
    }
    times.sort();
    Ok(times.get(times.len() / 2).copied().unwrap_or_default())
}

/// Measures the peak memory of a list of 10,000 videos from a sandbox in another process.
fn memory(vimeo: &Path, more: &[&str]) -> Result<u64, XtaskError> {
    let mut sandbox = ChildProcess::start(Command::new(vimeo).args(["sandbox", "--fill", "large"]))?;
    let line = sandbox.line()?;
    let output: Value = serde_json::from_str(&line).unwrap_or_default();
    let text = |name: &str| match output.get(name).and_then(Value::as_str) {
        Some(text) => Ok(text.to_owned()),
        None => Err(XtaskError::Command(format!("the sandbox reported no {name}: {line}"))),
    };
    let list = Command::new(vimeo)
        .args(["api", "/me/videos", "--paginate"])
        .args(more)
        .env("VIMEO_BASE_URL", text("url")?)
        .env("VIMEO_ACCESS_TOKEN", text("token")?)
        .stdout(Stdio::null())
        .spawn()
        .map_err(XtaskError::file(vimeo))?;
    peak(list)
}

/// Returns the peak memory of a process by polling it. The system's total at exit would include this process, whose memory a
/// child shares until it executes the program.
fn peak(mut process: Child) -> Result<u64, XtaskError> {
    let status = PathBuf::from(format!("/proc/{}/status", process.id()));
    let mut peak_bytes = 0;
    loop {
        // A process that has ended has no such line.
        let text = fs::read_to_string(&status).unwrap_or_default();
        let now = text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        peak_bytes = now.and_then(|kib| kib.parse().ok()).map_or(peak_bytes, |kib: u64| kib * 1024);
        if let Some(ended) = process.try_wait().map_err(XtaskError::file(&status))? {
            succeeded("the list", ended.success() && peak_bytes > 0)?;
            return Ok(peak_bytes);
        }
        sleep(Duration::from_millis(1));
    }
}

fn succeeded(what: &str, good: bool) -> Result<(), XtaskError> {
    if good { Ok(()) } else { Err(XtaskError::Command(format!("{what} failed"))) }
}
