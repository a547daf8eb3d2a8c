//! Maps the library's errors to exit codes, messages and next steps.

use std::io;

use vimeo_ext::api::{self, Delivery, MissingScope};
use vimeo_ext::auth::AuthError;
use vimeo_ext::upload::{SizeSource, UploadError};
use vimeo_ext::{ConfigError, Error, MediaError, Scope};

use super::error::is_misnamed;
use super::{CliError, ExitCode};
use crate::text::{bytes, describe, duration};

impl From<api::Error> for CliError {
    fn from(error: api::Error) -> Self {
        Self::from(Error::Call(error))
    }
}

impl From<AuthError> for CliError {
    fn from(error: AuthError) -> Self {
        Self::from(Error::from(error))
    }
}

impl From<UploadError> for CliError {
    fn from(error: UploadError) -> Self {
        Self::from(Error::from(error))
    }
}

impl From<Error> for CliError {
    fn from(error: Error) -> Self {
        let exit = exit_code_for(&error);
        let status = error.call().and_then(|call| Some(call.status()?.as_u16())).or_else(|| match &error {
            Error::Upload { source, .. } => source.status(),
            _ => None,
        });
        Self::new(exit, message_for(&error))
            .with_status(status)
            .with_video(video_of(&error))
            .with_optional_next_step(suggestion_for(&error, exit))
    }
}

/// Returns the video that an error concerns, if any.
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

/// Returns the message in terms of the command line.
fn message_for(error: &Error) -> String {
    match (error, error.call()) {
        (Error::Auth(AuthError::NoApp), _) => {
            "this requires the app's client ID and client secret".to_owned()
        }
        (Error::Auth(AuthError::NoToken), _) => "no access token".to_owned(),
        (_, Some(api::Error::Decode(response))) => match describe(response.headers(), response.bytes()) {
            Some(what) => format!("{}: the response ({}) is {what}", operation(error), response.status()),
            None => without_types(&error.to_string()),
        },
        (_, Some(api::Error::ResponseTooLarge { operation, limit, .. })) => {
            format!("{operation}: the response is larger than the limit of {}", bytes(*limit))
        }
        (_, Some(api::Error::TimedOut { operation, after, delivery })) => {
            let outcome = match delivery {
                Delivery::NotSent => "nothing was sent",
                _ => "the call may have been executed",
            };
            format!("{operation}: timed out after {}; {outcome}", duration(*after))
        }
        _ => error.to_string(),
    }
}

/// Replaces names of Rust types in the text.
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

/// Returns the operation at the start of an error's text.
fn operation(error: &Error) -> String {
    error.to_string().split(": ").next().unwrap_or_default().to_owned()
}

fn exit_code_for(error: &Error) -> ExitCode {
    match error {
        Error::Call(call) => exit_code_for_call(call),
        Error::Upload { source, .. } => exit_code_for_upload(source),
        Error::Auth(_) => error.call().map_or(ExitCode::Auth, exit_code_for_call),
        Error::Config(ConfigError::NoCredentials | ConfigError::InvalidToken(_)) => ExitCode::Auth,
        Error::Config(ConfigError::Http(_)) => ExitCode::Other,
        Error::Config(_) => ExitCode::Usage,
        Error::Media(media) => exit_code_for_media(media),
        _ => ExitCode::Other,
    }
}

fn exit_code_for_media(error: &MediaError) -> ExitCode {
    use MediaError as Media;
    match error {
        Media::NoPictures { .. }
        | Media::ActivationUnsupported { .. }
        | Media::UnknownLanguage { .. }
        | Media::EmptyFile { .. }
        | Media::NotWholeSeconds { .. }
        | Media::InvalidUrl { .. } => ExitCode::Usage,
        Media::MissingUploadLink { .. }
        | Media::LinkGone { .. }
        | Media::Refused { .. }
        | Media::UploadFailed { .. }
        | Media::TranscodeFailed { .. }
        | Media::AnimationFailed { .. } => ExitCode::Refused,
        Media::Exhausted { .. } | Media::WebPage { .. } => ExitCode::Temporary,
        Media::Timeout { .. } => ExitCode::Pending,
        _ => ExitCode::Other,
    }
}

