//! Lists read, whole and one by one.

use serde_json::Value;

use super::shape::shape;
use super::{missing, place};
use crate::call::{Answer, Call, Outcome};
use crate::fields::Selection;
use crate::made::media;
use crate::routes::held;
use crate::world::shelves::Thing;

pub(super) fn list(call: &mut Call<'_>) -> Outcome {
    held::parents(call)?;
    let (shelf, key, _) = place(call)?;
    let own = if shelf.is_own(call) { Some(call.subject()?) } else { None };
    let wanted = call.request.query.get("query").unwrap_or_default().to_lowercase();
    let mut things: Vec<&Thing> = call.state.shelves.list(&key).iter().collect();
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
        let latest = things.last().ok_or_else(|| missing(shelf))?;
        let body = shape(call, shelf, &key, latest, &call.selection).ok_or_else(|| missing(shelf))?;
        return Ok(Answer::ok(media(shelf.item), body));
    }
    let nothing = Selection::parse(Some("uri"));
    things.retain(|thing| shape(call, shelf, &key, thing, &nothing).is_some());
    call.page(media(shelf.item), &things, |_, thing, selection| {
        shape(call, shelf, &key, thing, selection).unwrap_or(Value::Null)
    })
}

fn called(thing: &Thing) -> &str {
    let name = thing.set.get("name").or_else(|| thing.set.get("title"));
    name.and_then(Value::as_str).unwrap_or(&thing.id)
}

pub(super) fn get(call: &mut Call<'_>) -> Outcome {
    held::parents(call)?;
    let (shelf, key, id) = place(call)?;
    let thing = call.state.shelves.get(&key, &id).ok_or_else(|| missing(shelf))?;
    if call.operation.answer().is_none() {
        return Ok(Answer::no_content());
    }
    let body = shape(call, shelf, &key, thing, &call.selection).ok_or_else(|| missing(shelf))?;
    Ok(Answer::ok(media(shelf.item), body))
}
