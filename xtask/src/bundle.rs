//! `cargo xtask bundle`.

use std::io::Write;

use crate::workspace::{Failure, description};

/// Prints the description as one JSON document.
pub(crate) fn run() -> Result<(), Failure> {
    let bundle = vimeo_gen::load(&description())?;
    let mut out = std::io::stdout().lock();
    let written = serde_json::to_writer_pretty(&mut out, &bundle).map_err(std::io::Error::from);
    match written.and_then(|()| writeln!(out)) {
        // Whoever reads may stop early.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(Failure::file("standard output")),
    }
}
