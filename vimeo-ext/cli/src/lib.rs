//! The `vimeo` command: resumable uploads, everyday video management, every API operation, accounts, and a local
//! sandbox to try it all.
//!
//! This library only implements the binary. Run `vimeo help` for its documentation.
#![forbid(unsafe_code)]

mod api;
mod cli;
mod command;
mod config;
mod confirm;
mod context;
mod credentials;
mod exit;
mod globals;
mod help_groups;
mod ids;
mod interrupt;
#[cfg(feature = "mcp")]
mod logging;
mod output;
mod panic;
mod progress;
mod resource;
mod text;
mod video_pages;

use std::ffi::OsString;
use std::io::Write;

use clap::FromArgMatches;
use tokio::runtime::{Builder, Runtime};

use crate::cli::Cli;
use crate::command::Command;
use crate::context::Context;
use crate::exit::{CliError, ExitCode, Result};
use crate::interrupt::Interrupt;
use crate::output::{ColorChoice, IoStreams, escape_controls};

/// Returns the complete clap command, for man pages, completions and tests of the help.
pub fn command() -> clap::Command {
    cli::command()
}

/// Runs the command line of this process and returns its exit code.
pub fn run() -> std::process::ExitCode {
    panic::catch_panic(run_command_line)
}

fn run_command_line() -> std::process::ExitCode {
    // If a shell asks for completions, prints them and exits.
    clap_complete::CompleteEnv::with_factory(cli::command).complete();
    let parsed = cli::command()
        .try_get_matches()
        .and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, command_path(&matches))));
    let (cli, path) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return print_clap_error(&error),
    };
    if let Command::Sandbox(command) = cli.command {
        return run_sandbox(*command);
    }
    let json = cli.global.json.is_some();
    let interrupt =
        if cli.command.handles_signals() { Interrupt::none(json) } else { Interrupt::listen(json) };
    let streams = IoStreams::from_env(cli.global.color, interrupt);
    let outcome = run_command(cli, &streams);
    let outcome = match (outcome, streams.finish()) {
        // If the output could not be written, that is the error, unless nobody reads it any more.
        (Ok(exit), finished) => finished.map(|()| exit).map_err(CliError::from),
        (Err(failure), Err(error)) if failure.exit == ExitCode::Done => Err(error.into()),
        (Err(failure), _) => Err(failure),
    };
    let code = match outcome {
        Ok(exit) => exit.code(),
        Err(failure) => {
            let failure = failure.or_next_step(ExitCode::Usage, &format!("{path} --help"));
            if streams.interrupt().claim_report() {
                report(&streams, &failure, json);
            }
            failure.exit.code()
        }
    };
    std::process::ExitCode::from(code)
}

/// Returns the command with its subcommands, without arguments: `vimeo videos show`.
fn command_path(mut matches: &clap::ArgMatches) -> String {
    let mut path = "vimeo".to_owned();
    while let Some((name, subcommand)) = matches.subcommand() {
        path.push(' ');
        path.push_str(name);
        matches = subcommand;
    }
    path
}

/// Prints clap's usage error or help, and returns the exit code.
fn print_clap_error(error: &clap::Error) -> std::process::ExitCode {
    let printed = error.print().and_then(|()| std::io::stdout().flush());
    let is_json_flag =
        |arg: &OsString| arg.to_str().is_some_and(|arg| arg == "--json" || arg.starts_with("--json="));
    let streams = IoStreams::from_env(ColorChoice::Never, Interrupt::none(false));
    if error.use_stderr() {
        if std::env::args_os().any(|arg| is_json_flag(&arg)) {
            streams.note(&clap_error(&error.to_string()).json_line());
        }
    } else if let Err(error) = printed {
        // The help could not be printed. A closed pipe is not an error.
        let failure = CliError::from(error);
        report(&streams, &failure, false);
        return std::process::ExitCode::from(failure.exit.code());
    }
    std::process::ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(ExitCode::Other.code()))
}

