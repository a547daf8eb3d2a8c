//! Prints the module of an area: its handle, call builders and operations.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::types::argument;
use super::{deprecation, docs};
use crate::names::pascal;
use crate::normalise::ID_TYPES;
use crate::refine::{Api, Area, Call, Field, Kind, Parameter, inner_of, is_id, named_in};

pub(super) fn file(api: &Api, area: &Area) -> TokenStream {
    let calls: Vec<&Call> = api.calls.iter().filter(|call| call.area == area.module).collect();
    let handle = format_ident!("{}", pascal(&area.module));
    let module = format_ident!("{}", area.module);
    let about = if area.about.is_empty() { format!("{}.", area.title) } else { area.about.clone() };
    let groups = groups(area, &calls);
    let front = format!("{about}\n\n{}", tables(&groups, &handle.to_string()));
    let front = front.lines().map(|line| if line.is_empty() { String::new() } else { format!(" {line}") });
    let entry = docs(&format!("Returns the calls of the {} area: {}", area.title, lower(&about)));
    let own = docs(&format!("The calls of the {} area.", area.title));
    let methods = groups.iter().map(|(title, calls)| {
        let heading = (!title.is_empty()).then(|| docs(&format!("# {title}")));
        let methods = calls.iter().map(|call| method(api, call));
        quote! {
            #heading
            impl #handle<'_> {
                #(#methods)*
            }
        }
    });
    let builders = calls.iter().map(|call| builder(api, area, call));
    let operations = calls.iter().map(|call| operation(area, call));
    let names = calls.iter().map(|call| format_ident!("{}", call.operation));
    let specs = calls.iter().map(|call| spec(api, call));
    let with = uses(api, &calls);
    quote! {
        #(#![doc = #front])*

        #with

        impl Client {
            #entry
            pub fn #module(&self) -> #handle<'_> {
                #handle { client: self }
            }
        }

        #own
        #[derive(Debug, Clone, Copy)]
        pub struct #handle<'a> {
            client: &'a Client,
        }

        #(#methods)*

        #(#builders)*

        /// Metadata of every operation in this area.
        pub(super) static OPERATIONS: &[&Operation] = &[#(&#names),*];

        #(#operations)*

        /// One type per operation, which names its response type.
        #[doc(hidden)]
        pub mod operations {
            use super::*;
            use crate::runtime::operation_spec;

            #(#specs)*
        }
    }
}

