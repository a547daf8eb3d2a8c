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
mod fault;
mod groups;
mod output;
mod progress;
mod reference;
mod resource;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::FromArgMatches;
use tokio::runtime::{Builder, Runtime};

use crate::cli::Cli;
use crate::command::Command;
use crate::context::Context;
use crate::exit::{Exit, Failure, Result};
use crate::output::{ColourChoice, Streams};

/// The whole command line as clap knows it: for man pages, completions and tests of the help.
pub fn command() -> clap::Command {
    cli::command()
}

/// Runs the command of this process and gives its exit code.
pub fn run() -> ExitCode {
    fault::contained(answer)
}

fn answer() -> ExitCode {
    // Answers a shell that asks for completions, and ends there; else does nothing.
    clap_complete::CompleteEnv::with_factory(cli::command).complete();
    let read = cli::command().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match read {
        Ok(cli) => cli,
        Err(error) => return not_understood(&error),
    };
    if let Command::Sandbox(command) = cli.command {
        return sandbox(*command);
    }
    let streams = Streams::of_process(cli.global.color);
    let json = cli.global.json.is_some();
    let outcome = carry_out(cli, &streams);
    let outcome = match (outcome, streams.finish()) {
        // What could not be written by now was not to be read any more, or is the failure.
        (Ok(exit), finished) => finished.map(|()| exit).map_err(Failure::from),
        (Err(failure), Err(error)) if failure.exit == Exit::Done => Err(error.into()),
        (Err(failure), _) => Err(failure),
    };
    let code = match outcome {
        Ok(exit) => exit.code(),
        Err(failure) => {
            report(&streams, &failure, json);
            failure.exit.code()
        }
    };
    ExitCode::from(code)
}

/// Ends a command line that cannot be read, or that asks for help. What is said there is said by clap.
fn not_understood(error: &clap::Error) -> ExitCode {
    // Where it cannot be printed there is nobody to tell.
    let _ = error.print();
    let json =
        |word: &OsString| word.to_str().is_some_and(|word| word == "--json" || word.starts_with("--json="));
    if error.use_stderr() && std::env::args_os().any(|word| json(&word)) {
        let failure = Failure::usage(message_of(&error.to_string()));
        tell_programs(&Streams::of_process(ColourChoice::Never), &failure);
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(Exit::Other.code()))
}

/// What clap says of a command line, on one line and without how it should be.
fn message_of(said: &str) -> String {
    let lines = said.lines().take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
    let words: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
    let message = words.join(" ");
    message.strip_prefix("error: ").unwrap_or(&message).to_owned()
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
    let paint = streams.paint_err();
    if let Some(message) = failure.for_people() {
        streams.note(&format!("{} {message}", paint.red("vimeo:")));
        if let Some(next) = failure.next_step() {
            streams.note(&format!("{} {next}", paint.dim("next:")));
        }
    }
    if json && failure.exit != Exit::Done {
        tell_programs(streams, failure);
    }
}

/// The last line on standard error, for programs.
fn tell_programs(streams: &Streams, failure: &Failure) {
    streams.note(&serde_json::json!({ "error": failure.json() }).to_string());
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
