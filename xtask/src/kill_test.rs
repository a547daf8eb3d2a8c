//! `cargo xtask kill-test`.

use std::process::Command;

use clap::Args;

use crate::install;
use crate::workspace::{EXT_TESTS, Failure, root};

#[derive(Args)]
pub(crate) struct Arguments {
    /// How often the upload is killed.
    #[arg(long, default_value_t = 200)]
    kills: u64,
    /// What the moments follow from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The file's size in MiB.
    #[arg(long, default_value_t = 300)]
    size: u64,
}

/// Kills an upload at random moments until it is done; the test itself is vimeo-ext's and runs, short, with all others.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut test = Command::new(cargo);
    test.args(EXT_TESTS)
        .args(["--nocapture", "--exact"])
        .arg("upload_kills::t05_killed_at_random_moments_there_is_one_video_and_every_byte_is_right")
        .env("KILLS", arguments.kills.to_string())
        .env("KILL_SEED", arguments.seed.to_string())
        .env("KILL_MIB", arguments.size.to_string())
        .current_dir(root());
    install::finish(&mut test, "the kill test")
}
