//! `vimeo analytics`.

use chrono::{Days, NaiveDate, Utc};
use clap::Args;
use vimeo_ext::api::types;

use crate::context::Context;
use crate::exit::{Exit, Failure, Result};
use crate::output::known_fields;
use crate::resource::{Resource, Shape, column};

pub(super) const ANALYTICS: Resource = Resource {
    noun: "figures",
    columns: &[
        column("from", "start_date", Shape::Time),
        column("to", "end_date", Shape::Time),
        column("country", "country.name", Shape::Text),
        column("device", "device_type", Shape::Text),
        column("video", "metadata.connections.video.uri", Shape::Text),
        column("views", "views", Shape::Text),
        column("viewers", "unique_viewers", Shape::Text),
        column("impressions", "impressions", Shape::Text),
        column("watched", "total_time_watched", Shape::Length),
    ],
    known: known_fields::<types::Analytics>,
};

/// Views, viewers and time watched, by a dimension
#[derive(Debug, Args)]
#[command(after_help = "Scope: stats.\n\nExamples:\n  \
    $ vimeo analytics --dimension video --from 2026-11-01 --to 2026-11-24\n  \
    $ vimeo analytics --json=views,country")]
pub(crate) struct AnalyticsArgs {
    /// By what: country, device_type, embed_domain, total, video and others that Vimeo knows
    #[arg(long, value_name = "WHAT", default_value = "video")]
    dimension: String,
    /// The first day, as 2026-11-01; 30 days ago when left out
    #[arg(long, value_name = "DAY")]
    from: Option<NaiveDate>,
    /// The last day; today when left out
    #[arg(long, value_name = "DAY")]
    to: Option<NaiveDate>,
    /// Figures for each hour, day, week, month or year rather than for all of it
    #[arg(long, value_name = "SPAN")]
    interval: Option<String>,
    /// At most so many rows
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u64,
}

pub(crate) async fn run(context: &Context<'_>, args: AnalyticsArgs) -> Result<Exit> {
    ANALYTICS.wanted(context)?;
    let to = args.to.unwrap_or_else(|| Utc::now().date_naive());
    let from = match args.from {
        Some(from) => from,
        None => to.checked_sub_days(Days::new(30)).ok_or_else(|| Failure::usage("--to is out of range"))?,
    };
    if from > to {
        return Err(Failure::usage(format!("--from {from} is after --to {to}")));
    }
    let call = context.vimeo().await?.get("/me/analytics").query("dimension", &args.dimension);
    let mut call = call.query("from", from.to_string()).query("to", to.to_string());
    if let Some(interval) = &args.interval {
        call = call.query("time_interval", interval);
    }
    ANALYTICS.list(context, call, args.limit).await
}
