//! `cargo xtask test-connector-page`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use clap::Args;

use crate::artifacts;
use crate::install;
use crate::test_authorize_page::in_path;
use crate::workspace::{XtaskError, root};

#[derive(Args)]
pub(crate) struct Arguments {
    /// The browser to use.
    #[arg(long, env = "CHROMIUM", default_value = "chromium")]
    chromium: PathBuf,
}

/// Uses the connector's page for the operator in Chromium, with `vimeo serve` and the sandbox: an API key opens it, an account is
/// connected, disabled and disconnected. Writes screenshots to `target/screenshots`. Needs Node, npm and Chromium.
pub(crate) fn run(arguments: &Arguments) -> Result<(), XtaskError> {
    let sandbox = artifacts::binary("vimeo-ext/sandbox", "vimeo-sandbox")?;
    let vimeo = artifacts::binary("vimeo-ext/cli", "vimeo")?;
    let node = install::node("node")?;
    let screenshots = root().join("target/screenshots");
    fs::create_dir_all(&screenshots).map_err(XtaskError::file(&screenshots))?;
    let mut browse = Command::new("node");
    browse
        .arg(node.join("connector-page.mjs"))
        .env("SANDBOX", sandbox)
        .env("VIMEO", vimeo)
        .env("SCREENSHOTS", &screenshots)
        .env("CHROMIUM", in_path(&arguments.chromium)?);
    install::finish_within(install::TEST_TIMEOUT, &mut browse, "the connector's page")
}
