//! `vimeo analytics`.

use chrono::{Days, NaiveDate, Utc};
use clap::Args;
use vimeo_ext::api::types;

use crate::context::Context;
use crate::exit::{CliError, ExitCode, Result};
use crate::output::known_fields;
use crate::resource::{CellFormat, Resource, column};

pub(super) const ANALYTICS: Resource = Resource {
    noun: "rows",
    columns: &[
        column("from", "start_date", CellFormat::Time),
        column("to", "end_date", CellFormat::Time),
        column("country", "country.name", CellFormat::Text),
        column("device", "device_type", CellFormat::Text),
        column("video", "metadata.connections.video.uri", CellFormat::Text),
        column("views", "views", CellFormat::Text),
        column("viewers", "unique_viewers", CellFormat::Text),
        column("impressions", "impressions", CellFormat::Text),
        column("watched", "total_time_watched", CellFormat::Duration),
    ],
    field_names: known_fields::<types::Analytics>,
};

/// Show views, viewers and watch time by dimension
#[derive(Debug, Args)]
#[command(after_help = "Scope: stats.\n\nExamples:\n  \
    $ vimeo analytics --dimension video --from 2026-11-01 --to 2026-11-24\n  \
    $ vimeo analytics --json=views,country")]
pub(crate) struct AnalyticsArgs {
    /// Dimension to group by: country, device_type, embed_domain, total, video or another that Vimeo supports
    #[arg(long, value_name = "DIMENSION", default_value = "video")]
    dimension: String,
    /// First day, e.g. 2026-11-01 [default: 30 days before --to]
    #[arg(long, value_name = "DATE")]
    from: Option<NaiveDate>,
    /// Last day [default: today]
    #[arg(long, value_name = "DATE")]
    to: Option<NaiveDate>,
    /// Split the period by hour, day, week, month or year
    #[arg(long, value_name = "INTERVAL")]
    interval: Option<String>,
    /// Maximum number of rows
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u64,
}

pub(crate) async fn run(context: &Context<'_>, args: AnalyticsArgs) -> Result<ExitCode> {
    ANALYTICS.requested_fields(context)?;
    let to = args.to.unwrap_or_else(|| Utc::now().date_naive());
    let from = match args.from {
        Some(from) => from,
        None => to.checked_sub_days(Days::new(30)).ok_or_else(|| CliError::usage("--to is out of range"))?,
    };
    if from > to {
        return Err(CliError::usage(format!("--from {from} is after --to {to}")));
    }
    let call = context.vimeo().await?.get("/me/analytics").query("dimension", &args.dimension);
    let mut call = call.query("from", from.to_string()).query("to", to.to_string());
    if let Some(interval) = &args.interval {
        call = call.query("time_interval", interval);
    }
    ANALYTICS.list(context, call, args.limit).await
}
