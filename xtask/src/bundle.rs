//! `cargo xtask bundle`.

use std::io::Write;

use crate::workspace::{XtaskError, description};

/// Prints the description as one JSON document.
pub(crate) fn run() -> Result<(), XtaskError> {
    let bundle = vimeo_gen::load(&description())?;
    let mut out = std::io::stdout().lock();
    let written = serde_json::to_writer_pretty(&mut out, &bundle).map_err(std::io::Error::from);
    match written.and_then(|()| writeln!(out)) {
        // The reader can close the pipe early.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(XtaskError::file("standard output")),
    }
}
