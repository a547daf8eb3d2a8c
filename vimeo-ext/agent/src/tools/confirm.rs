//! The confirmation that everything needs which is taken away for good.

use super::error::{ErrorKind, Failed, ToolError};
use super::untrusted::{clean, quoted};
use super::{Context, Spec};

/// Goes on when `confirm` is what the thing is called now, fetched just before, and the person agrees where somebody can
/// be asked. So an id of another thing does not pass. The true name is not told: it would be repeated unread.
pub(crate) async fn confirm(
    context: &Context,
    spec: &Spec,
    what: &str,
    confirm: &str,
    current: Option<&str>,
    how_to_read: &str,
) -> Result<(), Failed> {
    let current = current.unwrap_or_default();
    if current.trim().is_empty() {
        let message = format!("The {what} has no name to confirm with; nothing was sent.");
        return Err(Box::new(ToolError::new(ErrorKind::Conflict, message, "Give it a name first.")));
    }
    // What a tool has shown is the cleaned form.
    if confirm.trim() != current.trim() && confirm.trim() != clean(current, usize::MAX).trim() {
        let message = format!("`confirm` is not what the {what} is called now; nothing was deleted.");
        let next = format!("Make sure of the id: {how_to_read} Then give what you find there, exactly.");
        let error = ToolError {
            field: Some("confirm".to_owned()),
            ..ToolError::new(ErrorKind::Conflict, message, next)
        };
        return Err(Box::new(error));
    }
    // Where nobody can be asked, `confirm` has to do.
    context.ask(spec, format!("Delete the {what} {} for good?", quoted(current, 120))).await?;
    Ok(())
}
