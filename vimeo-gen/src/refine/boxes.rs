//! Objects inside objects are boxed where they may be absent.
//!
//! An answer to `fields=uri,name` has few of a video's hundreds of fields; without boxes each such value would be as
//! large as the fullest.

use std::collections::BTreeSet;

use quote::ToTokens;

use super::collect::{Api, Kind, inner_of};

/// Boxes optional objects, and objects among alternatives.
pub(super) fn put(api: &mut Api) {
    let objects: BTreeSet<String> = api
        .types
        .values()
        .filter(|ty| matches!(ty.kind, Kind::Struct(_)))
        .map(|ty| ty.name.clone())
        .collect();
    let is_object = |ty: &syn::Type| objects.contains(&ty.to_token_stream().to_string());
    for ty in api.types.values_mut() {
        match &mut ty.kind {
            Kind::Struct(fields) => {
                for field in fields {
                    if let Some(inner) = inner_of(&field.ty, "Option").filter(|inner| is_object(inner)) {
                        field.ty = syn::parse_quote!(Option<Box<#inner>>);
                    }
                }
            }
            Kind::Choice(variants) => {
                for (_, _, ty) in variants {
                    if is_object(ty) {
                        *ty = syn::parse_quote!(Box<#ty>);
                    }
                }
            }
            Kind::Words(_) => {}
        }
    }
}
