//! `vimeo`: Vimeo from the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    vimeo_cli::run()
}
