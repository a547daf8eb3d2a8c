//! The command line.

use std::ffi::OsStr;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, CommandFactory, Parser};
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter, CompletionCandidate};

use crate::command::{self, Command};
use crate::config::{Accounts, Folders};
use crate::globals::Global;
use crate::groups;

/// Vimeo from the command line.
///
/// Uploads that resume, the daily work with videos, and any of the API's operations. Try everything without an account:
/// `--sandbox` gives a command a Vimeo of its own on this machine.
#[derive(Debug, Parser)]
#[command(
    name = "vimeo",
    version,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = "Examples:\n  \
        $ vimeo upload film.mp4 --sandbox\n  \
        $ vimeo videos list --json=uri,name,duration\n  \
        $ vimeo api /me --fields name,account\n\n\
        More: vimeo help environment, formatting, syntax, exit-codes"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The command line with all that cannot be derived: a variable for each flag, and what only the machine knows.
pub(crate) fn command() -> clap::Command {
    let command = with_variables(Cli::command()).mut_subcommand("sandbox", sandbox);
    groups::grouped(command)
        .mut_arg("account", |arg| arg.add(ArgValueCandidates::new(accounts)))
        .mut_arg("json", |arg| arg.add(ArgValueCompleter::new(fields)))
}

/// The sandbox's own command, with examples as this command has them.
fn sandbox(command: clap::Command) -> clap::Command {
    let command = command.after_help(
        "Examples:\n  $ vimeo sandbox run -- vimeo api /me --jq .name\n\n\
         vimeo sandbox --port 8080 serves until Ctrl-C.",
    );
    command
        .mut_subcommand("run", |run| run.after_help("Examples:\n  $ vimeo sandbox run -- vimeo videos list"))
        .mut_subcommand("env", |env| {
            env.after_help("Examples:\n  $ vimeo sandbox run -- vimeo sandbox env --for curl")
        })
        .mut_subcommand("trigger", |trigger| {
            trigger.after_help("Examples:\n  $ vimeo sandbox trigger video-transcode-complete")
        })
        .mut_subcommand("events", |events| {
            events
                .mut_subcommand("list", |list| list.after_help("Examples:\n  $ vimeo sandbox events list"))
                .mut_subcommand("resend", |resend| {
                    resend.after_help("Examples:\n  $ vimeo sandbox events resend 1")
                })
        })
}

/// Gives every flag the variable `VIMEO_<FLAG>`. The flag itself wins.
fn with_variables(command: clap::Command) -> clap::Command {
    command
        .mut_args(|arg| {
            let Some(long) =
                arg.get_long().filter(|long| !matches!(*long, "help" | "version" | "with-token"))
            else {
                return arg;
            };
            let name = format!("VIMEO_{}", long.replace('-', "_").to_ascii_uppercase());
            let arg = match arg.get_action() {
                ArgAction::SetTrue => arg.value_parser(FalseyValueParser::new()),
                _ => arg,
            };
            arg.env(name).hide_env_values(true).hide_env(true)
        })
        // The sandbox has variables of its own, and flags whose names would give those of a real token.
        .mut_subcommands(|sub| if sub.get_name() == "sandbox" { sub } else { with_variables(sub) })
}

fn accounts() -> Vec<CompletionCandidate> {
    let kept = Folders::of_process().and_then(|folders| Accounts::in_folder(folders.config()).read());
    kept.map(|kept| kept.accounts.into_keys().map(CompletionCandidate::new).collect()).unwrap_or_default()
}

/// The names of fields, after those that stand there. The flag is the same for all commands, so which one it is for has
/// to be read off the words of the line, which the shell passes behind `--`.
fn fields(begun: &OsStr) -> Vec<CompletionCandidate> {
    let words = std::env::args().skip_while(|word| word != "--");
    let known = words.into_iter().find_map(|word| command::fields_of(&word)).unwrap_or_default();
    next_field(begun.to_str().unwrap_or_default(), &known).into_iter().map(CompletionCandidate::new).collect()
}

/// A list of names, with each name that can come next at its end.
fn next_field(begun: &str, known: &[&str]) -> Vec<String> {
    let (before, last) = match begun.rfind(',') {
        Some(comma) => begun.split_at(comma + 1),
        None => ("", begun),
    };
    let named: Vec<&str> = before.split(',').collect();
    let fits = |name: &&&str| name.starts_with(last) && !named.contains(*name);
    known.iter().filter(fits).map(|name| format!("{before}{name}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn each(command: &clap::Command, path: &str, seen: &mut dyn FnMut(&str, &clap::Command)) {
        seen(path, command);
        for sub in command.get_subcommands() {
            each(sub, &format!("{path} {}", sub.get_name()), seen);
        }
    }

    #[test]
    fn the_tree_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn every_command_says_what_it_does_and_shows_an_example() {
        each(&command(), "vimeo", &mut |path, command| {
            assert!(command.get_about().is_some(), "{path} says nothing");
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let has_example = help.lines().any(|line| line.trim_start().starts_with("$ vimeo"));
            let is_group = command.has_subcommands() && path != "vimeo";
            let of_sandbox = path.starts_with("vimeo sandbox ");
            assert!(has_example || is_group || of_sandbox, "{path} has no example");
        });
    }

    #[test]
    fn every_command_that_asks_vimeo_says_which_scopes_it_needs() {
        let without = [
            "accounts",
            "auth",
            "completion",
            "doctor",
            "help",
            "man",
            "mcp",
            "ops",
            "sandbox",
            "tools list",
            "tools schema",
            "uploads list",
            "uploads forget",
        ];
        each(&command(), "vimeo", &mut |path, command| {
            let path = path.trim_start_matches("vimeo").trim_start();
            let needs_none =
                without.iter().any(|name| path.split(' ').zip(name.split(' ')).all(|(a, b)| a == b));
            if command.has_subcommands() || needs_none {
                return;
            }
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.starts_with("Scope"), "{path} does not say which scopes it needs");
        });
    }

    #[test]
    fn fields_come_one_after_the_other() {
        let known = ["duration", "name", "uri"];
        assert_eq!(next_field("", &known), known);
        assert_eq!(next_field("n", &known), ["name"]);
        assert_eq!(next_field("uri,", &known), ["uri,duration", "uri,name"]);
        assert_eq!(next_field("uri,name,d", &known), ["uri,name,duration"]);
        assert!(command::fields_of("videos").unwrap().contains(&"duration"));
        assert!(command::fields_of("doctor").is_none());
    }

    #[test]
    fn every_flag_has_a_variable() {
        each(&command(), "vimeo", &mut |path, command| {
            if path.starts_with("vimeo sandbox") {
                return;
            }
            for arg in command.get_arguments() {
                if let Some(long) =
                    arg.get_long().filter(|long| !["help", "version", "with-token"].contains(long))
                {
                    assert!(arg.get_env().is_some(), "{path} --{long}");
                }
            }
        });
    }
}
