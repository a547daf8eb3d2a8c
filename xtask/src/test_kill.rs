//! `cargo xtask test-kill`.

use clap::Args;

use crate::artifacts;
use crate::install;
use crate::workspace::XtaskError;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The number of kills.
    #[arg(long, default_value_t = 200)]
    kills: u64,
    /// The seed of the random moments.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The size of the file, or of each, in MiB [default: 300; 40 with --command].
    #[arg(long)]
    size: Option<u64>,
    /// Kill the command with three files instead, and measure `--bwlimit`.
    #[arg(long)]
    command: bool,
}

/// Runs the kill tests of vimeo-ext or vimeo-cli, which run with fewer kills in the normal test suite.
pub(crate) fn run(arguments: &Arguments) -> Result<(), XtaskError> {
    if !arguments.command {
        let test = "upload_kills::randomly_killed_upload_creates_one_video";
        return run_test("vimeo-ext", &["--exact", test], arguments, 300);
    }
    let size = 40;
    run_test(
        "vimeo-ext/cli",
        &["kills::randomly_killed_uploads_create_three_whole_videos"],
        arguments,
        size,
    )?;
    run_test(
        "vimeo-ext/cli",
        &["uploads::expired_links_and_changed_files_have_exit_codes"],
        arguments,
        size,
    )?;
    run_test("vimeo-ext/cli", &["--ignored", "kills::bwlimit_keeps_the_requested_rate"], arguments, size)
}

fn run_test(folder: &str, names: &[&str], arguments: &Arguments, size: u64) -> Result<(), XtaskError> {
    let mut test = artifacts::tests(folder)?;
    test.arg("--nocapture")
        .args(names)
        .env("KILLS", arguments.kills.to_string())
        .env("KILL_SEED", arguments.seed.to_string())
        .env("KILL_MIB", arguments.size.unwrap_or(size).to_string());
    install::finish(&mut test, "the kill test")
}
