//! The confirmation that every deletion needs.

use super::error::{BoxedError, ErrorKind, ToolError};
use super::untrusted::{clean, quoted};
use super::{Context, Spec};

/// Checks that `confirm` is the object's current name, which was fetched just before, and asks the person if somebody can
/// be asked. A wrong ID therefore does not pass. Errors do not reveal the current name: an agent would repeat it unread.
pub(crate) async fn confirm(
    context: &Context,
    spec: &Spec,
    noun: &str,
    confirm: &str,
    current: Option<&str>,
    how_to_find: &str,
) -> Result<(), BoxedError> {
    let current = current.unwrap_or_default();
    if current.trim().is_empty() {
        let message = format!("The {noun} has no name to confirm with; nothing was sent.");
        return Err(Box::new(ToolError::new(ErrorKind::Conflict, message, "Give it a name first.")));
    }
    // Tools return the cleaned name.
    if confirm.trim() != current.trim() && confirm.trim() != clean(current, usize::MAX).trim() {
        let message = format!("confirm is not the current name of the {noun}; nothing was deleted.");
        let next = format!("Check the ID: {how_to_find} Then give what you find there, exactly.");
        let error = ToolError {
            field: Some("confirm".to_owned()),
            ..ToolError::new(ErrorKind::Conflict, message, next)
        };
        return Err(Box::new(error));
    }
    // If nobody can be asked, `confirm` is enough.
    context.ask(spec, format!("Delete the {noun} {} permanently?", quoted(current, 120))).await?;
    Ok(())
}
