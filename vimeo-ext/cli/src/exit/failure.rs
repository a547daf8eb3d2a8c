//! A failure as people and programs are told it.

use std::fmt;
use std::io;
use std::path::Path;

use serde_json::{Value, json};

use super::Exit;
use crate::text::escaped;

/// Why a command did not do what it should.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// What happened, to what, and why. Empty when nothing is to be said, as for a closed pipe.
    message: String,
    /// The next command, or what else to do.
    next: Option<String>,
    status: Option<u16>,
    /// The video that it is about, where there is one.
    video: Option<String>,
    /// Whether people have read it already.
    shown: bool,
}

pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), next: None, status: None, video: None, shown: false }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// A code for several things that were each reported already.
    pub(crate) fn reported(exit: Exit) -> Self {
        Self::new(exit, "")
    }

    /// A failure that people have read already; programs still get all of it.
    pub(crate) fn already_shown(mut self) -> Self {
        self.shown = true;
        self
    }

    /// With this next step, where it ends with this code and names none of its own.
    pub(crate) fn or_next(mut self, exit: Exit, next: &str) -> Self {
        if self.exit == exit && self.next.is_none() {
            self.next = Some(next.to_owned());
        }
        self
    }

    /// Adds to the message.
    pub(crate) fn with(mut self, more: &str) -> Self {
        self.message.push_str(more);
        self
    }

    /// Names the video that it is about.
    pub(crate) fn about(mut self, video: Option<&str>) -> Self {
        self.video = video.map(str::to_owned);
        self
    }

    pub(crate) fn video(&self) -> Option<&str> {
        self.video.as_deref()
    }

    pub(crate) fn status(&self) -> Option<u16> {
        self.status
    }

    pub(crate) fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    /// With the status that Vimeo answered.
    pub(crate) fn answered(mut self, status: Option<u16>) -> Self {
        self.status = status;
        self
    }

    /// A file could not be read or written.
    pub(crate) fn file(action: &str, path: &Path, error: &io::Error) -> Self {
        let misnamed = is_misnamed(action, error) || error.kind() == io::ErrorKind::InvalidInput;
        let exit = if misnamed { Exit::Usage } else { Exit::Other };
        Self::new(exit, format!("cannot {action} {}: {}", path.display(), reason(error)))
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn next_step(&self) -> Option<&str> {
        self.next.as_deref()
    }

    /// What is left to say to people; `None` when they have read it, or nothing is to be said.
    pub(crate) fn for_people(&self) -> Option<&str> {
        Some(self.message()).filter(|message| !self.shown && !message.is_empty())
    }

    /// The last line on standard error, for programs.
    pub(crate) fn line(&self) -> String {
        // What JSON leaves as it is may still steer a terminal.
        escaped(&json!({ "error": self.json() }).to_string()).into_owned()
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        // Several failures have no message in common.
        let message = if self.message.is_empty() { self.exit.meaning() } else { &self.message };
        let mut told = json!({
            "code": self.exit.code(),
            "category": self.exit.category(),
            "retryable": self.exit.is_retryable(),
            "status": self.status,
            // No header of Vimeo's for it is on record.
            "request_id": null,
            "message": message,
            "next": self.next,
        });
        if let (Some(video), Some(told)) = (&self.video, told.as_object_mut()) {
            told.insert("uri".to_owned(), video.as_str().into());
        }
        told
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Only writing the output gives a bare error of the system; files have [`Failure::file`].
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            // Whoever read the output has enough, as `head` does.
            return Self::reported(Exit::Done);
        }
        Self::new(Exit::Other, format!("cannot write the output: {}", reason(&error)))
    }
}

/// Whether the name of a file, as it stands on the command line, is the mistake.
pub(super) fn is_misnamed(action: &str, error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    const LOOP_OF_LINKS: i32 = if cfg!(any(target_os = "linux", target_os = "android")) { 40 } else { 62 };
    match error.kind() {
        Kind::NotFound | Kind::IsADirectory => true,
        // What is written is mostly a file of this program's own.
        _ if !["find", "open", "read"].iter().any(|word| action.starts_with(word)) => false,
        Kind::NotADirectory | Kind::InvalidFilename | Kind::FileTooLarge => true,
        _ => cfg!(unix) && error.raw_os_error() == Some(LOOP_OF_LINKS),
    }
}

/// The system's words without its error number, which says nothing to people.
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
    fn a_closed_pipe_is_no_failure_and_says_nothing() {
        let closed = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!((closed.exit, closed.message()), (Exit::Done, ""));
        let full = Failure::from(io::Error::from_raw_os_error(28));
        assert_eq!(full.exit, Exit::Other);
        assert!(!full.message().contains("os error"), "{full}");
    }

    #[test]
    fn programs_are_told_all_of_a_failure_that_people_have_read() {
        let failure =
            Failure::new(Exit::Auth, "no \u{9b}31m").next("log in").answered(Some(401)).already_shown();
        assert_eq!(failure.for_people(), None);
        let line = failure.line();
        assert!(line.contains(r"no \u009b31m"), "{line}");
        let told: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(told["error"]["message"], "no \u{9b}31m");
        assert_eq!((&told["error"]["status"], &told["error"]["next"]), (&401.into(), &"log in".into()));
        // Several files, each with a failure of its own.
        assert_eq!(Failure::reported(Exit::Partly).json()["message"], Exit::Partly.meaning());
    }

    #[test]
    fn a_name_that_leads_to_no_file_is_a_mistake_of_the_command_line() {
        let missing = std::fs::read("no/such/file").unwrap_err();
        let long = std::fs::read("x".repeat(5000)).unwrap_err();
        for error in [missing, long] {
            assert_eq!(Failure::file("read", Path::new("x"), &error).exit, Exit::Usage, "{error}");
        }
        #[cfg(unix)]
        {
            let folder = tempfile::tempdir().unwrap();
            let link = folder.path().join("round");
            std::os::unix::fs::symlink(&link, &link).unwrap();
            let error = std::fs::read(&link).unwrap_err();
            assert_eq!(Failure::file("read", &link, &error).exit, Exit::Usage, "{error}");
        }
        for kind in [io::ErrorKind::StorageFull, io::ErrorKind::FileTooLarge, io::ErrorKind::NotADirectory] {
            assert_eq!(Failure::file("write", Path::new("x"), &kind.into()).exit, Exit::Other, "{kind}");
        }
    }
}