fn exit_code_for_call(error: &api::Error) -> ExitCode {
    use api::Error as Call;
    match error {
        Call::Invalid { .. } => ExitCode::Usage,
        Call::MissingScope(_) | Call::LoginRequired(_) | Call::AppCredentialsRejected(_) => ExitCode::Auth,
        Call::UploadAccessDenied(_) | Call::QuotaExceeded(_) => ExitCode::Refused,
        Call::RateLimited(_) => ExitCode::RateLimited,
        Call::Connection(_) | Call::TimedOut { .. } => ExitCode::Temporary,
        // A proxy, a firewall or a sign-in page is in the way, probably temporarily.
        Call::Api(_) | Call::Decode(_) if error.is_intermediary() => ExitCode::Temporary,
        Call::Api(_) => match error.status().map(|status| status.as_u16()) {
            Some(401) => ExitCode::Auth,
            Some(404 | 410) => ExitCode::NotFound,
            Some(429) => ExitCode::RateLimited,
            Some(408 | 409 | 423 | 425) => ExitCode::Temporary,
            Some(501) => ExitCode::Refused,
            Some(500..) => ExitCode::Temporary,
            Some(400..) => ExitCode::Refused,
            _ => ExitCode::Other,
        },
        _ => ExitCode::Other,
    }
}

fn exit_code_for_upload(error: &UploadError) -> ExitCode {
    use UploadError as Upload;
    match error {
        Upload::LinkGone { .. }
        | Upload::Refused { .. }
        | Upload::UnsupportedTusVersion { .. }
        | Upload::OffsetBeyondFile { .. }
        | Upload::UnexpectedOffset { .. }
        | Upload::UnexpectedApproach { .. }
        | Upload::MissingUploadLink { .. } => ExitCode::Refused,
        // A file or setting named on the command line is wrong.
        Upload::SourceChanged { .. }
        | Upload::SizeMismatch { by: SizeSource::Source, .. }
        | Upload::NotAFile { .. }
        | Upload::Empty
        | Upload::SpoolLimit { .. }
        | Upload::WrongStreamSize { .. }
        | Upload::Journal { .. }
        | Upload::SettingsMismatch { .. } => ExitCode::Usage,
        // A server's response makes no sense.
        Upload::SizeMismatch { .. } | Upload::InvalidTicket { .. } | Upload::InvalidUploadLink { .. } => {
            ExitCode::Other
        }
        Upload::Exhausted { .. }
        | Upload::Deadline { .. }
        | Upload::Http { .. }
        | Upload::InUse { .. }
        | Upload::OutcomeUnknown { .. } => ExitCode::Temporary,
        Upload::Cancelled { .. } => ExitCode::Interrupted,
        Upload::Io { action, source, .. }
            if is_misnamed(action, source) || source.kind() == io::ErrorKind::PermissionDenied =>
        {
            ExitCode::Usage
        }
        Upload::Io { .. } => ExitCode::Other,
        _ => ExitCode::Other,
    }
}

