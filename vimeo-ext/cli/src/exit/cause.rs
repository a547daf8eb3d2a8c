//! Which code and which next step the library's errors have.

use std::io;

use vimeo_ext::api::{self, MissingScope};
use vimeo_ext::auth::AuthError;
use vimeo_ext::upload::{SizeFoundBy, UploadError};
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
        let failure = Self::new(exit, error.to_string()).answered(status).about(video_of(&error));
        match next_of(&error, exit) {
            Some(next) => failure.next(next),
            None => failure,
        }
    }
}

/// The video that it is about, where there is one.
fn video_of(error: &Error) -> Option<&str> {
    match error {
        Error::Upload { ticket: Some(ticket), .. } => Some(ticket.video_uri()),
        Error::Upload { source, .. } => source.video_uri(),
        Error::Media(media) => match &**media {
            MediaError::UploadFailed { video_uri, .. } | MediaError::TranscodeFailed { video_uri, .. } => {
                Some(video_uri)
            }
            _ => None,
        },
        _ => None,
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
        | Media::EmptyFile { .. }
        | Media::NotWholeSeconds { .. }
        | Media::BadAddress { .. } => Exit::Usage,
        Media::NoLink { .. }
        | Media::LinkGone { .. }
        | Media::Refused { .. }
        | Media::UploadFailed { .. }
        | Media::TranscodeFailed { .. }
        | Media::AnimationFailed { .. } => Exit::Refused,
        Media::Exhausted { .. } | Media::WebPage { .. } => Exit::Temporary,
        Media::StillAtWork { .. } => Exit::Pending,
        _ => Exit::Other,
    }
}

fn exit_of_call(error: &api::Error) -> Exit {
    use api::Error as Call;
    match error {
        Call::Invalid { .. } => Exit::Usage,
        Call::MissingScope(_) | Call::NeedsLogin(_) | Call::AppRefused(_) => Exit::Auth,
        Call::UploadAccess(_) | Call::QuotaExceeded(_) => Exit::Refused,
        Call::RateLimited(_) => Exit::RateLimited,
        Call::Connection(_) | Call::TimedOut { .. } => Exit::Temporary,
        // A proxy, a firewall or a sign-in page stood in the way, and will not for ever.
        Call::Api(_) | Call::Decode(_) if error.is_intermediary() => Exit::Temporary,
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
        | Upload::NotNew { .. }
        | Upload::OtherApproach { .. }
        | Upload::NoUploadLink { .. } => Exit::Refused,
        // What the command line named is not what it was.
        Upload::SourceChanged { .. }
        | Upload::SizeMismatch { by: SizeFoundBy::Source, .. }
        | Upload::NotAFile { .. }
        | Upload::Empty
        | Upload::Journal { .. }
        | Upload::OtherSettings { .. } => Exit::Usage,
        // What a server answered makes no sense.
        Upload::SizeMismatch { .. } | Upload::BadTicket { .. } | Upload::BadLink { .. } => Exit::Other,
        Upload::Exhausted { .. }
        | Upload::Deadline { .. }
        | Upload::Http { .. }
        | Upload::InUse { .. }
        | Upload::Unanswered { .. } => Exit::Temporary,
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
        Some(api::Error::AppRefused(_)) => {
            return Some("vimeo doctor  (looks at the app's client id and client secret)".to_owned());
        }
        _ => {}
    }
    if let Error::Upload { source, .. } = error
        && let Some(next) = next_of_upload(source)
    {
        return Some(next);
    }
    match (error, exit) {
        (Error::Call(_) | Error::Auth(_), Exit::Auth) => Some("vimeo auth login".to_owned()),
        (Error::Config(ConfigError::NoCredentials), _) => Some("vimeo auth login".to_owned()),
        (Error::Upload { source, .. }, _) if source.is_resumable() && exit == Exit::Temporary => {
            Some("run the same command again: it goes on where the server stands".to_owned())
        }
        (_, Exit::Temporary) => Some("vimeo doctor  (looks at network, clock and token)".to_owned()),
        (_, Exit::RateLimited) => Some("vimeo limits  (what is left, and until when)".to_owned()),
        _ => None,
    }
}

fn next_of_upload(error: &UploadError) -> Option<String> {
    use UploadError as Upload;
    let next = match error {
        Upload::OtherSettings { entry, .. } => format!(
            "vimeo uploads resume {entry}  (as it was begun), or vimeo uploads forget {entry} and the same command again"
        ),
        Upload::Journal { .. } => {
            let entry = error.journal_entry()?;
            format!("vimeo uploads forget {entry}, and the same command again")
        }
        Upload::LinkGone { .. } | Upload::OffsetBeyondFile { .. } | Upload::NotNew { .. } => {
            "vimeo uploads list, vimeo uploads forget NAME, and the same command again  (it makes a new video)".to_owned()
        }
        Upload::Refused { status: 413, .. } => "add --chunk-size 128k, and run it again".to_owned(),
        Upload::SizeMismatch { by: SizeFoundBy::Server, .. }
        | Upload::Refused { .. }
        | Upload::VersionRefused { .. } => {
            "vimeo uploads list  (what is not finished, and how to forget it)".to_owned()
        }
        Upload::OtherApproach { video_uri, .. }
        | Upload::BadLink { video_uri, .. }
        | Upload::NoUploadLink { video_uri } => {
            format!("vimeo videos delete {video_uri}, and the same command again")
        }
        Upload::Unanswered { .. } | Upload::BadTicket { .. } => {
            "run the same command again: it looks for the video before it creates one".to_owned()
        }
        _ => return None,
    };
    Some(next)
}

/// A login gives the scopes that it names and no others: those that the token has are named again.
fn login_for(missing: &MissingScope) -> String {
    let Some(granted) = &missing.granted else {
        let needed = missing.scopes().join(",");
        return format!(
            "vimeo auth login --scopes {needed}  (and whatever else you need, with commas between)"
        );
    };
    let mut scopes: Vec<&str> = granted.split_whitespace().collect();
    for scope in missing.scopes() {
        if !scopes.contains(&scope) {
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
                UploadError::SizeMismatch { promised: 9, found: 4, by: SizeFoundBy::Source }.into(),
                Exit::Usage,
            ),
            // What Vimeo answered wrongly is no mistake of the command line.
            (
                UploadError::SizeMismatch { promised: 9, found: 4, by: SizeFoundBy::Server }.into(),
                Exit::Other,
            ),
            (UploadError::BadTicket { reason: "x".into() }.into(), Exit::Other),
            (UploadError::BadLink { video_uri: "/videos/1".into(), reason: "x".into() }.into(), Exit::Other),
            (
                UploadError::OtherApproach { video_uri: "/videos/1".into(), approach: "post".into() }.into(),
                Exit::Refused,
            ),
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
