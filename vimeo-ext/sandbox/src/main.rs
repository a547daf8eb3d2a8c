//! The `vimeo-sandbox` command: a Vimeo API server on localhost.

use std::process::ExitCode;

use clap::Parser as _;
use vimeo_sandbox::cli;

#[tokio::main]
async fn main() -> ExitCode {
    cli::run(cli::Command::parse()).await
}
