//! `cargo xtask bench-accounts`.

use std::fs;

use clap::Args;

use crate::install;
use crate::test_stores::Server;
use crate::workspace::{XtaskError, cargo, root};

#[derive(Args)]
pub(crate) struct Arguments {
    /// The number of accounts.
    #[arg(long, default_value_t = 1_000_000)]
    accounts: u64,
    /// The parts to measure: memory, clients, pages, cost [default: all].
    parts: Vec<String>,
}

/// Fills SQLite and PostgreSQL with accounts and measures them with a benchmark of vimeo-ext.
pub(crate) fn run(arguments: &Arguments) -> Result<(), XtaskError> {
    let folder = root().join("target/accounts-bench");
    // The data of an earlier run would count too.
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(XtaskError::file(&folder))?;
    }
    fs::create_dir_all(&folder).map_err(XtaskError::file(&folder))?;
    let server = Server::start()?;
    let bench = |words: &[&str], parts: &[String]| {
        let mut command = cargo();
        // Compile only the features that accounts need.
        command
            .args(["bench", "--quiet", "--package", "vimeo-ext", "--no-default-features"])
            .args(["--features", "rustls,sqlite,postgres", "--bench", "accounts", "--"])
            .args(words)
            .arg(&folder)
            .args(parts)
            .current_dir(root())
            .env("VIMEO_TEST_POSTGRES", server.url());
        install::finish(&mut command, "the benchmark")
    };
    bench(&["seed", &arguments.accounts.to_string()], &[])?;
    bench(&["measure"], &arguments.parts)
}
