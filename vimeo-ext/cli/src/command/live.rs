//! `vimeo live`.

use clap::{Args, Subcommand};
use vimeo_ext::api::types;

use super::args::{ItemArgs, item};
use crate::context::Context;
use crate::exit::{CliError, ExitCode, Result};
use crate::output::known_fields;
use crate::resource::{CellFormat, Resource, column};

pub(super) const EVENTS: Resource = Resource {
    noun: "live events",
    columns: &[
        column("uri", "uri", CellFormat::Text),
        column("title", "title", CellFormat::Text),
        column("status", "status", CellFormat::Text),
        column("next", "next_occurrence_time", CellFormat::Time),
        column("page", "link", CellFormat::Page),
    ],
    field_names: known_fields::<types::LiveEvent>,
};

/// Manage live events
#[derive(Debug, Args)]
pub(crate) struct LiveArgs {
    #[command(subcommand)]
    command: LiveCommand,
}

#[derive(Debug, Subcommand)]
enum LiveCommand {
    List(ListArgs),
    /// Show a live event
    #[command(after_help = "Scope: private.\n\nExamples:\n  $ vimeo live show 76979874")]
    #[command(mut_arg("id", item("EVENT", "Live event")))]
    Show(ItemArgs),
    /// Activate a live event so that it can receive the stream
    #[command(after_help = "Scopes: create, private.\n\nExamples:\n  $ vimeo live start 76979874")]
    #[command(mut_arg("id", item("EVENT", "Live event")))]
    Start(ItemArgs),
    /// End a live event
    #[command(after_help = "Scopes: create, private.\n\nExamples:\n  $ vimeo live end 76979874")]
    #[command(mut_arg("id", item("EVENT", "Live event")))]
    End(ItemArgs),
}

/// List your live events
#[derive(Debug, Args)]
#[command(after_help = "Scope: none documented.\n\nExamples:\n  $ vimeo live list --json=uri,title,status")]
pub(crate) struct ListArgs {
    /// Maximum number of events
    #[arg(long, value_name = "N", default_value_t = 30)]
    limit: u64,
}

pub(crate) async fn run(context: &Context<'_>, args: LiveArgs) -> Result<ExitCode> {
    match args.command {
        LiveCommand::List(args) => {
            EVENTS.requested_fields(context)?;
            EVENTS.list(context, context.vimeo().await?.get("/me/live_events"), args.limit).await
        }
        LiveCommand::Show(args) => {
            let path = event(&args.id)?;
            EVENTS.show(context, context.vimeo().await?.get(&path)).await
        }
        LiveCommand::Start(args) => {
            post_action(context, &args.id, "activate", "is ready to receive the stream").await
        }
        LiveCommand::End(args) => post_action(context, &args.id, "end", "has ended").await,
    }
}

async fn post_action(context: &Context<'_>, id: &str, action: &str, outcome: &str) -> Result<ExitCode> {
    let path = event(id)?;
    context.check_write_allowed("starting or ending a live event")?;
    let response = context.vimeo().await?.post(&format!("{path}/{action}")).send().await?;
    if context.wants_json() {
        context.print_json(&*response).await?;
    } else {
        context.streams.note(&format!("{path} {outcome}"));
    }
    Ok(ExitCode::Done)
}

/// Returns the path of a live event, given its ID, URI or link.
fn event(text: &str) -> Result<String> {
    let number = text
        .strip_prefix("/me/live_events/")
        .or_else(|| text.strip_prefix("/live_events/"))
        .or_else(|| text.strip_prefix("https://vimeo.com/event/"))
        .unwrap_or(text);
    match number.parse::<u64>() {
        Ok(number) => Ok(format!("/me/live_events/{number}")),
        Err(_) => {
            Err(CliError::usage(format!("invalid live event `{text}`; give its ID or /live_events/ID")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_invalid_event_ids() {
        for text in ["7", "/live_events/7", "/me/live_events/7", "https://vimeo.com/event/7"] {
            assert_eq!(event(text).unwrap(), "/me/live_events/7", "{text}");
        }
        for text in ["", "../7", "7/../8", "/videos/7", "7?x", "-7"] {
            assert_eq!(event(text).unwrap_err().exit, ExitCode::Usage, "{text}");
        }
    }
}
