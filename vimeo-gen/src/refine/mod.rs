//! From progenitor's syntax tree to the crate that is wanted.
//!
//! [`collect`] reads the tree: types with their fields, and what each builder takes and gives. The passes change what
//! was read, one thing each; `print` writes it. Builders for types, conversions and closed enums are not carried over.

mod boxes;
mod collect;
mod docs;
mod pages;
mod shorten;

use proc_macro2::TokenStream;
use serde_json::Value;

pub(crate) use collect::{
    Api, Area, Call, Field, Kind, Parameter, Type, Variant, inner_of, leaf_of, named_in,
};

pub(crate) use shorten::is_id;

use crate::GenError;

/// Reads progenitor's output for a normalised document and refines it.
pub(crate) fn refine(tokens: TokenStream, document: &Value) -> Result<Api, GenError> {
    let mut tree: syn::File = syn::parse2(tokens)
        .map_err(|error| GenError::new("the emitted code", format!("cannot be parsed: {error}")))?;
    shorten::shorten(&mut tree);
    let mut api = collect::collect(&tree, document)?;
    pages::fold(&mut api);
    boxes::put(&mut api);
    docs::complete(&mut api);
    Ok(api)
}
