//! Single resources, which are not part of a list.

use serde_json::Map;

use super::entities::{put, settings};
use super::path::{item_not_found, locate};
use super::shape::{answer, shape};
use crate::call::{Answer, Call, Outcome};
use crate::handlers::resolve;
use crate::synth::media;
use crate::world::entities::Entity;

pub(super) fn get(call: &mut Call<'_>) -> Outcome {
    resolve::parents(call)?;
    let (collection, key, _) = locate(call)?;
    let default;
    let entity = match call.state.collections.get(&key, "") {
        Some(entity) => entity,
        None => {
            let now = call.now;
            default = Entity { id: String::new(), owner: 0, set: Map::new(), created: now, modified: now };
            &default
        }
    };
    let body =
        shape(call, collection, &key, entity, &call.selection).ok_or_else(|| item_not_found(collection))?;
    Ok(Answer::ok(media(collection.item), body))
}

pub(super) fn set(call: &mut Call<'_>) -> Outcome {
    resolve::own_parents(call)?;
    let (collection, key, _) = locate(call)?;
    let mut set = call.state.collections.get(&key, "").map(|entity| entity.set.clone()).unwrap_or_default();
    set.extend(settings(call, collection, call.input()?.root()));
    put(call, &key, "", set)?;
    answer(call, collection, &key, &[String::new()])
}

pub(super) fn remove(call: &mut Call<'_>) -> Outcome {
    resolve::own_parents(call)?;
    let (_, key, _) = locate(call)?;
    call.state.collections.clear(&key);
    Ok(Answer::no_content())
}
