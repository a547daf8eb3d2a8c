//! `cargo xtask test-shared-limits`.

use std::process::Command;

use clap::Args;

use crate::artifacts;
use crate::install;
use crate::test_stores::Server;
use crate::workspace::{XtaskError, cargo, root};

#[derive(Args)]
pub(crate) struct Arguments {
    /// The number of accounts.
    #[arg(long, default_value_t = 1_000)]
    accounts: u64,
    /// The length of a rate-limit window in seconds.
    #[arg(long, default_value_t = 60)]
    window: u64,
    /// The number of windows.
    #[arg(long, default_value_t = 3)]
    windows: u64,
    /// The store [default: both, one after the other].
    #[arg(long)]
    store: Option<Store>,
    /// Build with optimisations.
    #[arg(long)]
    release: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Store {
    Sqlite,
    Postgres,
}

/// Runs a test of vimeo-ext in which four processes use up the rate limits of many accounts of a sandbox.
pub(crate) fn run(arguments: &Arguments) -> Result<(), XtaskError> {
    let wanted = |store| arguments.store.is_none_or(|only| only == store);
    if wanted(Store::Sqlite) {
        println!("\nSQLite");
        install::finish(&mut test(arguments, "file")?, "the run over SQLite")?;
    }
    if wanted(Store::Postgres) {
        println!("\nPostgreSQL");
        let server = Server::start()?;
        let mut test = test(arguments, "server")?;
        install::finish(test.env("VIMEO_TEST_POSTGRES", server.url()), "the run over PostgreSQL")?;
    }
    Ok(())
}

fn test(arguments: &Arguments, through: &str) -> Result<Command, XtaskError> {
    let mut test = if arguments.release {
        let mut cargo = cargo();
        cargo.args(["test", "--quiet", "--release", "--package", "vimeo-ext", "--test", "it", "--"]);
        cargo.current_dir(root());
        cargo
    } else {
        artifacts::tests("vimeo-ext")?
    };
    test.args(["--nocapture", "--ignored", "--exact"])
        .arg(format!("accounts::processes::four_processes_share_limits_through_a_{through}"))
        .env("VIMEO_TEST_ACCOUNTS", arguments.accounts.to_string())
        .env("VIMEO_TEST_WINDOW", arguments.window.to_string())
        .env("VIMEO_TEST_WINDOWS", arguments.windows.to_string());
    Ok(test)
}
