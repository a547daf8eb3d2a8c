//! The command, as a library: `vimeo-sandbox` is little more than [`run`], and another command can have it as a
//! subcommand.
//!
//! Exit codes: 0 done; 1 anything that has no code of its own; 2 an option or file that will not do; 3 an address that
//! cannot be listened on; 4 a folder or file that cannot be used; 5 a kept state that cannot be read. `run` answers what
//! its command answered, 126 or 127 where that could not be started, and 128 and the signal's number where a signal ended
//! it.

mod env;
mod events;
mod file;
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
pub use remote::ControlCredential;
pub use run::Run;
pub use serve::Serve;
pub use snapshot::{Snapshot, StateLocation};

/// A Vimeo on localhost, for tests, demos and examples.
///
/// Prints one line of JSON with its addresses and credentials, then serves until it is interrupted or the program that
/// started it ends.
#[derive(Debug, Parser)]
#[command(name = "vimeo-sandbox", version, args_conflicts_with_subcommands = true)]
pub struct Command {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    serve: Serve,
}

/// What else it can do.
#[derive(Debug, Subcommand)]
enum Action {
    /// Start a sandbox, run a command that finds it in its environment, and stop it with the command.
    Run(Box<Run>),
    /// Print the lines that point a client at a running sandbox.
    Env(Env),
    /// Let an event happen in a running sandbox, and say whom it was told.
    Trigger(Trigger),
    /// List the events of a running sandbox, or tell one again.
    #[command(subcommand)]
    Events(Events),
    /// Carry worlds as one file: those of a folder, or of a sandbox that runs.
    #[command(subcommand)]
    Snapshot(Snapshot),
}

/// Why the command ended otherwise than well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CliError {
    /// The sandbox did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Something that was given will not do.
    #[error("{0}")]
    Input(String),
    /// A file could not be read or written.
    #[error("{what}: {source}")]
    File {
        /// What was tried with which file.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A folder that was to be read is not there.
    #[error("there is no folder {}", .0.display())]
    Folder(PathBuf),
    /// The sandbox that was named does not answer.
    #[error("{0}")]
    Remote(String),
    /// A command to be run could not be.
    #[error("cannot run {command}: {source}")]
    Command {
        /// The command.
        command: String,
        /// What the system said.
        source: std::io::Error,
    },
}

impl CliError {
    /// The exit code for it.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            Self::Start(StartError::Listen { .. } | StartError::UnixSocket { .. }) => 3,
            Self::Start(
                StartError::UploadFolder { .. } | StartError::StateFolder { .. } | StartError::Certificate(_),
            ) => 4,
            Self::Start(StartError::InvalidState(_)) => 5,
            Self::Start(_) | Self::Input(_) => 2,
            Self::File { .. } | Self::Folder(_) => 4,
            Self::Remote(_) => 1,
            Self::Command { source, .. } if source.kind() == std::io::ErrorKind::NotFound => 127,
            Self::Command { .. } => 126,
        }
    }
}

/// Does what the command line says; errors are one line on standard error.
pub async fn run(command: Command) -> ExitCode {
    let done = match command.action {
        None => command.serve.run().await.map(|()| ExitCode::SUCCESS),
        Some(Action::Run(run)) => run.run().await,
        Some(Action::Env(env)) => env.run().await.map(|()| ExitCode::SUCCESS),
        Some(Action::Trigger(trigger)) => trigger.run().await.map(|()| ExitCode::SUCCESS),
        Some(Action::Events(events)) => events.run().await.map(|()| ExitCode::SUCCESS),
        Some(Action::Snapshot(snapshot)) => snapshot.run().await.map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|failure| {
        let _ = writeln!(std::io::stderr(), "vimeo-sandbox: {failure}");
        ExitCode::from(failure.code())
    })
}

/// Writes to standard output, at once: whoever waits for it must not wait for a buffer.
fn print(text: &str) -> Result<(), CliError> {
    let mut out = std::io::stdout();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        // Whoever read has read enough.
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
