//! The command line.

use std::ffi::OsStr;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, CommandFactory, Parser};
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter, CompletionCandidate};

use crate::command::{self, Command};
use crate::config::{Accounts, Folders};
use crate::globals::GlobalArgs;
use crate::help_groups;

/// Upload and manage videos on Vimeo
///
/// Resumable uploads, everyday video management and every operation of the Vimeo API. No account is needed to try it:
/// `--sandbox` runs a command against a local sandbox.
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
        Help topics: vimeo help environment, exit-codes, formatting, syntax"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Builds the complete command: adds an environment variable to each flag, and completions that depend on the machine.
pub(crate) fn command() -> clap::Command {
    let command = with_variables(Cli::command()).mut_subcommand("sandbox", sandbox);
    help_groups::grouped(command)
        .mut_arg("account", |arg| arg.add(ArgValueCandidates::new(complete_accounts)))
        .mut_arg("json", |arg| arg.add(ArgValueCompleter::new(complete_fields)))
}

/// Adds examples to the sandbox's own command.
fn sandbox(command: clap::Command) -> clap::Command {
    let command = command.after_help(
        "Examples:\n  $ vimeo sandbox run -- vimeo api /me --jq .name\n\n\
         `vimeo sandbox --port 8080` runs the server until Ctrl-C.",
    );
    command
        .mut_subcommand("run", |run| run.after_help("Examples:\n  $ vimeo sandbox run -- vimeo videos list"))
        .mut_subcommand("record", |record| {
            record.after_help(
                "Examples:\n  $ vimeo sandbox record -- vimeo videos list\n  \
                 $ vimeo sandbox run --fixture recording.jsonl -- vimeo videos list",
            )
        })
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

/// Binds every flag to the environment variable `VIMEO_<FLAG>`. The flag takes precedence.
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
        // The sandbox defines its own variables, and some of its flags would map to the variables of a real token.
        .mut_subcommands(|sub| if sub.get_name() == "sandbox" { sub } else { with_variables(sub) })
}

fn complete_accounts() -> Vec<CompletionCandidate> {
    let stored = Folders::from_env().and_then(|folders| Accounts::in_folder(folders.config()).read());
    stored.map(|file| file.accounts.into_keys().map(CompletionCandidate::new).collect()).unwrap_or_default()
}

/// Completes the last name of a field list. `--json` is one global flag, so the command it is used with is read from
/// the words of the command line, which the shell passes after `--`.
fn complete_fields(typed: &OsStr) -> Vec<CompletionCandidate> {
    let words = std::env::args().skip_while(|word| word != "--");
    let known = words.into_iter().find_map(|word| command::fields_of(&word)).unwrap_or_default();
    next_field(typed.to_str().unwrap_or_default(), &known).into_iter().map(CompletionCandidate::new).collect()
}

/// Returns the typed list once per matching name that is not in it yet.
fn next_field(typed: &str, known: &[&str]) -> Vec<String> {
    let (before, last) = match typed.rfind(',') {
        Some(comma) => typed.split_at(comma + 1),
        None => ("", typed),
    };
    let listed: Vec<&str> = before.split(',').collect();
    let matches = |name: &&&str| name.starts_with(last) && !listed.contains(*name);
    known.iter().filter(matches).map(|name| format!("{before}{name}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn each(command: &clap::Command, path: &str, visit: &mut dyn FnMut(&str, &clap::Command)) {
        visit(path, command);
        for sub in command.get_subcommands() {
            each(sub, &format!("{path} {}", sub.get_name()), visit);
        }
    }

    #[test]
    fn clap_accepts_the_command_tree() {
        command().debug_assert();
    }

    #[test]
    fn every_command_has_a_summary_and_an_example() {
        each(&command(), "vimeo", &mut |path, command| {
            assert!(command.get_about().is_some(), "{path} has no summary");
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let has_example = help.lines().any(|line| line.trim_start().starts_with("$ vimeo"));
            let is_group = command.has_subcommands() && path != "vimeo";
            let of_sandbox = path.starts_with("vimeo sandbox ");
            assert!(has_example || is_group || of_sandbox, "{path} has no example");
        });
    }

    #[test]
    fn commands_that_call_vimeo_list_their_scopes() {
        let without = [
            "accounts",
            "auth",
            "completion",
            "connections",
            "doctor",
            "help",
            "man",
            "mcp",
            "ops",
            "sandbox",
            "serve",
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
            assert!(help.starts_with("Scope"), "{path} does not list its scopes");
        });
    }

    #[test]
    fn completes_the_next_field_of_a_list() {
        let known = ["duration", "name", "uri"];
        assert_eq!(next_field("", &known), known);
        assert_eq!(next_field("n", &known), ["name"]);
        assert_eq!(next_field("uri,", &known), ["uri,duration", "uri,name"]);
        assert_eq!(next_field("uri,name,d", &known), ["uri,name,duration"]);
        assert!(command::fields_of("videos").unwrap().contains(&"duration"));
        assert!(command::fields_of("doctor").is_none());
    }

    #[test]
    fn every_flag_has_an_environment_variable() {
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