fn spec(api: &Api, call: &Call) -> TokenStream {
    let (name, operation) = (format_ident!("{}", call.builder), format_ident!("{}", call.operation));
    let response = response(api, call);
    quote!(operation_spec!(#name, #response, #operation);)
}

fn uses(api: &Api, calls: &[&Call]) -> TokenStream {
    let mut names = vec!["Client", "Operation", "TypedCall"];
    let queried = calls.iter().any(|call| !call.query.is_empty());
    if calls.iter().any(|call| call.query.iter().any(|parameter| parameter.wire == "fields")) {
        names.push("Fields");
    }
    if calls.iter().any(|call| call.response.is_none()) {
        names.push("Empty");
    }
    if calls.iter().any(|call| call.paged) {
        names.push("Page");
    }
    if queried {
        names.push("QueryParameter");
    }
    if calls.iter().any(|call| !call.scopes.is_empty()) {
        names.push("Scope");
    }
    let text: String = calls
        .iter()
        .flat_map(|call| {
            let parameters = call.path_parameters.iter().chain(&call.query).map(|parameter| &parameter.ty);
            let fields = settable_fields(api, call).map(|field| &field.ty);
            let types =
                parameters.chain(&call.response).chain(call.body.as_ref().map(|(ty, _)| ty)).chain(fields);
            types.map(|ty| quote!(#ty).to_string() + " ").collect::<Vec<_>>()
        })
        .collect();
    let has = |name: &str| text.split_whitespace().any(|word| word == name);
    let ids: Vec<&str> = ID_TYPES.iter().map(|(name, _)| *name).filter(|name| has(name)).collect();
    let parse_id = (!ids.is_empty()).then(|| {
        quote!(
            use crate::runtime::parse_id;
        )
    });
    if !ids.is_empty() {
        names.push("InvalidId");
        names.extend(ids);
    }
    names.sort_unstable();
    let names = names.into_iter().map(|name| format_ident!("{name}"));
    let secret = has("Secret").then(|| {
        quote!(
            use crate::Secret;
        )
    });
    let types = has_types(api, calls).then(|| {
        quote!(
            use crate::types;
        )
    });
    let times: Vec<_> = ["DateTime", "NaiveDate", "Utc"]
        .into_iter()
        .filter(|name| has(name))
        .map(|name| format_ident!("{name}"))
        .collect();
    let times = (!times.is_empty()).then(|| quote!(use chrono::{#(#times),*};));
    let json: Vec<_> =
        ["Map", "Value"].into_iter().filter(|name| has(name)).map(|name| format_ident!("{name}")).collect();
    let json = (!json.is_empty()).then(|| quote!(use serde_json::{#(#json),*};));
    quote! {
        #times
        use http::Method;
        #json
        use crate::{#(#names),*};
        #parse_id
        #types
        #secret
    }
}

/// Whether any of these calls accepts or returns a generated type.
fn has_types(api: &Api, calls: &[&Call]) -> bool {
    let mut named = BTreeSet::new();
    for call in calls {
        let parameters = call.path_parameters.iter().chain(&call.query).map(|parameter| &parameter.ty);
        parameters
            .chain(&call.response)
            .chain(call.body.as_ref().map(|(ty, _)| ty))
            .for_each(|ty| named_in(ty, &mut named));
    }
    named.iter().any(|name| api.types.contains_key(name))
}

/// Groups the operations of an area; within a group, common verbs come first.
fn groups<'a, 'b>(area: &'a Area, calls: &[&'b Call]) -> Vec<(&'a str, Vec<&'b Call>)> {
    let of = |group: &&'a String| {
        let mut calls: Vec<&Call> = calls.iter().copied().filter(|call| call.group == **group).collect();
        calls.sort_by_key(|call| (verb_rank(&call.id), call.id.len()));
        (group.as_str(), calls)
    };
    area.groups.iter().map(|group| of(&group)).filter(|(_, calls)| !calls.is_empty()).collect()
}

/// Ranks an operation by its verb: reads first, deletes last. Operations with the same verb are sorted by the length of
/// their name, because the plain case has the shortest one.
fn verb_rank(id: &str) -> usize {
    const VERBS: &[&[&str]] = &[
        &["get"],
        &["list"],
        &["search"],
        &["check"],
        &["create", "upload"],
        &["edit"],
        &["replace", "set"],
        &["add", "like", "follow", "subscribe", "join"],
        &["remove", "unlike", "unfollow", "unsubscribe", "leave"],
        &["delete"],
    ];
    let verb = id.split('_').next().unwrap_or_default();
    VERBS.iter().position(|verbs| verbs.contains(&verb)).unwrap_or(VERBS.len())
}

/// The tables of operations and their scopes on the front page of an area.
fn tables(groups: &[(&str, Vec<&Call>)], handle: &str) -> String {
    let tables = groups.iter().map(|(title, calls)| {
        let heading = if title.is_empty() { String::new() } else { format!("# {title}\n\n") };
        heading + &table(calls, handle)
    });
    tables.collect::<Vec<_>>().join("\n")
}

fn table(calls: &[&Call], handle: &str) -> String {
    let mut table = String::from("| method | description | scopes |\n|---|---|---|\n");
    for call in calls {
        let scopes = if call.scopes.is_empty() { "none".to_owned() } else { call.scopes.join(", ") };
        let summary = third_person(&call.summary).replace('|', "\\|");
        table.push_str(&format!("| [`{0}`]({handle}::{0}) | {summary} | {scopes} |\n", call.id));
    }
    table
}

fn lower(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_lowercase().collect::<String>() + letters.as_str())
        .unwrap_or_default()
}

/// Puts a summary into the third person, as doc comments begin: `List videos` becomes `Lists videos`. Further verbs must
/// directly follow the first one: `Add or replace a tag`, `Create, edit or delete fields`.
fn third_person(summary: &str) -> String {
    let mut words: Vec<String> = summary.split(' ').map(str::to_owned).collect();
    let mut index = 0;
    while let Some(word) = words.get_mut(index) {
        let verb = word.trim_end_matches(',').to_owned();
        let comma = word.len() > verb.len();
        *word = format!("{}{}", inflected(&verb), if comma { "," } else { "" });
        let joined = words.get(index + 1).is_some_and(|next| matches!(next.as_str(), "or" | "and"));
        index += match (joined, comma) {
            (true, _) => 2,
            (false, true) => 1,
            (false, false) => break,
        };
    }
    words.join(" ")
}

fn inflected(verb: &str) -> String {
    let ends = |endings: &[&str]| endings.iter().any(|ending| verb.ends_with(ending));
    match verb.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
        _ if ends(&["s", "sh", "ch", "x", "z", "o"]) => format!("{verb}es"),
        _ => format!("{verb}s"),
    }
}

fn method(api: &Api, call: &Call) -> TokenStream {
    let (name, builder) = (format_ident!("{}", call.id), format_ident!("{}", call.builder));
    let required: Vec<&Parameter> = call.query.iter().filter(|parameter| parameter.required).collect();
    let path = call.path_parameters.iter().map(|parameter| {
        let (name, argument) = (format_ident!("{}", parameter.name), path_argument(api, &parameter.ty));
        quote!(#name: #argument)
    });
    let query = required.iter().map(|parameter| {
        let (name, (argument, _)) = (format_ident!("{}", parameter.name), argument_here(api, &parameter.ty));
        quote!(#name: #argument)
    });
    let body = positional_body(api, call).map(|ty| {
        let ty = here(api, ty);
        quote!(body: #ty)
    });
    let values = call.path_parameters.iter().map(|parameter| {
        let name = format_ident!("{}", parameter.name);
        if let Some(id) = id_of(&parameter.ty) {
            quote!(&parse_id::<#id>(#name))
        } else if is_text(&parameter.ty) {
            quote!(&#name.as_ref())
        } else {
            quote!(&#name)
        }
    });
    let filled = required.iter().map(|parameter| {
        let (name, wire) = (format_ident!("{}", parameter.name), &parameter.wire);
        let (_, converted) = argument_here(api, &parameter.ty);
        let (converted, ty) = (converted(quote!(#name)), here(api, &parameter.ty));
        if converted.to_string() == parameter.name {
            quote!(.set_query(#wire, &#name))
        } else {
            quote!(.set_query(#wire, &{ let #name: #ty = #converted; #name }))
        }
    });
    let sent = match (&call.body, body.is_some()) {
        (_, true) => Some(quote!(.set_body(&body))),
        // The operation requires an object, whose fields are set one by one.
        (Some((_, true)), false) => Some(quote!(.set_empty_body())),
        _ => None,
    };
    let alias = (call.vimeo_name != call.id).then(|| {
        let vimeo_name = &call.vimeo_name;
        quote!(#[doc(alias = #vimeo_name)])
    });
    let (doc, deprecated) = (docs(&method_doc(call)), deprecation(call.deprecated));
    quote! {
        #doc
        #alias
        #deprecated
        pub fn #name(&self, #(#path,)* #(#query,)* #body) -> #builder {
            TypedCall::new(self.client, &[#(#values),*]) #(#filled)* #sent
        }
    }
}

/// The line that documents a parameter, with its name on the wire if that differs.
fn parameter_doc(parameter: &Parameter) -> String {
    let (name, wire) = (&parameter.name, &parameter.wire);
    let wire = if name.trim_end_matches('_') == wire { String::new() } else { format!(" (`{wire}`)") };
    format!("- `{name}`{wire}: {}", parameter.doc)
}

fn method_doc(call: &Call) -> String {
    let mut doc = format!("{}.\n", third_person(call.summary.trim_end_matches('.')));
    if !call.doc.is_empty() {
        doc.push_str(&format!("\n{}\n", call.doc));
    }
    let documented =
        call.path_parameters.iter().chain(call.query.iter().filter(|parameter| parameter.required));
    let parameters: Vec<String> = documented.map(parameter_doc).collect();
    if !parameters.is_empty() {
        doc.push_str(&format!("\n{}\n", parameters.join("\n")));
    }
    if !call.response_doc.is_empty() {
        doc.push_str(&format!("\nResponse: {}.\n", lower(call.response_doc.trim_end_matches('.'))));
    }
    doc.push_str(&format!("\nSends `{} {}`. ", call.method, call.path));
    doc.push_str(&match call.scopes.as_slice() {
        [] => "Requires no scope.".to_owned(),
        [scope] => format!("Requires the `{scope}` scope."),
        scopes => format!("Requires the scopes `{}`.", scopes.join("` and `")),
    });
    doc
}

fn builder(api: &Api, area: &Area, call: &Call) -> TokenStream {
    let name = format_ident!("{}", call.builder);
    let mut names: BTreeSet<String> = BTreeSet::new();
    let setters: Vec<TokenStream> = call
        .query
        .iter()
        .filter(|parameter| !parameter.required)
        .map(|parameter| {
            let method = setter(&parameter.name);
            names.insert(method.clone());
            query_setter(api, parameter, &method)
        })
        .collect();
    let body = call.body.as_ref().filter(|_| positional_body(api, call).is_none()).map(|(ty, _)| {
        let ty = here(api, ty);
        quote! {
            /// Sets the whole body and replaces all fields that were set before.
            pub fn body(self, body: #ty) -> Self {
                self.set_body(&body)
            }
        }
    });
    let fields: Vec<TokenStream> = settable_fields(api, call)
        .map(|field| {
            let method = setter(&field.name);
            // A query parameter of the same name already has this setter.
            let method = if names.contains(&method) { format!("{method}_in_body") } else { method };
            body_setter(api, field, &method)
        })
        .collect();
    let doc = docs(&format!("A call to [`{0}::{1}`], before it is sent.", pascal(&area.module), call.id));
    let own = (!setters.is_empty() || body.is_some() || !fields.is_empty()).then(|| {
        quote! {
            impl #name {
                #(#setters)*
                #body
                #(#fields)*
            }
        }
    });
    quote! {
        #doc
        pub type #name = TypedCall<operations::#name>;
        #own
    }
}

fn query_setter(api: &Api, parameter: &Parameter, method: &str) -> TokenStream {
    let (ident, wire) = (format_ident!("{method}"), &parameter.wire);
    let alias = (parameter.name.trim_end_matches('_') != wire).then(|| quote!(#[doc(alias = #wire)]));
    let doc = docs(&parameter.doc);
    let doc = quote!(#doc #alias);
    let deprecated = deprecation(parameter.deprecated);
    if wire == "fields" {
        return quote! {
            #doc
            #deprecated
            pub fn fields(self, value: impl Into<Fields>) -> Self {
                self.set_fields(&value.into())
            }
        };
    }
    let (argument, converted) = argument_here(api, &parameter.ty);
    let (converted, ty) = (converted(quote!(value)), here(api, &parameter.ty));
    if quote!(#argument).to_string() == quote!(#ty).to_string() {
        quote! {
            #doc
            #deprecated
            pub fn #ident(self, value: #argument) -> Self {
                self.set_query(#wire, &value)
            }
        }
    } else {
        quote! {
            #doc
            #deprecated
            pub fn #ident(self, value: #argument) -> Self {
                let value: #ty = #converted;
                self.set_query(#wire, &value)
            }
        }
    }
}

fn body_setter(api: &Api, field: &Field, method: &str) -> TokenStream {
    let (ident, wire, doc) = (format_ident!("{method}"), &field.wire, docs(&field.doc));
    let inner = inner_of(&field.ty, "Option").unwrap_or(&field.ty);
    let inner = inner_of(inner, "Box").unwrap_or(inner);
    let (argument, converted) = argument_here(api, inner);
    let (converted, ty) = (converted(quote!(value)), here(api, inner));
    let value = if converted.to_string() == "value" {
        quote!(self.set_body_field(#wire, &value))
    } else {
        quote! {
            let value: #ty = #converted;
            self.set_body_field(#wire, &value)
        }
    };
    let deprecated = deprecation(field.deprecated);
    quote! {
        #doc
        #deprecated
        pub fn #ident(self, value: #argument) -> Self {
            #value
        }
    }
}

/// The fields of the body, if the body is an object of a known type.
fn body_fields<'a>(api: &'a Api, call: &Call) -> impl Iterator<Item = &'a Field> {
    let ty = call.body.as_ref().and_then(|(ty, _)| api.types.get(&quote!(#ty).to_string()));
    let fields = ty.and_then(|ty| match &ty.kind {
        Kind::Struct(fields) => Some(fields.as_slice()),
        _ => None,
    });
    fields.unwrap_or_default().iter()
}

/// The optional fields of the body.
fn settable_fields<'a>(api: &'a Api, call: &Call) -> impl Iterator<Item = &'a Field> {
    body_fields(api, call).filter(|field| inner_of(&field.ty, "Option").is_some())
}

/// The body's type, if the method takes the body as an argument: the body is required and has a required field.
pub(super) fn positional_body<'a>(api: &Api, call: &'a Call) -> Option<&'a syn::Type> {
    let (ty, _) = call.body.as_ref().filter(|(_, required)| *required)?;
    let mut fields = body_fields(api, call).peekable();
    let is_settable = fields.peek().is_some() && fields.all(|field| inner_of(&field.ty, "Option").is_some());
    (!is_settable).then_some(ty)
}

/// Returns the name of a setter; names of methods that every call has get a `_`.
fn setter(name: &str) -> String {
    match name {
        "send" | "send_as" | "body" | "into_call" | "header" | "timeout" | "retry" | "rate_limit"
        | "extension" | "pages" | "items" | "items_as" | "if_modified_since" | "new" => format!("{name}_"),
        _ => name.to_owned(),
    }
}

fn response(api: &Api, call: &Call) -> TokenStream {
    match &call.response {
        None => quote!(Empty),
        Some(ty) => {
            let ty = here(api, ty);
            if call.may_be_empty { quote!(Option<#ty>) } else { quote!(#ty) }
        }
    }
}

fn operation(area: &Area, call: &Call) -> TokenStream {
    let name = format_ident!("{}", call.operation);
    let (id, vimeo_name, path, module, summary) =
        (&call.id, &call.vimeo_name, &call.path, area.module.trim_end_matches('_'), &call.summary);
    let method = format_ident!("{}", call.method);
    let scopes = call.scopes.iter().map(|scope| format_ident!("{}", pascal(scope)));
    let query = call.query.iter().map(|parameter| {
        let (name, required) = (&parameter.wire, parameter.required);
        quote!(QueryParameter { name: #name, required: #required })
    });
    let (has_body, paged, conditional) = (call.body.is_some(), call.paged, call.conditional);
    quote! {
        static #name: Operation = Operation {
            id: #id,
            vimeo_name: #vimeo_name,
            method: Method::#method,
            path: #path,
            area: #module,
            summary: #summary,
            scopes: &[#(Scope::#scopes),*],
            query: &[#(#query),*],
            has_body: #has_body,
            paged: #paged,
            conditional: #conditional,
        };
    }
}

pub(super) fn is_text(ty: &syn::Type) -> bool {
    quote!(#ty).to_string() == "String"
}

/// The name of the type if it is an ID type.
fn id_of(ty: &syn::Type) -> Option<Ident> {
    let syn::Type::Path(path) = ty else { return None };
    path.path.get_ident().filter(|ident| is_id(&ident.to_string())).cloned()
}

/// The argument type of a path parameter: text by reference, enum values as they are, IDs from anything that converts into one.
pub(super) fn path_argument(api: &Api, ty: &syn::Type) -> TokenStream {
    match id_of(ty) {
        Some(id) => quote!(impl TryInto<#id, Error: Into<InvalidId>>),
        None if is_text(ty) => quote!(impl AsRef<str>),
        None => here(api, ty),
    }
}

/// A type as it is written in the module of an area.
pub(super) fn here(api: &Api, ty: &syn::Type) -> TokenStream {
    struct Qualify<'a>(&'a Api);
    impl syn::visit_mut::VisitMut for Qualify<'_> {
        fn visit_path_mut(&mut self, path: &mut syn::Path) {
            syn::visit_mut::visit_path_mut(self, path);
            if let Some(ident) =
                path.get_ident().filter(|ident| self.0.types.contains_key(&ident.to_string()))
            {
                *path = syn::parse_quote!(types::#ident);
            }
        }
    }
    let mut ty = ty.clone();
    syn::visit_mut::VisitMut::visit_type_mut(&mut Qualify(api), &mut ty);
    quote!(#ty)
}

pub(super) fn argument_here(api: &Api, ty: &syn::Type) -> (TokenStream, fn(TokenStream) -> TokenStream) {
    let (argument, converted) = argument(ty);
    match syn::parse2::<syn::Type>(argument.clone()) {
        Ok(argument) => (here(api, &argument), converted),
        Err(_) => (argument, converted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn puts_all_leading_verbs_into_the_third_person() {
        for (summary, expected) in [
            ("List the videos and folders", "Lists the videos and folders"),
            ("Copy a video", "Copies a video"),
            ("Play a video", "Plays a video"),
            ("Search the videos", "Searches the videos"),
            ("Add or replace a tag", "Adds or replaces a tag"),
            ("Create, edit or delete fields", "Creates, edits or deletes fields"),
        ] {
            assert_eq!(third_person(summary), expected);
        }
    }
}
