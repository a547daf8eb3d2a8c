//! Prints the tables that check recorded responses: the response type of each operation, and all types by name.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::calls::here;
use super::layout::{Layout, condition, feature};
use crate::refine::{Api, Kind};

pub(super) fn file(api: &Api, layout: &Layout) -> TokenStream {
    let responses = api.calls.iter().filter(|call| call.method == "GET").filter_map(|call| {
        // A response that can be any JSON never mismatches.
        let response = call.response.as_ref().filter(|response| quote!(#response).to_string() != "Value")?;
        let response = here(api, response);
        let (feature, path) = (feature(&call.area), &call.path);
        Some(quote! {
            #[cfg(feature = #feature)]
            (#path, inspect::<#response>)
        })
    });
    let types = layout.groups.iter().flat_map(|group| {
        let condition = condition(&group.areas);
        let objects = group
            .types
            .iter()
            .filter(|name| api.types.get(*name).is_some_and(|ty| !matches!(ty.kind, Kind::Enum(_))));
        objects.map(move |name| {
            let ident = format_ident!("{name}");
            quote! {
                #condition
                (#name, size_of::<types::#ident>(), round_trip::<types::#ident>)
            }
        })
    });
    let page = api.calls.iter().any(|call| call.paged && call.method == "GET").then(|| quote!(Page,));
    quote! {
        //! Decodes recorded responses as the types of their operations.

        use crate::types;
        use crate::{DecodeErrorKind, Decoded, Inspection, #page inspect, round_trip};
        use serde_json::Value;

        /// Decodes a response and reports mismatches and unknown fields.
        #[doc(hidden)]
        pub type Inspect = fn(&[u8]) -> Result<Inspection, DecodeErrorKind>;

        /// Decodes an object and encodes it again.
        #[doc(hidden)]
        pub type RoundTrip = fn(&[u8]) -> Result<Decoded<Value>, DecodeErrorKind>;

        /// Path templates, each with the function that inspects the response to a `GET` of that path.
        #[doc(hidden)]
        pub static INSPECTORS: &[(&str, Inspect)] = &[#(#responses),*];

        /// Every object type: its name, its size in bytes, and its round-trip function.
        #[doc(hidden)]
        pub static TYPES: &[(&str, usize, RoundTrip)] = &[#(#types),*];
    }
}
