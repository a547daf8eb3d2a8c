//! Reading collections and single items.

use serde_json::Value;

use super::path::{item_not_found, locate};
use super::shape::shape;
use crate::call::{Answer, Call, Outcome};
use crate::handlers::resolve;
use crate::protocol::fields::Selection;
use crate::synth::media;
use crate::world::entities::Entity;

pub(super) fn list(call: &mut Call<'_>) -> Outcome {
    resolve::parents(call)?;
    let (collection, key, _) = locate(call)?;
    let own = if collection.is_own(call) { Some(call.subject()?) } else { None };
    let query = call.request.query.get("query").unwrap_or_default().to_lowercase();
    let mut entities: Vec<&Entity> = call.state.collections.list(&key).iter().collect();
    entities.retain(|entity| own.is_none_or(|own| entity.owner == own));
    if !query.is_empty() {
        entities.retain(|entity| name_of(entity).to_lowercase().contains(&query));
    }
    if call.request.query.get("sort") == Some("alphabetical") {
        entities.sort_by_key(|entity| name_of(entity).to_lowercase());
    }
    if call.query_enum("direction", &["asc", "desc"], "asc")? == "desc" {
        entities.reverse();
    }
    let Some((_, ty)) = call.operation.answer() else { return Ok(Answer::no_content()) };
    if ty.page_of().is_none() {
        // The API description declares a single item here: the latest.
        let latest = entities.last().ok_or_else(|| item_not_found(collection))?;
        let body = shape(call, collection, &key, latest, &call.selection)
            .ok_or_else(|| item_not_found(collection))?;
        return Ok(Answer::ok(media(collection.item), body));
    }
    let uri_only = Selection::parse(Some("uri"));
    entities.retain(|entity| shape(call, collection, &key, entity, &uri_only).is_some());
    call.page(media(collection.item), &entities, |_, entity, selection| {
        shape(call, collection, &key, entity, selection).unwrap_or(Value::Null)
    })
}

fn name_of(entity: &Entity) -> &str {
    let name = entity.set.get("name").or_else(|| entity.set.get("title"));
    name.and_then(Value::as_str).unwrap_or(&entity.id)
}

pub(super) fn get(call: &mut Call<'_>) -> Outcome {
    resolve::parents(call)?;
    let (collection, key, id) = locate(call)?;
    let entity = call.state.collections.get(&key, &id).ok_or_else(|| item_not_found(collection))?;
    if call.operation.answer().is_none() {
        return Ok(Answer::no_content());
    }
    let body =
        shape(call, collection, &key, entity, &call.selection).ok_or_else(|| item_not_found(collection))?;
    Ok(Answer::ok(media(collection.item), body))
}
