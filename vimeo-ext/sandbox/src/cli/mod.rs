//! The command as a library: `vimeo-sandbox` only calls [`run`], and other commands can embed it as a subcommand.
//!
//! Exit codes: 0 success; 1 any error without a code of its own; 2 an invalid option or input file; 3 an address that
//! cannot be bound; 4 a folder or file that cannot be used; 5 a stored state that cannot be read. `run`
//! and `record` return the exit code of their command, 126 or 127 if the command cannot be started, and 128 plus the signal number if a signal
//! ended it.

mod env;
mod events;
mod file;
mod page;
#[cfg(feature = "record")]
mod record;
mod remote;
mod run;
mod serve;
mod snapshot;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::app::StartError;
pub use env::{Client, Env};
pub use events::{EventTarget, Events, Trigger};
pub use page::Page;
#[cfg(feature = "record")]
pub use record::Record;
pub use remote::ControlCredential;
pub use run::Run;
pub use serve::Serve;
pub use snapshot::{Snapshot, StateLocation};

/// A Vimeo API server on localhost for tests, demos and examples
///
/// In a terminal, prints the address of its page, which shows requests and plays uploads; the base URL and the access
/// token; and commands to try. Otherwise, prints one line of JSON with its URLs and credentials. Then serves until it is
/// interrupted or its parent process ends.
#[derive(Debug, Parser)]
#[command(name = "vimeo-sandbox", version, args_conflicts_with_subcommands = true)]
pub struct Command {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    serve: Serve,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
enum Action {
    /// Start a sandbox, run a command with it in its environment, and stop the sandbox when the command ends
    Run(Box<Run>),
    /// Run a command against the real API and record the exchanges as a fixture, without what is private in them
    ///
    /// The command uses its own access token. The recording contains no tokens, names, mail addresses, links, hashes or
    /// other texts: the same text has the same replacement everywhere. Numeric IDs are replaced too. Play it with
    /// --fixture.
    #[cfg(feature = "record")]
    Record(Record),
    /// Print the lines that configure a client for a running sandbox
    Env(Env),
    /// Trigger an event in a running sandbox and print its deliveries
    Trigger(Trigger),
    /// List the events of a running sandbox, or deliver one again
    #[command(subcommand)]
    Events(Events),
    /// Export or import worlds as one file, from a state folder or a running sandbox
    #[command(subcommand)]
    Snapshot(Snapshot),
}

/// Why the command failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CliError {
    /// The sandbox did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// An option or input is invalid.
    #[error("{0}")]
    Input(String),
    /// A file could not be read or written.
    #[error("{what}: {source}")]
    File {
        /// The attempted action and the file.
        what: String,
        /// The I/O error.
        source: std::io::Error,
    },
    /// A folder to read does not exist.
    #[error("folder not found: {}", .0.display())]
    Folder(PathBuf),
    /// The sandbox at the given URL did not respond or returned an error.
    #[error("{0}")]
    Remote(String),
    /// A command could not be run.
    #[error("cannot run {command}: {source}")]
    Command {
        /// The command.
        command: String,
        /// The I/O error.
        source: std::io::Error,
    },
}

impl CliError {
    /// Returns the exit code for this error.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            Self::Start(StartError::Listen { .. } | StartError::UnixSocket { .. }) => 3,
            Self::Start(
                StartError::UploadFolder { .. }
                | StartError::StateFolder { .. }
                | StartError::Certificate(_)
                | StartError::AuthorityFolder { .. },
            ) => 4,
            Self::Start(StartError::InvalidState(_)) => 5,
            Self::Start(StartError::HttpClient(_)) => 1,
            Self::Start(_) | Self::Input(_) => 2,
            Self::File { .. } | Self::Folder(_) => 4,
            Self::Remote(_) => 1,
            Self::Command { source, .. } if source.kind() == std::io::ErrorKind::NotFound => 127,
            Self::Command { .. } => 126,
        }
    }
}

/// Runs a parsed command line. Errors are printed as one line on standard error.
pub async fn run(command: Command) -> ExitCode {
    let result = match command.action {
        None => command.serve.run().await.map(|()| ExitCode::SUCCESS),
        Some(Action::Run(run)) => run.run().await,
        #[cfg(feature = "record")]
        Some(Action::Record(record)) => record.run().await,
        Some(Action::Env(env)) => env.run().await.map(|()| ExitCode::SUCCESS),
        Some(Action::Trigger(trigger)) => trigger.run().await.map(|()| ExitCode::SUCCESS),
        Some(Action::Events(events)) => events.run().await.map(|()| ExitCode::SUCCESS),
        Some(Action::Snapshot(snapshot)) => snapshot.run().await.map(|()| ExitCode::SUCCESS),
    };
    result.unwrap_or_else(|failure| {
        let _ = writeln!(std::io::stderr(), "vimeo-sandbox: {failure}");
        ExitCode::from(failure.code())
    })
}

/// Prints a line to standard output and flushes it, because readers may be waiting for it.
fn print(text: &str) -> Result<(), CliError> {
    let mut out = std::io::stdout();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        // The reader closed the pipe: it has read enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written
            .map_err(|source| CliError::File { what: "cannot write to standard output".to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn arguments_are_valid() {
        Command::command().debug_assert();
    }

    #[test]
    fn accepts_arguments_of_earlier_releases() {
        for arguments in [["--drift", "fuzz"], ["--fill", "drifted"]] {
            let command = ["vimeo-sandbox"].into_iter().chain(arguments);
            Command::try_parse_from(command).unwrap();
        }
    }
}
