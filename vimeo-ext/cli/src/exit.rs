//! How a command ends: a code by cause, a message, and what to do next.

use std::fmt;
use std::io;
use std::path::Path;

use serde_json::{Value, json};
use vimeo_ext::api;
use vimeo_ext::auth::AuthError;
use vimeo_ext::upload::UploadError;
use vimeo_ext::{ConfigError, Error, MediaError};

/// A promised exit code. What is not known is a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    Done,
    Other,
    Usage,
    NotFound,
    Auth,
    Temporary,
    Refused,
    RateLimited,
    Pending,
    Partly,
    WriteRefused,
    Interrupted,
    Terminated,
}

impl Exit {
    pub(crate) const ALL: [Self; 13] = [
        Self::Done,
        Self::Other,
        Self::Usage,
        Self::NotFound,
        Self::Auth,
        Self::Temporary,
        Self::Refused,
        Self::RateLimited,
        Self::Pending,
        Self::Partly,
        Self::WriteRefused,
        Self::Interrupted,
        Self::Terminated,
    ];

    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Other => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Auth => 4,
            Self::Temporary => 5,
            Self::Refused => 6,
            Self::RateLimited => 7,
            Self::Pending => 8,
            Self::Partly => 9,
            Self::WriteRefused => 11,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// One word, the same in every release.
    pub(crate) fn category(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Other => "other",
            Self::Usage => "usage",
            Self::NotFound => "not_found",
            Self::Auth => "auth",
            Self::Temporary => "temporary",
            Self::Refused => "refused",
            Self::RateLimited => "rate_limit",
            Self::Pending => "pending",
            Self::Partly => "partly_done",
            Self::WriteRefused => "write_refused",
            Self::Interrupted => "interrupted",
            Self::Terminated => "terminated",
        }
    }

    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Other => "failed for another reason, such as a full disk",
            Self::Usage => "the command line, or a file named on it, cannot be used as it is",
            Self::NotFound => "Vimeo has no such thing, or not for this account",
            Self::Auth => "no login, a login that is no longer taken, or a scope that it lacks",
            Self::Temporary => "a connection or Vimeo failed; the same command may work later",
            Self::Refused => "refused for good: quota, plan, upload access, or values Vimeo does not take",
            Self::RateLimited => "too many calls; the message says when to come back",
            Self::Pending => "uploaded, but not transcoded within the time allowed",
            Self::Partly => "some of several things were done; each has a code of its own",
            Self::WriteRefused => {
                "a write was refused here, before Vimeo was asked: read-only, or not confirmed"
            }
            Self::Interrupted => "interrupted (Ctrl-C)",
            Self::Terminated => "terminated",
        }
    }

    pub(crate) fn is_retryable(self) -> bool {
        matches!(self, Self::Temporary | Self::RateLimited | Self::Pending)
    }
}

/// Why a command did not do what it should.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// What happened, to what, and why. Empty when nothing is to be said, as for a closed pipe.
    message: String,
    /// The next command, or what else to do.
    next: Option<String>,
    status: Option<u16>,
}

pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), next: None, status: None }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// A code for several things that were each reported already.
    pub(crate) fn reported(exit: Exit) -> Self {
        Self::new(exit, "")
    }

    pub(crate) fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    /// A file could not be read or written.
    pub(crate) fn file(action: &str, path: &Path, error: &io::Error) -> Self {
        let exit = match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::IsADirectory | io::ErrorKind::InvalidInput => {
                Exit::Usage
            }
            _ => Exit::Other,
        };
        Self::new(exit, format!("cannot {action} {}: {}", path.display(), reason(error)))
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn next_step(&self) -> Option<&str> {
        self.next.as_deref()
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        json!({
            "code": self.exit.code(),
            "category": self.exit.category(),
            "retryable": self.exit.is_retryable(),
            "status": self.status,
            // No header of Vimeo's for it is on record.
            "request_id": null,
            "message": self.message,
            "next": self.next,
        })
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

impl From<api::Error> for Failure {
    fn from(error: api::Error) -> Self {
        Self::from(Error::Call(error))
    }
}

impl From<UploadError> for Failure {
    fn from(error: UploadError) -> Self {
        Self::from(Error::from(error))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let exit = exit_of(&error);
        let status = error.call().and_then(|call| Some(call.status()?.as_u16())).or_else(|| match &error {
            Error::Upload { source, .. } => source.status(),
            _ => None,
        });
        let next = next_of(&error, exit);
        Self { exit, message: error.to_string(), next, status }
    }
}

fn exit_of(error: &Error) -> Exit {
    match error {
        Error::Call(call) => exit_of_call(call),
        Error::Upload { source, .. } => exit_of_upload(source),
        Error::Auth(AuthError::BadCallback(_)) => Exit::Usage,
        Error::Auth(_) => error.call().map_or(Exit::Auth, exit_of_call),
        Error::Config(ConfigError::NoCredentials) => Exit::Auth,
        Error::Config(_) => Exit::Usage,
        Error::Media(media) => exit_of_media(media),
        _ => Exit::Other,
    }
}

fn exit_of_media(error: &MediaError) -> Exit {
    use MediaError as Media;
    match error {
        Media::NoPictures { .. }
        | Media::NotActivated { .. }
        | Media::UnknownLanguage { .. }
        | Media::UnknownKind { .. }
        | Media::BadAddress { .. } => Exit::Usage,
        Media::NoLink { .. }
        | Media::LinkGone { .. }
        | Media::Refused { .. }
        | Media::UploadFailed { .. }
        | Media::TranscodeFailed { .. }
        | Media::AnimationFailed { .. } => Exit::Refused,
        Media::Exhausted { .. } => Exit::Temporary,
        Media::StillAtWork { .. } => Exit::Pending,
        _ => Exit::Other,
    }
}

fn exit_of_call(error: &api::Error) -> Exit {
    use api::Error as Call;
    match error {
        Call::Invalid { .. } => Exit::Usage,
        Call::MissingScope(_) | Call::NeedsLogin(_) => Exit::Auth,
        Call::UploadAccess(_) | Call::QuotaExceeded(_) => Exit::Refused,
        Call::RateLimited(_) => Exit::RateLimited,
        Call::Connection(_) | Call::TimedOut { .. } => Exit::Temporary,
        Call::Api(_) => match error.status().map(|status| status.as_u16()) {
            Some(401) => Exit::Auth,
            Some(404 | 410) => Exit::NotFound,
            Some(429) => Exit::RateLimited,
            Some(408 | 409 | 423 | 425) => Exit::Temporary,
            Some(501) => Exit::Refused,
            Some(500..) => Exit::Temporary,
            Some(400..) => Exit::Refused,
            _ => Exit::Other,
        },
        _ => Exit::Other,
    }
}

fn exit_of_upload(error: &UploadError) -> Exit {
    use UploadError as Upload;
    match error {
        Upload::LinkGone { .. }
        | Upload::Refused { .. }
        | Upload::VersionRefused { .. }
        | Upload::OffsetBeyondFile { .. }
        | Upload::NoUploadLink { .. } => Exit::Refused,
        Upload::SourceChanged { .. }
        | Upload::SizeMismatch { .. }
        | Upload::NotAFile { .. }
        | Upload::Empty
        | Upload::Journal { .. }
        | Upload::OtherSettings { .. }
        | Upload::BadTicket { .. } => Exit::Usage,
        Upload::Exhausted { .. } | Upload::Deadline { .. } | Upload::Http { .. } | Upload::InUse { .. } => {
            Exit::Temporary
        }
        Upload::Cancelled { .. } => Exit::Interrupted,
        Upload::Io { source, .. } => match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied | io::ErrorKind::IsADirectory => {
                Exit::Usage
            }
            _ => Exit::Other,
        },
        _ => Exit::Other,
    }
}

fn next_of(error: &Error, exit: Exit) -> Option<String> {
    if let Some(api::Error::MissingScope(missing)) = error.call() {
        let needed = missing.needed().join(",");
        return Some(format!("vimeo auth login --scopes {needed}  (asks for that scope as well)"));
    }
    match (error, exit) {
        (Error::Call(_) | Error::Auth(_), Exit::Auth) => Some("vimeo auth login".to_owned()),
        (Error::Config(ConfigError::NoCredentials), _) => Some("vimeo auth login".to_owned()),
        (Error::Upload { source, .. }, _) if source.is_resumable() && exit == Exit::Temporary => {
            Some("run the same command again: it goes on where the server stands".to_owned())
        }
        (Error::Upload { .. }, Exit::Refused | Exit::Usage) => {
            Some("vimeo uploads list  (what is not finished, and how to forget it)".to_owned())
        }
        (_, Exit::Temporary) => Some("vimeo doctor  (looks at network, clock and token)".to_owned()),
        (_, Exit::RateLimited) => Some("vimeo limits  (what is left, and until when)".to_owned()),
        _ => None,
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
    fn every_code_is_its_own_and_has_a_word_and_a_meaning() {
        let codes: Vec<u8> = Exit::ALL.iter().map(|exit| exit.code()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 130, 143]);
        let mut words: Vec<_> = Exit::ALL.iter().map(|exit| exit.category()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Exit::ALL.len());
    }

    #[test]
    fn causes_have_their_codes() {
        let io = |kind: io::ErrorKind| UploadError::io("open", "film.mp4", kind.into());
        let cases = [
            (Error::from(api::Error::invalid("get_video", "x")), Exit::Usage),
            (AuthError::NoToken.into(), Exit::Auth),
            (ConfigError::NoCredentials.into(), Exit::Auth),
            (ConfigError::NotUnicode("VIMEO_BASE_URL").into(), Exit::Usage),
            (UploadError::Empty.into(), Exit::Usage),
            (io(io::ErrorKind::NotFound).into(), Exit::Usage),
            (io(io::ErrorKind::StorageFull).into(), Exit::Other),
            (UploadError::InUse { name: "film.mp4".into() }.into(), Exit::Temporary),
            (
                UploadError::LinkGone { video_uri: "/videos/1".into(), host: "h".into(), status: 404 }.into(),
                Exit::Refused,
            ),
        ];
        for (error, exit) in cases {
            let text = error.to_string();
            assert_eq!(Failure::from(error).exit, exit, "{text}");
        }
    }

    #[test]
    fn a_closed_pipe_is_no_failure_and_says_nothing() {
        let closed = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!((closed.exit, closed.message()), (Exit::Done, ""));
        let full = Failure::from(io::Error::from_raw_os_error(28));
        assert_eq!(full.exit, Exit::Other);
        assert!(!full.message().contains("os error"), "{full}");
    }
}
