//! `cargo xtask test-connector-load`.

use clap::Args;

use crate::artifacts;
use crate::install;
use crate::test_stores::Server;
use crate::workspace::XtaskError;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The number of accounts.
    #[arg(long, default_value_t = 1_000)]
    accounts: u64,
    /// How often one of the two processes is killed.
    #[arg(long, default_value_t = 20)]
    kills: u64,
}

/// Runs a test of vimeo-connector in which two processes of `vimeo serve` work on one PostgreSQL server, and one is killed.
pub(crate) fn run(arguments: &Arguments) -> Result<(), XtaskError> {
    let command = artifacts::binary("vimeo-ext/cli", "vimeo")?;
    let mut test = artifacts::tests("vimeo-ext/connector")?;
    let server = Server::start()?;
    test.args(["--nocapture", "--ignored", "--exact", "load::kills_under_load_lose_and_double_nothing"])
        .env("VIMEO_TEST_COMMAND", command)
        .env("VIMEO_TEST_POSTGRES", server.url())
        .env("VIMEO_TEST_ACCOUNTS", arguments.accounts.to_string())
        .env("VIMEO_TEST_KILLS", arguments.kills.to_string());
    install::finish(&mut test, "the run with kills")
}
