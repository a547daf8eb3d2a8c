//! `vimeo upload`.

mod batch;
mod extras;
mod files;
mod one;
mod options;
mod outcome;
mod quota;
mod resume;
mod run;
mod timetable;

use std::path::PathBuf;

use clap::Args;
use vimeo_ext::Error;
use vimeo_ext::api::types::VideoViewPrivacy;
use vimeo_ext::upload::{Journal, UploadError};

use crate::exit::{Exit, Failure};

pub(crate) use extras::left_inactive;
pub(crate) use files::file_size;
pub(crate) use one::Report;
pub(crate) use options::{Transfer, transfer_options};
pub(crate) use outcome::tell;
pub(crate) use quota::used as used_quota;
pub(crate) use resume::{reconcile, unanswered};
pub(crate) use run::run;

/// Upload files, each to a video of its own
///
/// An upload that is interrupted, even by a crash, goes on where it was when the same command runs again; it never makes
/// a second video. Bytes go to Vimeo's upload host, the access token does not.
#[derive(Debug, Args)]
#[command(after_help = "Scopes: upload; --showcase, --picture and --text-track need edit.\n\
    Exit codes: 8 uploaded, but not transcoded in time; 9 some files were uploaded and some not,\n    \
    or a picture or text track was left inactive.\n\n\
    Examples:\n  \
    $ vimeo upload film.mp4 --name 'Surf' --privacy unlisted\n  \
    $ vimeo upload film.mp4 talk.mp4 --transfers 2 --bwlimit 10M --wait\n  \
    $ vimeo upload film.mp4 --sandbox --json")]
pub(crate) struct UploadArgs {
    /// The files
    #[arg(required = true, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    files: Vec<PathBuf>,

    /// The title; the file's name without its ending when left out
    #[arg(long, value_name = "TITLE")]
    name: Option<String>,

    /// The description
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,

    /// Who may see it: anybody, nobody, unlisted, disable, contacts, users
    #[arg(long, value_name = "WHO")]
    privacy: Option<VideoViewPrivacy>,

    /// The folder to put it into: its number, URI or link
    #[arg(long, value_name = "FOLDER")]
    folder: Option<String>,

    /// The showcase to add it to: its number, URI or link
    #[arg(long, value_name = "SHOWCASE")]
    showcase: Option<String>,

    /// The picture to show for it
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    picture: Option<PathBuf>,

    /// A text track, as en=film.vtt; may be given several times
    #[arg(long, value_name = "LANGUAGE=FILE")]
    text_track: Vec<String>,

    /// Wait until Vimeo has transcoded it
    #[arg(long)]
    wait: bool,

    /// How long to wait for that
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = crate::output::parse_duration)]
    wait_timeout: std::time::Duration,

    #[command(flatten)]
    transfer: Transfer,
}

/// What an error of an upload means here. When it is the journal's folder that cannot be written to, that is no mistake
/// of the command line, and there is a way without it.
pub(crate) fn failure_of(error: Error, journal: Option<&Journal>) -> Failure {
    let folder = journal.map(Journal::folder);
    let is_journals = matches!(
        (&error, folder),
        (Error::Upload { source, .. }, Some(folder))
            if matches!(&**source, UploadError::Io { name, .. } if std::path::Path::new(name).starts_with(folder))
    );
    let mut failure = Failure::from(error);
    if is_journals {
        failure.exit = Exit::Other;
        return failure.next(
            "make room for it, set VIMEO_STATE_DIR, or add --no-resume: the upload then begins anew when it breaks off",
        );
    }
    failure
}
