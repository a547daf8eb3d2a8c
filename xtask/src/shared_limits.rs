//! `cargo xtask shared-limits`.

use std::process::Command;

use clap::Args;

use crate::artifacts;
use crate::install;
use crate::stores::Server;
use crate::workspace::{Failure, cargo, root};

#[derive(Args)]
pub(crate) struct Arguments {
    /// How many accounts the four processes serve.
    #[arg(long, default_value_t = 1_000)]
    accounts: u64,
    /// How long a window of an account's limit lasts, in seconds.
    #[arg(long, default_value_t = 60)]
    window: u64,
    /// How many windows the run takes.
    #[arg(long, default_value_t = 3)]
    windows: u64,
    /// The store: `sqlite` or `postgres`; both, one after the other, when left out.
    #[arg(long)]
    store: Option<Store>,
    /// With optimised code.
    #[arg(long)]
    release: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Store {
    Sqlite,
    Postgres,
}

/// Lets four processes use up the limits of many accounts together, against the local Vimeo; the test is vimeo-ext's.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
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

fn test(arguments: &Arguments, through: &str) -> Result<Command, Failure> {
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
