//! `cargo xtask bench-mcp-start`: time until the first response of `vimeo mcp`.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clap::Args;

use crate::workspace::{XtaskError, build};

/// The maximum time until the first response.
const MAX_START_TIME: Duration = Duration::from_millis(100);

const RUNS: usize = 20;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The command to start [default: a release build of `vimeo`].
    #[arg(long)]
    binary: Option<PathBuf>,
}

/// The first message of each protocol revision.
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

/// Starts `vimeo mcp` repeatedly and measures the time until its first response and until its end.
pub(crate) fn run(arguments: &Arguments) -> Result<(), XtaskError> {
    let vimeo = match &arguments.binary {
        Some(binary) => binary.clone(),
        None => build(&["--release", "--package", "vimeo-cli", "--bin", "vimeo"])?,
    };
    for (opening, message) in OPENINGS {
        let (mut responses, mut ends) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            let (response, end) = once(&vimeo, message)?;
            responses.push(response);
            ends.push(end);
        }
        responses.sort();
        ends.sort();
        let (median, most) = (median_of(&responses), responses.last().copied().unwrap_or_default());
        println!(
            "{opening}: first response after {median:?} (median of {RUNS}), {most:?} at most; \
             from the end of the input to the end of the process {:?} (median)",
            median_of(&ends)
        );
        if median > MAX_START_TIME {
            return Err(XtaskError::Command(format!(
                "the first response takes longer than {MAX_START_TIME:?}"
            )));
        }
    }
    Ok(())
}

fn median_of(sorted: &[Duration]) -> Duration {
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// Returns the time from the start to the first response, and from the end of the input to the exit.
fn once(vimeo: &PathBuf, message: &str) -> Result<(Duration, Duration), XtaskError> {
    let begun = Instant::now();
    let mut child = Command::new(vimeo)
        .arg("mcp")
        // No request is sent to Vimeo before a tool call.
        .env("VIMEO_ACCESS_TOKEN", "not-asked-for")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(XtaskError::file(vimeo))?;
    let broken = || XtaskError::Command("the server did not respond".to_owned());
    let mut input = child.stdin.take().ok_or_else(broken)?;
    let mut output = BufReader::new(child.stdout.take().ok_or_else(broken)?);
    writeln!(input, "{message}").map_err(XtaskError::file(vimeo))?;
    let mut line = String::new();
    output.read_line(&mut line).map_err(XtaskError::file(vimeo))?;
    let response = begun.elapsed();
    if !line.contains("\"result\"") {
        return Err(XtaskError::Command(format!("invalid first response: {line}")));
    }
    let left = Instant::now();
    drop(input);
    child.wait().map_err(XtaskError::file(vimeo))?;
    Ok((response, left.elapsed()))
}
