//! What exists elsewhere, put on a list and taken off it.

use serde_json::{Map, Value};

use super::path::{missing, place};
use super::shape::{answer, shape};
use super::things::{defaults, put, settings};
use crate::call::{Answer, Call, Outcome};
use crate::catalog::collections::{CollectionSpec, is_held};
use crate::catalog::schema::Type;
use crate::handlers::resolve;
use crate::protocol::error::{ApiError, EMPTY_PARAMETER, InvalidField};
use crate::protocol::fields::Selection;
use crate::synth::media;
use crate::synth::resolve::shape as held_shape;

pub(super) fn add(call: &mut Call<'_>) -> Outcome {
    let (collection, key, id) = place(call)?;
    resolve::own_parents(call)?;
    check(call, collection, &id)?;
    let mut set = settings(
        call,
        collection,
        call.input().map(|input| input.root().clone()).as_ref().unwrap_or(&Value::Null),
    );
    defaults(call, collection, &id, &mut set);
    put(call, &key, &id, set)?;
    answer(call, collection, &key, &[id])
}

/// Whether what is to be put on a list is there.
fn check(call: &Call<'_>, collection: &CollectionSpec, id: &str) -> Result<(), ApiError> {
    let known = match collection.item {
        "EmbedPreset" => {
            let own = format!("/users/{}/presets", call.me()?);
            call.state.collections.get(&own, id).is_some()
        }
        item if is_held(item) || item == "Tag" => {
            held_shape(&call.view(), item, id, &Selection::parse(Some("uri"))).is_some()
        }
        _ => true,
    };
    if known { Ok(()) } else { Err(missing(collection)) }
}

/// The ids in a body: the ends of the URIs, or the words, that stand in it wherever.
fn listed(call: &Call<'_>, collection: &CollectionSpec) -> Result<Vec<String>, ApiError> {
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
    let (collection, key, _) = place(call)?;
    resolve::own_parents(call)?;
    let ids = listed(call, collection)?;
    if ids.is_empty() && call.operation.body.as_ref().is_some_and(|body| body.required) {
        return Err(ApiError::invalid(vec![
            InvalidField::new("body", "names nothing").with_code(EMPTY_PARAMETER),
        ]));
    }
    for id in &ids {
        check(call, collection, id)?;
    }
    // The whole list is set where it is a list of words that PUT takes.
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
    let (_, key, _) = place(call)?;
    resolve::own_parents(call)?;
    call.state.collections.clear(&key);
    add_many(call)
}

/// Takes away what the body names; all where it names nothing.
pub(super) fn remove_many(call: &mut Call<'_>) -> Outcome {
    let (collection, key, _) = place(call)?;
    resolve::own_parents(call)?;
    let ids = match call.operation.body {
        Some(_) => listed(call, collection)?,
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
                left.filter_map(|thing| shape(call, collection, &key, thing, &call.selection)).collect();
            Ok(Answer::of(status, media(collection.item), Value::Array(left)))
        }
        _ => Ok(Answer::no_content()),
    }
}
