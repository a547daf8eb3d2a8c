//! What progenitor makes of a description by itself: the measure for what is generated here.

use serde_json::Value;

use crate::normalise::plain;
use crate::{GenError, emit};

/// One source file as progenitor's builder style gives it, formatted; the rules that make a description plain are
/// applied first, since without them it refuses.
///
/// # Errors
///
/// As [`generate`](crate::generate).
pub fn stock(mut description: Value) -> Result<String, GenError> {
    plain(&mut description)?;
    let tokens = emit::stock(&description)?;
    let tree: syn::File = syn::parse2(tokens)
        .map_err(|error| GenError::new("the stock code", format!("is no Rust: {error}")))?;
    Ok(prettyplease::unparse(&tree))
}
