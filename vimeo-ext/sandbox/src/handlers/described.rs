//! Responses generated from the API description, for reads of resources that the sandbox does not store.

use serde_json::{Value, json};

use super::resolve;
use crate::call::{Answer, Call, Content, Outcome};
use crate::catalog::collections::is_stateful;
use crate::catalog::schema::{Schema, Type};
use crate::protocol::paging::Page;
use crate::synth::{Synthesizer, media};

/// The number of items in a generated list.
const LIST_LENGTH: usize = 3;
/// An empty archive, for the only response that is not JSON.
const EMPTY_ZIP: &[u8] = b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// Generates the response to a read.
pub(crate) fn get(call: &mut Call<'_>) -> Outcome {
    resolve::parents(call)?;
    let Some((status, ty)) = call.operation.answer() else { return Ok(Answer::no_content()) };
    if ty == Type::Binary {
        let body = Content::Bytes("application/octet-stream", EMPTY_ZIP);
        return Ok(Answer { body, ..Answer::no_content() }.status(status));
    }
    if let Some(items) = ty.page_of() {
        return page(call, items);
    }
    let Type::Named(name) = ty else { return Ok(Answer::of(status, "object", json!({}))) };
    if is_stateful(name) {
        return resolve::get(call, name);
    }
    if matches!(ty.schema(), Some(Schema::Is(Type::Any))) {
        return Ok(Answer::of(status, "object", call.selection.prune(undescribed(call))));
    }
    let synthesizer = Synthesizer::of(call);
    let uri = synthesizer.own_uri(call, name);
    let body = synthesizer.named(name, &uri, &call.selection, &mut Vec::new());
    Ok(Answer::of(status, media(name), body))
}

/// The body of a response whose schema is not described: an object, since clients look up members in it.
fn undescribed(call: &Call<'_>) -> Value {
    match call.operation.path.ends_with("/m3u8_playback") {
        // The member that clients in use read.
        true => json!({"m3u8_playback_url": format!("https://vimeo.com{}.m3u8", call.request.path)}),
        false => json!({}),
    }
}

/// A page of generated items.
fn page(call: &Call<'_>, items: Type) -> Outcome {
    let Type::Named(name) = items else { return call.page::<()>("list", &[], |_, (), _| Value::Null) };
    if is_stateful(name) {
        return resolve::list(call, name);
    }
    let synthesizer = Synthesizer::of(call);
    let base = synthesizer.canonical_path(call);
    let mut uris: Vec<String> =
        (0..LIST_LENGTH).map(|index| synthesizer.item_uri(call.operation.path, name, &base, index)).collect();
    if call.request.query.get("direction") == Some("desc") {
        uris.reverse();
    }
    let page = Page::parse(&call.request.query, uris.len())?;
    let on_page = uris.get(page.range()).unwrap_or_default();
    let data =
        on_page.iter().map(|uri| synthesizer.named(name, uri, &call.selection, &mut Vec::new())).collect();
    Ok(Answer::ok(media(name), page.envelope(&call.request.path, &call.request.query, data)))
}
