//! Changes of folders that survive a power failure.

use std::fs::File;
use std::io;
use std::path::Path;

/// Makes new names, renames and removals in a folder survive a power failure. Does nothing where a folder cannot be opened as a
/// file.
///
/// # Errors
///
/// The error of the system.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
