//! `cargo xtask mcp-start`: how soon the server that a client starts gives its first answer.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clap::Args;

use crate::workspace::{Failure, build};

/// What a client waits for at most.
const LIMIT: Duration = Duration::from_millis(100);

const RUNS: usize = 20;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The command to start, instead of a release build of `vimeo`.
    #[arg(long)]
    binary: Option<PathBuf>,
}

/// How each era begins.
const OPENINGS: [(&str, &str); 2] = [
    (
        "initialize",
        r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"start","version":"1"}}}"#,
    ),
    (
        "server/discover",
        r#"{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"start","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}}"#,
    ),
];

/// Starts `vimeo mcp` again and again, each time from nothing to the first answer and to its end.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let vimeo = match &arguments.binary {
        Some(binary) => binary.clone(),
        None => build(&["--release", "--package", "vimeo-cli", "--bin", "vimeo"])?,
    };
    for (opening, message) in OPENINGS {
        let (mut answers, mut ends) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            let (answer, end) = once(&vimeo, message)?;
            answers.push(answer);
            ends.push(end);
        }
        answers.sort();
        ends.sort();
        let (median, most) = (middle(&answers), answers.last().copied().unwrap_or_default());
        println!(
            "{opening}: first answer after {median:?} (median of {RUNS}), {most:?} at most; \
             from the end of the input to the end of the process {:?} (median)",
            middle(&ends)
        );
        if median > LIMIT {
            return Err(Failure::Command(format!("the first answer takes longer than {LIMIT:?}")));
        }
    }
    Ok(())
}

fn middle(sorted: &[Duration]) -> Duration {
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// From the start of the process to its first answer, and from the end of its input to its own.
fn once(vimeo: &PathBuf, message: &str) -> Result<(Duration, Duration), Failure> {
    let begun = Instant::now();
    let mut child = Command::new(vimeo)
        .arg("mcp")
        // Nothing is asked of Vimeo before a tool is called.
        .env("VIMEO_ACCESS_TOKEN", "not-asked-for")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(Failure::file(vimeo))?;
    let broken = || Failure::Command("the server gave no answer".to_owned());
    let mut input = child.stdin.take().ok_or_else(broken)?;
    let mut output = BufReader::new(child.stdout.take().ok_or_else(broken)?);
    writeln!(input, "{message}").map_err(Failure::file(vimeo))?;
    let mut line = String::new();
    output.read_line(&mut line).map_err(Failure::file(vimeo))?;
    let answer = begun.elapsed();
    if !line.contains("\"result\"") {
        return Err(Failure::Command(format!("the first answer is none: {line}")));
    }
    let left = Instant::now();
    drop(input);
    child.wait().map_err(Failure::file(vimeo))?;
    Ok((answer, left.elapsed()))
}
