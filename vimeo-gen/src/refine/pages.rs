//! Replaces all page types by `Page<Item>`.

use std::collections::{BTreeMap, BTreeSet};

use super::collect::{Api, Kind, inner_of, named_in};

const ENVELOPE: [&str; 5] = ["data", "page", "paging", "per_page", "total"];

/// Replaces every type that consists of the page envelope by `Page` of its items.
pub(super) fn unify_pages(api: &mut Api) {
    let mut pages: BTreeMap<String, syn::Type> = BTreeMap::new();
    for ty in api.types.values() {
        let Kind::Struct(fields) = &ty.kind else { continue };
        let mut names: Vec<&str> = fields.iter().map(|field| field.wire.as_str()).collect();
        names.sort_unstable();
        let items =
            fields.iter().find(|field| field.wire == "data").and_then(|field| inner_of(&field.ty, "Option"));
        if let (true, Some(item)) = (names == ENVELOPE, items.and_then(|items| inner_of(items, "Vec"))) {
            pages.insert(ty.name.clone(), item.clone());
        }
    }
    for call in &mut api.calls {
        let Some(response) = &mut call.response else { continue };
        let mut named = BTreeSet::new();
        named_in(response, &mut named);
        let only = named.pop_first().filter(|_| named.is_empty());
        if let Some(item) = only.and_then(|name| pages.get(&name)) {
            *response = syn::parse_quote!(Page<#item>);
            call.paged = true;
        }
    }
    // A page inside another object remains a type.
    api.types.retain(|name, _| !pages.contains_key(name));
    remove_unreferenced(api);
}

/// Removes types that are no longer referenced, such as the links of a page.
fn remove_unreferenced(api: &mut Api) {
    let mut open = BTreeSet::new();
    for call in &api.calls {
        let parameters = call.path_parameters.iter().chain(&call.query).map(|parameter| &parameter.ty);
        for ty in parameters.chain(&call.response).chain(call.body.as_ref().map(|(ty, _)| ty)) {
            named_in(ty, &mut open);
        }
    }
    let mut reached = BTreeSet::new();
    while let Some(name) = open.pop_first() {
        let Some(ty) = api.types.get(&name) else { continue };
        if !reached.insert(name) {
            continue;
        }
        match &ty.kind {
            Kind::Struct(fields) => fields.iter().for_each(|field| named_in(&field.ty, &mut open)),
            Kind::Untagged(variants) => variants.iter().for_each(|(_, _, ty)| named_in(ty, &mut open)),
            Kind::Enum(_) => {}
        }
    }
    api.types.retain(|name, _| reached.contains(name));
}
