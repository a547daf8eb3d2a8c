//! `vimeo showcases`.

use clap::{Args, Subcommand};
use serde_json::json;
use vimeo_ext::api::types::{self, ViewPrivacy};

use super::args::{DeleteArgs, ListArgs, item, stay_last};
use super::collections::{self, Collection, ContentsArgs, MembersArgs};
use crate::context::Context;
use crate::exit::{ExitCode, Result};
use crate::ids;
use crate::output::known_fields;
use crate::resource::{CellFormat, Resource, column};

pub(super) const SHOWCASES: Resource = Resource {
    noun: "showcases",
    columns: &[
        column("uri", "uri", CellFormat::Text),
        column("name", "name", CellFormat::Text),
        column("privacy", "privacy.view", CellFormat::Text),
        column("videos", "metadata.connections.videos.total", CellFormat::Text),
        column("page", "link", CellFormat::Page),
    ],
    field_names: known_fields::<types::Showcase>,
};

struct Showcase;

impl Collection for Showcase {
    const RESOURCE: Resource = SHOWCASES;
    const LIST_PATH: &'static str = "/me/albums";

    fn path(id: &str) -> Result<String> {
        ids::showcase(id)
    }
}

/// Manage showcases
#[derive(Debug, Args)]
pub(crate) struct ShowcasesArgs {
    #[command(subcommand)]
    command: ShowcasesCommand,
}

#[derive(Debug, Subcommand)]
enum ShowcasesCommand {
    /// List your showcases
    #[command(after_help = "Scope: private.\n\nExamples:\n  $ vimeo showcases list --json=uri,name,link")]
    List(ListArgs),
    /// List the videos in a showcase
    #[command(after_help = "Scope: private.\n\nExamples:\n  $ vimeo showcases videos 76979873")]
    #[command(mut_arg("id", item("SHOWCASE", "Showcase")))]
    Videos(ContentsArgs),
    Create(CreateArgs),
    /// Add videos to a showcase
    #[command(after_help = "Scope: edit.\n\nExamples:\n  $ vimeo showcases add 76979873 76979871")]
    #[command(mut_arg("id", item("SHOWCASE", "Showcase")), mut_arg("videos", stay_last))]
    Add(MembersArgs),
    /// Remove videos from a showcase without deleting them
    #[command(after_help = "Scope: edit.\n\nExamples:\n  $ vimeo showcases remove 76979873 76979871")]
    #[command(mut_arg("id", item("SHOWCASE", "Showcase")), mut_arg("videos", stay_last))]
    Remove(MembersArgs),
    /// Delete a showcase but keep its videos
    #[command(after_help = "Scope: delete. Prompts for the name unless --yes is given.\n\nExamples:\n  \
        $ vimeo showcases delete 76979873 --yes")]
    #[command(mut_arg("id", item("SHOWCASE", "Showcase")))]
    Delete(DeleteArgs),
}

/// Create a showcase
#[derive(Debug, Args)]
#[command(after_help = "Scope: create.\n\nExamples:\n  $ vimeo showcases create Trailers --privacy anybody")]
pub(crate) struct CreateArgs {
    /// Showcase name
    name: String,
    /// Description
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Who can see it: anybody, nobody, embed_only
    #[arg(long, value_name = "PRIVACY")]
    privacy: Option<ViewPrivacy>,
}

pub(crate) async fn run(context: &Context<'_>, args: ShowcasesArgs) -> Result<ExitCode> {
    match args.command {
        ShowcasesCommand::List(args) => collections::list::<Showcase>(context, &args).await,
        ShowcasesCommand::Videos(args) => collections::videos::<Showcase>(context, &args).await,
        ShowcasesCommand::Create(args) => {
            let mut body = json!({ "name": args.name });
            let privacy = args.privacy.map(|privacy| privacy.to_string());
            for (name, value) in [("description", args.description), ("privacy", privacy)] {
                if let (Some(value), Some(body)) = (value, body.as_object_mut()) {
                    body.insert(name.to_owned(), value.into());
                }
            }
            context.check_write_allowed("creating a showcase")?;
            let call = context.vimeo().await?.post(Showcase::LIST_PATH).json(&body);
            SHOWCASES.send_and_show(context, call).await
        }
        ShowcasesCommand::Add(args) => collections::add::<Showcase>(context, &args).await,
        ShowcasesCommand::Remove(args) => collections::remove::<Showcase>(context, &args).await,
        ShowcasesCommand::Delete(args) => collections::delete::<Showcase>(context, &args).await,
    }
}
