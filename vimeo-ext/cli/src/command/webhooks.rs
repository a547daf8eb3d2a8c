//! `vimeo webhooks`.

use clap::{Args, Subcommand};
use serde_json::json;
use vimeo_agent::tools::{AppId, WebhookId};
use vimeo_ext::Vimeo;
use vimeo_ext::api::types;

use crate::context::{Context, env_var};
use crate::exit::{CliError, ExitCode, Result};
use crate::ids;
use crate::output::known_fields;
use crate::resource::{CellFormat, Resource, column};

pub(super) const WEBHOOKS: Resource = Resource {
    noun: "webhooks",
    columns: &[
        column("uri", "uri", CellFormat::Text),
        column("event", "webhook_type", CellFormat::Text),
        column("url", "webhook_url", CellFormat::Text),
        column("enabled", "is_enabled", CellFormat::Text),
    ],
    field_names: known_fields::<types::Webhook>,
};

/// Manage an app's webhooks
#[derive(Debug, Args)]
pub(crate) struct WebhooksArgs {
    #[command(subcommand)]
    command: WebhooksCommand,
}

#[derive(Debug, Subcommand)]
enum WebhooksCommand {
    List(ListArgs),
    Create(CreateArgs),
    Delete(DeleteArgs),
}

#[derive(Debug, Args)]
struct AppArgs {
    /// App ID [default: the app that issued the token]
    #[arg(long, value_name = "APP")]
    app: Option<String>,
}

/// List the app's webhooks
#[derive(Debug, Args)]
#[command(
    after_help = "Scope: none documented.\n\nExamples:\n  $ vimeo webhooks list --json=uri,webhook_type"
)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    app: AppArgs,
}

/// Create a webhook
#[derive(Debug, Args)]
#[command(
    after_help = "Scope: none documented.\n\nIf VIMEO_WEBHOOK_SECRET is set, Vimeo signs deliveries with that secret.\n\nExamples:\n  \
    $ vimeo webhooks create video-transcode-complete https://example.com/hook"
)]
pub(crate) struct CreateArgs {
    /// Event type, e.g. video-transcode-complete
    event: String,
    /// URL that receives the events
    url: String,
    #[command(flatten)]
    app: AppArgs,
}

/// Delete a webhook
#[derive(Debug, Args)]
#[command(after_help = "Scope: none documented.\n\nExamples:\n  $ vimeo webhooks delete 76979875 --yes")]
pub(crate) struct DeleteArgs {
    /// Webhook ID, or /apps/APP/webhooks/ID
    webhook: String,
    /// Skip the confirmation prompt
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    app: AppArgs,
}

pub(crate) async fn run(context: &Context<'_>, args: WebhooksArgs) -> Result<ExitCode> {
    match args.command {
        WebhooksCommand::List(args) => {
            WEBHOOKS.requested_fields(context)?;
            let vimeo = context.vimeo().await?;
            let path = webhooks_path(&vimeo, args.app.app.as_deref()).await?;
            WEBHOOKS.list(context, vimeo.get(&path), 100).await
        }
        WebhooksCommand::Create(args) => {
            context.check_write_allowed("creating a webhook")?;
            let vimeo = context.vimeo().await?;
            let path = webhooks_path(&vimeo, args.app.app.as_deref()).await?;
            let mut body = json!({ "webhook_type": args.event, "webhook_url": args.url, "is_enabled": true });
            if let (Some(secret), Some(body)) = (env_var("VIMEO_WEBHOOK_SECRET")?, body.as_object_mut()) {
                body.insert("secret".to_owned(), secret.into());
            }
            WEBHOOKS.send_and_show(context, vimeo.post(&path).json(&body)).await
        }
        WebhooksCommand::Delete(args) => {
            let webhook: WebhookId = ids::parse(&args.webhook)?;
            context.check_write_allowed("deleting a webhook")?;
            let vimeo = context.vimeo().await?;
            let app = webhook.app().map(|app| app.to_string()).or(args.app.app);
            let path = format!("{}/{}", webhooks_path(&vimeo, app.as_deref()).await?, webhook.number());
            if !args.yes {
                if !context.streams.can_prompt() {
                    return Err(CliError::usage("cannot prompt for confirmation").with_next_step("add --yes"));
                }
                let answer = context.streams.prompt(&format!("Delete {path}? Type yes to confirm: ")).await?;
                if answer.as_deref() != Some("yes") {
                    return Err(CliError::new(ExitCode::WriteRefused, "not confirmed; nothing was deleted")
                        .with_next_step("run the command again and type yes, or add --yes"));
                }
            }
            vimeo.delete(&path).send().await?;
            context.streams.note(&format!("deleted {path}"));
            Ok(ExitCode::Done)
        }
    }
}

/// Returns the path of an app's webhooks; without an ID, of the app that issued the token.
async fn webhooks_path(vimeo: &Vimeo, app: Option<&str>) -> Result<String> {
    let number = match app {
        Some(app) => ids::parse::<AppId>(app)?.number(),
        None => {
            let grant = vimeo.auth().verify().await?;
            let uri = grant.app.and_then(|app| app.uri);
            let number = uri.as_deref().and_then(|uri| uri.rsplit('/').next()?.parse().ok());
            number.ok_or_else(|| {
                CliError::usage("Vimeo did not report the token's app").with_next_step("add --app ID")
            })?
        }
    };
    Ok(format!("/apps/{number}/webhooks"))
}
