//! `cargo xtask fuzz`: runs the fuzz targets, each from its seeds in vimeo-ext/fuzz/seeds.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::ScopedJoinHandle;
use std::time::Instant;

use clap::Args;

use crate::workspace::{XtaskError, cargo, root};

/// The maximum input size. Short inputs find more per second, and other code limits what is read.
const MAX_INPUT_BYTES: u32 = 16 * 1024;

/// The memory limit in MiB.
const MAX_MEMORY_MIB: u32 = 2048;

/// The timeout per input in seconds.
const INPUT_TIMEOUT: u32 = 20;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Targets to run [default: all of vimeo-ext/fuzz/fuzz_targets].
    targets: Vec<String>,
    /// Seconds per target.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Number of targets that run at a time.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
}

/// The outcome of a target.
struct Outcome {
    target: String,
    success: bool,
    /// The last status that libFuzzer printed: coverage, corpus, runs per second.
    status: String,
    output: String,
}

/// Builds all targets, without a sanitizer because the stable toolchain has none, and runs them.
pub(crate) fn run(arguments: &Arguments) -> Result<(), XtaskError> {
    let folder = root().join("vimeo-ext/fuzz");
    let known = targets(&folder)?;
    let chosen = choose(known, &arguments.targets)?;
    let begun = Instant::now();
    if !cargo_fuzz("build").status().map_err(XtaskError::file("cargo"))?.success() {
        let message =
            "the fuzz targets do not build; run `cargo install cargo-fuzz` if it is missing".to_owned();
        return Err(XtaskError::Command(message));
    }
    println!(
        "{} targets built in {} s, {} s each:",
        chosen.len(),
        begun.elapsed().as_secs(),
        arguments.seconds
    );
    let mut failed = Vec::new();
    for batch in chosen.chunks(arguments.jobs.max(1)) {
        let outcomes = std::thread::scope(|scope| {
            let threads: Vec<_> = batch
                .iter()
                .map(|target| scope.spawn(|| run_target(&folder, target, arguments.seconds)))
                .collect();
            threads.into_iter().map(outcome_of).collect::<Result<Vec<_>, XtaskError>>()
        })?;
        for outcome in outcomes {
            println!(
                "{:<16} {} {}",
                outcome.target,
                if outcome.success { "ok    " } else { "FAILED" },
                outcome.status
            );
            if !outcome.success {
                eprintln!("{}", outcome.output);
                failed.push(outcome.target);
            }
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    Err(XtaskError::Command(format!("fuzz targets with findings: {}", failed.join(", "))))
}

/// Returns the targets to run. A name becomes part of a path, so only known names are accepted.
fn choose(known: Vec<String>, chosen: &[String]) -> Result<Vec<String>, XtaskError> {
    match chosen.iter().find(|name| !known.contains(name)) {
        Some(name) => {
            Err(XtaskError::Command(format!("unknown fuzz target `{name}`; known are: {}", known.join(", "))))
        }
        None if chosen.is_empty() => Ok(known),
        None => Ok(chosen.to_vec()),
    }
}

/// Waits for the thread of a target. A thread that panicked is an error: its target was not run.
fn outcome_of(thread: ScopedJoinHandle<'_, Result<Outcome, XtaskError>>) -> Result<Outcome, XtaskError> {
    thread
        .join()
        .unwrap_or_else(|_| Err(XtaskError::Command("the thread of a fuzz target panicked".to_owned())))
}

/// The folders of a target's inputs: the corpus, which grows, and the seeds.
fn inputs(folder: &Path, target: &str) -> [PathBuf; 2] {
    ["corpus", "seeds"].map(|kind| folder.join(kind).join(target))
}

fn cargo_fuzz(verb: &str) -> Command {
    let mut command = cargo();
    command.args([
        "fuzz",
        verb,
        "--sanitizer",
        "none",
        "--fuzz-dir",
        "vimeo-ext/fuzz",
        "--target-dir",
        "target/fuzz",
    ]);
    command.current_dir(root());
    command
}

fn targets(folder: &Path) -> Result<Vec<String>, XtaskError> {
    let sources = folder.join("fuzz_targets");
    let mut names = Vec::new();
    for entry in fs::read_dir(&sources).map_err(XtaskError::file(&sources))? {
        let path = entry.map_err(XtaskError::file(&sources))?.path();
        names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

fn run_target(folder: &Path, target: &str, seconds: u32) -> Result<Outcome, XtaskError> {
    let inputs = inputs(folder, target);
    for folder in &inputs {
        fs::create_dir_all(folder).map_err(XtaskError::file(folder))?;
    }
    let output = cargo_fuzz("run")
        .arg(target)
        .args(&inputs)
        .arg("--")
        .args([
            format!("-max_total_time={seconds}"),
            format!("-max_len={MAX_INPUT_BYTES}"),
            format!("-rss_limit_mb={MAX_MEMORY_MIB}"),
            format!("-timeout={INPUT_TIMEOUT}"),
            "-print_final_stats=1".to_owned(),
        ])
        .output()
        .map_err(XtaskError::file("cargo"))?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let status = text.lines().rfind(|line| line.contains(" cov: ")).unwrap_or_default().trim().to_owned();
    Ok(Outcome { target: target.to_owned(), success: output.status.success(), status, output: text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_targets_become_paths() {
        let known = || vec!["headers".to_owned(), "webhook".to_owned()];
        assert_eq!(choose(known(), &[]).unwrap(), known());
        assert_eq!(choose(known(), &["webhook".to_owned()]).unwrap(), ["webhook"]);
        for wrong in ["../headers", "/tmp/headers", "fuzz_targets/headers.rs", ""] {
            let error = choose(known(), &[wrong.to_owned()]).unwrap_err().to_string();
            assert!(error.contains("headers, webhook"), "{error}");
        }
    }

    #[test]
    fn every_target_has_a_folder_of_seeds() {
        let folder = root().join("vimeo-ext/fuzz");
        for target in targets(&folder).unwrap() {
            let [_, seeds] = inputs(&folder, &target);
            assert!(seeds.is_dir(), "{} does not exist", seeds.display());
        }
    }

    #[test]
    fn panicking_thread_is_an_error() {
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| panic!("on purpose"));
            assert!(outcome_of(thread).is_err());
        });
    }
}
