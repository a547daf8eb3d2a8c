//! `cargo xtask tus-servers`.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::artifacts;
use crate::install;
use crate::workspace::{Failure, root};

/// Runs the upload suite against a tus server that others wrote and against the local Vimeo, and lets a tus client that
/// others wrote finish a ticket. Needs Node and npm.
pub(crate) fn run() -> Result<(), Failure> {
    let mut test = artifacts::tests("vimeo-ext")?;
    let node = install::node("node")?;
    let uploads = root().join("target/tus-server");
    let mut server = Command::new("node")
        .arg(node.join("tus-server.mjs"))
        .arg(&uploads)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(Failure::file("node"))?;
    let mut addresses = String::new();
    if let Some(output) = server.stdout.take() {
        BufReader::new(output).read_line(&mut addresses).map_err(Failure::file("node"))?;
    }
    if addresses.is_empty() {
        return Err(Failure::Command("the tus server did not start".to_owned()));
    }
    test.arg("--include-ignored")
        .args(["--nocapture", "upload_servers", "--skip", "upload_servers::child"])
        .env("TUS_SERVER", addresses.trim())
        .env("NODE_FOLDER", &node);
    let done = install::finish(&mut test, "the suite for tus servers");
    // It ends with its input.
    drop(server.stdin.take());
    server.wait().map_err(Failure::file("node"))?;
    done
}
