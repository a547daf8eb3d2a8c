//! `vimeo tools`: uses the agent tools from a shell.

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use vimeo_agent::tools::{self, Disclosure, Effect, ErrorKind, ToolError, ToolSelection, Tools};

use crate::context::Context;
use crate::exit::{CliError, ExitCode, Result};
use crate::output::Table;

/// List, inspect and call the agent tools
#[derive(Debug, Args)]
pub(crate) struct ToolsArgs {
    #[command(subcommand)]
    command: ToolsCommand,
}

#[derive(Debug, Subcommand)]
enum ToolsCommand {
    List(ListArgs),
    Schema(SchemaArgs),
    Call(CallArgs),
}

/// List the tools with their scopes
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  $ vimeo tools list\n  $ vimeo tools list --json --jq '.[].name'")]
pub(crate) struct ListArgs {}

/// Print the schema of a tool as a model sees it
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  $ vimeo tools schema vimeo_video_get")]
pub(crate) struct SchemaArgs {
    /// Tool name [default: all tools]
    name: Option<String>,
    /// Output format
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    shape: SchemaFormat,
}

#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
enum SchemaFormat {
    /// Name, description, input and output schemas
    #[default]
    Plain,
    /// Anthropic format (`input_schema`)
    Anthropic,
    /// OpenAI format (`function` with `parameters`)
    Openai,
}

/// Call a tool with JSON arguments
#[derive(Debug, Args)]
#[command(after_help = "Scopes: those of the tool; see vimeo tools list.\n\nExamples:\n  \
    $ vimeo tools call vimeo_me_get\n  \
    $ vimeo tools call vimeo_video_get '{\"video_id\": \"76979871\"}'")]
pub(crate) struct CallArgs {
    /// Tool name
    name: String,
    /// Arguments as a JSON object; `-` reads standard input
    #[arg(default_value = "{}")]
    arguments: String,
}

pub(crate) async fn run(context: &Context<'_>, args: ToolsArgs) -> Result<ExitCode> {
    match args.command {
        ToolsCommand::List(_) => list(context).await,
        ToolsCommand::Schema(args) => schema(context, &args).await,
        ToolsCommand::Call(args) => call(context, args).await,
    }
}

async fn list(context: &Context<'_>) -> Result<ExitCode> {
    context.streams.start_pager();
    if context.wants_json() {
        let list: Vec<Value> = tools::all()
            .iter()
            .map(|tool| {
                let spec = tool.spec();
                json!({
                    "name": spec.name, "title": spec.title, "description": spec.description, "scopes": spec.scopes,
                    "toolset": spec.toolset.as_str(), "read_only": spec.effect.is_read_only(),
                    "destructive": spec.effect.is_destructive(),
                    "discloses": spec.discloses.map(Disclosure::as_str),
                })
            })
            .collect();
        context.print_json(&list).await?;
        return Ok(ExitCode::Done);
    }
    let mut table = Table::new(&["tool", "title", "scopes", "changes"]);
    for tool in tools::all() {
        let spec = tool.spec();
        let changes = match (spec.effect.is_read_only(), spec.effect.is_destructive()) {
            _ if spec.effect == Effect::Varies => "depends on the call",
            (true, _) => "nothing",
            (_, true) => "deletes or overwrites",
            _ => "adds",
        };
        table.row([spec.name.to_owned(), spec.title.to_owned(), spec.scopes.join(","), changes.to_owned()]);
    }
    table.print(context.streams)?;
    Ok(ExitCode::Done)
}

async fn schema(context: &Context<'_>, args: &SchemaArgs) -> Result<ExitCode> {
    context.streams.start_pager();
    let shape = |tool: &tools::Definition| match args.shape {
        SchemaFormat::Anthropic => tool.anthropic(),
        SchemaFormat::Openai => tool.openai(),
        SchemaFormat::Plain => json!({
            "name": tool.spec().name,
            "description": tool.spec().description,
            "input_schema": tool.input_schema(),
            "output_schema": tool.output_schema(),
        }),
    };
    match &args.name {
        Some(name) => {
            let tool = tools::tool(name).ok_or_else(|| unknown_tool(name))?;
            context.print_json(&shape(tool)).await?;
        }
        None => context.print_json(&tools::all().iter().map(shape).collect::<Vec<_>>()).await?,
    }
    Ok(ExitCode::Done)
}

async fn call(context: &Context<'_>, args: CallArgs) -> Result<ExitCode> {
    let text = match args.arguments.as_str() {
        "-" => {
            let bytes = context.streams.read_input("-").await?;
            String::from_utf8(bytes).map_err(|_| {
                CliError::usage("standard input is not valid UTF-8")
                    .with_next_step(format!("vimeo tools schema {}  (lists the arguments)", args.name))
            })?
        }
        text => text.to_owned(),
    };
    let arguments: Value = serde_json::from_str(&text).map_err(|error| {
        CliError::usage(format!("invalid JSON in the arguments: {error}"))
            .with_next_step(format!("vimeo tools schema {}  (lists the arguments)", args.name))
    })?;
    let tool = tools::tool(&args.name).ok_or_else(|| unknown_tool(&args.name))?;
    if !tool.effect(&arguments).is_read_only() {
        context.check_write_allowed(tool.spec().title)?;
    }
    let selection = ToolSelection {
        names: vec![args.name.clone()],
        read_only: context.global.read_only,
        ..ToolSelection::default()
    };
    // Typing the command is approval of what it discloses.
    let tools = Tools::for_account(context.vimeo().await?).selection(selection).allow(Disclosure::ALL);
    match tools.call(&args.name, arguments).await {
        Ok(answer) => {
            context.print_json(answer.value()).await?;
            Ok(ExitCode::Done)
        }
        Err(error) => {
            // Print the error as data where the result would have been.
            context.streams.json(&json!({ "error": error.to_value() }))?;
            Err(tool_error(&error))
        }
    }
}

pub(super) fn unknown_tool(name: &str) -> CliError {
    CliError::new(ExitCode::NotFound, format!("unknown tool `{name}`")).with_next_step("vimeo tools list")
}

fn tool_error(error: &ToolError) -> CliError {
    let exit = match error.kind {
        ErrorKind::Input => ExitCode::Usage,
        ErrorKind::Scope | ErrorKind::Auth => ExitCode::Auth,
        ErrorKind::NotFound => ExitCode::NotFound,
        ErrorKind::Plan => ExitCode::Refused,
        ErrorKind::RateLimit => ExitCode::RateLimited,
        ErrorKind::Conflict => ExitCode::WriteRefused,
        ErrorKind::Temporary => ExitCode::Temporary,
        _ => ExitCode::Other,
    };
    CliError::new(exit, error.message.clone()).with_next_step(error.next_step.clone())
}
