//! `cargo xtask test-authorize-page`.

use std::path::PathBuf;
use std::process::Command;

use clap::Args;

use crate::artifacts;
use crate::install;
use crate::workspace::XtaskError;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The browser to use.
    #[arg(long, env = "CHROMIUM", default_value = "chromium")]
    chromium: PathBuf,
}

/// Tests the sandbox's login page in a browser: accept, reject, and an unregistered redirect URI. Needs Node, npm and
/// Chromium.
pub(crate) fn run(arguments: &Arguments) -> Result<(), XtaskError> {
    let sandbox = artifacts::binary("vimeo-ext/sandbox", "vimeo-sandbox")?;
    let node = install::node("node")?;
    let mut browse = Command::new("node");
    browse
        .arg(node.join("authorize.mjs"))
        .env("SANDBOX", sandbox)
        .env("CHROMIUM", in_path(&arguments.chromium)?);
    install::finish_within(install::TEST_TIMEOUT, &mut browse, "the authorize page")
}

/// Returns the full path of a program, which the browser driver needs.
pub(crate) fn in_path(program: &PathBuf) -> Result<PathBuf, XtaskError> {
    if program.components().count() > 1 {
        return Ok(program.clone());
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&folders).map(|folder| folder.join(program)).find(|path| path.is_file());
    found.ok_or_else(|| {
        XtaskError::Command(format!("{} not found; install it or set --chromium", program.display()))
    })
}
