//! Before something is gone for good.

use serde_json::Value;
use vimeo_ext::Vimeo;

use crate::context::Context;
use crate::exit::{Exit, Failure, Result};
use crate::output::plain;

/// Has a deletion confirmed: by `--yes`, else by typing the title.
pub(crate) async fn deletion(context: &Context<'_>, vimeo: &Vimeo, path: &str, yes: bool) -> Result<()> {
    context.may_write("deleting")?;
    if yes {
        return Ok(());
    }
    if !context.streams.may_prompt() {
        return Err(
            Failure::usage("a deletion has to be confirmed, and there is nobody to ask").next("add --yes")
        );
    }
    let thing = vimeo.get(path).fields("name").send().await?;
    let title = plain(thing.get("name").and_then(Value::as_str).unwrap_or_default());
    if title.trim().is_empty() {
        return Err(Failure::usage(format!("{path} has no title to confirm with")).next("add --yes"));
    }
    let question = format!("This deletes {path} for good. Type its title to go on: {title}\n> ");
    let typed = context.streams.ask(&question).await?;
    if typed.as_deref() == Some(title.trim()) {
        return Ok(());
    }
    Err(Failure::new(Exit::WriteRefused, "that is not the title; nothing was deleted")
        .next("run it again and type the title as it is shown, or add --yes"))
}
