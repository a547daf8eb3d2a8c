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
        context.document(&json!({ "calls": calls.map(|calls| describe(&calls)), "upload_quota": quota }))?;
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
        let part = |field: &str| quota.get(name).and_then(|part| part.get(field)).and_then(Value::as_u64);
        let (Some(free), max) = (part("free"), part("max")) else { continue };
        let until = quota.pointer(&format!("/{name}/reset_date")).and_then(Value::as_str).unwrap_or_default();
        table.row([what.to_owned(), bytes(free), max.map(bytes).unwrap_or_default(), until.to_owned()]);
    }
    table.print(context.streams)?;
    if table.is_empty() {
        context.streams.hint("Vimeo's answer names no limits");
    }
    Ok(Exit::Done)
}

pub(crate) fn describe(calls: &RateLimit) -> Value {
    json!({ "limit": calls.limit, "remaining": calls.remaining, "reset": calls.reset.map(|at| at.to_rfc3339()) })
}