fn suggestion_for(error: &Error, exit: ExitCode) -> Option<String> {
    match error.call() {
        Some(api::Error::MissingScope(missing)) => return Some(login_for(missing)),
        Some(api::Error::LoginRequired(error)) => {
            let account = error.account.as_ref().map(|name| format!(" --account {name}")).unwrap_or_default();
            return Some(format!("vimeo auth login{account}"));
        }
        Some(api::Error::AppCredentialsRejected(_)) => {
            return Some("vimeo doctor  (checks the app's client ID and client secret)".to_owned());
        }
        _ => {}
    }
    if let Error::Upload { source, .. } = error
        && let Some(next) = upload_suggestion(source)
    {
        return Some(next);
    }
    match (error, exit) {
        (Error::Auth(AuthError::NoApp), _) => Some("set VIMEO_CLIENT_ID and VIMEO_CLIENT_SECRET".to_owned()),
        (Error::Call(_) | Error::Auth(_), ExitCode::Auth) => Some("vimeo auth login".to_owned()),
        (Error::Config(ConfigError::NoCredentials | ConfigError::InvalidToken(_)), _) => {
            Some("vimeo auth login".to_owned())
        }
        (Error::Upload { source, .. }, _) if source.is_resumable() && exit == ExitCode::Temporary => {
            Some("run the same command again to resume the upload".to_owned())
        }
        (Error::Call(api::Error::ResponseTooLarge { .. }), _) => {
            Some("request less: --fields uri,name, or a smaller per_page".to_owned())
        }
        (Error::Call(api::Error::QuotaExceeded(_)), _) => {
            Some("vimeo limits  (shows the remaining quota)".to_owned())
        }
        (Error::Call(api::Error::Invalid { .. }), _) => {
            Some("vimeo ops PATH  (shows the parameters of an operation)".to_owned())
        }
        (Error::Call(_), ExitCode::Refused) => {
            Some("vimeo ops PATH  (shows the parameters and scopes of an operation)".to_owned())
        }
        (Error::Call(_), ExitCode::NotFound) => {
            Some("check the ID and the account: vimeo auth status".to_owned())
        }
        (Error::Call(api::Error::Decode(_)), _) => Some(
            "vimeo doctor  (checks network, clock and token); vimeo api prints the unmodified response"
                .to_owned(),
        ),
        (_, ExitCode::Temporary) => Some("vimeo doctor  (checks network, clock and token)".to_owned()),
        (_, ExitCode::RateLimited) => {
            Some("vimeo limits  (shows what is left and when it resets)".to_owned())
        }
        (Error::Call(_), ExitCode::Other) => {
            Some("vimeo doctor  (checks network, clock and token)".to_owned())
        }
        _ => None,
    }
}

fn upload_suggestion(error: &UploadError) -> Option<String> {
    use UploadError as Upload;
    let next = match error {
        Upload::SettingsMismatch { entry, .. } => format!(
            "vimeo uploads resume {entry}  (with the original settings), or vimeo uploads forget {entry} and run the command again"
        ),
        Upload::Journal { .. } => {
            let entry = error.journal_entry()?;
            format!("vimeo uploads forget {entry}, then run the command again")
        }
        Upload::LinkGone { .. } | Upload::OffsetBeyondFile { .. } | Upload::UnexpectedOffset { .. } => {
            "vimeo uploads list, vimeo uploads forget ID, then run the command again  (creates a new video)"
                .to_owned()
        }
        Upload::Refused { status: 413, .. } => "run the command again with --chunk-size 128k".to_owned(),
        Upload::SizeMismatch { by: SizeSource::Server, .. }
        | Upload::Refused { .. }
        | Upload::UnsupportedTusVersion { .. } => "vimeo uploads list  (lists unfinished uploads)".to_owned(),
        Upload::UnexpectedApproach { video_uri, .. }
        | Upload::InvalidUploadLink { video_uri, .. }
        | Upload::MissingUploadLink { video_uri } => {
            format!("vimeo videos delete {video_uri}, then run the command again")
        }
        Upload::OutcomeUnknown { .. } | Upload::InvalidTicket { .. } => {
            "run the same command again: it looks for the video before creating one".to_owned()
        }
        _ => return None,
    };
    Some(next)
}

