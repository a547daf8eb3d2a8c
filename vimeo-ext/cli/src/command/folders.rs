//! `vimeo folders`.

use clap::{Args, Subcommand};
use serde_json::json;
use vimeo_agent::tools::FolderId;
use vimeo_ext::api::types;

use super::args::{DeleteArgs, ListArgs, item, stay_last};
use super::collections::{self, Collection, ContentsArgs, MembersArgs};
use crate::context::Context;
use crate::exit::{ExitCode, Result};
use crate::ids;
use crate::output::known_fields;
use crate::resource::{CellFormat, Resource, column};

pub(super) const FOLDERS: Resource = Resource {
    noun: "folders",
    columns: &[
        column("uri", "uri", CellFormat::Text),
        column("name", "name", CellFormat::Text),
        column("videos", "metadata.connections.videos.total", CellFormat::Text),
        column("created", "created_time", CellFormat::Time),
    ],
    field_names: known_fields::<types::Folder>,
};

struct Folder;

impl Collection for Folder {
    const RESOURCE: Resource = FOLDERS;
    const LIST_PATH: &'static str = "/me/projects";

    fn path(id: &str) -> Result<String> {
        ids::folder(id)
    }
}

/// Manage folders
#[derive(Debug, Args)]
pub(crate) struct FoldersArgs {
    #[command(subcommand)]
    command: FoldersCommand,
}

#[derive(Debug, Subcommand)]
enum FoldersCommand {
    /// List your folders
    #[command(
        after_help = "Scope: private.\n\nExamples:\n  $ vimeo folders list\n  $ vimeo folders list --json=uri,name"
    )]
    List(ListArgs),
    /// List the videos in a folder
    #[command(after_help = "Scope: private.\n\nExamples:\n  $ vimeo folders videos 76979872")]
    #[command(mut_arg("id", item("FOLDER", "Folder")))]
    Videos(ContentsArgs),
    Create(CreateArgs),
    /// Move videos into a folder, out of the folder they were in
    #[command(after_help = "Scope: interact.\n\nExamples:\n  $ vimeo folders add 76979872 76979871")]
    #[command(mut_arg("id", item("FOLDER", "Folder")), mut_arg("videos", stay_last))]
    Add(MembersArgs),
    /// Remove videos from a folder without deleting them
    #[command(after_help = "Scope: delete.\n\nExamples:\n  $ vimeo folders remove 76979872 76979871")]
    #[command(mut_arg("id", item("FOLDER", "Folder")), mut_arg("videos", stay_last))]
    Remove(MembersArgs),
    /// Delete a folder but keep its videos
    #[command(after_help = "Scope: delete. Prompts for the name unless --yes is given.\n\nExamples:\n  \
        $ vimeo folders delete 76979872 --yes")]
    #[command(mut_arg("id", item("FOLDER", "Folder")))]
    Delete(DeleteArgs),
}

/// Create a folder
#[derive(Debug, Args)]
#[command(after_help = "Scope: create; private with --parent, unless it names the owner.\n\nExamples:\n  \
    $ vimeo folders create Holidays\n  \
    $ vimeo folders create Beach --parent 76979872")]
pub(crate) struct CreateArgs {
    /// Folder name
    name: String,
    /// Parent folder: ID, URI or link
    #[arg(long, value_name = "FOLDER")]
    parent: Option<String>,
}

pub(crate) async fn run(context: &Context<'_>, args: FoldersArgs) -> Result<ExitCode> {
    match args.command {
        FoldersCommand::List(args) => collections::list::<Folder>(context, &args).await,
        FoldersCommand::Videos(args) => collections::videos::<Folder>(context, &args).await,
        FoldersCommand::Create(args) => {
            let parent: Option<FolderId> = args.parent.as_deref().map(ids::parse).transpose()?;
            context.check_write_allowed("creating a folder")?;
            let vimeo = context.vimeo().await?;
            let mut body = json!({ "name": args.name });
            if let (Some(parent), Some(body)) = (&parent, body.as_object_mut()) {
                let uri = ids::folder_with_owner(&vimeo, parent).await?;
                body.insert("parent_folder_uri".to_owned(), uri.into());
            }
            let call = vimeo.post(Folder::LIST_PATH).json(&body);
            FOLDERS.send_and_show(context, call).await
        }
        FoldersCommand::Add(args) => collections::add::<Folder>(context, &args).await,
        FoldersCommand::Remove(args) => collections::remove::<Folder>(context, &args).await,
        FoldersCommand::Delete(args) => collections::delete::<Folder>(context, &args).await,
    }
}
