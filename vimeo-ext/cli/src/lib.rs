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
mod globals;
mod groups;
mod interrupt;
mod output;
mod progress;
mod reference;
mod resource;
mod text;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::FromArgMatches;
use tokio::runtime::{Builder, Runtime};

use crate::cli::Cli;
use crate::command::Command;
use crate::context::Context;
use crate::exit::{Exit, Failure, Result};
use crate::interrupt::Interrupt;
use crate::output::{ColourChoice, IoStreams, escaped};

/// The whole command line as clap knows it: for man pages, completions and tests of the help.
pub fn command() -> clap::Command {
    cli::command()
}

/// Runs the command of this process and gives its exit code.
pub fn run() -> ExitCode {
    fault::catch_panic(answer)
}

fn answer() -> ExitCode {
    // Answers a shell that asks for completions, and ends there; else does nothing.
    clap_complete::CompleteEnv::with_factory(cli::command).complete();
    let read = cli::command()
        .try_get_matches()
        .and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, words_of(&matches))));
    let (cli, words) = match read {
        Ok(read) => read,
        Err(error) => return not_understood(&error),
    };
    if let Command::Sandbox(command) = cli.command {
        return sandbox(*command);
    }
    let json = cli.global.json.is_some();
    let streams = IoStreams::of_process(cli.global.color, Interrupt::listen(json));
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
            let failure = failure.or_next(Exit::Usage, &format!("{words} --help"));
            if streams.interrupt().may_report() {
                report(&streams, &failure, json);
            }
            failure.exit.code()
        }
    };
    ExitCode::from(code)
}

/// The words of the command that was typed, without what it takes.
fn words_of(matches: &clap::ArgMatches) -> String {
    let mut words = "vimeo".to_owned();
    let mut matches = matches;
    while let Some((word, of_word)) = matches.subcommand() {
        words.push(' ');
        words.push_str(word);
        matches = of_word;
    }
    words
}

/// Ends a command line that cannot be read, or that asks for help. What is said there is said by clap.
fn not_understood(error: &clap::Error) -> ExitCode {
    let printed = error.print().and_then(|()| std::io::stdout().flush());
    let json =
        |word: &OsString| word.to_str().is_some_and(|word| word == "--json" || word.starts_with("--json="));
    let streams = IoStreams::of_process(ColourChoice::Never, Interrupt::none(false));
    if error.use_stderr() {
        if std::env::args_os().any(|word| json(&word)) {
            streams.note(&misread(&error.to_string()).line());
        }
    } else if let Err(error) = printed {
        // Help that cannot be printed; a reader that has enough of it is no failure.
        let failure = Failure::from(error);
        report(&streams, &failure, false);
        return ExitCode::from(failure.exit.code());
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(Exit::Other.code()))
}

/// What clap says of a command line, for programs: the whole first paragraph, and its advice.
fn misread(said: &str) -> Failure {
    let said = said.strip_prefix("error: ").unwrap_or(said);
    let message: Vec<&str> = said.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    let tips: Vec<&str> = said.lines().filter_map(|line| line.trim().strip_prefix("tip: ")).collect();
    let usage = said.lines().find_map(|line| line.strip_prefix("Usage: "));
    let failure = Failure::usage(message.join(" "));
    match (tips.is_empty(), usage) {
        (false, _) => failure.next(tips.join("; ")),
        (true, Some(usage)) => failure.next(format!("write it as {usage}")),
        (true, None) => failure.next("vimeo help"),
    }
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

fn carry_out(cli: Cli, streams: &IoStreams) -> Result<Exit> {
    let runtime = runtime()?;
    let outcome = runtime.block_on(async {
        let context = Context::new(cli.global, streams)?;
        tokio::select! {
            biased;
            signal = streams.interrupt().wait() => Err(streams.interrupt().failure(signal)),
            outcome = command::run(&context, cli.command, cli::command) => outcome,
        }
    });
    // A thread that still waits for a keyring or for standard input must not hold the process.
    runtime.shutdown_background();
    outcome
}

fn report(streams: &IoStreams, failure: &Failure, json: bool) {
    let paint = streams.paint_err();
    if let Some(message) = failure.for_people() {
        // It may hold what Vimeo, or somebody in between, wrote.
        streams.note(&format!("{} {}", paint.red("vimeo:"), escaped(message)));
        if let Some(next) = failure.next_step() {
            streams.note(&format!("{} {}", paint.dim("next:"), escaped(next)));
        }
    }
    if json && failure.exit != Exit::Done {
        streams.note(&failure.line());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn misread_line(words: &[&str]) -> Failure {
        let error = cli::command().try_get_matches_from(words).unwrap_err();
        misread(&error.to_string())
    }

    #[test]
    fn a_mistake_on_the_command_line_leads_to_its_help() {
        let matches = cli::command().try_get_matches_from(["vimeo", "videos", "show", "x", "--read-only"]);
        assert_eq!(words_of(&matches.unwrap()), "vimeo videos show");
        let step = |failure: Failure| {
            failure.or_next(Exit::Usage, "vimeo videos show --help").next_step().map(str::to_owned)
        };
        assert_eq!(step(Failure::usage("no")).as_deref(), Some("vimeo videos show --help"));
        assert_eq!(step(Failure::usage("no").next("better")).as_deref(), Some("better"));
        assert_eq!(step(Failure::new(Exit::Other, "no")), None);
    }

    #[test]
    fn programs_are_told_all_that_is_wrong_with_a_command_line() {
        for (words, message, next) in [
            (
                &["vimeo", "ops", "--json"][..],
                "the following required arguments were not provided: <WORDS>...",
                "write it as vimeo ops",
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
            let failure = misread_line(words);
            assert_eq!(failure.exit, Exit::Usage);
            assert!(failure.message().starts_with(message), "{words:?}: {failure:?}");
            assert!(failure.next_step().is_some_and(|said| said.contains(next)), "{words:?}: {failure:?}");
        }
    }
}
