//! `cargo xtask test-mcp`: the MCP server with the official clients.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::artifacts;
use crate::install::{self, finish_showing_failure};
use crate::mcp_conformance;
use crate::process::ChildProcess;
use crate::workspace::XtaskError;

const PYTHON_SDK: &str = "mcp==2.3.0";

/// Installs the clients under target/, starts a sandbox and the server, and runs each client over both transports.
pub(crate) fn run() -> Result<(), XtaskError> {
    let folder = install::node("mcp")?;
    let python = install::python(&[PYTHON_SDK])?;
    let server = artifacts::example("vimeo-ext/agent", "mcp")?;
    let mut sandbox =
        ChildProcess::start(&mut Command::new(artifacts::binary("vimeo-ext/sandbox", "vimeo-sandbox")?))?;
    let output: Value = serde_json::from_str(&sandbox.line()?)
        .map_err(|error| XtaskError::Command(format!("the sandbox printed invalid JSON: {error}")))?;
    let text = |name: &str| output.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (base, token) = (text("url"), text("token"));
    let with = |command: &mut Command| {
        command.env("VIMEO_BASE_URL", &base).env("VIMEO_ACCESS_TOKEN", &token).env("RUST_LOG", "trace");
    };
    let mut http = Command::new(&server);
    // One server with output schemas, which clients check, and one without.
    http.args(["--http", "127.0.0.1:0", "--no-bearer", "--allow", "publish,webhooks", "--output-schemas"])
        .stderr(Stdio::piped());
    with(&mut http);
    let mut http = ChildProcess::start_reading_stderr(http)?;
    let url = http.line_with("listening on ")?;

    let node = folder.join("node_modules/.bin/node");
    let outcome = run_clients(&folder, [&node, &python], [&server.display().to_string(), &url], with)
        .and_then(|()| mcp_conformance::run(&node, &folder, &url));
    if outcome.is_err() {
        eprintln!("the last lines of the HTTP server:\n{}", http.recent_lines());
    }
    outcome
}

/// Runs the Node and the Python client, with the program that they start and the URL of the HTTP server. A client's
/// standard error includes that of the server it starts.
fn run_clients(
    folder: &Path,
    [node, python]: [&PathBuf; 2],
    [program, url]: [&str; 2],
    with: impl Fn(&mut Command),
) -> Result<(), XtaskError> {
    let calls = folder.join("calls.json");
    for (way, target) in [("stdio", program), ("http", url)] {
        for (interpreter, script) in [(node, "client.mjs"), (python, "client.py")] {
            let mut client = Command::new(interpreter);
            client.arg(folder.join(script)).arg(&calls).arg(way).arg(target).current_dir(folder);
            with(&mut client);
            finish_showing_failure(&mut client, &format!("{script} over {way}"))?;
        }
    }
    Ok(())
}
