//! `vimeo webhooks`.

use clap::{Args, Subcommand};
use serde_json::json;
use vimeo_agent::tools::{AppId, WebhookId};
use vimeo_ext::Vimeo;
use vimeo_ext::api::types;

use crate::context::{Context, variable};
use crate::exit::{Exit, Failure, Result};
use crate::output::known_fields;
use crate::reference;
use crate::resource::{Resource, Shape, column};

pub(super) const WEBHOOKS: Resource = Resource {
    noun: "webhooks",
    columns: &[
        column("uri", "uri", Shape::Text),
        column("event", "webhook_type", Shape::Text),
        column("url", "webhook_url", Shape::Text),
        column("enabled", "is_enabled", Shape::Text),
    ],
    known: known_fields::<types::Webhook>,
};

/// Webhooks of an app: list, make and delete them
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
struct App {
    /// The app's number; the one the token was made with when left out
    #[arg(long, value_name = "APP")]
    app: Option<String>,
}

/// List the webhooks of the app
#[derive(Debug, Args)]
#[command(
    after_help = "Scope: none that is known.\n\nExamples:\n  $ vimeo webhooks list --json=uri,webhook_type"
)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    app: App,
}

/// Have Vimeo call an address when something happens
#[derive(Debug, Args)]
#[command(
    after_help = "Scope: none that is known.\n\nA secret that deliveries are signed with is taken from VIMEO_WEBHOOK_SECRET.\n\nExamples:\n  \
    $ vimeo webhooks create video-transcode-complete https://example.com/hook"
)]
pub(crate) struct CreateArgs {
    /// What is to happen, in Vimeo's word for it
    event: String,
    /// The address that is called
    url: String,
    #[command(flatten)]
    app: App,
}

/// Remove a webhook
#[derive(Debug, Args)]
#[command(after_help = "Scope: none that is known.\n\nExamples:\n  $ vimeo webhooks delete 76979875 --yes")]
pub(crate) struct DeleteArgs {
    /// Its number, or /apps/APP/webhooks/NUMBER
    webhook: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    app: App,
}

pub(crate) async fn run(context: &Context<'_>, args: WebhooksArgs) -> Result<Exit> {
    match args.command {
        WebhooksCommand::List(args) => {
            WEBHOOKS.wanted(context)?;
            let vimeo = context.vimeo().await?;
            let path = path_of(&vimeo, args.app.app.as_deref()).await?;
            WEBHOOKS.list(context, vimeo.get(&path), 100).await
        }
        WebhooksCommand::Create(args) => {
            context.may_write("making a webhook")?;
            let vimeo = context.vimeo().await?;
            let path = path_of(&vimeo, args.app.app.as_deref()).await?;
            let mut body = json!({ "webhook_type": args.event, "webhook_url": args.url, "is_enabled": true });
            if let (Some(secret), Some(body)) = (variable("VIMEO_WEBHOOK_SECRET")?, body.as_object_mut()) {
                body.insert("secret".to_owned(), secret.into());
            }
            WEBHOOKS.changed(context, vimeo.post(&path).json(&body)).await
        }
        WebhooksCommand::Delete(args) => {
            let webhook: WebhookId = reference::id(&args.webhook)?;
            context.may_write("removing a webhook")?;
            let vimeo = context.vimeo().await?;
            let app = webhook.app().map(|app| app.to_string()).or(args.app.app);
            let path = format!("{}/{}", path_of(&vimeo, app.as_deref()).await?, webhook.number());
            if !args.yes {
                if !context.streams.may_prompt() {
                    return Err(Failure::usage("this has to be confirmed, and there is nobody to ask")
                        .next("add --yes"));
                }
                let answer = context.streams.ask(&format!("Remove {path}? Type yes: ")).await?;
                if answer.as_deref() != Some("yes") {
                    return Err(Failure::new(Exit::WriteRefused, "not confirmed; nothing was removed")
                        .next("run it again and type yes, or add --yes"));
                }
            }
            vimeo.delete(&path).send().await?;
            context.streams.note(&format!("{path} is removed"));
            Ok(Exit::Done)
        }
    }
}

/// Where the webhooks of the app are; without a number that of the app the token belongs to.
async fn path_of(vimeo: &Vimeo, app: Option<&str>) -> Result<String> {
    let number = match app {
        Some(app) => reference::id::<AppId>(app)?.number(),
        None => {
            let grant = vimeo.auth().verify().await?;
            let uri = grant.app.and_then(|app| app.uri);
            let number = uri.as_deref().and_then(|uri| uri.rsplit('/').next()?.parse().ok());
            number.ok_or_else(|| {
                Failure::usage("Vimeo does not say which app the token belongs to")
                    .next("name it with --app NUMBER")
            })?
        }
    };
    Ok(format!("/apps/{number}/webhooks"))
}
