//! `vimeo help`: commands and topics.

use clap::Args;
use serde_json::{Value, json};

use crate::context::Context;
use crate::exit::{Exit, Failure, Result};

/// Explain a command or a topic: environment, exit-codes, formatting, syntax
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  $ vimeo help exit-codes\n  $ vimeo help videos list\n  $ vimeo help --map json"
)]
pub(crate) struct HelpArgs {
    /// A topic, or the words of a command
    words: Vec<String>,
    /// Print the tree of commands: json or paths
    #[arg(long, value_name = "FORM")]
    map: Option<Map>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Map {
    Json,
    Paths,
}

pub(crate) async fn run(context: &Context<'_>, args: &HelpArgs, mut command: clap::Command) -> Result<Exit> {
    context.streams.page();
    command.build();
    if let Some(map) = args.map {
        match map {
            Map::Json => context.document(&tree(&command, "vimeo")).await?,
            Map::Paths => paths(context, &command, "vimeo")?,
        }
        return Ok(Exit::Done);
    }
    let words: Vec<&str> = args.words.iter().map(String::as_str).collect();
    if let [topic] = words.as_slice()
        && let Some(text) = topic_text(topic)
    {
        context.streams.write(text.as_bytes())?;
        return Ok(Exit::Done);
    }
    let mut found = &mut command;
    for word in &words {
        found = found.find_subcommand_mut(word).ok_or_else(|| {
            Failure::usage(format!("there is no command or topic `{}`", words.join(" "))).next("vimeo help")
        })?;
    }
    let text = found.render_long_help();
    let text = if context.streams.paint().0 { text.ansi().to_string() } else { text.to_string() };
    context.streams.write(text.as_bytes())?;
    Ok(Exit::Done)
}

fn topic_text(topic: &str) -> Option<String> {
    Some(match topic {
        "environment" => ENVIRONMENT.to_owned(),
        "formatting" => FORMATTING.to_owned(),
        "syntax" => SYNTAX.to_owned(),
        "exit-codes" => {
            let mut text = "What a command ends with. A code that is not here is a failure.\n\n".to_owned();
            for exit in Exit::ALL {
                text.push_str(&format!("  {:>3}  {:<14} {}\n", exit.code(), exit.category(), exit.meaning()));
            }
            text.push_str("\nWith --json the last line on standard error is {\"error\": {code, category, retryable, …}}.\n");
            text
        }
        _ => return None,
    })
}

fn paths(context: &Context<'_>, command: &clap::Command, path: &str) -> Result<()> {
    context.streams.line(path)?;
    for sub in command.get_subcommands() {
        paths(context, sub, &format!("{path} {}", sub.get_name()))?;
    }
    Ok(())
}

fn tree(command: &clap::Command, path: &str) -> Value {
    let flags: Vec<Value> = command
        .get_arguments()
        .filter(|arg| !arg.is_global_set() || path == "vimeo")
        .map(|arg| {
            json!({
                "name": arg.get_long().map_or_else(|| arg.get_id().to_string(), |long| format!("--{long}")),
                "variable": arg.get_env().map(|name| name.to_string_lossy()),
                "takes_value": arg.get_action().takes_values(),
                "required": arg.is_required_set(),
                "help": arg.get_help().map(ToString::to_string),
            })
        })
        .collect();
    let commands: Vec<Value> =
        command.get_subcommands().map(|sub| tree(sub, &format!("{path} {}", sub.get_name()))).collect();
    json!({
        "command": path,
        "about": command.get_about().map(ToString::to_string),
        "arguments": flags,
        "commands": commands,
    })
}

const ENVIRONMENT: &str = "\
Variables. A flag wins over its variable, a variable over config.toml.

  VIMEO_ACCESS_TOKEN     the token to go with; wins over the accounts
  VIMEO_CLIENT_ID        an app, for vimeo auth login and for calls without a user
  VIMEO_CLIENT_SECRET    its secret
  VIMEO_BASE_URL         another address of the API: https, or http to this machine
  VIMEO_ACCOUNT          the account to act as
  VIMEO_<FLAG>           every flag: --bwlimit is VIMEO_BWLIMIT, --chunk-size VIMEO_CHUNK_SIZE
  VIMEO_CONFIG_DIR       config.toml and accounts.toml; else $XDG_CONFIG_HOME/vimeo, %AppData%\\vimeo, ~/.config/vimeo
  VIMEO_STATE_DIR        unfinished uploads; else $XDG_STATE_HOME/vimeo, %LocalAppData%\\vimeo, ~/.local/state/vimeo
  VIMEO_MCP_BEARER       what callers of vimeo mcp --http have to show; 32 characters or more
  VIMEO_PROGRESS_FPS     how often a second progress is shown, also in logs: 0.0166 is once a minute
  VIMEO_PROMPT_DISABLED  never ask; CI does the same
  VIMEO_FORCE_TTY        write as to a terminal, so many columns wide
  VIMEO_PAGER, PAGER     what lists, answers and help go through on a terminal; empty is nothing
  NO_COLOR, CLICOLOR, CLICOLOR_FORCE   as everywhere

config.toml may hold defaults: transfers, bwlimit, chunk-size, progress, privacy. The command never writes it.
Nothing is sent anywhere but what a command needs: no telemetry, no search for updates.
";

const FORMATTING: &str = "\
On a terminal lists are tables cut to its width. In a pipe they are tab-separated, whole, without titles and colour.

  --json             lists the fields there are; for commands without fields of Vimeo's, all of the document
  --json=uri,name    an array or object with these fields; Vimeo is asked for no others, which counts for less
  --jq FILTER        a jq filter over that JSON; text comes out without quotes. It is stopped after 60 s, when it calls
                     itself too deeply, needs 2 GiB of memory more, or gives more than 1 GiB

Data goes to standard output; progress, questions and errors go to standard error. A reader that stops early, such as
head, is no failure. A list with nothing in it is no failure either.

  $ vimeo videos list --json=name,duration --jq '.[] | select(.duration > 600) | .name'
";

const SYNTAX: &str = "\
Parameters of vimeo api, as gh has them:

  -f key=value       text
  -F key=value       true, false, null and integers are taken as that; @FILE is what the file holds, @- standard input
  key[sub]=value     an object in the object
  key[]=value        one more element of a list; key[] alone is the empty list
  key[][sub]=value   an object in a list

Without a method it is GET, or POST when there are parameters. With GET they go to the query, lists behind commas; else
they are the JSON body. --input sends a file as the body, and parameters go to the query.

  {me}               in a path: the number of your user

Things are named by number, URI or link: 76979871, /videos/76979871, https://vimeo.com/76979871/a1b2c3d4. What is not
wholly one of these is refused.
";
