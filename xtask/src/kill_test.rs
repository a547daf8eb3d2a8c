//! `cargo xtask kill-test`.

use clap::Args;

use crate::artifacts;
use crate::install;
use crate::workspace::Failure;

#[derive(Args)]
pub(crate) struct Arguments {
    /// How often the upload is killed.
    #[arg(long, default_value_t = 200)]
    kills: u64,
    /// What the moments follow from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The size of the file, or of each, in MiB [default: 300; 40 with --command].
    #[arg(long)]
    size: Option<u64>,
    /// Kill the command with three files instead, and measure what `--bwlimit` gives.
    #[arg(long)]
    command: bool,
}

/// Kills an upload at random moments until it is done; the tests themselves are vimeo-ext's and vimeo-cli's and run, short,
/// with all others.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    if !arguments.command {
        let test = "upload_kills::randomly_killed_upload_creates_one_video";
        return go("vimeo-ext", &["--exact", test], arguments, 300);
    }
    let size = 40;
    go("vimeo-ext/cli", &["kills::three_uploads_killed_at_random_moments"], arguments, size)?;
    go("vimeo-ext/cli", &["uploads::expired_links_and_changed_files_have_exit_codes"], arguments, size)?;
    go("vimeo-ext/cli", &["--ignored", "kills::bwlimit_keeps_the_requested_rate"], arguments, size)
}

fn go(folder: &str, names: &[&str], arguments: &Arguments, size: u64) -> Result<(), Failure> {
    let mut test = artifacts::tests(folder)?;
    test.arg("--nocapture")
        .args(names)
        .env("KILLS", arguments.kills.to_string())
        .env("KILL_SEED", arguments.seed.to_string())
        .env("KILL_MIB", arguments.size.unwrap_or(size).to_string());
    install::finish(&mut test, "the kill test")
}
