//! A table that checks recorded answers: which type each operation's answer is read as.

use proc_macro2::TokenStream;
use quote::quote;

use super::calls::here;
use super::layout::feature;
use crate::refine::Api;

pub(super) fn file(api: &Api) -> TokenStream {
    let rows = api.calls.iter().filter(|call| call.method == "GET").filter_map(|call| {
        // An answer that may be anything has nothing that could not fit.
        let answer = call.answer.as_ref().filter(|answer| quote!(#answer).to_string() != "Value")?;
        let answer = here(api, answer);
        let (feature, path) = (feature(&call.area), &call.path);
        Some(quote! {
            #[cfg(feature = #feature)]
            (#path, inspect::<#answer>)
        })
    });
    quote! {
        //! Reading recorded answers as the types of the operations that gave them.

        use crate::types;
        use crate::{DecodeFailure, Inspection, Page, inspect};

        /// Path templates with what reads the answer to a `GET` there and says what did not fit.
        #[doc(hidden)]
        pub static INSPECTORS: &[(&str, fn(&[u8]) -> Result<Inspection, DecodeFailure>)] = &[#(#rows),*];
    }
}
