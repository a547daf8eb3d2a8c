//! Things made on a list, changed and taken away.

use serde_json::{Map, Value, json};

use super::shape::{answer, promised};
use super::table::Shelf;
use super::{missing, place};
use crate::call::{Answer, Call, Content, Outcome, time};
use crate::checks;
use crate::errors::ApiError;
use crate::ids;
use crate::links::Target;
use crate::made;
use crate::routes::held;
use crate::schemas::{Schema, Type};
use crate::shapes::metadata;
use crate::world::shelves::Thing;

pub(super) fn create(call: &mut Call<'_>) -> Outcome {
    held::own_parents(call)?;
    let (shelf, key, _) = place(call)?;
    let input = call.input()?;
    let mut set = settings(call, shelf, input.root());
    let id = match shelf.word.and_then(|_| input.root().as_object()?.values().next()) {
        Some(Value::String(word)) => word.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => call.state.ids.id().to_string(),
    };
    defaults(call, shelf, &id, &mut set);
    put(call, &key, &id, set)?;
    let mut answer = answer(call, shelf, &key, std::slice::from_ref(&id))?;
    if shelf.item == "Picture" && input.get("timecode").is_none() {
        // The image is still to come.
        let (link, _) = call.state.signed(Target::Picture(id.parse().unwrap_or_default()), call.now);
        if let Content::Json(body) = &mut answer.body {
            let link = Map::from_iter([("link".to_owned(), format!("{}{link}", call.upload_base).into())]);
            *body = made::overlay(std::mem::take(body), &link, &call.selection);
        }
    }
    Ok(answer)
}

pub(super) fn put(call: &mut Call<'_>, key: &str, id: &str, set: Map<String, Value>) -> Result<(), ApiError> {
    let (owner, now) = (call.me()?, call.now);
    let thing = Thing { id: id.to_owned(), owner, set, created: now, modified: now };
    call.state.shelves.put(key, thing);
    Ok(())
}

/// What of a body can be set of a shelf's things: what they have, if it is of the kind they have.
pub(super) fn settings(call: &Call<'_>, shelf: &Shelf, body: &Value) -> Map<String, Value> {
    let Some(Schema::Object(fields)) = Type::Named(promised(call, shelf)).schema() else { return Map::new() };
    let mut set = Map::new();
    for (name, value) in body.as_object().into_iter().flatten() {
        let name = shelf.renamed.iter().find(|(from, _)| from == name).map_or(name.as_str(), |(_, to)| to);
        let field = fields.iter().find(|field| field.name == name);
        if let Some(field) = field.filter(|field| value.is_null() || checks::fits(field.ty, value)) {
            // A truth value or a number that came as a text is told as what it is.
            set.insert(name.to_owned(), plain(field.ty, value));
        }
    }
    set
}

fn plain(ty: Type, value: &Value) -> Value {
    match (ty, value) {
        (Type::Truth, Value::String(text)) => (text == "true").into(),
        (Type::Count | Type::Whole, Value::String(text)) => {
            text.parse::<i64>().map_or(Value::Null, Value::from)
        }
        (Type::Number, Value::String(text)) => text.parse::<f64>().map_or(Value::Null, Value::from),
        _ => value.clone(),
    }
}

/// What a thing is from its first moment on without having been told.
pub(super) fn defaults(call: &Call<'_>, shelf: &Shelf, id: &str, set: &mut Map<String, Value>) {
    let Some(Schema::Object(fields)) = Type::Named(shelf.item).schema() else { return };
    let mut default = |name: &str, value: Value| {
        if fields.iter().any(|field| field.name == name) {
            set.entry(name).or_insert(value);
        }
    };
    match shelf.item {
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
    if let Some(word) = shelf.word {
        default(word, id.parse::<u64>().map_or_else(|_| Value::from(id), Value::from));
    }
    // Ids that are members are the same as in the URI, as a number or as a text.
    if let Some(field) = fields.iter().find(|field| field.name == "id") {
        let number = matches!(field.ty, Type::Count | Type::Whole).then(|| id.parse::<u64>().ok()).flatten();
        set.entry("id").or_insert(number.map_or_else(|| Value::from(id), Value::from));
    }
}

pub(super) fn edit(call: &mut Call<'_>) -> Outcome {
    let (shelf, key, id) = place(call)?;
    held::own_parents(call)?;
    let set = settings(call, shelf, call.input()?.root());
    let (me, now) = (call.me()?, call.now);
    if call.state.shelves.get(&key, &id).is_none_or(|thing| thing.owner != me) {
        return Err(missing(shelf));
    }
    // One picture of several is the one that is shown.
    if shelf.item == "Picture" && set.get("active") == Some(&Value::Bool(true)) {
        let others: Vec<String> =
            call.state.shelves.list(&key).iter().map(|thing| thing.id.clone()).collect();
        for other in others {
            if let Some(other) = call.state.shelves.get_mut(&key, &other) {
                other.set.insert("active".to_owned(), false.into());
            }
        }
    }
    let publish =
        (shelf.item == "OnDemandPage").then(|| call.input().ok()?.get("publish.active")?.as_bool()).flatten();
    let thing = call.state.shelves.get_mut(&key, &id).ok_or_else(|| missing(shelf))?;
    metadata::overlay(&mut thing.set, &set);
    thing.modified = now;
    for name in ["modified_time", "modified_on"] {
        if has_field(shelf.item, name) {
            thing.set.insert(name.to_owned(), time(now));
        }
    }
    if let Some(enabled) = publish {
        let time = if enabled { time(now) } else { Value::Null };
        thing.set.insert("published".to_owned(), json!({"enabled": enabled, "time": time}));
    }
    answer(call, shelf, &key, &[id])
}

fn has_field(item: &'static str, name: &str) -> bool {
    matches!(Type::Named(item).schema(), Some(Schema::Object(fields)) if fields.iter().any(|field| field.name == name))
}

pub(super) fn remove(call: &mut Call<'_>) -> Outcome {
    let (shelf, key, id) = place(call)?;
    held::own_parents(call)?;
    match call.state.shelves.remove(&key, &id) {
        true => Ok(Answer::no_content()),
        false => Err(missing(shelf)),
    }
}
