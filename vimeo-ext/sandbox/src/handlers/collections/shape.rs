//! The JSON of collection items: generated from the API description, overlaid with the values that were set.

use http::StatusCode;
use serde_json::Value;

use super::path::item_not_found;
use crate::call::{Answer, Call, Outcome};
use crate::catalog::collections::{CollectionSpec, is_stateful};
use crate::catalog::schema::Type;
use crate::protocol::fields::Selection;
use crate::synth::resolve::shape as held_shape;
use crate::synth::shapes::picture;
use crate::synth::{self, Synthesizer, media};
use crate::world::entities::Entity;

/// The schema of the items in the operation's response; the collection's own schema if there is no response body.
pub(super) fn response_schema(call: &Call<'_>, collection: &CollectionSpec) -> &'static str {
    let declared = call.operation.answer().and_then(|(_, ty)| match ty.page_of().unwrap_or(ty) {
        Type::Named(name) => Some(name),
        Type::List(items) => Some(items),
        _ => None,
    });
    declared.unwrap_or(collection.item)
}

/// An item in the schema of the operation's response. In a list of an On Demand page's videos, an item has more members
/// than the video itself.
pub(super) fn shape(
    call: &Call<'_>,
    collection: &CollectionSpec,
    key: &str,
    entity: &Entity,
    selection: &Selection,
) -> Option<Value> {
    match response_schema(call, collection) {
        item if is_stateful(item) || item == "Tag" => held_shape(&call.view(), item, &entity.id, selection),
        item => Some(synthesized_shape(call, item, key, entity, selection)),
    }
}

fn synthesized_shape(
    call: &Call<'_>,
    item: &'static str,
    key: &str,
    entity: &Entity,
    selection: &Selection,
) -> Value {
    let synthesizer = Synthesizer::plain(call, entity.created);
    let uri = if entity.id.is_empty() { key.to_owned() } else { format!("{key}/{}", entity.id) };
    let generated = match item {
        "Picture" => return picture::from_entity(&uri, entity, selection),
        _ => synthesizer.named(item, &uri, selection, &mut Vec::new()),
    };
    let mut body = synth::overlay(generated, &entity.set, selection);
    // Referenced videos are expanded, and a chosen picture replaces the generated one.
    for name in ["pictures", "streamable_clip"] {
        let (Some(below), Some(members)) = (selection.of(name), body.as_object_mut()) else { continue };
        let expanded = match entity.set.get(name).and_then(|named| named.get("uri")?.as_str()) {
            Some(uri) => held_shape(&call.view(), "Video", uri.rsplit('/').next().unwrap_or_default(), below),
            None => picture::active(&call.view(), &format!("{uri}/{name}"), below),
        };
        if let (Some(expanded), true) = (expanded, members.contains_key(name)) {
            members.insert(name.to_owned(), expanded);
        }
    }
    body
}

/// The response of an operation that added, changed or removed `ids`, as declared in the API description.
pub(super) fn answer(
    call: &Call<'_>,
    collection: &'static CollectionSpec,
    key: &str,
    ids: &[String],
) -> Outcome {
    let Some((status, ty)) = call.operation.answer() else {
        let status = call.operation.answers.first().map_or(StatusCode::NO_CONTENT, |(status, _)| *status);
        return Ok(Answer::no_content().status(status));
    };
    let entities = ids.iter().filter_map(|id| call.state.collections.get(key, id));
    let mut bodies: Vec<Value> =
        entities.filter_map(|entity| shape(call, collection, key, entity, &call.selection)).collect();
    let body = match ty {
        Type::List(_) => Value::Array(bodies),
        _ => bodies.pop().ok_or_else(|| item_not_found(collection))?,
    };
    Ok(Answer::of(status, media(collection.item), body))
}
