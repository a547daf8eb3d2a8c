//! Boxes optional objects inside objects.
//!
//! A response to `fields=uri,name` has few of a video's hundreds of fields. Without boxes, each value would be as large as one
//! with all fields.

use std::collections::BTreeSet;

use quote::ToTokens;

use super::collect::{Api, Kind, inner_of};

/// Boxes optional objects, and objects in untagged enums.
pub(super) fn box_optional_objects(api: &mut Api) {
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
            Kind::Untagged(variants) => {
                for (_, _, ty) in variants {
                    if is_object(ty) {
                        *ty = syn::parse_quote!(Box<#ty>);
                    }
                }
            }
            Kind::Enum(_) => {}
        }
    }
}
