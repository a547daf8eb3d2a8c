//! Creating, editing and deleting collection items.

use serde_json::{Map, Value, json};

use super::path::{item_not_found, locate};
use super::shape::{answer, response_schema};
use crate::call::validation;
use crate::call::{Answer, Call, Content, Outcome, time};
use crate::catalog::collections::CollectionSpec;
use crate::catalog::schema::{Schema, Type};
use crate::handlers::resolve;
use crate::protocol::error::ApiError;
use crate::protocol::ids;
use crate::protocol::links::Target;
use crate::synth;
use crate::synth::shapes::metadata;
use crate::world::entities::Entity;

pub(super) fn create(call: &mut Call<'_>) -> Outcome {
    resolve::own_parents(call)?;
    let (collection, key, _) = locate(call)?;
    let input = call.input()?;
    let mut set = settings(call, collection, input.root());
    let id = match collection.id_member.and_then(|_| input.root().as_object()?.values().next()) {
        Some(Value::String(word)) => word.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => call.state.ids.id().to_string(),
    };
    defaults(call, collection, &id, &mut set);
    put(call, &key, &id, set)?;
    let mut answer = answer(call, collection, &key, std::slice::from_ref(&id))?;
    if collection.item == "Picture" && input.get("timecode").is_none() {
        // The image has yet to be uploaded.
        let (link, _) = call.state.signed(Target::Picture(id.parse().unwrap_or_default()), call.now);
        if let Content::Json(body) = &mut answer.body {
            let link = Map::from_iter([("link".to_owned(), format!("{}{link}", call.upload_base).into())]);
            *body = synth::overlay(std::mem::take(body), &link, &call.selection);
        }
    }
    Ok(answer)
}

pub(super) fn put(call: &mut Call<'_>, key: &str, id: &str, set: Map<String, Value>) -> Result<(), ApiError> {
    let (owner, now) = (call.me()?, call.now);
    let entity = Entity { id: id.to_owned(), owner, set, created: now, modified: now };
    call.state.collections.put(key, entity);
    Ok(())
}

/// The members of a body that exist in the item's schema and have the right type.
pub(super) fn settings(call: &Call<'_>, collection: &CollectionSpec, body: &Value) -> Map<String, Value> {
    let Some(Schema::Object(fields)) = Type::Named(response_schema(call, collection)).schema() else {
        return Map::new();
    };
    let mut set = Map::new();
    for (name, value) in body.as_object().into_iter().flatten() {
        let name =
            collection.renamed.iter().find(|(from, _)| from == name).map_or(name.as_str(), |(_, to)| to);
        let Some(field) = fields.iter().find(|field| field.name == name) else { continue };
        // A URL is text to the check.
        if value.is_null() || validation::fits(field.ty, value) {
            set.extend(stored(field.ty, value).map(|value| (name.to_owned(), value)));
        }
    }
    set
}

/// Returns what a response shows of a value that a body sets. Booleans and numbers that were sent as text have their type;
/// text in the place of a URL, at any depth, is left out: some bodies have a word there, or nothing.
fn stored(ty: Type, value: &Value) -> Option<Value> {
    Some(match (ty, value) {
        (_, Value::Null) => Value::Null,
        (Type::Uri | Type::Link, value) => {
            value.as_str().filter(|text| url::Url::parse(text).is_ok())?;
            value.clone()
        }
        (Type::Bool, Value::String(text)) => (text == "true").into(),
        (Type::Unsigned | Type::Integer, Value::String(text)) => {
            text.parse::<i64>().map_or(Value::Null, Value::from)
        }
        (Type::Number, Value::String(text)) => text.parse::<f64>().map_or(Value::Null, Value::from),
        (Type::List(items), Value::Array(values)) => {
            values.iter().filter_map(|value| stored(Type::read(items), value)).collect()
        }
        (Type::Named(_), value) => match (ty.schema(), value) {
            (Some(Schema::Is(ty)), value) => return stored(*ty, value),
            (Some(Schema::Object(fields)), Value::Object(members)) => {
                let member = |(name, value): (&String, &Value)| {
                    let field = fields.iter().find(|field| field.name == name);
                    let value = field.map_or_else(|| Some(value.clone()), |field| stored(field.ty, value));
                    Some((name.clone(), value?))
                };
                members.iter().filter_map(member).collect::<Map<_, _>>().into()
            }
            _ => value.clone(),
        },
        _ => value.clone(),
    })
}

