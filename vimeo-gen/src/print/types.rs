//! Prints a module of types.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};

use super::calls::is_text;
use super::layout::Group;
use super::{deprecation, docs};
use crate::refine::{Api, Field, Kind, Type, Variant, inner_of, leaf_of, named_in};

pub(super) fn file(api: &Api, group: &Group) -> TokenStream {
    let types: Vec<&Type> = group.types.iter().filter_map(|name| api.types.get(name)).collect();
    let mut named = BTreeSet::new();
    for ty in &types {
        match &ty.kind {
            Kind::Struct(fields) => fields.iter().for_each(|field| named_in(&field.ty, &mut named)),
            Kind::Untagged(variants) => variants.iter().for_each(|(_, _, ty)| named_in(ty, &mut named)),
            Kind::Enum(_) => {}
        }
    }
    let uses = uses(api, group, &types, &named);
    let items = types.iter().map(|ty| match &ty.kind {
        Kind::Struct(fields) => object(ty, fields),
        Kind::Enum(variants) => open_enum(ty, variants),
        Kind::Untagged(variants) => untagged(ty, variants),
    });
    quote! {
        #uses
        #(#items)*
    }
}

fn uses(api: &Api, group: &Group, types: &[&Type], named: &BTreeSet<String>) -> TokenStream {
    let has = |name: &str| named.contains(name);
    let of_kind = |wanted: fn(&Kind) -> bool| types.iter().any(|ty| wanted(&ty.kind));
    let mut uses = TokenStream::new();
    let mut bring = |crate_path: TokenStream, names: Vec<&str>| {
        let names = names.into_iter().map(|name| format_ident!("{name}"));
        uses.extend(quote!(use #crate_path::{#(#names),*};));
    };
    let chrono: Vec<&str> = ["DateTime", "NaiveDate", "Utc"].into_iter().filter(|name| has(name)).collect();
    if !chrono.is_empty() {
        bring(quote!(chrono), chrono);
    }
    if of_kind(|kind| matches!(kind, Kind::Struct(_))) {
        bring(quote!(serde), vec!["Deserialize", "Serialize"]);
    }
    let json: Vec<&str> = ["Map", "Value"].into_iter().filter(|name| has(name)).collect();
    if !json.is_empty() {
        bring(quote!(serde_json), json);
    }
    if has("HashMap") {
        bring(quote!(std::collections), vec!["HashMap"]);
    }
    let own: Vec<&str> = ["Secret", "SignedUrl"].into_iter().filter(|name| has(name)).collect();
    if !own.is_empty() {
        bring(quote!(crate), own);
    }
    let mut macros = Vec::new();
    if of_kind(|kind| matches!(kind, Kind::Untagged(_))) {
        macros.push("untagged_enum");
    }
    if of_kind(|kind| matches!(kind, Kind::Enum(_))) {
        macros.push("open_enum");
    }
    if types.iter().any(|ty| matches!(&ty.kind, Kind::Struct(fields) if is_resource(ty, fields))) {
        macros.push("resource");
    }
    if !macros.is_empty() {
        bring(quote!(crate::runtime), macros);
    }
    let elsewhere: Vec<&str> = named
        .iter()
        .filter(|name| api.types.contains_key(*name) && !group.types.contains(name))
        .map(String::as_str)
        .collect();
    if !elsewhere.is_empty() {
        bring(quote!(super), elsewhere);
    }
    uses
}

fn object(ty: &Type, fields: &[Field]) -> TokenStream {
    let (name, doc) = (format_ident!("{}", ty.name), docs(&ty.doc));
    let all_optional = fields.iter().all(|field| inner_of(&field.ty, "Option").is_some());
    let default = all_optional.then(|| quote!(Default,));
    let written = fields.iter().map(|field| {
        let (ident, ty, doc) = (format_ident!("{}", field.name), &field.ty, docs(&field.doc));
        let (wire, deprecated) = (&field.wire, deprecation(field.deprecated));
        let rename = (field.wire != field.name).then(|| quote!(rename = #wire));
        let skip = (field.skipped && inner_of(&field.ty, "Option").is_some())
            .then(|| quote!(skip_serializing_if = "Option::is_none"));
        let serde: Vec<TokenStream> = rename.into_iter().chain(skip).collect();
        let serde = (!serde.is_empty()).then(|| quote!(#[serde(#(#serde),*)]));
        quote! {
            #doc
            #deprecated
            #serde
            pub #ident: #ty
        }
    });
    let setters = ty.sent.then(|| setters(ty, fields, all_optional));
    let resource = is_resource(ty, fields).then(|| match id_type(&ty.name) {
        Some(id) => quote!(resource!(#name, #id);),
        None => quote!(resource!(#name);),
    });
    quote! {
        #doc
        #[derive(Debug, Clone, #default PartialEq, Serialize, Deserialize)]
        #[non_exhaustive]
        pub struct #name {
            #(#written),*
        }
        #setters
        #resource
    }
}

/// Whether a type is a resource that its `uri` identifies. The `uri` of a connection leads to a list, that of an
/// interaction to an action.
fn is_resource(ty: &Type, fields: &[Field]) -> bool {
    let is_uri = |field: &Field| field.wire == "uri" && inner_of(&field.ty, "Option").is_some_and(is_text);
    let names_other = ty.name.ends_with("Interaction") || fields.iter().any(|field| field.wire == "options");
    !ty.sent && !names_other && fields.iter().any(is_uri)
}

/// The runtime's ID type for a type of that name.
fn id_type(name: &str) -> Option<Ident> {
    const WITH_ID: &[&str] = &["Video", "User", "Channel", "Group", "Showcase", "Folder"];
    WITH_ID.contains(&name).then(|| format_ident!("{name}Id"))
}

/// Prints a constructor with the required fields and a setter for each optional one.
fn setters(ty: &Type, fields: &[Field], all_optional: bool) -> TokenStream {
    let name = format_ident!("{}", ty.name);
    let (required, optional): (Vec<&Field>, Vec<&Field>) =
        fields.iter().partition(|field| inner_of(&field.ty, "Option").is_none());
    let new = (!all_optional).then(|| {
        let arguments = required.iter().map(|field| {
            let (ident, (argument, _)) = (format_ident!("{}", field.name), argument(&field.ty));
            quote!(#ident: #argument)
        });
        let converted = required.iter().map(|field| {
            let (ident, (_, converted)) = (format_ident!("{}", field.name), argument(&field.ty));
            let converted = converted(quote!(#ident));
            if converted.to_string() == field.name { converted } else { quote!(#ident: #converted) }
        });
        let left = optional.iter().map(|field| {
            let ident = format_ident!("{}", field.name);
            quote!(#ident: None)
        });
        let doc = docs(&format!("Creates the object with its required fields: {}.", list(&required)));
        quote! {
            #doc
            pub fn new(#(#arguments),*) -> Self {
                Self { #(#converted,)* #(#left,)* }
            }
        }
    });
    let setters = optional.iter().map(|field| {
        let (ident, doc) = (format_ident!("{}", field.name), docs(&field.doc));
        let inner = inner_of(&field.ty, "Option").unwrap_or(&field.ty);
        let boxed = inner_of(inner, "Box");
        let (argument, converted) = argument(boxed.unwrap_or(inner));
        let (converted, deprecated) = (converted(quote!(value)), deprecation(field.deprecated));
        let converted = if boxed.is_some() { quote!(Box::new(#converted)) } else { converted };
        quote! {
            #doc
            #deprecated
            pub fn #ident(mut self, value: #argument) -> Self {
                self.#ident = Some(#converted);
                self
            }
        }
    });
    quote! {
        impl #name {
            #new
            #(#setters)*
        }
    }
}

fn list(fields: &[&Field]) -> String {
    fields.iter().map(|field| format!("`{}`", field.name)).collect::<Vec<_>>().join(", ")
}

/// Returns the argument type for a value of this type, and the conversion from the argument to the value.
pub(super) fn argument(ty: &syn::Type) -> (TokenStream, fn(TokenStream) -> TokenStream) {
    if let Some(item) = inner_of(ty, "Vec") {
        let (item_argument, _) = argument(item);
        return if leaf_of(item).to_token_stream().to_string() == item.to_token_stream().to_string()
            && converts(item)
        {
            (
                quote!(impl IntoIterator<Item = #item_argument>),
                |value| quote!(#value.into_iter().map(Into::into).collect()),
            )
        } else {
            (quote!(impl IntoIterator<Item = #item>), |value| quote!(#value.into_iter().collect()))
        };
    }
    let plain = ty.to_token_stream();
    if converts(ty) {
        (quote!(impl Into<#plain>), |value| quote!(#value.into()))
    } else {
        (plain, |value| value)
    }
}

/// Whether values of a type are commonly converted from a simpler type.
fn converts(ty: &syn::Type) -> bool {
    let name = ty.to_token_stream().to_string();
    matches!(name.as_str(), "String" | "Value" | "Secret" | "SignedUrl")
}

fn open_enum(ty: &Type, variants: &[Variant]) -> TokenStream {
    let (name, doc) = (format_ident!("{}", ty.name), docs(&ty.doc));
    let written = variants.iter().map(|variant| {
        let (ident, doc) = (format_ident!("{}", variant.name), docs(&format!("`{}`", variant.value)));
        quote! {
            #doc
            #ident
        }
    });
    let pairs = variants.iter().map(|variant| {
        let (ident, value) = (format_ident!("{}", variant.name), &variant.value);
        quote!(#ident = #value)
    });
    quote! {
        #doc
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum #name {
            #(#written,)*
            /// A value that this version of the crate does not know.
            Other(String),
        }
        open_enum!(#name, #(#pairs),*);
    }
}

fn untagged(ty: &Type, variants: &[(&'static str, String, syn::Type)]) -> TokenStream {
    let (name, doc) = (format_ident!("{}", ty.name), docs(&ty.doc));
    let written = variants.iter().map(|(kind, variant, ty)| {
        let ident = format_ident!("{variant}");
        let doc = docs(match *kind {
            "text" => "A JSON string.",
            "integer" | "number" => "A JSON number.",
            "boolean" => "A JSON boolean.",
            "list" => "A JSON array.",
            _ => "A JSON object.",
        });
        quote! {
            #doc
            #ident(#ty)
        }
    });
    let pairs = variants.iter().map(|(kind, variant, ty)| {
        let (kind, ident) = (format_ident!("{kind}"), format_ident!("{variant}"));
        quote!(#kind => #ident(#ty))
    });
    quote! {
        #doc
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub enum #name {
            #(#written),*
        }
        untagged_enum!(#name, #(#pairs),*);
    }
}
