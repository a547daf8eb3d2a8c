//! `cargo xtask accounts-bench`.

use std::fs;

use clap::Args;

use crate::install;
use crate::stores::Server;
use crate::workspace::{Failure, cargo, root};

#[derive(Args)]
pub(crate) struct Arguments {
    /// How many accounts there are.
    #[arg(long, default_value_t = 1_000_000)]
    accounts: u64,
    /// What to measure: memory, clients, pages, cost; all of it when left out.
    parts: Vec<String>,
}

/// Fills SQLite and PostgreSQL with accounts and measures what they cost; the benchmark itself is vimeo-ext's.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let folder = root().join("target/accounts-bench");
    // What an earlier run left would count as well.
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(Failure::file(&folder))?;
    }
    fs::create_dir_all(&folder).map_err(Failure::file(&folder))?;
    let server = Server::start()?;
    let bench = |words: &[&str], parts: &[String]| {
        let mut command = cargo();
        // Only what the accounts need is compiled.
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
