//! `cargo xtask authorize-page`.

use std::path::PathBuf;
use std::process::Command;

use clap::Args;

use crate::artifacts;
use crate::install;
use crate::workspace::Failure;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The browser.
    #[arg(long, env = "CHROMIUM", default_value = "chromium")]
    chromium: PathBuf,
}

/// Tries the local Vimeo's authorize page in a browser: accept, reject, an address that is not registered. Needs Node,
/// npm and Chromium.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let sandbox = artifacts::binary("vimeo-ext/sandbox", "vimeo-sandbox")?;
    let node = install::node("node")?;
    let mut browse = Command::new("node");
    browse
        .arg(node.join("authorize.mjs"))
        .env("SANDBOX", sandbox)
        .env("CHROMIUM", in_path(&arguments.chromium)?);
    install::finish(&mut browse, "the authorize page")
}

/// Where a program is; the browser's driver wants it whole.
fn in_path(program: &PathBuf) -> Result<PathBuf, Failure> {
    if program.components().count() > 1 {
        return Ok(program.clone());
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&folders).map(|folder| folder.join(program)).find(|path| path.is_file());
    found.ok_or_else(|| Failure::Command(format!("there is no {} to open the page with", program.display())))
}
