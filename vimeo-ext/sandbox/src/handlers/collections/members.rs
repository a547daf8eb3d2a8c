//! Adding existing resources to a collection, and removing them.

use serde_json::{Map, Value};

use super::entities::{defaults, put, settings};
use super::path::{item_not_found, locate};
use super::shape::{answer, shape};
use crate::call::{Answer, Call, Outcome};
use crate::catalog::collections::{CollectionSpec, is_stateful};
use crate::catalog::schema::Type;
use crate::handlers::resolve;
use crate::protocol::error::{ApiError, EMPTY_PARAMETER, InvalidField};
use crate::protocol::fields::Selection;
use crate::synth::media;
use crate::synth::resolve::shape as held_shape;

pub(super) fn add(call: &mut Call<'_>) -> Outcome {
    let (collection, key, id) = locate(call)?;
    resolve::own_parents(call)?;
    check_exists(call, collection, &id)?;
    let mut set = settings(
        call,
        collection,
        call.input().map(|input| input.root().clone()).as_ref().unwrap_or(&Value::Null),
    );
    defaults(call, collection, &id, &mut set);
    put(call, &key, &id, set)?;
    answer(call, collection, &key, &[id])
}

/// Checks that the resource to add exists.
fn check_exists(call: &Call<'_>, collection: &CollectionSpec, id: &str) -> Result<(), ApiError> {
    let known = match collection.item {
        "EmbedPreset" => {
            let own = format!("/users/{}/presets", call.me()?);
            call.state.collections.get(&own, id).is_some()
        }
        item if is_stateful(item) || item == "Tag" => {
            held_shape(&call.view(), item, id, &Selection::parse(Some("uri"))).is_some()
        }
        _ => true,
    };
    if known { Ok(()) } else { Err(item_not_found(collection)) }
}

/// Collects the IDs in a body: the last segments of all URIs and other strings, at any depth.
fn body_ids(call: &Call<'_>, collection: &CollectionSpec) -> Result<Vec<String>, ApiError> {
    fn collect(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::String(text) => {
                found.push(text.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned());
            }
            Value::Number(number) => found.push(number.to_string()),
            Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
            Value::Object(members) => members.values().for_each(|member| collect(member, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    collect(call.input()?.root(), &mut found);
    found.retain(|id| !id.is_empty());
    if collection.item == "Tag" {
        found.iter_mut().for_each(|word| *word = word.to_lowercase());
    }
    Ok(found)
}

pub(super) fn add_many(call: &mut Call<'_>) -> Outcome {
    let (collection, key, _) = locate(call)?;
    resolve::own_parents(call)?;
    let ids = body_ids(call, collection)?;
    if ids.is_empty() && call.operation.body.as_ref().is_some_and(|body| body.required) {
        return Err(ApiError::invalid(vec![
            InvalidField::new("body", "must name at least one item").with_code(EMPTY_PARAMETER),
        ]));
    }
    for id in &ids {
        check_exists(call, collection, id)?;
    }
    // PUT replaces the whole list of domains.
    if collection.item == "EmbedDomain" {
        call.state.collections.clear(&key);
    }
    for id in &ids {
        let mut set = Map::new();
        defaults(call, collection, id, &mut set);
        put(call, &key, id, set)?;
    }
    answer(call, collection, &key, &ids)
}

pub(super) fn replace_all(call: &mut Call<'_>) -> Outcome {
    let (_, key, _) = locate(call)?;
    resolve::own_parents(call)?;
    call.state.collections.clear(&key);
    add_many(call)
}

/// Removes the items in the body; all items if it names none.
pub(super) fn remove_many(call: &mut Call<'_>) -> Outcome {
    let (collection, key, _) = locate(call)?;
    resolve::own_parents(call)?;
    let ids = match call.operation.body {
        Some(_) => body_ids(call, collection)?,
        None => Vec::new(),
    };
    if ids.is_empty() {
        call.state.collections.clear(&key);
    }
    for id in &ids {
        call.state.collections.remove(&key, id);
    }
    match call.operation.answer() {
        Some((status, Type::List(_))) => {
            let left = call.state.collections.list(&key).iter();
            let left =
                left.filter_map(|entity| shape(call, collection, &key, entity, &call.selection)).collect();
            Ok(Answer::of(status, media(collection.item), Value::Array(left)))
        }
        _ => Ok(Answer::no_content()),
    }
}
