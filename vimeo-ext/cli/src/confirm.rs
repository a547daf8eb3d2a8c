//! Deletions with confirmation.

use serde_json::Value;
use vimeo_ext::Vimeo;

use crate::context::Context;
use crate::exit::{CliError, ExitCode, Result};
use crate::output::sanitize;

/// Deletes the item at `path` after confirmation: `--yes`, or the title typed at a prompt.
pub(crate) async fn delete(context: &Context<'_>, path: &str, yes: bool) -> Result<()> {
    context.check_write_allowed("deleting")?;
    let vimeo = context.vimeo().await?;
    if !yes {
        confirm_by_title(context, &vimeo, path).await?;
    }
    vimeo.delete(path).send().await?;
    Ok(())
}

async fn confirm_by_title(context: &Context<'_>, vimeo: &Vimeo, path: &str) -> Result<()> {
    if !context.streams.can_prompt() {
        return Err(CliError::usage("cannot prompt to confirm the deletion").with_next_step("add --yes"));
    }
    let item = vimeo.get(path).fields("name").send().await?;
    let title = sanitize(item.get("name").and_then(Value::as_str).unwrap_or_default());
    if title.trim().is_empty() {
        return Err(CliError::usage(format!("{path} has no title to type for confirmation"))
            .with_next_step("add --yes"));
    }
    let question = format!("This permanently deletes {path}. Type its title to confirm: {title}\n> ");
    let typed = context.streams.prompt(&question).await?;
    if typed.as_deref() == Some(title.trim()) {
        return Ok(());
    }
    Err(CliError::new(ExitCode::WriteRefused, "the title does not match; nothing was deleted")
        .with_next_step("run the command again and type the title as shown, or add --yes"))
}

/// Asks for confirmation of what cannot be undone: the person types the name of the item. `act` follows "This".
#[cfg(feature = "stores")]
pub(crate) async fn confirm_by_name(context: &Context<'_>, act: &str, label: &str, name: &str) -> Result<()> {
    if !context.streams.can_prompt() {
        return Err(CliError::usage("cannot prompt for confirmation").with_next_step("add --yes"));
    }
    let shown = sanitize(name);
    let question = format!("This permanently {act}. Type its {label} to confirm: {shown}\n> ");
    if context.streams.prompt(&question).await?.as_deref() == Some(shown.trim()) {
        return Ok(());
    }
    Err(CliError::new(ExitCode::WriteRefused, format!("the {label} does not match; nothing was changed"))
        .with_next_step("run the command again and type it as shown, or add --yes"))
}
