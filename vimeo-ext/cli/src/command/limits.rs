//! `vimeo limits`.

use clap::Args;
use serde_json::{Value, json};
use vimeo_ext::api::RateLimit;

use crate::context::Context;
use crate::exit::{Exit, Result};
use crate::output::{Table, bytes};

/// Show what is left: calls, and room for uploads
///
/// It makes one call, which counts. Vimeo allows more calls to those who ask for `fields`, as this command does; the
/// number is the one that holds for such calls.
#[derive(Debug, Args)]
#[command(
    after_help = "Scope: private, for the room.\n\nExamples:\n  $ vimeo limits\n  $ vimeo limits --json"
)]
pub(crate) struct LimitsArgs {}

pub(crate) async fn run(context: &Context<'_>) -> Result<Exit> {
    let me = context.vimeo().await?.get("/me").fields("upload_quota").send().await?;
    let calls = me.rate_limit();
    let quota = me.get("upload_quota").cloned().unwrap_or_default();
    if context.global.json.is_some() || context.global.jq.is_some() {
        context
            .document(&json!({ "calls": calls.map(|calls| describe(&calls)), "upload_quota": quota }))
            .await?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["what", "left", "of", "until"]);
    if let Some(calls) = calls {
        let number = |number: Option<u64>| number.map_or_else(|| "?".to_owned(), |number| number.to_string());
        let until = calls.reset.map(|at| at.format("%Y-%m-%d %H:%M:%S UTC").to_string()).unwrap_or_default();
        table.row(["calls with fields".to_owned(), number(calls.remaining), number(calls.limit), until]);
    }
    for (what, name) in
        [("upload, storage", "space"), ("upload, period", "periodic"), ("upload, lifetime", "lifetime")]
    {
        let Some(room) = quota.get(name).and_then(Room::of) else { continue };
        let until = quota.pointer(&format!("/{name}/reset_date")).and_then(Value::as_str).unwrap_or_default();
        let most = room.max.map(|max| room.amount(max)).unwrap_or_default();
        table.row([what.to_owned(), room.amount(room.free), most, until.to_owned()]);
    }
    table.print(context.streams)?;
    if table.is_empty() {
        context.streams.hint("Vimeo's answer names no limits");
    }
    Ok(Exit::Done)
}

/// What is left of a quota, which counts bytes or videos.
pub(crate) struct Room {
    pub(crate) free: u64,
    pub(crate) max: Option<u64>,
    videos: bool,
}

impl Room {
    /// Out of a part of `upload_quota`; `None` where it names nothing. Figures without a unit are bytes, as they were
    /// before Vimeo named it.
    pub(crate) fn of(part: &Value) -> Option<Self> {
        let number = |field: &str| part.get(field).and_then(Value::as_u64);
        let videos = part.get("unit").and_then(Value::as_str) == Some("video_count");
        // What is used beyond the limit leaves less than nothing.
        let overdrawn = part.get("free").and_then(Value::as_i64).is_some_and(|free| free < 0);
        let free = if overdrawn { Some(0) } else { number("free") };
        Some(Self { free: free?, max: number("max"), videos })
    }

    /// So much, in its unit.
    pub(crate) fn amount(&self, count: u64) -> String {
        match (self.videos, count) {
            (true, 1) => "1 video".to_owned(),
            (true, count) => format!("{count} videos"),
            (false, count) => bytes(count),
        }
    }

    /// What is left, in a phrase: `1 of 2 videos`, `1.5 GiB`.
    pub(crate) fn left(&self) -> String {
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
    fn quotas_are_told_in_what_they_count() {
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
            let room = Room::of(&part).unwrap();
            assert_eq!(room.amount(room.free), free, "{part}");
            assert_eq!(room.max.map(|max| room.amount(max)).unwrap_or_default(), max, "{part}");
            assert_eq!(room.left(), left, "{part}");
        }
        assert!(Room::of(&json!({"free": null, "max": 5})).is_none());
    }
}
