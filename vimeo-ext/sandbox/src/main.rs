//! `vimeo-sandbox`: a Vimeo on localhost, as a command.

use std::process::ExitCode;

use clap::Parser as _;
use vimeo_sandbox::cli;

#[tokio::main]
async fn main() -> ExitCode {
    cli::run(cli::Command::parse()).await
}
