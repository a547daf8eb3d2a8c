//! Runs a command with a sandbox.

use std::process::{ExitCode, ExitStatus};

use clap::Args;
use tokio::process::Command;

use super::CliError;
use super::serve::Serve;
use crate::control::clients::variables;

/// A command to run with a sandbox.
#[derive(Debug, Args)]
pub struct Run {
    #[command(flatten)]
    serve: Serve,
    /// The command and its arguments, after `--`. Its environment contains VIMEO_BASE_URL, VIMEO_ACCESS_TOKEN,
    /// VIMEO_CLIENT_ID, VIMEO_CLIENT_SECRET and more
    #[arg(last = true, required = true, num_args = 1..)]
    command: Vec<String>,
}

impl Run {
    /// Runs the command and returns its exit code.
    ///
    /// # Errors
    ///
    /// If the sandbox cannot start, or the command cannot be run.
    pub async fn run(&self) -> Result<ExitCode, CliError> {
        let running = self.serve.start(false).await?;
        let line = self.serve.ready(&running.sandbox).await?;
        let variables = variables(&line, self.serve.control_token.as_ref());
        let code = run_child(&self.command, variables, running.terminal_closed()).await;
        self.serve.remove_ready_file().await;
        running.stop().await;
        code
    }
}

/// Runs a command with these variables in its environment and returns its exit code. Ends the command when `stop` is ready.
pub(super) async fn run_child(
    command: &[String],
    variables: Vec<(&'static str, String)>,
    stop: impl Future<Output = ()>,
) -> Result<ExitCode, CliError> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(CliError::Input("no command given; pass one after --".to_owned()));
    };
    let failed = |source| CliError::Command { command: program.clone(), source };
    let terminated = terminated();
    let mut child =
        Command::new(program).args(arguments).envs(variables).kill_on_drop(true).spawn().map_err(failed)?;
    let ended = tokio::select! {
        ended = child.wait() => ended,
        () = terminated => {
            let _ = child.start_kill();
            child.wait().await
        }
        () = stop => {
            let _ = child.start_kill();
            child.wait().await
        }
    };
    ended.map(code).map_err(failed)
}

/// Waits for a termination signal or for the second interrupt. A terminal sends the first one to the command, too, which
/// then has time to end. Signals count from the call on, even before the future is polled.
#[cfg(unix)]
fn terminated() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    async {
        // Without a handler, the signal's default action ends the process.
        let (Ok(mut interrupt), Ok(mut terminate)) = signals else { return std::future::pending().await };
        let second_interrupt = async {
            interrupt.recv().await;
            interrupt.recv().await;
        };
        tokio::select! {
            () = second_interrupt => {}
            _ = terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
async fn terminated() {
    let _ = tokio::signal::ctrl_c().await;
    let _ = tokio::signal::ctrl_c().await;
}

#[cfg(unix)]
fn code(status: ExitStatus) -> ExitCode {
    use std::os::unix::process::ExitStatusExt as _;
    // Shells report 128 plus the signal number.
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

#[cfg(not(unix))]
fn code(status: ExitStatus) -> ExitCode {
    ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}
