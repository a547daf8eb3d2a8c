//! The cost of an upload compared with curl and the official Python library, to a server that discards the bytes.
//!
//! `cargo bench -p vimeo-ext --no-default-features --features rustls,upload --bench upload -- [--size MIB] [--runs N]
//! [--python PROGRAM]`, on Linux. Progress, journal and fault handling are enabled. Every contender is its own process,
//! measured by the system: wall time, CPU time, peak memory. They take turns, so that other load on the machine affects all of
//! them.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this prints figures")]

mod client;
mod server;
mod turns;

use std::path::Path;
use std::process::ExitCode;

type AnyError = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["serve", folder] => server::run(Path::new(folder)),
        ["upload", link, file, folder] => client::run(link, Path::new(file), Path::new(folder), false),
        ["upload-threads", link, file, folder] => client::run(link, Path::new(file), Path::new(folder), true),
        options => turns::run(options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
