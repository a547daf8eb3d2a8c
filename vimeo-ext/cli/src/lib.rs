//! The `vimeo` command: uploads that resume, the daily work with videos, any call of the API, accounts, and a Vimeo on
//! localhost to try it all on.
//!
//! The binary is all there is to use; this library is what it runs. `vimeo help` says the rest.
#![forbid(unsafe_code)]

mod api;
mod cli;
mod command;
mod config;
mod confirm;
mod context;
mod credentials;
mod exit;
mod output;
mod progress;
mod reference;
mod resource;

use std::process::ExitCode;

use clap::FromArgMatches;
use tokio::runtime::{Builder, Runtime};

use crate::cli::Cli;
use crate::command::Command;
use crate::context::Context;
use crate::exit::{Exit, Failure, Result};
use crate::output::Streams;

/// The whole command line as clap knows it: for man pages, completions and tests of the help.
pub fn command() -> clap::Command {
    cli::command()
}

/// Runs the command of this process and gives its exit code.
pub fn run() -> ExitCode {
    // Answers a shell that asks for completions, and ends there; else does nothing.
    clap_complete::CompleteEnv::with_factory(cli::command).complete();
    let cli = match Cli::from_arg_matches(&cli::command().get_matches()) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    if let Command::Sandbox(command) = cli.command {
        return sandbox(*command);
    }
    let streams = Streams::of_process(cli.global.color);
    let json = cli.global.json.is_some();
    let outcome = carry_out(cli, &streams);
    // What could not be written by now was not to be read any more, or is the failure.
    let outcome = outcome.and_then(|exit| streams.flush().map(|()| exit).map_err(Failure::from));
    let code = match outcome {
        Ok(exit) => exit.code(),
        Err(failure) => {
            report(&streams, &failure, json);
            failure.exit.code()
        }
    };
    ExitCode::from(code)
}

/// The sandbox's own command, which has its own signals and exit codes.
fn sandbox(command: vimeo_sandbox::cli::Command) -> ExitCode {
    match runtime() {
        Ok(runtime) => runtime.block_on(vimeo_sandbox::cli::run(command)),
        Err(failure) => ExitCode::from(failure.exit.code()),
    }
}

fn runtime() -> Result<Runtime> {
    let built = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    built.map_err(|error| Failure::new(Exit::Other, format!("cannot start: {error}")))
}

fn carry_out(cli: Cli, streams: &Streams) -> Result<Exit> {
    let runtime = runtime()?;
    let outcome = runtime.block_on(async {
        let context = Context::new(cli.global, streams)?;
        tokio::select! {
            biased;
            signal = ended() => Err(context.ended_by(signal)),
            outcome = command::run(&context, cli.command) => outcome,
        }
    });
    // A thread that still waits for a keyring or for standard input must not hold the process.
    runtime.shutdown_background();
    outcome
}

fn report(streams: &Streams, failure: &Failure, json: bool) {
    // What goes to standard output comes first, as far as it can be written.
    let _ = streams.flush();
    let paint = streams.paint_err();
    if !failure.message().is_empty() {
        streams.note(&format!("{} {}", paint.red("vimeo:"), failure.message()));
        if let Some(next) = failure.next_step() {
            streams.note(&format!("{} {next}", paint.dim("next:")));
        }
    }
    if json && failure.exit != Exit::Done {
        streams.note(&serde_json::json!({ "error": failure.json() }).to_string());
    }
}

/// Waits for the signal that ends the process.
#[cfg(unix)]
async fn ended() -> Exit {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => Exit::Interrupted,
        _ = terminate.recv() => Exit::Terminated,
    }
}

#[cfg(not(unix))]
async fn ended() -> Exit {
    match tokio::signal::ctrl_c().await {
        Ok(()) => Exit::Interrupted,
        Err(_) => std::future::pending().await,
    }
}
