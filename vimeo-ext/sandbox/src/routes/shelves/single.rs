//! Things of which there is one at a place.

use serde_json::Map;

use super::shape::{answer, shape};
use super::things::{put, settings};
use super::{missing, place};
use crate::call::{Answer, Call, Outcome};
use crate::made::media;
use crate::routes::held;
use crate::world::shelves::Thing;

pub(super) fn get(call: &mut Call<'_>) -> Outcome {
    held::parents(call)?;
    let (shelf, key, _) = place(call)?;
    let nothing;
    let thing = match call.state.shelves.get(&key, "") {
        Some(thing) => thing,
        None => {
            let now = call.now;
            nothing = Thing { id: String::new(), owner: 0, set: Map::new(), created: now, modified: now };
            &nothing
        }
    };
    let body = shape(call, shelf, &key, thing, &call.selection).ok_or_else(|| missing(shelf))?;
    Ok(Answer::ok(media(shelf.item), body))
}

pub(super) fn set(call: &mut Call<'_>) -> Outcome {
    held::own_parents(call)?;
    let (shelf, key, _) = place(call)?;
    let mut set = call.state.shelves.get(&key, "").map(|thing| thing.set.clone()).unwrap_or_default();
    set.extend(settings(call, shelf, call.input()?.root()));
    put(call, &key, "", set)?;
    answer(call, shelf, &key, &[String::new()])
}

pub(super) fn remove(call: &mut Call<'_>) -> Outcome {
    held::own_parents(call)?;
    let (_, key, _) = place(call)?;
    call.state.shelves.clear(&key);
    Ok(Answer::no_content())
}
