//! The platform's state folder, for what has to outlive a process.

use std::io;
use std::path::PathBuf;

use crate::error::UploadError;

/// Returns the folder `vimeo` in the platform's state folder: on Linux `$XDG_STATE_HOME/vimeo`, elsewhere in the user's local
/// application data. `purpose` completes the error message.
///
/// # Errors
/// [`UploadError::Io`] if the platform has no such folder, for example for a user without a home.
pub(crate) fn state_folder(purpose: &str) -> Result<PathBuf, UploadError> {
    let base = dirs::state_dir().or_else(dirs::data_local_dir);
    base.map(|folder| folder.join("vimeo")).ok_or_else(|| {
        let error =
            io::Error::new(io::ErrorKind::NotFound, format!("name a folder for the {purpose} instead"));
        UploadError::io("find", "the user's state folder", error)
    })
}
