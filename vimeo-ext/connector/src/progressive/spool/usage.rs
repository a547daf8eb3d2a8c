//! How much of the disk uploads take.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;

use vimeo_ext::private_files;

/// What an upload takes on disk.
#[derive(Default)]
pub(super) struct Usage {
    pub(super) bytes: u64,
    pub(super) parts: usize,
}

/// Measures an upload. Removes parts of dead processes; the caller holds the lock of the whole folder, under which parts are
/// created and locked.
pub(super) fn usage_of(folder: &Path) -> io::Result<Usage> {
    let mut usage = Usage::default();
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        // Removed meanwhile.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(usage),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "part") {
            let Ok(part) = private_files::open(&path, OpenOptions::new().read(true)) else { continue };
            if part.try_lock().is_ok() {
                // Of a dead process, or just removed by its own.
                let _ = std::fs::remove_file(&path);
                continue;
            }
            usage.parts = usage.parts.saturating_add(1);
            usage.bytes = usage.bytes.saturating_add(part.metadata()?.len().saturating_mul(2));
        } else if path.file_name().is_some_and(|name| name == "data")
            && let Ok(metadata) = std::fs::metadata(&path)
        {
            usage.bytes = usage.bytes.saturating_add(allocated(&metadata));
        }
    }
    Ok(usage)
}

/// Returns how many bytes a file takes on disk: a file with gaps takes less than its length.
#[cfg(unix)]
fn allocated(metadata: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::blocks(metadata).saturating_mul(512)
}

#[cfg(not(unix))]
fn allocated(metadata: &std::fs::Metadata) -> u64 {
    metadata.len()
}