/// Suggests a login with the missing scopes. It also names the granted scopes, because a login grants only the scopes
/// it names.
fn login_for(missing: &MissingScope) -> String {
    let Some(granted) = &missing.granted else {
        let needed = missing.scopes().into_iter().map(Scope::as_str).collect::<Vec<_>>().join(",");
        return format!("vimeo auth login --scopes {needed}  (add other scopes you need, comma-separated)");
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
    fn maps_errors_to_exit_codes() {
        let io = |kind: io::ErrorKind| UploadError::io("open", "film.mp4", kind.into());
        let cases = [
            (Error::from(api::Error::invalid("get_video", "x")), ExitCode::Usage),
            (AuthError::NoToken.into(), ExitCode::Auth),
            (AuthError::InvalidCallback("what came back holds no code".into()).into(), ExitCode::Auth),
            (ConfigError::InvalidToken("it has a line end").into(), ExitCode::Auth),
            (io(io::ErrorKind::InvalidFilename).into(), ExitCode::Usage),
            (io(io::ErrorKind::NotADirectory).into(), ExitCode::Usage),
            (ConfigError::NoCredentials.into(), ExitCode::Auth),
            (ConfigError::NotUnicode("VIMEO_BASE_URL").into(), ExitCode::Usage),
            (UploadError::Empty.into(), ExitCode::Usage),
            (io(io::ErrorKind::NotFound).into(), ExitCode::Usage),
            (io(io::ErrorKind::StorageFull).into(), ExitCode::Other),
            (UploadError::InUse { name: "film.mp4".into() }.into(), ExitCode::Temporary),
            (
                UploadError::SizeMismatch { expected: 9, found: 4, by: SizeSource::Source }.into(),
                ExitCode::Usage,
            ),
            // A wrong response from Vimeo is not a usage error.
            (
                UploadError::SizeMismatch { expected: 9, found: 4, by: SizeSource::Server }.into(),
                ExitCode::Other,
            ),
            (UploadError::InvalidTicket { reason: "x".into() }.into(), ExitCode::Other),
            (
                UploadError::InvalidUploadLink { video_uri: "/videos/1".into(), reason: "x".into() }.into(),
                ExitCode::Other,
            ),
            (
                UploadError::UnexpectedApproach { video_uri: "/videos/1".into(), approach: "post".into() }
                    .into(),
                ExitCode::Refused,
            ),
            (
                UploadError::LinkGone { video_uri: "/videos/1".into(), host: "h".into(), status: 404 }.into(),
                ExitCode::Refused,
            ),
        ];
        for (error, exit) in cases {
            let text = error.to_string();
            assert_eq!(CliError::from(error).exit, exit, "{text}");
        }
    }

    #[test]
    fn messages_use_command_line_terms() {
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
            (Error::from(AuthError::NoApp), "this requires the app's", "VIMEO_CLIENT_SECRET"),
            (
                timed_out(Delivery::NotSent).into(),
                "get_video: timed out after 5 min 0 s; nothing was sent",
                "vimeo",
            ),
            (
                timed_out(Delivery::Unknown).into(),
                "get_video: timed out after 5 min 0 s; the call may",
                "vimeo",
            ),
            (
                too_long.into(),
                "list_my_videos: the response is larger than the limit of 64.0 MiB",
                "--fields",
            ),
        ] {
            let failure = CliError::from(error);
            assert!(failure.message().starts_with(message), "{failure}");
            assert!(failure.next_step().is_some_and(|step| step.contains(next)), "{failure:?}");
        }
    }

    #[test]
    fn hides_names_of_rust_types() {
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
    fn login_suggestion_keeps_granted_scopes() {
        let operation =
            vimeo_ext::api::operations().find(|operation| operation.scopes == [Scope::Create]).unwrap();
        for (granted, next) in [
            (Some("public private"), "vimeo auth login --scopes public,private,create"),
            (Some("create"), "vimeo auth login --scopes public,create"),
            (None, "vimeo auth login --scopes create  (add"),
        ] {
            let missing = MissingScope::new(operation, granted.map(ScopeSet::from), None);
            let failure = CliError::from(Error::Call(missing.into()));
            assert_eq!(failure.exit, ExitCode::Auth);
            assert!(failure.next_step().is_some_and(|step| step.starts_with(next)), "{failure:?}");
        }
    }
}