/// Converts clap's message for programs: the first paragraph is the message, tips or the usage line the next step.
fn clap_error(text: &str) -> CliError {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let message: Vec<&str> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    let tips: Vec<&str> = text.lines().filter_map(|line| line.trim().strip_prefix("tip: ")).collect();
    let usage = text.lines().find_map(|line| line.strip_prefix("Usage: "));
    let failure = CliError::usage(message.join(" "));
    match (tips.is_empty(), usage) {
        (false, _) => failure.with_next_step(tips.join("; ")),
        (true, Some(usage)) => failure.with_next_step(format!("usage: {usage}")),
        (true, None) => failure.with_next_step("vimeo help"),
    }
}

/// Runs the sandbox's own command, which handles signals and exit codes itself.
fn run_sandbox(command: vimeo_sandbox::cli::Command) -> std::process::ExitCode {
    match runtime() {
        Ok(runtime) => runtime.block_on(vimeo_sandbox::cli::run(command)),
        Err(failure) => std::process::ExitCode::from(failure.exit.code()),
    }
}

fn runtime() -> Result<Runtime> {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime
        .map_err(|error| CliError::new(ExitCode::Other, format!("cannot start the async runtime: {error}")))
}

fn run_command(cli: Cli, streams: &IoStreams) -> Result<ExitCode> {
    let runtime = runtime()?;
    let outcome = runtime.block_on(async {
        let context = Context::new(cli.global, streams)?;
        tokio::select! {
            biased;
            signal = streams.interrupt().wait() => Err(streams.interrupt().error(signal)),
            outcome = command::run(&context, cli.command, cli::command) => outcome,
        }
    });
    // Do not wait for threads that are blocked on a keyring or on standard input.
    runtime.shutdown_background();
    outcome
}

fn report(streams: &IoStreams, failure: &CliError, json: bool) {
    let paint = streams.paint_err();
    if let Some(message) = failure.unshown_message() {
        // The text can contain what Vimeo, or a proxy, wrote.
        streams.note(&format!("{} {}", paint.red("vimeo:"), escape_controls(message)));
        if let Some(next) = failure.next_step() {
            streams.note(&format!("{} {}", paint.dim("next:"), escape_controls(next)));
        }
    }
    if json && failure.exit != ExitCode::Done {
        streams.note(&failure.json_line());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clap_error_for(args: &[&str]) -> CliError {
        let error = cli::command().try_get_matches_from(args).unwrap_err();
        clap_error(&error.to_string())
    }

    #[test]
    fn usage_errors_suggest_the_help_of_the_command() {
        let matches = cli::command().try_get_matches_from(["vimeo", "videos", "show", "x", "--read-only"]);
        assert_eq!(command_path(&matches.unwrap()), "vimeo videos show");
        let step = |failure: CliError| {
            failure.or_next_step(ExitCode::Usage, "vimeo videos show --help").next_step().map(str::to_owned)
        };
        assert_eq!(step(CliError::usage("no")).as_deref(), Some("vimeo videos show --help"));
        assert_eq!(step(CliError::usage("no").with_next_step("better")).as_deref(), Some("better"));
        assert_eq!(step(CliError::new(ExitCode::Other, "no")), None);
    }

    #[test]
    fn json_errors_contain_the_whole_clap_message() {
        for (args, message, next) in [
            (
                &["vimeo", "ops", "--json"][..],
                "the following required arguments were not provided: <WORDS>...",
                "usage: vimeo ops",
            ),
            (
                &["vimeo", "videos", "lsit"],
                "unrecognized subcommand 'lsit'",
                "a similar subcommand exists: 'list'",
            ),
            (
                &["vimeo", "upload", "a", "--transfers", "x"],
                "invalid value 'x' for '--transfers <N>'",
                "vimeo",
            ),
            (&["vimeo", "videos", "list", "--sandbx"], "unexpected argument '--sandbx' found", "--sandbox"),
        ] {
            let failure = clap_error_for(args);
            assert_eq!(failure.exit, ExitCode::Usage);
            assert!(failure.message().starts_with(message), "{args:?}: {failure:?}");
            assert!(failure.next_step().is_some_and(|step| step.contains(next)), "{args:?}: {failure:?}");
        }
    }
}
