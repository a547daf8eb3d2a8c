//! Things of which there is one at a place.

use serde_json::Map;

use super::path::{missing, place};
use super::shape::{answer, shape};
use super::things::{put, settings};
use crate::call::{Answer, Call, Outcome};
use crate::handlers::resolve;
use crate::synth::media;
use crate::world::entities::Entity;

pub(super) fn get(call: &mut Call<'_>) -> Outcome {
    resolve::parents(call)?;
    let (collection, key, _) = place(call)?;
    let nothing;
    let thing = match call.state.collections.get(&key, "") {
        Some(thing) => thing,
        None => {
            let now = call.now;
            nothing = Entity { id: String::new(), owner: 0, set: Map::new(), created: now, modified: now };
            &nothing
        }
    };
    let body = shape(call, collection, &key, thing, &call.selection).ok_or_else(|| missing(collection))?;
    Ok(Answer::ok(media(collection.item), body))
}

pub(super) fn set(call: &mut Call<'_>) -> Outcome {
    resolve::own_parents(call)?;
    let (collection, key, _) = place(call)?;
    let mut set = call.state.collections.get(&key, "").map(|thing| thing.set.clone()).unwrap_or_default();
    set.extend(settings(call, collection, call.input()?.root()));
    put(call, &key, "", set)?;
    answer(call, collection, &key, &[String::new()])
}

pub(super) fn remove(call: &mut Call<'_>) -> Outcome {
    resolve::own_parents(call)?;
    let (_, key, _) = place(call)?;
    call.state.collections.clear(&key);
    Ok(Answer::no_content())
}
