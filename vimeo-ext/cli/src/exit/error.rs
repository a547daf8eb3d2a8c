//! Errors as shown to people and to programs.

use std::fmt;
use std::io;
use std::path::Path;

use serde_json::{Value, json};

use super::ExitCode;
use crate::text::escape_controls;

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct CliError {
    pub(crate) exit: ExitCode,
    /// What happened, to what, and why. Empty if nothing is to be printed, e.g. for a closed pipe.
    message: String,
    /// The command to run next, or another suggestion.
    next: Option<String>,
    status: Option<u16>,
    /// The video that the error concerns, if any.
    video: Option<String>,
    /// Whether the error was already shown to the user.
    shown: bool,
}

pub(crate) type Result<T, E = CliError> = std::result::Result<T, E>;

impl CliError {
    pub(crate) fn new(exit: ExitCode, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), next: None, status: None, video: None, shown: false }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Usage, message)
    }

    /// An exit code for several errors that were already reported.
    pub(crate) fn reported(exit: ExitCode) -> Self {
        Self::new(exit, "")
    }

    /// Marks the error as shown to the user. The JSON line still contains it.
    pub(crate) fn already_shown(mut self) -> Self {
        self.shown = true;
        self
    }

    /// Sets the next step if the error has this exit code and no next step yet.
    pub(crate) fn or_next_step(mut self, exit: ExitCode, next: &str) -> Self {
        if self.exit == exit && self.next.is_none() {
            self.next = Some(next.to_owned());
        }
        self
    }

    /// Appends to the message.
    pub(crate) fn append(mut self, more: &str) -> Self {
        self.message.push_str(more);
        self
    }

    /// Sets the video that the error concerns.
    pub(crate) fn with_video(mut self, video: Option<&str>) -> Self {
        self.video = video.map(str::to_owned);
        self
    }

    pub(crate) fn video(&self) -> Option<&str> {
        self.video.as_deref()
    }

    pub(crate) fn status(&self) -> Option<u16> {
        self.status
    }

    pub(crate) fn with_next_step(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    /// Sets the next step, if there is one.
    pub(crate) fn with_optional_next_step(self, next: Option<impl Into<String>>) -> Self {
        Self { next: next.map(Into::into), ..self }
    }

    /// Sets the HTTP status of Vimeo's response.
    pub(crate) fn with_status(mut self, status: Option<u16>) -> Self {
        self.status = status;
        self
    }

    /// An I/O error on a file.
    pub(crate) fn io(action: &str, path: &Path, error: &io::Error) -> Self {
        let misnamed = is_misnamed(action, error) || error.kind() == io::ErrorKind::InvalidInput;
        let exit = if misnamed { ExitCode::Usage } else { ExitCode::Other };
        Self::new(exit, format!("cannot {action} {}: {}", path.display(), reason(error)))
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn next_step(&self) -> Option<&str> {
        self.next.as_deref()
    }

    /// Returns the message, unless it was already shown or is empty.
    pub(crate) fn unshown_message(&self) -> Option<&str> {
        Some(self.message()).filter(|message| !self.shown && !message.is_empty())
    }

    /// Returns the JSON error line, the last line on standard error.
    pub(crate) fn json_line(&self) -> String {
        // JSON does not escape all characters that control a terminal.
        escape_controls(&json!({ "error": self.json() }).to_string()).into_owned()
    }

    /// Returns the error as a JSON object.
    pub(crate) fn json(&self) -> Value {
        // A combined error has no message of its own.
        let message = if self.message.is_empty() { self.exit.meaning() } else { &self.message };
        let mut object = json!({
            "code": self.exit.code(),
            "category": self.exit.category(),
            "retryable": self.exit.is_retryable(),
            "status": self.status,
            // No header with a request ID is known.
            "request_id": null,
            "message": message,
            "next": self.next,
        });
        if let (Some(video), Some(members)) = (&self.video, object.as_object_mut()) {
            members.insert("uri".to_owned(), video.as_str().into());
        }
        object
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// For errors writing the output. File errors use [`CliError::io`].
impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            // The reader closed the pipe, as `head` does.
            return Self::reported(ExitCode::Done);
        }
        Self::new(ExitCode::Other, format!("cannot write the output: {}", reason(&error)))
    }
}

/// Whether an I/O error means that the file name on the command line is wrong.
pub(super) fn is_misnamed(action: &str, error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    const ELOOP: i32 = if cfg!(any(target_os = "linux", target_os = "android")) { 40 } else { 62 };
    match error.kind() {
        Kind::NotFound | Kind::IsADirectory => true,
        // Files that are written mostly belong to this program.
        _ if !["find", "open", "read"].iter().any(|word| action.starts_with(word)) => false,
        Kind::NotADirectory | Kind::InvalidFilename | Kind::FileTooLarge => true,
        _ => cfg!(unix) && error.raw_os_error() == Some(ELOOP),
    }
}

/// Returns the system's error text without the error number.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.rfind(" (os error ") {
        Some(end) => text.get(..end).unwrap_or(&text).to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_pipe_succeeds_silently() {
        let closed = CliError::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!((closed.exit, closed.message()), (ExitCode::Done, ""));
        let full = CliError::from(io::Error::from_raw_os_error(28));
        assert_eq!(full.exit, ExitCode::Other);
        assert!(!full.message().contains("os error"), "{full}");
    }

    #[test]
    fn json_line_contains_errors_already_shown() {
        let failure = CliError::new(ExitCode::Auth, "no \u{9b}31m")
            .with_next_step("log in")
            .with_status(Some(401))
            .already_shown();
        assert_eq!(failure.unshown_message(), None);
        let line = failure.json_line();
        assert!(line.contains(r"no \u009b31m"), "{line}");
        let object: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(object["error"]["message"], "no \u{9b}31m");
        assert_eq!((&object["error"]["status"], &object["error"]["next"]), (&401.into(), &"log in".into()));
        // Several files, each with its own error.
        assert_eq!(CliError::reported(ExitCode::Partly).json()["message"], ExitCode::Partly.meaning());
    }

    #[test]
    fn wrong_file_names_are_usage_errors() {
        let missing = std::fs::read("no/such/file").unwrap_err();
        let long = std::fs::read("x".repeat(5000)).unwrap_err();
        for error in [missing, long] {
            assert_eq!(CliError::io("read", Path::new("x"), &error).exit, ExitCode::Usage, "{error}");
        }
        #[cfg(unix)]
        {
            let folder = tempfile::tempdir().unwrap();
            let link = folder.path().join("round");
            std::os::unix::fs::symlink(&link, &link).unwrap();
            let error = std::fs::read(&link).unwrap_err();
            assert_eq!(CliError::io("read", &link, &error).exit, ExitCode::Usage, "{error}");
        }
        for kind in [io::ErrorKind::StorageFull, io::ErrorKind::FileTooLarge, io::ErrorKind::NotADirectory] {
            assert_eq!(CliError::io("write", Path::new("x"), &kind.into()).exit, ExitCode::Other, "{kind}");
        }
    }
}
