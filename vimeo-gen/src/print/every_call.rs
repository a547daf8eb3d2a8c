//! Prints a table for tests that makes every call once through its own builder.

use std::collections::BTreeMap;

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use serde_json::Value;

use super::calls::{argument_here, path_argument, positional_body};
use crate::refine::{Api, Call, Parameter};

/// The table. The parent module defines `With`, which supplies the values and sends the calls.
pub(super) fn file(api: &Api, bodies: &BTreeMap<String, Value>) -> TokenStream {
    let calls = api.calls.iter().map(|call| entry(api, call, bodies));
    quote! {
        //! Every operation, called once through its builder with its required parameters only.

        #![allow(deprecated, reason = "every operation is called")]

        use super::{Sent, With};
        use vimeo_api::Client;

        /// An operation's name and the function that calls it.
        pub(super) type OperationCall = (&'static str, fn(&Client, &With) -> Sent);

        pub(super) static CALLS: &[OperationCall] = &[#(#calls),*];
    }
}

fn entry(api: &Api, call: &Call, bodies: &BTreeMap<String, Value>) -> TokenStream {
    let (id, method, area) = (&call.id, format_ident!("{}", call.id), format_ident!("{}", call.area));
    let value_for = |parameter: &Parameter, argument: TokenStream| {
        let wire = &parameter.wire;
        if argument.to_string().starts_with("impl") {
            quote!(with.text(#wire))
        } else {
            quote!(with.value(#wire))
        }
    };
    let path =
        call.path_parameters.iter().map(|parameter| value_for(parameter, path_argument(api, &parameter.ty)));
    let query = call.query.iter().filter(|parameter| parameter.required);
    let query = query.map(|parameter| value_for(parameter, argument_here(api, &parameter.ty).0));
    let sample = bodies.get(id).map(Value::to_string).unwrap_or_default();
    let (body, optional) = match (&call.body, positional_body(api, call)) {
        (_, Some(_)) => (Some(quote!(with.body(#sample))), None),
        (Some(_), None) => (None, Some(quote!(.body(with.body(#sample))))),
        (None, None) => (None, None),
    };
    let arguments = path.chain(query).chain(body);
    quote!((#id, |api, with| with.send(api.#area().#method(#(#arguments),*) #optional)))
}
