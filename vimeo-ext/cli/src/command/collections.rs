//! Commands shared by `vimeo folders` and `vimeo showcases`: containers of videos.

use clap::Args;
use http::Method;
use vimeo_agent::tools::VideoId;

use super::videos::VIDEOS;
use crate::context::Context;
use crate::exit::{ExitCode, Result};
use crate::resource::Resource;
use crate::{confirm, ids};

#[derive(Debug, Args)]
pub(crate) struct ListingArgs {
    /// Maximum number of items
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub(crate) limit: u64,
    /// Only items that match these words
    #[arg(long, value_name = "TEXT")]
    pub(crate) query: Option<String>,
}

impl ListingArgs {
    /// Prints the list at `path`.
    pub(crate) async fn print(
        &self,
        context: &Context<'_>,
        resource: &Resource,
        path: &str,
    ) -> Result<ExitCode> {
        resource.requested_fields(context)?;
        let mut call = context.vimeo().await?.get(path);
        if let Some(words) = &self.query {
            call = call.query("query", words);
        }
        resource.list(context, call, self.limit).await
    }
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
pub(crate) async fn list<C: Collection>(context: &Context<'_>, listing: &ListingArgs) -> Result<ExitCode> {
    listing.print(context, &C::RESOURCE, C::LIST_PATH).await
}

/// Lists the videos in a container.
pub(crate) async fn videos<C: Collection>(
    context: &Context<'_>,
    id: &str,
    listing: &ListingArgs,
) -> Result<ExitCode> {
    listing.print(context, &VIDEOS, &format!("{}/videos", C::path(id)?)).await
}

/// Adds videos, one by one.
pub(crate) async fn add<C: Collection>(
    context: &Context<'_>,
    id: &str,
    videos: &[String],
) -> Result<ExitCode> {
    each_video(context, Method::PUT, &C::path(id)?, videos, "added to").await
}

/// Removes videos, one by one.
pub(crate) async fn remove<C: Collection>(
    context: &Context<'_>,
    id: &str,
    videos: &[String],
) -> Result<ExitCode> {
    each_video(context, Method::DELETE, &C::path(id)?, videos, "removed from").await
}

/// Deletes a container after confirmation.
pub(crate) async fn delete<C: Collection>(context: &Context<'_>, id: &str, yes: bool) -> Result<ExitCode> {
    let path = &C::path(id)?;
    let vimeo = context.vimeo().await?;
    confirm::deletion(context, &vimeo, path, yes).await?;
    vimeo.delete(path).send().await?;
    context.streams.note(&format!("deleted {path}; its videos were kept"));
    Ok(ExitCode::Done)
}

async fn each_video(
    context: &Context<'_>,
    method: Method,
    container: &str,
    videos: &[String],
    outcome: &str,
) -> Result<ExitCode> {
    // Parse all IDs before changing anything.
    let numbers = videos.iter().map(|video| ids::parse::<VideoId>(video)).collect::<Result<Vec<_>>>()?;
    context.check_write_allowed("moving videos")?;
    let vimeo = context.vimeo().await?;
    for number in numbers {
        vimeo.api().call(method.clone(), &format!("{container}/videos/{number}")).send().await?;
        context.streams.note(&format!("/videos/{number} {outcome} {container}"));
    }
    Ok(ExitCode::Done)
}
