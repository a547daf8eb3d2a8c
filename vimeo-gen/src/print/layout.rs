//! Assigns each type to a module and to features.
//!
//! A type is compiled if an enabled area uses it. Types used by the same areas share a module, so the feature condition is
//! written only once, at the module.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::names::snake;
use crate::refine::{Api, Kind, named_in};

/// A module of types that are used by the same areas.
pub(super) struct Group {
    pub(super) module: String,
    pub(super) areas: BTreeSet<String>,
    pub(super) types: Vec<String>,
}

pub(super) struct Layout {
    pub(super) groups: Vec<Group>,
}

impl Layout {
    pub(super) fn of(api: &Api) -> Self {
        let mut by_areas: BTreeMap<BTreeSet<String>, Vec<String>> = BTreeMap::new();
        for (name, areas) in users(api) {
            by_areas.entry(areas).or_default().push(name);
        }
        let mut taken: BTreeSet<String> = BTreeSet::new();
        let mut groups: Vec<Group> = by_areas
            .into_iter()
            .map(|(areas, types)| Group { module: String::new(), areas, types })
            .collect();
        // A module of a single area has the name of the area; others are named after their largest type.
        for group in &mut groups {
            if let (1, Some(area)) = (group.areas.len(), group.areas.first()) {
                group.module.clone_from(area);
                taken.insert(area.clone());
            }
        }
        for group in groups.iter_mut().filter(|group| group.module.is_empty()) {
            let largest =
                group.types.iter().max_by_key(|name| (fields_of(api, name), std::cmp::Reverse(*name)));
            let mut module = largest.map(|name| snake(name)).unwrap_or_default();
            while !taken.insert(module.clone()) {
                module.push_str("_shared");
            }
            group.module = module;
        }
        groups.sort_by(|one, other| one.module.cmp(&other.module));
        Self { groups }
    }

    /// Prints the root module with all areas.
    pub(super) fn root(&self, api: &Api) -> TokenStream {
        let modules = api.areas.iter().map(|area| {
            let (feature, module) = (feature(&area.module), format_ident!("{}", area.module));
            quote! {
                #[cfg(feature = #feature)]
                pub mod #module;
            }
        });
        let lists = api.areas.iter().map(|area| {
            let (feature, module) = (feature(&area.module), format_ident!("{}", area.module));
            quote! {
                #[cfg(feature = #feature)]
                #module::OPERATIONS
            }
        });
        quote! {
            //! The generated code: one module per area, and the types.

            // A field can have the name of a standard library method; its setter has the same name.
            #![allow(clippy::should_implement_trait)]
            #![allow(deprecated, reason = "derived and generated code reads deprecated items")]

            #[cfg(feature = "inspect")]
            mod inspectors;
            pub mod types;
            #(#modules)*

            #[cfg(feature = "inspect")]
            pub use inspectors::{INSPECTORS, Inspect, RoundTrip, TYPES};

            use crate::Operation;

            /// The operations of all compiled areas.
            pub(crate) static AREAS: &[&[&Operation]] = &[#(#lists),*];
        }
    }

    /// Prints the root module of all types.
    pub(super) fn types_root(&self) -> TokenStream {
        let modules = self.groups.iter().map(|group| {
            let condition = condition(&group.areas);
            let module = format_ident!("{}", group.module);
            quote! {
                #condition
                mod #module;
                #condition
                pub use #module::*;
            }
        });
        quote! {
            //! The request bodies and responses of all operations.
            //!
            //! Every response field is an `Option`: Vimeo omits the fields that `fields` does not name, and others.
            //! Enums are open: an unknown value decodes as `Other` and is retained.
            #(#modules)*
        }
    }
}

/// Returns the cargo feature of an area.
pub(crate) fn feature(module: &str) -> String {
    module.trim_end_matches('_').replace('_', "-")
}

pub(super) fn condition(areas: &BTreeSet<String>) -> TokenStream {
    let features: Vec<String> = areas.iter().map(|area| feature(area)).collect();
    match features.as_slice() {
        [feature] => quote!(#[cfg(feature = #feature)]),
        _ => quote!(#[cfg(any(#(feature = #features),*))]),
    }
}

fn fields_of(api: &Api, name: &str) -> usize {
    match api.types.get(name).map(|ty| &ty.kind) {
        Some(Kind::Struct(fields)) => fields.len(),
        _ => 0,
    }
}

/// Maps each type to the areas that use it.
fn users(api: &Api) -> BTreeMap<String, BTreeSet<String>> {
    let mut users: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for area in &api.areas {
        let mut open = BTreeSet::new();
        for call in api.calls.iter().filter(|call| call.area == area.module) {
            let parameters = call.path_parameters.iter().chain(&call.query).map(|parameter| &parameter.ty);
            for ty in parameters.chain(&call.response).chain(call.body.as_ref().map(|(ty, _)| ty)) {
                named_in(ty, &mut open);
            }
        }
        while let Some(name) = open.pop_first() {
            let Some(ty) = api.types.get(&name) else { continue };
            if !users.entry(name).or_default().insert(area.module.clone()) {
                continue;
            }
            match &ty.kind {
                Kind::Struct(fields) => fields.iter().for_each(|field| named_in(&field.ty, &mut open)),
                Kind::Untagged(variants) => variants.iter().for_each(|(_, _, ty)| named_in(ty, &mut open)),
                Kind::Enum(_) => {}
            }
        }
    }
    users
}
