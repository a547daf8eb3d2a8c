//! `vimeo showcases`.

use clap::{Args, Subcommand};
use serde_json::json;
use vimeo_ext::api::types::{self, ViewPrivacy};

use super::collections::{self, Collection, Listing};
use crate::context::Context;
use crate::exit::{Exit, Result};
use crate::output::known_fields;
use crate::reference;
use crate::resource::{Resource, Shape, column};

pub(super) const SHOWCASES: Resource = Resource {
    noun: "showcases",
    columns: &[
        column("uri", "uri", Shape::Text),
        column("name", "name", Shape::Text),
        column("privacy", "privacy.view", Shape::Text),
        column("videos", "metadata.connections.videos.total", Shape::Text),
        column("page", "link", Shape::Text),
    ],
    known: known_fields::<types::Showcase>,
};

struct Showcase;

impl Collection for Showcase {
    const RESOURCE: Resource = SHOWCASES;
    const OWN: &'static str = "/me/albums";

    fn path(given: &str) -> Result<String> {
        reference::showcase(given)
    }
}

/// Showcases: list them and what is in them, make, fill and delete them
#[derive(Debug, Args)]
pub(crate) struct ShowcasesArgs {
    #[command(subcommand)]
    command: ShowcasesCommand,
}

#[derive(Debug, Subcommand)]
enum ShowcasesCommand {
    List(ListArgs),
    Videos(VideosOfArgs),
    Create(CreateArgs),
    Add(AddArgs),
    Remove(RemoveArgs),
    Delete(DeleteArgs),
}

/// List your showcases
#[derive(Debug, Args)]
#[command(after_help = "Scope: private.\n\nExamples:\n  $ vimeo showcases list --json=uri,name,link")]
pub(crate) struct ListArgs {
    #[command(flatten)]
    listing: Listing,
}

/// List the videos of a showcase
#[derive(Debug, Args)]
#[command(after_help = "Scope: private.\n\nExamples:\n  $ vimeo showcases videos 76979873")]
pub(crate) struct VideosOfArgs {
    /// Its number, URI or link
    showcase: String,
    #[command(flatten)]
    listing: Listing,
}

/// Make a showcase
#[derive(Debug, Args)]
#[command(after_help = "Scope: create.\n\nExamples:\n  $ vimeo showcases create Trailers --privacy anybody")]
pub(crate) struct CreateArgs {
    /// Its name
    name: String,
    /// The description
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Who may see it: anybody, nobody, embed_only
    #[arg(long, value_name = "WHO")]
    privacy: Option<ViewPrivacy>,
}

/// Add videos to a showcase
#[derive(Debug, Args)]
#[command(after_help = "Scope: edit.\n\nExamples:\n  $ vimeo showcases add 76979873 76979871")]
pub(crate) struct AddArgs {
    /// Its number, URI or link
    showcase: String,
    /// The videos
    #[arg(required = true)]
    videos: Vec<String>,
}

/// Take videos out of a showcase; they stay in the library
#[derive(Debug, Args)]
#[command(after_help = "Scope: edit.\n\nExamples:\n  $ vimeo showcases remove 76979873 76979871")]
pub(crate) struct RemoveArgs {
    /// Its number, URI or link
    showcase: String,
    /// The videos
    #[arg(required = true)]
    videos: Vec<String>,
}

/// Delete a showcase; its videos stay
#[derive(Debug, Args)]
#[command(after_help = "Scope: delete. It asks for the name unless --yes is there.\n\nExamples:\n  \
    $ vimeo showcases delete 76979873 --yes")]
pub(crate) struct DeleteArgs {
    /// Its number, URI or link
    showcase: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub(crate) async fn run(context: &Context<'_>, args: ShowcasesArgs) -> Result<Exit> {
    match args.command {
        ShowcasesCommand::List(args) => collections::list::<Showcase>(context, &args.listing).await,
        ShowcasesCommand::Videos(args) => {
            collections::videos::<Showcase>(context, &args.showcase, &args.listing).await
        }
        ShowcasesCommand::Create(args) => {
            let mut body = json!({ "name": args.name });
            let privacy = args.privacy.map(|privacy| privacy.to_string());
            for (name, value) in [("description", args.description), ("privacy", privacy)] {
                if let (Some(value), Some(body)) = (value, body.as_object_mut()) {
                    body.insert(name.to_owned(), value.into());
                }
            }
            context.may_write("making a showcase")?;
            let call = context.vimeo().await?.post(Showcase::OWN).json(&body);
            SHOWCASES.changed(context, call).await
        }
        ShowcasesCommand::Add(args) => {
            collections::add::<Showcase>(context, &args.showcase, &args.videos).await
        }
        ShowcasesCommand::Remove(args) => {
            collections::remove::<Showcase>(context, &args.showcase, &args.videos).await
        }
        ShowcasesCommand::Delete(args) => {
            collections::delete::<Showcase>(context, &args.showcase, args.yes).await
        }
    }
}
