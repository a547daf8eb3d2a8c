//! `vimeo folders`.

use clap::{Args, Subcommand};
use serde_json::json;
use vimeo_agent::tools::FolderId;
use vimeo_ext::api::types;

use super::collections::{self, Collection, Listing};
use crate::context::Context;
use crate::exit::{Exit, Result};
use crate::output::known_fields;
use crate::reference;
use crate::resource::{Resource, Shape, column};

pub(super) const FOLDERS: Resource = Resource {
    noun: "folders",
    columns: &[
        column("uri", "uri", Shape::Text),
        column("name", "name", Shape::Text),
        column("videos", "metadata.connections.videos.total", Shape::Text),
        column("created", "created_time", Shape::Time),
    ],
    known: known_fields::<types::Folder>,
};

struct Folder;

impl Collection for Folder {
    const RESOURCE: Resource = FOLDERS;
    const OWN: &'static str = "/me/projects";

    fn path(given: &str) -> Result<String> {
        reference::folder(given)
    }
}

/// Folders: list them and what is in them, make, fill and delete them
#[derive(Debug, Args)]
pub(crate) struct FoldersArgs {
    #[command(subcommand)]
    command: FoldersCommand,
}

#[derive(Debug, Subcommand)]
enum FoldersCommand {
    List(ListArgs),
    Videos(VideosOfArgs),
    Create(CreateArgs),
    Add(AddArgs),
    Remove(RemoveArgs),
    Delete(DeleteArgs),
}

/// List your folders
#[derive(Debug, Args)]
#[command(
    after_help = "Scope: private.\n\nExamples:\n  $ vimeo folders list\n  $ vimeo folders list --json=uri,name"
)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    listing: Listing,
}

/// List the videos of a folder
#[derive(Debug, Args)]
#[command(after_help = "Scope: private.\n\nExamples:\n  $ vimeo folders videos 76979872")]
pub(crate) struct VideosOfArgs {
    /// Its number, URI or link
    folder: String,
    #[command(flatten)]
    listing: Listing,
}

/// Make a folder
#[derive(Debug, Args)]
#[command(after_help = "Scope: create.\n\nExamples:\n  $ vimeo folders create Holidays")]
pub(crate) struct CreateArgs {
    /// Its name
    name: String,
    /// The folder to make it in
    #[arg(long, value_name = "FOLDER")]
    parent: Option<String>,
}

/// Move videos into a folder; each leaves the one it was in
#[derive(Debug, Args)]
#[command(after_help = "Scope: interact.\n\nExamples:\n  $ vimeo folders add 76979872 76979871")]
pub(crate) struct AddArgs {
    /// Its number, URI or link
    folder: String,
    /// The videos
    #[arg(required = true)]
    videos: Vec<String>,
}

/// Take videos out of a folder; they stay in the library
#[derive(Debug, Args)]
#[command(after_help = "Scope: delete.\n\nExamples:\n  $ vimeo folders remove 76979872 76979871")]
pub(crate) struct RemoveArgs {
    /// Its number, URI or link
    folder: String,
    /// The videos
    #[arg(required = true)]
    videos: Vec<String>,
}

/// Delete a folder; its videos stay
#[derive(Debug, Args)]
#[command(after_help = "Scope: delete. It asks for the name unless --yes is there.\n\nExamples:\n  \
    $ vimeo folders delete 76979872 --yes")]
pub(crate) struct DeleteArgs {
    /// Its number, URI or link
    folder: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub(crate) async fn run(context: &Context<'_>, args: FoldersArgs) -> Result<Exit> {
    match args.command {
        FoldersCommand::List(args) => collections::list::<Folder>(context, &args.listing).await,
        FoldersCommand::Videos(args) => {
            collections::videos::<Folder>(context, &args.folder, &args.listing).await
        }
        FoldersCommand::Create(args) => {
            let parent: Option<FolderId> = args.parent.as_deref().map(reference::id).transpose()?;
            context.may_write("making a folder")?;
            let vimeo = context.vimeo().await?;
            let mut body = json!({ "name": args.name });
            if let (Some(parent), Some(body)) = (&parent, body.as_object_mut()) {
                let uri = reference::folder_with_owner(&vimeo, parent).await?;
                body.insert("parent_folder_uri".to_owned(), uri.into());
            }
            let call = vimeo.post(Folder::OWN).json(&body);
            FOLDERS.changed(context, call).await
        }
        FoldersCommand::Add(args) => collections::add::<Folder>(context, &args.folder, &args.videos).await,
        FoldersCommand::Remove(args) => {
            collections::remove::<Folder>(context, &args.folder, &args.videos).await
        }
        FoldersCommand::Delete(args) => collections::delete::<Folder>(context, &args.folder, args.yes).await,
    }
}
