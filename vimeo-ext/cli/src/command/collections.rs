//! What `vimeo folders` and `vimeo showcases` have in common: things that hold videos.

use clap::Args;
use http::Method;
use vimeo_agent::tools::VideoId;

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

/// Deletes what holds videos, once that is confirmed.
pub(crate) async fn delete(context: &Context<'_>, path: &str, yes: bool) -> Result<Exit> {
    let vimeo = context.vimeo().await?;
    confirm::deletion(context, &vimeo, path, yes).await?;
    vimeo.delete(path).send().await?;
    context.streams.note(&format!("{path} is deleted; its videos stay"));
    Ok(Exit::Done)
}

/// Puts videos in, or takes them out, one after the other.
pub(crate) async fn each_video(
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
