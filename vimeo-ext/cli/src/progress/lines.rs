//! Progress for logs and for programs.

use std::io::Write;

use serde_json::json;

use super::board::{Board, State, sum};
use crate::output::{bytes, duration, escaped_but_colours};

/// Writes a line to standard error. That it cannot be written is nothing to fail for.
pub(super) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{}", escaped_but_colours(line));
}

/// All files in one line.
pub(super) fn line(board: &Board) -> String {
    let all = sum(&board.snapshot());
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

/// All files as one JSON object. Sizes are in bytes; `acknowledged` never falls from one line to the next.
pub(super) fn json(board: &Board, message_type: &str) -> String {
    let rows = board.snapshot();
    let all = sum(&rows);
    let files: Vec<_> = rows
        .iter()
        .map(|row| {
            json!({
                "file": row.name,
                "state": row.state.word(),
                "code": match row.state {
                    State::Failed(exit) => Some(exit.code()),
                    State::Done => Some(0),
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
