//! Lists read, whole and one by one.

use serde_json::Value;

use super::path::{missing, place};
use super::shape::shape;
use crate::call::{Answer, Call, Outcome};
use crate::handlers::resolve;
use crate::protocol::fields::Selection;
use crate::synth::media;
use crate::world::entities::Entity;

pub(super) fn list(call: &mut Call<'_>) -> Outcome {
    resolve::parents(call)?;
    let (collection, key, _) = place(call)?;
    let own = if collection.is_own(call) { Some(call.subject()?) } else { None };
    let wanted = call.request.query.get("query").unwrap_or_default().to_lowercase();
    let mut things: Vec<&Entity> = call.state.collections.list(&key).iter().collect();
    things.retain(|thing| own.is_none_or(|own| thing.owner == own));
    if !wanted.is_empty() {
        things.retain(|thing| called(thing).to_lowercase().contains(&wanted));
    }
    if call.request.query.get("sort") == Some("alphabetical") {
        things.sort_by_key(|thing| called(thing).to_lowercase());
    }
    if call.query_word("direction", &["asc", "desc"], "asc")? == "desc" {
        things.reverse();
    }
    let Some((_, ty)) = call.operation.answer() else { return Ok(Answer::no_content()) };
    if ty.page_of().is_none() {
        // The description promises one where there is a list: the latest.
        let latest = things.last().ok_or_else(|| missing(collection))?;
        let body =
            shape(call, collection, &key, latest, &call.selection).ok_or_else(|| missing(collection))?;
        return Ok(Answer::ok(media(collection.item), body));
    }
    let nothing = Selection::parse(Some("uri"));
    things.retain(|thing| shape(call, collection, &key, thing, &nothing).is_some());
    call.page(media(collection.item), &things, |_, thing, selection| {
        shape(call, collection, &key, thing, selection).unwrap_or(Value::Null)
    })
}

fn called(thing: &Entity) -> &str {
    let name = thing.set.get("name").or_else(|| thing.set.get("title"));
    name.and_then(Value::as_str).unwrap_or(&thing.id)
}

pub(super) fn get(call: &mut Call<'_>) -> Outcome {
    resolve::parents(call)?;
    let (collection, key, id) = place(call)?;
    let thing = call.state.collections.get(&key, &id).ok_or_else(|| missing(collection))?;
    if call.operation.answer().is_none() {
        return Ok(Answer::no_content());
    }
    let body = shape(call, collection, &key, thing, &call.selection).ok_or_else(|| missing(collection))?;
    Ok(Answer::ok(media(collection.item), body))
}
