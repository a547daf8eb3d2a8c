//! What `vimeo folders` and `vimeo showcases` have in common: things that hold videos.

use clap::Args;
use http::Method;
use vimeo_ext::tools::VideoId;

use crate::context::Context;
use crate::exit::{Exit, Result};
use crate::reference;

#[derive(Debug, Args)]
pub(crate) struct Listing {
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub(crate) limit: u64,
    /// Only those that have these words
    #[arg(long, value_name = "WORDS")]
    pub(crate) query: Option<String>,
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
    let numbers = videos
        .iter()
        .map(|video| Ok(reference::id::<VideoId>(video)?.number()))
        .collect::<Result<Vec<_>>>()?;
    context.may_write("moving videos")?;
    let vimeo = context.vimeo().await?;
    for number in numbers {
        vimeo.api().call(method.clone(), &format!("{holder}/videos/{number}")).send().await?;
        context.streams.note(&format!("/videos/{number} {done} {holder}"));
    }
    Ok(Exit::Done)
}
