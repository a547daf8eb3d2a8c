//! What the things of a list look like: as the description says, with what was set of them laid over it.

use http::StatusCode;
use serde_json::Value;

use super::path::missing;
use crate::call::{Answer, Call, Outcome};
use crate::catalog::collections::{CollectionSpec, is_held};
use crate::catalog::schema::Type;
use crate::protocol::fields::Selection;
use crate::synth::resolve::shape as held_shape;
use crate::synth::shapes::picture;
use crate::synth::{self, Synthesizer, media};
use crate::world::entities::Entity;

/// What the operation says that its answer's things are; what is on the list where it answers nothing.
pub(super) fn promised(call: &Call<'_>, collection: &CollectionSpec) -> &'static str {
    let said = call.operation.answer().and_then(|(_, ty)| match ty.page_of().unwrap_or(ty) {
        Type::Named(name) => Some(name),
        Type::List(items) => Some(items),
        _ => None,
    });
    said.unwrap_or(collection.item)
}

/// A thing as the operation promises it: on a list of an On Demand page's videos each is more than a video, by itself it
/// is that video.
pub(super) fn shape(
    call: &Call<'_>,
    collection: &CollectionSpec,
    key: &str,
    thing: &Entity,
    selection: &Selection,
) -> Option<Value> {
    match promised(call, collection) {
        item if is_held(item) || item == "Tag" => held_shape(&call.view(), item, &thing.id, selection),
        item => Some(made_shape(call, item, key, thing, selection)),
    }
}

fn made_shape(
    call: &Call<'_>,
    item: &'static str,
    key: &str,
    thing: &Entity,
    selection: &Selection,
) -> Value {
    let synthesizer = Synthesizer::plain(call, thing.created);
    let uri = if thing.id.is_empty() { key.to_owned() } else { format!("{key}/{}", thing.id) };
    let made = match item {
        "Picture" => return picture::kept(&uri, thing, selection),
        _ => synthesizer.named(item, &uri, selection, &mut Vec::new()),
    };
    let mut made = synth::overlay(made, &thing.set, selection);
    // What is only named is shown whole, and a picture that was chosen stands for the thing.
    for name in ["pictures", "streamable_clip"] {
        let (Some(below), Some(members)) = (selection.of(name), made.as_object_mut()) else { continue };
        let shown = match thing.set.get(name).and_then(|named| named.get("uri")?.as_str()) {
            Some(uri) => held_shape(&call.view(), "Video", uri.rsplit('/').next().unwrap_or_default(), below),
            None => picture::chosen(&call.view(), &format!("{uri}/{name}"), below),
        };
        if let (Some(shown), true) = (shown, members.contains_key(name)) {
            members.insert(name.to_owned(), shown);
        }
    }
    made
}

/// What an operation answers after it put, changed or took away `ids`: what it promises, and no more.
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
    let things = ids.iter().filter_map(|id| call.state.collections.get(key, id));
    let mut bodies: Vec<Value> =
        things.filter_map(|thing| shape(call, collection, key, thing, &call.selection)).collect();
    let body = match ty {
        Type::List(_) => Value::Array(bodies),
        _ => bodies.pop().ok_or_else(|| missing(collection))?,
    };
    Ok(Answer::of(status, media(collection.item), body))
}
