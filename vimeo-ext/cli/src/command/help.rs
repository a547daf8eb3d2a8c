//! `vimeo help`: help for commands and topics.

use clap::Args;
use serde_json::{Value, json};

use crate::context::Context;
use crate::exit::{CliError, ExitCode, Result};

/// Show help for a command or a topic: environment, exit-codes, formatting, syntax
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  $ vimeo help exit-codes\n  $ vimeo help videos list\n  $ vimeo help --map json"
)]
pub(crate) struct HelpArgs {
    /// Topic or command
    words: Vec<String>,
    /// Print the command tree as JSON or as a list of paths
    #[arg(long, value_name = "FORMAT")]
    map: Option<Map>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Map {
    Json,
    Paths,
}

pub(crate) async fn run(
    context: &Context<'_>,
    args: &HelpArgs,
    mut command: clap::Command,
) -> Result<ExitCode> {
    context.streams.start_pager();
    command.build();
    if let Some(map) = args.map {
        match map {
            Map::Json => context.print_json(&tree(&command, "vimeo")).await?,
            Map::Paths => paths(context, &command, "vimeo")?,
        }
        return Ok(ExitCode::Done);
    }
    let words: Vec<&str> = args.words.iter().map(String::as_str).collect();
    if let [topic] = words.as_slice()
        && let Some(text) = topic_text(topic)
    {
        context.streams.write(text.as_bytes())?;
        return Ok(ExitCode::Done);
    }
    let mut found = &mut command;
    for word in &words {
        found = found.find_subcommand_mut(word).ok_or_else(|| {
            CliError::usage(format!("unknown command or topic `{}`", words.join(" ")))
                .with_next_step("vimeo help")
        })?;
    }
    let text = found.render_long_help();
    let text = if context.streams.paint().0 { text.ansi().to_string() } else { text.to_string() };
    context.streams.write(text.as_bytes())?;
    Ok(ExitCode::Done)
}

fn topic_text(topic: &str) -> Option<String> {
    Some(match topic {
        "environment" => ENVIRONMENT.to_owned(),
        "formatting" => FORMATTING.to_owned(),
        "syntax" => SYNTAX.to_owned(),
        "exit-codes" => {
            let mut text = "Exit codes. Treat any code that is not listed as a failure.\n\n".to_owned();
            for exit in ExitCode::ALL {
                text.push_str(&format!("  {:>3}  {:<14} {}\n", exit.code(), exit.category(), exit.meaning()));
            }
            text.push_str(
                "\nWith --json, the last line on standard error is {\"error\": {code, category, retryable, …}}.\n",
            );
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
Environment variables. Precedence: flag, then variable, then config.toml.

  VIMEO_ACCESS_TOKEN     access token; takes precedence over stored accounts
  VIMEO_CLIENT_ID        client ID of the app, for vimeo auth login and for calls without a user
  VIMEO_CLIENT_SECRET    client secret of the app
  VIMEO_BASE_URL         API base URL; plain http is accepted for this machine only
  VIMEO_ACCOUNT          account to use
  VIMEO_<FLAG>           any flag: --bwlimit is VIMEO_BWLIMIT, --chunk-size is VIMEO_CHUNK_SIZE
  VIMEO_CONFIG_DIR       folder of config.toml and accounts.toml
                         [default: $XDG_CONFIG_HOME/vimeo, %AppData%\\vimeo, ~/.config/vimeo]
  VIMEO_STATE_DIR        folder of unfinished uploads, spooled standard input and cached responses
                         [default: $XDG_STATE_HOME/vimeo, %LocalAppData%\\vimeo, ~/.local/state/vimeo]
  VIMEO_MCP_BEARER       bearer token for callers of vimeo mcp --http; at least 32 characters
  VIMEO_SANDBOX_CONTROL_TOKEN
                         control token of the sandbox at the base URL, to find the page of a video there
  VIMEO_PROGRESS_FPS     progress updates per second, even if not on a terminal; 0.0166 is once per minute
  VIMEO_PROMPT_DISABLED  never prompt; CI has the same effect
  VIMEO_FORCE_TTY        format output as for a terminal; a number sets its width in columns
  VIMEO_PAGER, PAGER     pager for lists, responses and help on a terminal; empty disables paging
  NO_COLOR, CLICOLOR, CLICOLOR_FORCE   control colors as in other programs

config.toml can set defaults: transfers, bwlimit, chunk-size, progress, privacy. The command never writes that file.
The command sends nothing beyond what you asked for: no telemetry, no update checks.
";

const FORMATTING: &str = "\
On a terminal, lists are tables truncated to its width. In a pipe, they are tab-separated, untruncated, without headings
and without colors.

Against a sandbox, links to vimeo.com lead nowhere: the column `page` has the address of the sandbox's own page, and
upload --json adds it to `link` as `page`. The sandbox of --sandbox ends with the command, so it has no page.

  --json             list the available fields; for commands without field selection, print the whole JSON document
  --json=uri,name    print an array or object with these fields, and request only these from Vimeo (higher rate limit)
  --jq FILTER        filter that JSON with jq; strings are printed without quotes. A filter is stopped after 60 s, if it
                     recurses too deeply, needs more than 2 GiB of additional memory or outputs more than 1 GiB

Data goes to standard output; progress, prompts and errors go to standard error. It is not an error if the reader stops
early, as head does, or if a list is empty.

  $ vimeo videos list --json=name,duration --jq '.[] | select(.duration > 600) | .name'
";

const SYNTAX: &str = "\
Parameters of vimeo api, with the syntax of gh api:

  -f key=value       string
  -F key=value       true, false, null and integers are converted; @FILE reads a file, @- reads standard input
  key[sub]=value     nested object
  key[]=value        append to a list; key[] alone is an empty list
  key[][sub]=value   object in a list

The default method is GET, or POST if there are parameters. With GET, parameters form the query, lists separated by
commas; with other methods, they form the JSON body. With --input, a file is the body, and parameters form the query.

  {me}               in a path: your user ID

Videos, folders and showcases are identified by ID, URI or link: 76979871, /videos/76979871,
https://vimeo.com/76979871/a1b2c3d4. Anything else is rejected.
";
