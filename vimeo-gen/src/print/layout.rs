//! Which module a type goes to, and which features it needs.
//!
//! A type is compiled when an area is enabled that uses it. Types that the same areas use stand in one module, so the
//! condition is written once: at the module.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::names::snake;
use crate::refine::{Api, Kind, named_in};

/// A module of types that the same areas use.
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
        // Types of one area are called as the area is; others after the largest of them.
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

    /// The module that holds all areas.
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
            //! The generated part: an area a module, and the types they share.

            // A field may be called as a method of the standard library is; its setter is called as the field.
            #![allow(clippy::should_implement_trait)]
            #![allow(deprecated, reason = "the derived and generated code has to read what it marks")]

            #[cfg(feature = "inspect")]
            mod inspectors;
            pub mod types;
            #(#modules)*

            #[cfg(feature = "inspect")]
            pub use inspectors::{INSPECTORS, Inspect, Reread, TYPES};

            use crate::Operation;

            /// The operations of all areas that are compiled in.
            pub(crate) static AREAS: &[&[&Operation]] = &[#(#lists),*];
        }
    }

    /// The module that holds all types.
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
            //! What operations send and answer with.
            //!
            //! Every field of an answer is optional: Vimeo leaves out what `fields` did not ask for and much else.
            //! Sets of words are open: one that is not known here is kept as it came.
            #(#modules)*
        }
    }
}

/// The name of an area's feature.
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

/// The areas that each type is used by.
fn users(api: &Api) -> BTreeMap<String, BTreeSet<String>> {
    let mut users: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for area in &api.areas {
        let mut open = BTreeSet::new();
        for call in api.calls.iter().filter(|call| call.area == area.module) {
            let parameters = call.path_parameters.iter().chain(&call.query).map(|parameter| &parameter.ty);
            for ty in parameters.chain(&call.answer).chain(call.body.as_ref().map(|(ty, _)| ty)) {
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
                Kind::Choice(variants) => variants.iter().for_each(|(_, _, ty)| named_in(ty, &mut open)),
                Kind::Words(_) => {}
            }
        }
    }
    users
}
