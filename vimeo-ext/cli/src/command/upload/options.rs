//! Transfer options, shared by all commands that send files.

use std::num::{NonZeroU64, NonZeroUsize};
use std::time::Duration;

use clap::Args;
use vimeo_ext::upload::{Chunking, Journal, SUGGESTED_CHUNK, UploadOptions};

use super::timetable::Timetable;
use crate::context::Context;
use crate::exit::{CliError, Result};
use crate::output::{parse_bytes, parse_duration};
use crate::progress::ProgressMode;

#[derive(Debug, Args)]
#[command(next_help_heading = "Transfer options")]
pub(crate) struct TransferArgs {
    /// Number of files to upload in parallel [default: 2]
    #[arg(long, value_name = "N")]
    transfers: Option<NonZeroUsize>,

    /// Bandwidth limit in bytes per second for all files together, e.g. 512k or 10M; or a timetable in local time, e.g.
    /// '08:00,512k 19:00,10M 23:00,off', with optional weekdays: Sat-08:00
    #[arg(long, value_name = "RATE", value_parser = Timetable::parse)]
    bwlimit: Option<Timetable>,

    /// Maximum bytes per request; smaller chunks are used if requests of this size fail [default: 128M]
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    chunk_size: Option<u64>,

    /// Abort a request after this long without progress
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = parse_nonzero_duration)]
    stall_timeout: Duration,

    /// Do not resume an earlier upload, and do not record this one
    #[arg(long)]
    pub(crate) no_resume: bool,

    /// Progress display [default: auto]
    #[arg(long, value_name = "KIND", value_enum)]
    progress: Option<ProgressMode>,
}

/// Parses a duration greater than zero.
fn parse_nonzero_duration(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        Duration::ZERO => Err("the timeout must be greater than zero, e.g. 1s".to_owned()),
        time => Ok(time),
    }
}

impl TransferArgs {
    pub(crate) fn concurrency(&self, context: &Context<'_>) -> usize {
        let configured = context.settings.transfers.and_then(|count| NonZeroUsize::new(count.into()));
        self.transfers.or(configured).map_or(2, NonZeroUsize::get)
    }

    /// Opens the upload journal; `None` with `--no-resume`.
    pub(crate) async fn journal(&self, context: &Context<'_>) -> Result<Option<Journal>> {
        match self.no_resume {
            true => Ok(None),
            false => Ok(Some(Journal::in_folder(context.uploads().await?))),
        }
    }

    pub(crate) fn progress(&self, context: &Context<'_>) -> Result<ProgressMode> {
        if let Some(kind) = self.progress {
            return Ok(kind);
        }
        let Some(word) = &context.settings.progress else { return Ok(ProgressMode::Auto) };
        clap::ValueEnum::from_str(word, true).map_err(|_| {
            CliError::usage(format!(
                "config.toml: invalid progress `{word}`; use auto, bar, line, json or none"
            ))
        })
    }
}

/// Builds the upload options. All files share one bandwidth limit, which follows its timetable until the command ends.
pub(crate) fn transfer_options(context: &Context<'_>, transfer: &TransferArgs) -> Result<UploadOptions> {
    let settings = &context.settings;
    let chunk = match transfer.chunk_size {
        None => from_config("chunk-size", &settings.chunk_size, parse_bytes)?,
        chunk => chunk,
    };
    let limit = match &transfer.bwlimit {
        None => from_config("bwlimit", &settings.bwlimit, Timetable::parse)?,
        limit => limit.clone(),
    };
    Ok(UploadOptions::new()
        .chunking(Chunking::Fixed(chunk.and_then(NonZeroU64::new).unwrap_or(SUGGESTED_CHUNK)))
        .stall_timeout(transfer.stall_timeout)
        .bandwidth(limit.map(Timetable::start)))
}

/// Parses a value from config.toml.
fn from_config<T>(
    name: &str,
    text: &Option<String>,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<Option<T>> {
    text.as_deref()
        .map(parse)
        .transpose()
        .map_err(|problem| CliError::usage(format!("config.toml: {name}: {problem}")))
}
