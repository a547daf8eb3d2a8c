//! Progress as lines, for logs and for programs.

use std::io::Write;

use serde_json::json;

use super::tracker::{FileState, ProgressTracker, total};
use crate::output::{bytes, duration, escape_controls_except_colors};

/// Writes a line to standard error. Errors are ignored.
pub(super) fn write_stderr_line(line: &str) {
    let _ = writeln!(std::io::stderr(), "{}", escape_controls_except_colors(line));
}

/// Formats the total of all files.
pub(super) fn summary(tracker: &ProgressTracker) -> String {
    let all = total(&tracker.snapshot());
    let percent = all.acknowledged.saturating_mul(100).checked_div(all.total).unwrap_or(100);
    let mut line = format!("{}: {} of {} ({percent} %)", all.name, bytes(all.acknowledged), bytes(all.total));
    if all.rate > 0 {
        line.push_str(&format!(", {}/s", bytes(all.rate)));
    }
    if let Some(eta) = all.eta {
        line.push_str(&format!(", {} left", duration(eta)));
    }
    line
}

/// Formats all files as one JSON object. Sizes are in bytes; `acknowledged` never decreases from line to line.
pub(super) fn json(tracker: &ProgressTracker, message_type: &str) -> String {
    let rows = tracker.snapshot();
    let all = total(&rows);
    let files: Vec<_> = rows
        .iter()
        .map(|row| {
            json!({
                "file": row.name,
                "state": row.state.as_str(),
                "code": match row.state {
                    FileState::Failed(exit) => Some(exit.code()),
                    FileState::Done => Some(0),
                    _ => None,
                },
                "acknowledged": row.acknowledged,
                "sent": row.sent,
                "total": row.total,
            })
        })
        .collect();
    json!({
        "message_type": message_type,
        "acknowledged": all.acknowledged,
        "sent": all.sent,
        "total": all.total,
        "bytes_per_second": all.rate,
        "seconds_left": all.eta.map(|eta| eta.as_secs()),
        "files": files,
    })
    .to_string()
}
