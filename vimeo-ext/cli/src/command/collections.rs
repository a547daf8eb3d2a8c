//! What `vimeo folders` and `vimeo showcases` have in common: things that hold videos.

use clap::Args;
use http::Method;
use vimeo_agent::tools::VideoId;

use super::videos::VIDEOS;
use crate::context::Context;
use crate::exit::{Exit, Result};
use crate::resource::Resource;
use crate::{confirm, reference};

#[derive(Debug, Args)]
pub(crate) struct Listing {
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub(crate) limit: u64,
    /// Only those that have these words
    #[arg(long, value_name = "WORDS")]
    pub(crate) query: Option<String>,
}

impl Listing {
    /// Prints the list at this path.
    pub(crate) async fn print(&self, context: &Context<'_>, resource: &Resource, path: &str) -> Result<Exit> {
        resource.wanted(context)?;
        let mut call = context.vimeo().await?.get(path);
        if let Some(words) = &self.query {
            call = call.query("query", words);
        }
        resource.list(context, call, self.limit).await
    }
}

/// A kind of thing that holds videos.
pub(crate) trait Collection {
    /// How it is shown.
    const RESOURCE: Resource;
    /// The path of one's own.
    const OWN: &'static str;

    /// The path of the one that is named by its number, URI or link.
    fn path(given: &str) -> Result<String>;
}

/// Prints one's own.
pub(crate) async fn list<C: Collection>(context: &Context<'_>, listing: &Listing) -> Result<Exit> {
    listing.print(context, &C::RESOURCE, C::OWN).await
}

/// Prints the videos in it.
pub(crate) async fn videos<C: Collection>(
    context: &Context<'_>,
    given: &str,
    listing: &Listing,
) -> Result<Exit> {
    listing.print(context, &VIDEOS, &format!("{}/videos", C::path(given)?)).await
}

/// Puts videos in, one after the other.
pub(crate) async fn add<C: Collection>(
    context: &Context<'_>,
    given: &str,
    videos: &[String],
) -> Result<Exit> {
    each_video(context, Method::PUT, &C::path(given)?, videos, "is in").await
}

/// Takes videos out, one after the other.
pub(crate) async fn remove<C: Collection>(
    context: &Context<'_>,
    given: &str,
    videos: &[String],
) -> Result<Exit> {
    each_video(context, Method::DELETE, &C::path(given)?, videos, "is no longer in").await
}

/// Deletes it, once that is confirmed.
pub(crate) async fn delete<C: Collection>(context: &Context<'_>, given: &str, yes: bool) -> Result<Exit> {
    let path = &C::path(given)?;
    let vimeo = context.vimeo().await?;
    confirm::deletion(context, &vimeo, path, yes).await?;
    vimeo.delete(path).send().await?;
    context.streams.note(&format!("{path} is deleted; its videos stay"));
    Ok(Exit::Done)
}

async fn each_video(
    context: &Context<'_>,
    method: Method,
    holder: &str,
    videos: &[String],
    done: &str,
) -> Result<Exit> {
    // All of them are read before the first is touched.
    let numbers = videos.iter().map(|video| reference::id::<VideoId>(video)).collect::<Result<Vec<_>>>()?;
    context.may_write("moving videos")?;
    let vimeo = context.vimeo().await?;
    for number in numbers {
        vimeo.api().call(method.clone(), &format!("{holder}/videos/{number}")).send().await?;
        context.streams.note(&format!("/videos/{number} {done} {holder}"));
    }
    Ok(Exit::Done)
}
