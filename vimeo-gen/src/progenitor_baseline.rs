//! Progenitor's own output, as a baseline for the generated code.

use serde_json::Value;

use crate::normalise::plain;
use crate::{GenError, emit};

/// Returns progenitor's output in its builder style as one formatted source file. Normalises the description first, because
/// progenitor rejects it otherwise.
///
/// # Errors
///
/// The errors of [`generate`](crate::generate).
pub fn progenitor_baseline(mut description: Value) -> Result<String, GenError> {
    plain(&mut description)?;
    let tokens = emit::progenitor_baseline(&description)?;
    let tree: syn::File = syn::parse2(tokens)
        .map_err(|error| GenError::new("progenitor's code", format!("invalid Rust: {error}")))?;
    Ok(prettyplease::unparse(&tree))
}
