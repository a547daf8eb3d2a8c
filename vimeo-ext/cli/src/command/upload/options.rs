//! How bytes are sent, for all commands that send files.

use std::num::{NonZeroU64, NonZeroUsize};
use std::time::Duration;

use clap::Args;
use vimeo_ext::upload::{Chunking, SUGGESTED_CHUNK, UploadOptions};

use super::timetable::Timetable;
use crate::context::Context;
use crate::exit::{Failure, Result};
use crate::output::{parse_bytes, parse_duration};
use crate::progress::Kind;

#[derive(Debug, Args)]
#[command(next_help_heading = "Transfer")]
pub(crate) struct Transfer {
    /// How many files at a time [default: 2]
    #[arg(long, value_name = "N")]
    transfers: Option<NonZeroUsize>,

    /// At most so many bytes a second for all files together, as 512k or 10M; or by this machine's clock, as '08:00,512k
    /// 19:00,10M 23:00,off', where a time may have a day in front: Sat-08:00
    #[arg(long, value_name = "RATE", value_parser = Timetable::read)]
    bwlimit: Option<Timetable>,

    /// At most so many bytes a request, after which the server says what it has; fewer where these do not get through
    /// [default: 128M]
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    chunk_size: Option<u64>,

    /// Give a request up after so long without movement
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = some_time)]
    stall_timeout: Duration,

    /// Neither go on with an earlier upload nor write this one down
    #[arg(long)]
    pub(crate) no_resume: bool,

    /// How to show progress [default: auto]
    #[arg(long, value_name = "KIND", value_enum)]
    progress: Option<Kind>,
}

/// A time in which something can happen.
fn some_time(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        Duration::ZERO => Err("no request can end in no time; give at least 1s".to_owned()),
        time => Ok(time),
    }
}

impl Transfer {
    pub(crate) fn at_once(&self, context: &Context<'_>) -> usize {
        let kept = context.settings.transfers.and_then(|count| NonZeroUsize::new(count.into()));
        self.transfers.or(kept).map_or(2, NonZeroUsize::get)
    }

    pub(crate) fn progress(&self, context: &Context<'_>) -> Result<Kind> {
        if let Some(kind) = self.progress {
            return Ok(kind);
        }
        let Some(word) = &context.settings.progress else { return Ok(Kind::Auto) };
        clap::ValueEnum::from_str(word, true).map_err(|_| {
            Failure::usage(format!("config.toml: progress is `{word}`; use auto, bar, line, json or none"))
        })
    }
}

/// The engine's options, one bandwidth for all files. That follows its timetable until the command ends.
pub(crate) fn transfer_options(context: &Context<'_>, transfer: &Transfer) -> Result<UploadOptions> {
    let settings = &context.settings;
    let chunk = match transfer.chunk_size {
        None => kept("chunk-size", &settings.chunk_size, parse_bytes)?,
        given => given,
    };
    let limit = match &transfer.bwlimit {
        None => kept("bwlimit", &settings.bwlimit, Timetable::read)?,
        given => given.clone(),
    };
    Ok(UploadOptions::new()
        .chunking(Chunking::Fixed(chunk.and_then(NonZeroU64::new).unwrap_or(SUGGESTED_CHUNK)))
        .stall_timeout(transfer.stall_timeout)
        .bandwidth(limit.map(Timetable::start)))
}

/// A value out of config.toml.
fn kept<T>(
    name: &str,
    text: &Option<String>,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Result<Option<T>> {
    text.as_deref()
        .map(read)
        .transpose()
        .map_err(|problem| Failure::usage(format!("config.toml: {name}: {problem}")))
}
