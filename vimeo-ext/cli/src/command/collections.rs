//! Commands shared by `vimeo folders` and `vimeo showcases`: containers of videos.

use clap::Args;
use http::Method;
use vimeo_agent::tools::VideoId;

use super::args::{DeleteArgs, ItemArgs, ListArgs};
use super::videos::VIDEOS;
use crate::context::Context;
use crate::exit::{ExitCode, Result};
use crate::resource::Resource;
use crate::{confirm, ids};

/// Selects a container whose videos to list.
#[derive(Debug, Args)]
pub(crate) struct ContentsArgs {
    #[command(flatten)]
    container: ItemArgs,
    #[command(flatten)]
    list: ListArgs,
}

/// Selects a container and the videos to add or remove.
#[derive(Debug, Args)]
pub(crate) struct MembersArgs {
    #[command(flatten)]
    container: ItemArgs,
    /// Video IDs, URIs or links
    #[arg(required = true)]
    videos: Vec<String>,
}

/// A type of container for videos.
pub(crate) trait Collection {
    /// How an item is printed.
    const RESOURCE: Resource;
    /// The path that lists the user's own.
    const LIST_PATH: &'static str;

    /// Returns the path of the item with this ID, URI or link.
    fn path(id: &str) -> Result<String>;
}

/// Lists the user's own.
pub(crate) async fn list<C: Collection>(context: &Context<'_>, args: &ListArgs) -> Result<ExitCode> {
    print(context, &C::RESOURCE, C::LIST_PATH, args).await
}

/// Lists the videos in a container.
pub(crate) async fn videos<C: Collection>(context: &Context<'_>, args: &ContentsArgs) -> Result<ExitCode> {
    let path = format!("{}/videos", C::path(&args.container.id)?);
    print(context, &VIDEOS, &path, &args.list).await
}

async fn print(context: &Context<'_>, resource: &Resource, path: &str, args: &ListArgs) -> Result<ExitCode> {
    resource.requested_fields(context)?;
    let mut call = context.vimeo().await?.get(path);
    if let Some(words) = &args.query {
        call = call.query("query", words);
    }
    resource.list(context, call, args.limit).await
}

/// Adds videos, one by one.
pub(crate) async fn add<C: Collection>(context: &Context<'_>, args: &MembersArgs) -> Result<ExitCode> {
    each_video::<C>(context, Method::PUT, args, "added to").await
}

/// Removes videos, one by one.
pub(crate) async fn remove<C: Collection>(context: &Context<'_>, args: &MembersArgs) -> Result<ExitCode> {
    each_video::<C>(context, Method::DELETE, args, "removed from").await
}

async fn each_video<C: Collection>(
    context: &Context<'_>,
    method: Method,
    args: &MembersArgs,
    outcome: &str,
) -> Result<ExitCode> {
    // Parse all IDs before changing anything.
    let container = C::path(&args.container.id)?;
    let numbers = args.videos.iter().map(|video| ids::parse::<VideoId>(video)).collect::<Result<Vec<_>>>()?;
    context.check_write_allowed("moving videos")?;
    let vimeo = context.vimeo().await?;
    for number in numbers {
        vimeo.api().call(method.clone(), &format!("{container}/videos/{number}")).send().await?;
        context.streams.note(&format!("/videos/{number} {outcome} {container}"));
    }
    Ok(ExitCode::Done)
}

/// Deletes a container after confirmation.
pub(crate) async fn delete<C: Collection>(context: &Context<'_>, args: &DeleteArgs) -> Result<ExitCode> {
    let path = &C::path(&args.item.id)?;
    confirm::delete(context, path, args.yes).await?;
    context.streams.note(&format!("deleted {path}; its videos were kept"));
    Ok(ExitCode::Done)
}
