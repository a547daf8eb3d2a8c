//! Tables that check recorded answers: which type each operation's answer is read as, and all types by name.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::calls::here;
use super::layout::{Layout, condition, feature};
use crate::refine::{Api, Kind};

pub(super) fn file(api: &Api, layout: &Layout) -> TokenStream {
    let answers = api.calls.iter().filter(|call| call.method == "GET").filter_map(|call| {
        // An answer that may be anything has nothing that could not fit.
        let answer = call.answer.as_ref().filter(|answer| quote!(#answer).to_string() != "Value")?;
        let answer = here(api, answer);
        let (feature, path) = (feature(&call.area), &call.path);
        Some(quote! {
            #[cfg(feature = #feature)]
            (#path, inspect::<#answer>)
        })
    });
    let types = layout.groups.iter().flat_map(|group| {
        let condition = condition(&group.areas);
        let objects = group
            .types
            .iter()
            .filter(|name| api.types.get(*name).is_some_and(|ty| !matches!(ty.kind, Kind::Words(_))));
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
        //! Reading recorded answers as the types of the operations that gave them.

        use crate::types;
        use crate::{DecodeErrorKind, Decoded, Inspection, #page inspect, round_trip};
        use serde_json::Value;

        /// Reads an answer and says what did not fit.
        #[doc(hidden)]
        pub type Inspect = fn(&[u8]) -> Result<Inspection, DecodeErrorKind>;

        /// Reads an object and writes it again.
        #[doc(hidden)]
        pub type Reread = fn(&[u8]) -> Result<Decoded<Value>, DecodeErrorKind>;

        /// Path templates with what reads the answer to a `GET` there and says what did not fit.
        #[doc(hidden)]
        pub static INSPECTORS: &[(&str, Inspect)] = &[#(#answers),*];

        /// Every object type: its name, its size in bytes, and what reads and writes one.
        #[doc(hidden)]
        pub static TYPES: &[(&str, usize, Reread)] = &[#(#types),*];
    }
}
