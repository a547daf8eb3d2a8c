//! `vimeo live`.

use clap::{Args, Subcommand};
use vimeo_ext::api::types;

use crate::context::Context;
use crate::exit::{Exit, Failure, Result};
use crate::output::known_fields;
use crate::resource::{Resource, Shape, column};

pub(super) const EVENTS: Resource = Resource {
    noun: "live events",
    columns: &[
        column("uri", "uri", Shape::Text),
        column("title", "title", Shape::Text),
        column("status", "status", Shape::Text),
        column("next", "next_occurrence_time", Shape::Time),
        column("page", "link", Shape::Text),
    ],
    known: known_fields::<types::LiveEvent>,
};

/// Live events: list, show, start and end them
#[derive(Debug, Args)]
pub(crate) struct LiveArgs {
    #[command(subcommand)]
    command: LiveCommand,
}

#[derive(Debug, Subcommand)]
enum LiveCommand {
    List(ListArgs),
    Show(ShowArgs),
    Start(StartArgs),
    End(EndArgs),
}

/// List your live events
#[derive(Debug, Args)]
#[command(
    after_help = "Scope: none that is known.\n\nExamples:\n  $ vimeo live list --json=uri,title,status"
)]
pub(crate) struct ListArgs {
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 30)]
    limit: u64,
}

/// Show a live event
#[derive(Debug, Args)]
#[command(after_help = "Scope: private.\n\nExamples:\n  $ vimeo live show 76979874")]
pub(crate) struct ShowArgs {
    /// Its number or URI
    event: String,
}

/// Make a live event ready to take the stream
#[derive(Debug, Args)]
#[command(after_help = "Scopes: create, private.\n\nExamples:\n  $ vimeo live start 76979874")]
pub(crate) struct StartArgs {
    /// Its number or URI
    event: String,
}

/// End a live event
#[derive(Debug, Args)]
#[command(after_help = "Scopes: create, private.\n\nExamples:\n  $ vimeo live end 76979874")]
pub(crate) struct EndArgs {
    /// Its number or URI
    event: String,
}

pub(crate) async fn run(context: &Context<'_>, args: LiveArgs) -> Result<Exit> {
    match args.command {
        LiveCommand::List(args) => {
            EVENTS.wanted(context)?;
            EVENTS.list(context, context.vimeo().await?.get("/me/live_events"), args.limit).await
        }
        LiveCommand::Show(args) => {
            let path = event(&args.event)?;
            EVENTS.show(context, context.vimeo().await?.get(&path)).await
        }
        LiveCommand::Start(args) => act(context, &args.event, "activate", "is ready for the stream").await,
        LiveCommand::End(args) => act(context, &args.event, "end", "has ended").await,
    }
}

async fn act(context: &Context<'_>, name: &str, action: &str, done: &str) -> Result<Exit> {
    let path = event(name)?;
    context.may_write("steering a live event")?;
    let answer = context.vimeo().await?.post(&format!("{path}/{action}")).send().await?;
    if context.global.json.is_some() || context.global.jq.is_some() {
        context.document(&*answer).await?;
    } else {
        context.streams.note(&format!("{path} {done}"));
    }
    Ok(Exit::Done)
}

/// The path of a live event out of its number or URI.
fn event(text: &str) -> Result<String> {
    let number = text
        .strip_prefix("/me/live_events/")
        .or_else(|| text.strip_prefix("/live_events/"))
        .or_else(|| text.strip_prefix("https://vimeo.com/event/"))
        .unwrap_or(text);
    match number.parse::<u64>() {
        Ok(number) => Ok(format!("/me/live_events/{number}")),
        Err(_) => {
            Err(Failure::usage(format!("`{text}` is no live event; give its number or /live_events/NUMBER")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_whole_or_refused() {
        for text in ["7", "/live_events/7", "/me/live_events/7", "https://vimeo.com/event/7"] {
            assert_eq!(event(text).unwrap(), "/me/live_events/7", "{text}");
        }
        for text in ["", "../7", "7/../8", "/videos/7", "7?x", "-7"] {
            assert_eq!(event(text).unwrap_err().exit, Exit::Usage, "{text}");
        }
    }
}
