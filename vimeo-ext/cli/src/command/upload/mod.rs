//! `vimeo upload`.

mod batch;
mod files;
mod options;
mod post_upload;
mod quota;
mod report;
mod resume;
mod run;
mod single;
mod stdin;
mod step_key;
mod timetable;

use std::path::PathBuf;

use clap::Args;
use vimeo_ext::Error;
use vimeo_ext::api::types::VideoViewPrivacy;
use vimeo_ext::upload::{Journal, UploadError};

use crate::exit::{CliError, ExitCode};

pub(crate) use files::file_size;
pub(crate) use options::{TransferArgs, transfer_options};
pub(crate) use post_upload::inactive_error;
pub(crate) use report::print_reports;
pub(crate) use resume::with_reconciliation;
pub(crate) use run::run;
pub(crate) use single::Report;

/// Upload video files
///
/// Creates one video per file. If an upload is interrupted, even by a crash, run the same command again to resume it:
/// it continues with the same video. The access token is not sent to Vimeo's upload host.
///
/// The file `-` is standard input. It is written to a private file before it is sent, and the same data resumes an
/// interrupted upload. With --size, it is sent as it arrives.
#[derive(Debug, Args)]
#[command(after_help = "Scopes: upload; --showcase, --picture and --text-track need edit.\n\
    Exit codes: 8 if a video was uploaded but not transcoded in time; 9 if only some files were uploaded, or if a \
    picture or text track was left inactive.\n\n\
    Examples:\n  \
    $ vimeo upload film.mp4 --name 'Surf' --privacy unlisted\n  \
    $ vimeo upload film.mp4 talk.mp4 --transfers 2 --bwlimit 10M --wait\n  \
    $ ffmpeg -i talk.mov -f matroska - | vimeo upload - --name 'Talk'\n  \
    $ vimeo upload film.mp4 --sandbox --json")]
pub(crate) struct UploadArgs {
    /// Video files; `-` is standard input
    #[arg(required = true, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    files: Vec<PathBuf>,

    /// Title [default: file name without extension; for standard input, chosen by Vimeo]
    #[arg(long, value_name = "TITLE")]
    name: Option<String>,

    /// Description
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,

    /// Who can see it: anybody, nobody, unlisted, disable, contacts, users
    #[arg(long, value_name = "PRIVACY")]
    privacy: Option<VideoViewPrivacy>,

    /// Folder to add the video to: ID, URI or link
    #[arg(long, value_name = "FOLDER")]
    folder: Option<String>,

    /// Showcase to add the video to: ID, URI or link
    #[arg(long, value_name = "SHOWCASE")]
    showcase: Option<String>,

    /// Thumbnail image
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    picture: Option<PathBuf>,

    /// Text track, e.g. en=film.vtt (repeatable)
    #[arg(long, value_name = "LANGUAGE=FILE")]
    text_track: Vec<String>,

    /// Wait until Vimeo has transcoded the video
    #[arg(long)]
    wait: bool,

    /// How long to wait for transcoding
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = crate::output::parse_duration)]
    wait_timeout: std::time::Duration,

    #[command(flatten)]
    stdin: stdin::StdinArgs,

    #[command(flatten)]
    transfer: TransferArgs,
}

/// Converts an upload error. If the journal folder is not writable, that is not a usage error, and `--no-resume` is a
/// way around it.
fn upload_error(error: Error, journal: Option<&Journal>) -> CliError {
    let folder = journal.map(Journal::folder);
    let is_journal_error = matches!(
        (&error, folder),
        (Error::Upload { source, .. }, Some(folder))
            if matches!(&**source, UploadError::Io { name, .. } if std::path::Path::new(name).starts_with(folder))
    );
    let mut failure = CliError::from(error);
    if is_journal_error {
        failure.exit = ExitCode::Other;
        return failure.with_next_step(
            "free up space, set VIMEO_STATE_DIR, or add --no-resume: an interrupted upload then starts over",
        );
    }
    failure
}
