//! `cargo xtask mcp-clients`: the MCP server under clients that others wrote.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::install::{finish, python};
use crate::workspace::{Failure, root};

const PACKAGE: &str = include_str!("mcp_clients/package.json");
const CALLS: &str = include_str!("mcp_clients/calls.json");
const TYPESCRIPT: &str = include_str!("mcp_clients/client.mjs");
const PYTHON: &str = include_str!("mcp_clients/client.py");
const PYTHON_SDK: &str = "mcp==2.3.0";

/// What of the protocol's conformance suite needs no tools made for the suite.
const SCENARIOS: [&str; 5] =
    ["server-initialize", "ping", "tools-list", "resources-list", "dns-rebinding-protection"];

/// Installs the clients below target/, starts a local Vimeo and the server, and runs each client over both transports.
pub(crate) fn run() -> Result<(), Failure> {
    let folder = root().join("target/mcp-clients");
    install(&folder)?;
    let python = python(&[PYTHON_SDK])?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let build = |arguments: &[&str]| {
        let mut build = Command::new(&cargo);
        build.arg("build").arg("--quiet").args(arguments).current_dir(root());
        finish(&mut build, "building the server and the sandbox")
    };
    build(&["--package", "vimeo-sandbox"])?;
    build(&["--package", "vimeo-ext", "--example", "mcp", "--features", "mcp"])?;
    let debug = root().join("target/debug");
    let server = debug.join("examples/mcp");

    let mut sandbox = Running::start(Command::new(debug.join("vimeo-sandbox")).arg("--port").arg("0"))?;
    let told: Value = serde_json::from_str(&sandbox.line()?)
        .map_err(|error| Failure::Command(format!("the sandbox says no JSON: {error}")))?;
    let told = |names: &[&str]| -> Result<String, Failure> {
        let found = names.iter().find_map(|name| told.get(name).and_then(Value::as_str));
        found
            .map(str::to_owned)
            .ok_or_else(|| Failure::Command(format!("the sandbox tells no {names:?}: {told}")))
    };
    let (base, token) = (told(&["url", "base_url"])?, told(&["token", "access_token"])?);
    let with = |command: &mut Command| {
        command.env("VIMEO_BASE_URL", &base).env("VIMEO_ACCESS_TOKEN", &token).env("RUST_LOG", "trace");
    };
    let mut http = Command::new(&server);
    http.args(["--http", "127.0.0.1:0"]).stderr(Stdio::piped());
    with(&mut http);
    let mut http = Running::start_telling(http)?;
    let url = http.line_with("listening on ")?;

    let node = folder.join("node_modules/.bin/node");
    let calls = folder.join("calls.json");
    for (way, target) in [("stdio", server.display().to_string()), ("http", url.clone())] {
        for (program, script) in [(&node, "client.mjs"), (&python, "client.py")] {
            let mut client = Command::new(program);
            client.arg(folder.join(script)).arg(&calls).arg(way).arg(&target).current_dir(&folder);
            with(&mut client);
            client.stderr(Stdio::null());
            finish(&mut client, script)?;
        }
    }
    for scenario in SCENARIOS {
        let suite = folder.join("node_modules/@modelcontextprotocol/conformance/dist/index.js");
        let mut command = Command::new(&node);
        command.arg(suite).args(["server", "--url", &url, "--scenario", scenario]).current_dir(&folder);
        command.stdout(Stdio::null());
        finish(&mut command, scenario)?;
        println!("ok conformance {scenario}");
    }
    Ok(())
}

/// Puts the clients and what they need in a folder, in their pinned versions.
fn install(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(Failure::file(folder))?;
    for (name, text) in
        [("package.json", PACKAGE), ("calls.json", CALLS), ("client.mjs", TYPESCRIPT), ("client.py", PYTHON)]
    {
        let path = folder.join(name);
        fs::write(&path, text).map_err(Failure::file(&path))?;
    }
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(folder);
    finish(&mut npm, "installing the TypeScript client and the conformance suite")
}

/// A program that goes on until this is dropped.
struct Running {
    child: Child,
    lines: Box<dyn Iterator<Item = std::io::Result<String>> + Send>,
}

impl Running {
    /// One that tells on its standard output.
    fn start(command: &mut Command) -> Result<Self, Failure> {
        let name = command.get_program().to_owned();
        let mut child = command.stdout(Stdio::piped()).spawn().map_err(Failure::file(name))?;
        let told = child.stdout.take().ok_or_else(|| Failure::Command("no standard output".to_owned()))?;
        Ok(Self { child, lines: Box::new(BufReader::new(told).lines()) })
    }

    /// One that tells on its standard error.
    fn start_telling(mut command: Command) -> Result<Self, Failure> {
        let name = command.get_program().to_owned();
        let mut child = command.stderr(Stdio::piped()).spawn().map_err(Failure::file(name))?;
        let told = child.stderr.take().ok_or_else(|| Failure::Command("no standard error".to_owned()))?;
        Ok(Self { child, lines: Box::new(BufReader::new(told).lines()) })
    }

    fn line(&mut self) -> Result<String, Failure> {
        match self.lines.next() {
            Some(Ok(line)) => Ok(line),
            _ => Err(Failure::Command("a program that should go on ended".to_owned())),
        }
    }

    /// What stands behind these words in the first line that has them. Later lines are read and dropped, so that the
    /// program never waits for a reader.
    fn line_with(&mut self, words: &str) -> Result<String, Failure> {
        loop {
            let line = self.line()?;
            if let Some((_, rest)) = line.split_once(words) {
                let rest = rest.trim().to_owned();
                let lines = std::mem::replace(&mut self.lines, Box::new(std::iter::empty()));
                std::thread::spawn(move || lines.for_each(drop));
                return Ok(rest);
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
