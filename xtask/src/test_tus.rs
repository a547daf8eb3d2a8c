//! `cargo xtask test-tus`.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::artifacts;
use crate::install;
use crate::workspace::{XtaskError, root};

/// Runs the upload tests against `@tus/server` and a sandbox, and finishes an upload with tus-js-client. Needs Node and npm.
pub(crate) fn run() -> Result<(), XtaskError> {
    let mut test = artifacts::tests("vimeo-ext")?;
    let node = install::node("node")?;
    let uploads = root().join("target/tus-server");
    let mut server = Command::new("node")
        .arg(node.join("tus-server.mjs"))
        .arg(&uploads)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(XtaskError::file("node"))?;
    let mut addresses = String::new();
    if let Some(output) = server.stdout.take() {
        BufReader::new(output).read_line(&mut addresses).map_err(XtaskError::file("node"))?;
    }
    if addresses.is_empty() {
        return Err(XtaskError::Command("the tus server did not start".to_owned()));
    }
    test.arg("--include-ignored")
        .args(["--nocapture", "upload_servers", "--skip", "upload_servers::child"])
        .env("TUS_SERVER", addresses.trim())
        .env("NODE_FOLDER", &node);
    let done = install::finish(&mut test, "the suite for tus servers");
    // The server exits at the end of its input.
    drop(server.stdin.take());
    server.wait().map_err(XtaskError::file("node"))?;
    done
}
