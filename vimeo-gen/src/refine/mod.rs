//! Refines progenitor's output.
//!
//! [`collect`] reads the types and the builders from the syntax tree. Each pass changes one thing. `print` prints the result.
//! progenitor's builders for types, conversions and closed enums are dropped.

mod boxes;
mod collect;
mod docs;
mod pages;
mod shorten_paths;

use proc_macro2::TokenStream;
use serde_json::Value;

pub(crate) use collect::{
    Api, Area, Call, Field, Kind, Parameter, Type, Variant, inner_of, leaf_of, named_in,
};

pub(crate) use shorten_paths::is_id;

use crate::GenError;

/// Reads progenitor's output for a normalised document and refines it.
pub(crate) fn refine(tokens: TokenStream, document: &Value) -> Result<Api, GenError> {
    let mut tree: syn::File = syn::parse2(tokens)
        .map_err(|error| GenError::new("the emitted code", format!("invalid Rust: {error}")))?;
    shorten_paths::shorten_paths(&mut tree);
    let mut api = collect::collect(&tree, document)?;
    pages::unify_pages(&mut api);
    boxes::box_optional_objects(&mut api);
    docs::complete(&mut api);
    Ok(api)
}
