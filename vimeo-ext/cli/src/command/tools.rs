//! `vimeo tools`: the tools for agents, from a shell.

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use vimeo_agent::tools::{self, Disclosure, ErrorKind, ToolError, ToolSelection, Tools};

use crate::context::Context;
use crate::exit::{Exit, Failure, Result};
use crate::output::Table;

/// The tools for agents: list them, show their schemas, call one
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

/// List the tools, what they do and the scopes they need
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  $ vimeo tools list\n  $ vimeo tools list --json --jq '.[].name'")]
pub(crate) struct ListArgs {}

/// Print a tool as a model is given it
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  $ vimeo tools schema vimeo_video_get")]
pub(crate) struct SchemaArgs {
    /// The tool; all of them when left out
    name: Option<String>,
    /// In which shape
    #[arg(long, value_name = "SHAPE", value_enum, default_value_t)]
    shape: Form,
}

#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
enum Form {
    /// Name, description, input and output schema
    #[default]
    Plain,
    /// With `input_schema`
    Anthropic,
    /// A `function` with `parameters`
    Openai,
}

/// Call a tool with arguments as JSON
#[derive(Debug, Args)]
#[command(after_help = "Scopes: those of the tool; vimeo tools list names them.\n\nExamples:\n  \
    $ vimeo tools call vimeo_me_get\n  \
    $ vimeo tools call vimeo_video_get '{\"video_id\": \"76979871\"}'")]
pub(crate) struct CallArgs {
    /// The tool
    name: String,
    /// Its arguments, an object; - reads standard input
    #[arg(default_value = "{}")]
    arguments: String,
}

pub(crate) async fn run(context: &Context<'_>, args: ToolsArgs) -> Result<Exit> {
    match args.command {
        ToolsCommand::List(_) => list(context).await,
        ToolsCommand::Schema(args) => schema(context, &args).await,
        ToolsCommand::Call(args) => call(context, args).await,
    }
}

async fn list(context: &Context<'_>) -> Result<Exit> {
    context.streams.page();
    if context.global.json.is_some() || context.global.jq.is_some() {
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
        context.document(&list).await?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["tool", "does", "scopes", "changes"]);
    for tool in tools::all() {
        let spec = tool.spec();
        let changes = match (spec.effect.is_read_only(), spec.effect.is_destructive()) {
            (true, _) => "nothing",
            (_, true) => "takes away or overwrites",
            _ => "adds",
        };
        table.row([spec.name.to_owned(), spec.title.to_owned(), spec.scopes.join(","), changes.to_owned()]);
    }
    table.print(context.streams)?;
    Ok(Exit::Done)
}

async fn schema(context: &Context<'_>, args: &SchemaArgs) -> Result<Exit> {
    context.streams.page();
    let shape = |tool: &tools::Definition| match args.shape {
        Form::Anthropic => tool.anthropic(),
        Form::Openai => tool.openai(),
        Form::Plain => json!({
            "name": tool.spec().name,
            "description": tool.spec().description,
            "input_schema": tool.input_schema(),
            "output_schema": tool.output_schema(),
        }),
    };
    match &args.name {
        Some(name) => {
            let tool = tools::tool(name).ok_or_else(|| no_such_tool(name))?;
            context.document(&shape(tool)).await?;
        }
        None => context.document(&tools::all().iter().map(shape).collect::<Vec<_>>()).await?,
    }
    Ok(Exit::Done)
}

async fn call(context: &Context<'_>, args: CallArgs) -> Result<Exit> {
    let text = match args.arguments.as_str() {
        "-" => {
            let bytes = context.streams.read_input("-").await?;
            String::from_utf8(bytes).map_err(|_| {
                Failure::usage("standard input holds no text in UTF-8")
                    .next(format!("vimeo tools schema {}  (the arguments it takes)", args.name))
            })?
        }
        text => text.to_owned(),
    };
    let arguments: Value = serde_json::from_str(&text).map_err(|error| {
        Failure::usage(format!("the arguments are no JSON: {error}"))
            .next(format!("vimeo tools schema {}  (the arguments it takes)", args.name))
    })?;
    let tool = tools::tool(&args.name).ok_or_else(|| no_such_tool(&args.name))?;
    if !tool.spec().effect.is_read_only() {
        context.may_write(tool.spec().title)?;
    }
    let offer = ToolSelection {
        names: vec![args.name.clone()],
        read_only: context.global.read_only,
        ..ToolSelection::default()
    };
    // Whoever types the command consents to what it discloses.
    let tools = Tools::for_account(context.vimeo().await?).selection(offer).allow(Disclosure::ALL);
    match tools.call(&args.name, arguments).await {
        Ok(answer) => {
            context.document(answer.value()).await?;
            Ok(Exit::Done)
        }
        Err(error) => {
            // The whole of it is data, for whoever would have read the answer.
            context.streams.json(&json!({ "error": error.to_value() }))?;
            Err(failure(&error))
        }
    }
}

pub(super) fn no_such_tool(name: &str) -> Failure {
    Failure::new(Exit::NotFound, format!("no tool is called `{name}`")).next("vimeo tools list")
}

fn failure(error: &ToolError) -> Failure {
    let exit = match error.kind {
        ErrorKind::Input => Exit::Usage,
        ErrorKind::Scope | ErrorKind::Auth => Exit::Auth,
        ErrorKind::NotFound => Exit::NotFound,
        ErrorKind::Plan => Exit::Refused,
        ErrorKind::RateLimit => Exit::RateLimited,
        ErrorKind::Conflict => Exit::WriteRefused,
        ErrorKind::Temporary => Exit::Temporary,
        _ => Exit::Other,
    };
    Failure::new(exit, error.message.clone()).next(error.next_step.clone())
}
