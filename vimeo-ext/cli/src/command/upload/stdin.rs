//! Standard input as the source of an upload.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use clap::Args;
use tokio::io::Stdin;
use vimeo_ext::upload::{DEFAULT_SPOOL_LIMIT, Source, Spooled, SpooledSource, StreamSource, UploadError};

use crate::context::Context;
use crate::exit::{CliError, Result};
use crate::output::{bytes, parse_bytes};

/// The name in messages.
const NAME: &str = "standard input";

#[derive(Debug, Args)]
#[command(next_help_heading = "Standard input")]
pub(crate) struct StdinArgs {
    /// Exact size of standard input: it is sent as it arrives, without a file on disk, but cannot be resumed
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes)]
    size: Option<u64>,

    /// How much of standard input may be written to disk before it is sent [default: 32G]
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes, conflicts_with = "size")]
    spool_limit: Option<u64>,
}

/// Standard input, opened.
pub(super) enum StdinSource {
    /// Read to its end, into a file.
    Spooled(SpooledSource),
    /// Sent as it arrives, once.
    Streamed { size: u64, source: Mutex<Option<StreamSource<Stdin>>> },
}

impl StdinSource {
    /// Opens standard input if it is the file on the command line.
    pub(super) async fn open(
        context: &Context<'_>,
        args: &StdinArgs,
        files: &[PathBuf],
    ) -> Result<Option<Self>> {
        if !files.iter().any(|file| is_stdin(file)) {
            let flag = match (args.size, args.spool_limit) {
                (Some(_), _) => "--size",
                (None, Some(_)) => "--spool-limit",
                (None, None) => return Ok(None),
            };
            return Err(CliError::usage(format!(
                "{flag} requires standard input as the file: vimeo upload -"
            )));
        }
        if files.len() > 1 {
            return Err(CliError::usage("- (standard input) cannot be combined with other files")
                .with_next_step("upload the files with a second command"));
        }
        if context.streams.in_is_terminal() {
            return Err(CliError::usage("standard input is a terminal; no video was created")
                .with_next_step("pipe a video into the command: ffmpeg … | vimeo upload -"));
        }
        if let Some(size) = args.size {
            let source = StreamSource::new(tokio::io::stdin(), size, NAME).exact();
            return Ok(Some(Self::Streamed { size, source: Mutex::new(Some(source)) }));
        }
        let limit = args.spool_limit.unwrap_or(DEFAULT_SPOOL_LIMIT);
        context.streams.hint("reading standard input to its end; the upload starts then");
        let spooled = Spooled::reader(tokio::io::stdin())
            .name(NAME)
            .folder(context.spool().await?)
            .max_bytes(limit)
            .spool()
            .await;
        match spooled {
            Ok(source) => Ok(Some(Self::Spooled(source))),
            Err(UploadError::Empty) => Err(CliError::usage("standard input is empty; no video was created")),
            Err(UploadError::SpoolLimit { .. }) => Err(CliError::usage(format!(
                "standard input has more than {}, the limit of what is written to disk; no video was created",
                bytes(limit)
            ))
            .with_next_step("raise --spool-limit, or give the exact size with --size")),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Spooled(source) => source.size(),
            Self::Streamed { size, .. } => *size,
        }
    }

    /// Returns whether an interrupted upload can be resumed.
    pub(super) fn is_resumable(&self) -> bool {
        matches!(self, Self::Spooled(_))
    }

    /// Returns the source of one attempt.
    pub(super) fn source(&self) -> Result<Box<dyn Source>, UploadError> {
        match self {
            Self::Spooled(source) => Ok(Box::new(source.clone())),
            Self::Streamed { source, .. } => {
                let source = source.lock().unwrap_or_else(PoisonError::into_inner).take();
                let source = source.ok_or_else(|| {
                    UploadError::io("read", NAME, std::io::Error::other("it can be read only once"))
                })?;
                Ok(Box::new(source))
            }
        }
    }
}

/// Returns whether a file on the command line means standard input.
pub(super) fn is_stdin(file: &Path) -> bool {
    file.as_os_str() == "-"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_names_the_default_limit() {
        assert_eq!(parse_bytes("32G"), Ok(DEFAULT_SPOOL_LIMIT));
    }
}