/// Sets the default values of a new item.
pub(super) fn defaults(call: &Call<'_>, collection: &CollectionSpec, id: &str, set: &mut Map<String, Value>) {
    let Some(Schema::Object(fields)) = Type::Named(collection.item).schema() else { return };
    let mut default = |name: &str, value: Value| {
        if fields.iter().any(|field| field.name == name) {
            set.entry(name).or_insert(value);
        }
    };
    match collection.item {
        "LiveEvent" => {
            default("stream_key", ids::digest(&["stream", &call.state.seed.to_string(), id], 24).into());
            default("rtmp_link", "rtmp://rtmp-global.cloud.vimeo.com/live".into());
            default("rtmps_link", "rtmps://rtmp-global.cloud.vimeo.com:443/live".into());
            default("link", format!("https://vimeo.com/event/{id}").into());
        }
        "EmbedDomain" => {
            default("domain", id.into());
            default("allow_hd", true.into());
        }
        "OnDemandPage" => default("published", json!({"enabled": false, "time": null})),
        _ => {}
    }
    // Members with the ID in the URI are numbers or strings, as described.
    for name in collection.id_member.into_iter().chain(["id"]) {
        let Some(field) = fields.iter().find(|field| field.name == name) else { continue };
        let number =
            matches!(field.ty, Type::Unsigned | Type::Integer).then(|| id.parse::<u64>().ok()).flatten();
        set.entry(name).or_insert_with(|| number.map_or_else(|| Value::from(id), Value::from));
    }
}

pub(super) fn edit(call: &mut Call<'_>) -> Outcome {
    let (collection, key, id) = locate(call)?;
    resolve::own_parents(call)?;
    let set = settings(call, collection, call.input()?.root());
    let (me, now) = (call.me()?, call.now);
    if call.state.collections.get(&key, &id).is_none_or(|entity| entity.owner != me) {
        return Err(item_not_found(collection));
    }
    // Only one picture is active.
    if collection.item == "Picture" && set.get("active") == Some(&Value::Bool(true)) {
        let others: Vec<String> =
            call.state.collections.list(&key).iter().map(|entity| entity.id.clone()).collect();
        for other in others {
            if let Some(other) = call.state.collections.get_mut(&key, &other) {
                other.set.insert("active".to_owned(), false.into());
            }
        }
    }
    let publish = (collection.item == "OnDemandPage")
        .then(|| call.input().ok()?.get("publish.active")?.as_bool())
        .flatten();
    let entity = call.state.collections.get_mut(&key, &id).ok_or_else(|| item_not_found(collection))?;
    metadata::overlay(&mut entity.set, &set);
    entity.modified = now;
    for name in ["modified_time", "modified_on"] {
        if has_field(collection.item, name) {
            entity.set.insert(name.to_owned(), time(now));
        }
    }
    if let Some(enabled) = publish {
        let time = if enabled { time(now) } else { Value::Null };
        entity.set.insert("published".to_owned(), json!({"enabled": enabled, "time": time}));
    }
    answer(call, collection, &key, &[id])
}

fn has_field(item: &'static str, name: &str) -> bool {
    matches!(Type::Named(item).schema(), Some(Schema::Object(fields)) if fields.iter().any(|field| field.name == name))
}

pub(super) fn remove(call: &mut Call<'_>) -> Outcome {
    let (collection, key, id) = locate(call)?;
    resolve::own_parents(call)?;
    match call.state.collections.remove(&key, &id) {
        true => Ok(Answer::no_content()),
        false => Err(item_not_found(collection)),
    }
}
