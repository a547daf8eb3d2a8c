//! Which code and which next step the library's errors have.

use std::io;

use vimeo_ext::api::{self, MissingScope};
use vimeo_ext::auth::AuthError;
use vimeo_ext::upload::UploadError;
use vimeo_ext::{ConfigError, Error, MediaError};

use super::{Exit, Failure};

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
        let failure = Self::new(exit, error.to_string()).answered(status);
        match next_of(&error, exit) {
            Some(next) => failure.next(next),
            None => failure,
        }
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
    match error.call() {
        Some(api::Error::MissingScope(missing)) => return Some(login_for(missing)),
        Some(api::Error::NeedsLogin(lost)) => {
            let account = lost.account.as_ref().map(|name| format!(" --account {name}")).unwrap_or_default();
            return Some(format!("vimeo auth login{account}"));
        }
        _ => {}
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

/// A login gives the scopes that it names and no others: those that the token has are named again.
fn login_for(missing: &MissingScope) -> String {
    let Some(granted) = &missing.granted else {
        let needed = missing.needed().join(",");
        return format!(
            "vimeo auth login --scopes {needed}  (and whatever else you need, with commas between)"
        );
    };
    let mut scopes: Vec<&str> = granted.split_whitespace().collect();
    for scope in missing.needed() {
        if !scopes.contains(scope) {
            scopes.push(scope);
        }
    }
    format!("vimeo auth login --scopes {}", scopes.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_login_for_a_scope_keeps_the_others() {
        let operation =
            vimeo_ext::api::operations().find(|operation| operation.scopes == ["create"]).unwrap();
        for (granted, next) in [
            (Some("public private"), "vimeo auth login --scopes public,private,create"),
            (Some("create"), "vimeo auth login --scopes create"),
            (None, "vimeo auth login --scopes create  (and"),
        ] {
            let missing = MissingScope::new(operation, granted.map(str::to_owned), None);
            let failure = Failure::from(Error::Call(missing.into()));
            assert_eq!(failure.exit, Exit::Auth);
            assert!(failure.next_step().is_some_and(|said| said.starts_with(next)), "{failure:?}");
        }
    }
}
