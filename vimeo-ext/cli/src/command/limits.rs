//! `vimeo limits`.

use clap::Args;
use serde_json::{Value, json};
use vimeo_ext::api::RateLimit;

use crate::context::Context;
use crate::exit::{ExitCode, Result};
use crate::output::{Table, bytes};

/// Show the remaining rate limit and upload quota
///
/// Makes one call, which counts against the rate limit. Vimeo allows more calls if requests set `fields`, as this
/// command does; the limit shown is the one for such calls.
#[derive(Debug, Args)]
#[command(
    after_help = "Scope: private, for the quota.\n\nExamples:\n  $ vimeo limits\n  $ vimeo limits --json"
)]
pub(crate) struct LimitsArgs {}

pub(crate) async fn run(context: &Context<'_>) -> Result<ExitCode> {
    let me = context.vimeo().await?.get("/me").fields("upload_quota").send().await?;
    let calls = me.rate_limit();
    let quota = me.get("upload_quota").cloned().unwrap_or_default();
    if context.wants_json() {
        context
            .print_json(&json!({ "calls": calls.map(|calls| describe(&calls)), "upload_quota": quota }))
            .await?;
        return Ok(ExitCode::Done);
    }
    let mut table = Table::new(&["limit", "left", "of", "resets"]);
    if let Some(calls) = calls {
        let number = |number: Option<u64>| number.map_or_else(|| "?".to_owned(), |number| number.to_string());
        let until = calls.reset.map(|at| at.format("%Y-%m-%d %H:%M:%S UTC").to_string()).unwrap_or_default();
        table.row(["calls with fields".to_owned(), number(calls.remaining), number(calls.limit), until]);
    }
    for (what, name) in
        [("upload, storage", "space"), ("upload, period", "periodic"), ("upload, lifetime", "lifetime")]
    {
        let Some(quota_status) = quota.get(name).and_then(QuotaStatus::from_json) else { continue };
        let until = quota.pointer(&format!("/{name}/reset_date")).and_then(Value::as_str).unwrap_or_default();
        let most = quota_status.max.map(|max| quota_status.amount(max)).unwrap_or_default();
        table.row([what.to_owned(), quota_status.amount(quota_status.free), most, until.to_owned()]);
    }
    table.print(context.streams)?;
    if table.is_empty() {
        context.streams.hint("Vimeo's response contains no limits");
    }
    Ok(ExitCode::Done)
}

/// The remaining part of a quota, counted in bytes or in videos.
pub(crate) struct QuotaStatus {
    pub(crate) free: u64,
    pub(crate) max: Option<u64>,
    videos: bool,
}

impl QuotaStatus {
    /// Reads a part of `upload_quota`; `None` if it has no numbers. Numbers without a unit are bytes: Vimeo added the
    /// unit later.
    pub(crate) fn from_json(part: &Value) -> Option<Self> {
        let number = |field: &str| part.get(field).and_then(Value::as_u64);
        let videos = part.get("unit").and_then(Value::as_str) == Some("video_count");
        // `free` is negative if more than the limit is used.
        let overdrawn = part.get("free").and_then(Value::as_i64).is_some_and(|free| free < 0);
        let free = if overdrawn { Some(0) } else { number("free") };
        Some(Self { free: free?, max: number("max"), videos })
    }

    /// Formats an amount with its unit.
    pub(crate) fn amount(&self, count: u64) -> String {
        match (self.videos, count) {
            (true, 1) => "1 video".to_owned(),
            (true, count) => format!("{count} videos"),
            (false, count) => bytes(count),
        }
    }

    /// Formats what is left: `1 of 2 videos`, `1.5 GiB`.
    pub(crate) fn remaining(&self) -> String {
        match (self.videos, self.max) {
            (true, Some(max)) => format!("{} of {}", self.free, self.amount(max)),
            _ => self.amount(self.free),
        }
    }
}

pub(crate) fn describe(calls: &RateLimit) -> Value {
    json!({ "limit": calls.limit, "remaining": calls.remaining, "reset": calls.reset.map(|at| at.to_rfc3339()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_quotas_in_videos_or_bytes() {
        let cases = [
            (
                json!({"free": 1, "max": 2, "used": 1, "unit": "video_count"}),
                "1 video",
                "2 videos",
                "1 of 2 videos",
            ),
            (json!({"free": 0, "max": 1, "unit": "video_count"}), "0 videos", "1 video", "0 of 1 video"),
            (json!({"free": 1, "unit": "video_count"}), "1 video", "", "1 video"),
            (json!({"free": 1024, "max": 2048, "unit": "video_size"}), "1.0 KiB", "2.0 KiB", "1.0 KiB"),
            (json!({"free": 1, "max": 2}), "1 B", "2 B", "1 B"),
            (json!({"free": -5, "max": 2, "unit": "video_size"}), "0 B", "2 B", "0 B"),
        ];
        for (part, free, max, left) in cases {
            let quota_status = QuotaStatus::from_json(&part).unwrap();
            assert_eq!(quota_status.amount(quota_status.free), free, "{part}");
            assert_eq!(
                quota_status.max.map(|max| quota_status.amount(max)).unwrap_or_default(),
                max,
                "{part}"
            );
            assert_eq!(quota_status.remaining(), left, "{part}");
        }
        assert!(QuotaStatus::from_json(&json!({"free": null, "max": 5})).is_none());
    }
}
