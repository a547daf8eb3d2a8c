//! Which code and which next step the library's errors have.

use std::io;

use vimeo_ext::api::{self, Delivery, MissingScope};
use vimeo_ext::auth::AuthError;
use vimeo_ext::upload::{SizeSource, UploadError};
use vimeo_ext::{ConfigError, Error, MediaError, Scope};

use super::failure::is_misnamed;
use super::{Exit, Failure};
use crate::text::{bytes, describe, duration};

impl From<api::Error> for Failure {
    fn from(error: api::Error) -> Self {
        Self::from(Error::Call(error))
    }
}

impl From<AuthError> for Failure {
    fn from(error: AuthError) -> Self {
        Self::from(Error::from(error))
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
        let failure = Self::new(exit, message_of(&error)).answered(status).about(video_of(&error));
        match suggestion_for(&error, exit) {
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

/// What happened, in the words of whoever types commands.
fn message_of(error: &Error) -> String {
    match (error, error.call()) {
        (Error::Auth(AuthError::NoApp), _) => "this needs the app's client identifier and secret".to_owned(),
        (Error::Auth(AuthError::NoToken), _) => "there is no access token".to_owned(),
        (_, Some(api::Error::Decode(unread))) => match describe(unread.headers(), unread.bytes()) {
            Some(what) => format!("{}: the answer ({}) is {what}", operation(error), unread.status()),
            None => without_types(&error.to_string()),
        },
        (_, Some(api::Error::ResponseTooLarge { operation, limit, .. })) => {
            format!("{operation}: the answer is longer than {}, which is not read", bytes(*limit))
        }
        (_, Some(api::Error::TimedOut { operation, after, delivery })) => {
            let outcome = match delivery {
                Delivery::NotSent => "nothing was sent",
                _ => "the call may have been carried out",
            };
            format!("{operation}: no whole answer after {}; {outcome}", duration(*after))
        }
        _ => error.to_string(),
    }
}

/// The text without the names that values have in programs.
fn without_types(text: &str) -> String {
    const NUMBERS: [&str; 8] = ["u64", "i64", "u32", "i32", "u16", "u8", "f64", "f32"];
    let mut words = Vec::new();
    let mut rest = text.split(' ');
    while let Some(word) = rest.next() {
        let bare = word.trim_end_matches([',', ';', ':']);
        let after = word.get(bare.len()..).unwrap_or_default();
        match bare {
            "struct" => {
                let name = rest.next().unwrap_or_default();
                let after =
                    name.trim_start_matches(|c: char| c.is_alphanumeric() || matches!(c, '_' | '<' | '>'));
                words.push(format!("an object{after}"));
            }
            bare if NUMBERS.contains(&bare) => words.push(format!("a number{after}")),
            _ => words.push(word.to_owned()),
        }
    }
    words.join(" ")
}

/// The operation that the text of an error begins with.
fn operation(error: &Error) -> String {
    error.to_string().split(": ").next().unwrap_or_default().to_owned()
}

fn exit_of(error: &Error) -> Exit {
    match error {
        Error::Call(call) => exit_of_call(call),
        Error::Upload { source, .. } => exit_of_upload(source),
        Error::Auth(_) => error.call().map_or(Exit::Auth, exit_of_call),
        Error::Config(ConfigError::NoCredentials | ConfigError::InvalidToken(_)) => Exit::Auth,
        Error::Config(ConfigError::Http(_)) => Exit::Other,
        Error::Config(_) => Exit::Usage,
        Error::Media(media) => exit_of_media(media),
        _ => Exit::Other,
    }
}

fn exit_of_media(error: &MediaError) -> Exit {
    use MediaError as Media;
    match error {
        Media::NoPictures { .. }
        | Media::ActivationUnsupported { .. }
        | Media::UnknownLanguage { .. }
        | Media::EmptyFile { .. }
        | Media::NotWholeSeconds { .. }
        | Media::InvalidUrl { .. } => Exit::Usage,
        Media::MissingUploadLink { .. }
        | Media::LinkGone { .. }
        | Media::Refused { .. }
        | Media::UploadFailed { .. }
        | Media::TranscodeFailed { .. }
        | Media::AnimationFailed { .. } => Exit::Refused,
        Media::Exhausted { .. } | Media::WebPage { .. } => Exit::Temporary,
        Media::Timeout { .. } => Exit::Pending,
        _ => Exit::Other,
    }
}

fn exit_of_call(error: &api::Error) -> Exit {
    use api::Error as Call;
    match error {
        Call::Invalid { .. } => Exit::Usage,
        Call::MissingScope(_) | Call::LoginRequired(_) | Call::AppCredentialsRejected(_) => Exit::Auth,
        Call::UploadAccessDenied(_) | Call::QuotaExceeded(_) => Exit::Refused,
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
        | Upload::UnsupportedTusVersion { .. }
        | Upload::OffsetBeyondFile { .. }
        | Upload::UnexpectedOffset { .. }
        | Upload::UnexpectedApproach { .. }
        | Upload::MissingUploadLink { .. } => Exit::Refused,
        // What the command line named is not what it was.
        Upload::SourceChanged { .. }
        | Upload::SizeMismatch { by: SizeSource::Source, .. }
        | Upload::NotAFile { .. }
        | Upload::Empty
        | Upload::Journal { .. }
        | Upload::SettingsMismatch { .. } => Exit::Usage,
        // What a server answered makes no sense.
        Upload::SizeMismatch { .. } | Upload::InvalidTicket { .. } | Upload::InvalidUploadLink { .. } => {
            Exit::Other
        }
        Upload::Exhausted { .. }
        | Upload::Deadline { .. }
        | Upload::Http { .. }
        | Upload::InUse { .. }
        | Upload::OutcomeUnknown { .. } => Exit::Temporary,
        Upload::Cancelled { .. } => Exit::Interrupted,
        Upload::Io { action, source, .. }
            if is_misnamed(action, source) || source.kind() == io::ErrorKind::PermissionDenied =>
        {
            Exit::Usage
        }
        Upload::Io { .. } => Exit::Other,
        _ => Exit::Other,
    }
}

fn suggestion_for(error: &Error, exit: Exit) -> Option<String> {
    match error.call() {
        Some(api::Error::MissingScope(missing)) => return Some(login_for(missing)),
        Some(api::Error::LoginRequired(lost)) => {
            let account = lost.account.as_ref().map(|name| format!(" --account {name}")).unwrap_or_default();
            return Some(format!("vimeo auth login{account}"));
        }
        Some(api::Error::AppCredentialsRejected(_)) => {
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
        (Error::Auth(AuthError::NoApp), _) => Some("set VIMEO_CLIENT_ID and VIMEO_CLIENT_SECRET".to_owned()),
        (Error::Call(_) | Error::Auth(_), Exit::Auth) => Some("vimeo auth login".to_owned()),
        (Error::Config(ConfigError::NoCredentials | ConfigError::InvalidToken(_)), _) => {
            Some("vimeo auth login".to_owned())
        }
        (Error::Upload { source, .. }, _) if source.is_resumable() && exit == Exit::Temporary => {
            Some("run the same command again: it goes on where the server stands".to_owned())
        }
        (Error::Call(api::Error::ResponseTooLarge { .. }), _) => {
            Some("ask for less: --fields uri,name, or a smaller per_page".to_owned())
        }
        (Error::Call(api::Error::QuotaExceeded(_)), _) => {
            Some("vimeo limits  (what room is left)".to_owned())
        }
        (Error::Call(api::Error::Invalid { .. }), _) => {
            Some("vimeo ops PATH  (what an operation takes)".to_owned())
        }
        (Error::Call(_), Exit::Refused) => {
            Some("vimeo ops PATH  (what an operation takes, and the scopes it needs)".to_owned())
        }
        (Error::Call(_), Exit::NotFound) => {
            Some("look at the number, and at whose account asks: vimeo auth status".to_owned())
        }
        (Error::Call(api::Error::Decode(_)), _) => Some(
            "vimeo doctor  (looks at network, clock and token); vimeo api prints the answer as it came"
                .to_owned(),
        ),
        (_, Exit::Temporary) => Some("vimeo doctor  (looks at network, clock and token)".to_owned()),
        (_, Exit::RateLimited) => Some("vimeo limits  (what is left, and until when)".to_owned()),
        (Error::Call(_), Exit::Other) => Some("vimeo doctor  (looks at network, clock and token)".to_owned()),
        _ => None,
    }
}

fn next_of_upload(error: &UploadError) -> Option<String> {
    use UploadError as Upload;
    let next = match error {
        Upload::SettingsMismatch { entry, .. } => format!(
            "vimeo uploads resume {entry}  (as it was begun), or vimeo uploads forget {entry} and the same command again"
        ),
        Upload::Journal { .. } => {
            let entry = error.journal_entry()?;
            format!("vimeo uploads forget {entry}, and the same command again")
        }
        Upload::LinkGone { .. } | Upload::OffsetBeyondFile { .. } | Upload::UnexpectedOffset { .. } => {
            "vimeo uploads list, vimeo uploads forget NAME, and the same command again  (it makes a new video)".to_owned()
        }
        Upload::Refused { status: 413, .. } => "add --chunk-size 128k, and run it again".to_owned(),
        Upload::SizeMismatch { by: SizeSource::Server, .. }
        | Upload::Refused { .. }
        | Upload::UnsupportedTusVersion { .. } => {
            "vimeo uploads list  (what is not finished, and how to forget it)".to_owned()
        }
        Upload::UnexpectedApproach { video_uri, .. }
        | Upload::InvalidUploadLink { video_uri, .. }
        | Upload::MissingUploadLink { video_uri } => {
            format!("vimeo videos delete {video_uri}, and the same command again")
        }
        Upload::OutcomeUnknown { .. } | Upload::InvalidTicket { .. } => {
            "run the same command again: it looks for the video before it creates one".to_owned()
        }
        _ => return None,
    };
    Some(next)
}

/// A login gives the scopes that it names and no others: those that the token has are named again.
fn login_for(missing: &MissingScope) -> String {
    let Some(granted) = &missing.granted else {
        let needed = missing.scopes().into_iter().map(Scope::as_str).collect::<Vec<_>>().join(",");
        return format!(
            "vimeo auth login --scopes {needed}  (and whatever else you need, with commas between)"
        );
    };
    let mut scopes: Vec<&str> = granted.iter().map(Scope::as_str).collect();
    for scope in missing.scopes().into_iter().map(Scope::as_str) {
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    format!("vimeo auth login --scopes {}", scopes.join(","))
}

#[cfg(test)]
mod tests {
    use vimeo_ext::ScopeSet;

    use super::*;

    #[test]
    fn causes_have_their_codes() {
        let io = |kind: io::ErrorKind| UploadError::io("open", "film.mp4", kind.into());
        let cases = [
            (Error::from(api::Error::invalid("get_video", "x")), Exit::Usage),
            (AuthError::NoToken.into(), Exit::Auth),
            (AuthError::InvalidCallback("what came back holds no code".into()).into(), Exit::Auth),
            (ConfigError::InvalidToken("it has a line end").into(), Exit::Auth),
            (io(io::ErrorKind::InvalidFilename).into(), Exit::Usage),
            (io(io::ErrorKind::NotADirectory).into(), Exit::Usage),
            (ConfigError::NoCredentials.into(), Exit::Auth),
            (ConfigError::NotUnicode("VIMEO_BASE_URL").into(), Exit::Usage),
            (UploadError::Empty.into(), Exit::Usage),
            (io(io::ErrorKind::NotFound).into(), Exit::Usage),
            (io(io::ErrorKind::StorageFull).into(), Exit::Other),
            (UploadError::InUse { name: "film.mp4".into() }.into(), Exit::Temporary),
            (UploadError::SizeMismatch { expected: 9, found: 4, by: SizeSource::Source }.into(), Exit::Usage),
            // What Vimeo answered wrongly is no mistake of the command line.
            (UploadError::SizeMismatch { expected: 9, found: 4, by: SizeSource::Server }.into(), Exit::Other),
            (UploadError::InvalidTicket { reason: "x".into() }.into(), Exit::Other),
            (
                UploadError::InvalidUploadLink { video_uri: "/videos/1".into(), reason: "x".into() }.into(),
                Exit::Other,
            ),
            (
                UploadError::UnexpectedApproach { video_uri: "/videos/1".into(), approach: "post".into() }
                    .into(),
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
    fn errors_are_told_in_the_words_of_the_command() {
        let timed_out = |delivery| api::Error::TimedOut {
            operation: "get_video".into(),
            after: std::time::Duration::from_secs(300),
            delivery,
        };
        let too_long = api::Error::ResponseTooLarge {
            operation: "list_my_videos".into(),
            status: http::StatusCode::OK,
            limit: 64 << 20,
        };
        for (error, message, next) in [
            (Error::from(AuthError::NoApp), "this needs the app's", "VIMEO_CLIENT_SECRET"),
            (
                timed_out(Delivery::NotSent).into(),
                "get_video: no whole answer after 5 min 0 s; nothing was sent",
                "vimeo",
            ),
            (
                timed_out(Delivery::Unknown).into(),
                "get_video: no whole answer after 5 min 0 s; the call may",
                "vimeo",
            ),
            (too_long.into(), "list_my_videos: the answer is longer than 64.0 MiB", "--fields"),
        ] {
            let failure = Failure::from(error);
            assert!(failure.message().starts_with(message), "{failure}");
            assert!(failure.next_step().is_some_and(|said| said.contains(next)), "{failure:?}");
        }
    }

    #[test]
    fn names_of_types_are_not_shown() {
        for (text, shown) in [
            ("list: expected struct Page, found text", "list: expected an object, found text"),
            ("size: expected u64, found a fraction", "size: expected a number, found a fraction"),
            ("expected struct Video", "expected an object"),
            ("nothing of the kind", "nothing of the kind"),
        ] {
            assert_eq!(without_types(text), shown);
        }
    }

    #[test]
    fn a_login_for_a_scope_keeps_the_others() {
        let operation =
            vimeo_ext::api::operations().find(|operation| operation.scopes == [Scope::Create]).unwrap();
        for (granted, next) in [
            (Some("public private"), "vimeo auth login --scopes public,private,create"),
            (Some("create"), "vimeo auth login --scopes public,create"),
            (None, "vimeo auth login --scopes create  (and"),
        ] {
            let missing = MissingScope::new(operation, granted.map(ScopeSet::from), None);
            let failure = Failure::from(Error::Call(missing.into()));
            assert_eq!(failure.exit, Exit::Auth);
            assert!(failure.next_step().is_some_and(|said| said.starts_with(next)), "{failure:?}");
        }
    }
}
