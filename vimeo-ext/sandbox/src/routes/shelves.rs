//! Lists whose things need no rules of their own: made, changed and taken away by the method alone.
//!
//! What a thing looks like is said by the description; what of it was set by requests is kept and laid over that.

use http::{Method, StatusCode};
use serde_json::{Map, Value};

use super::{Handler, held};
use crate::call::{Answer, Call, Outcome};
use crate::checks;
use crate::errors::{ApiError, EMPTY, InvalidField};
use crate::fields::Selection;
use crate::links::Target;
use crate::made::{self, Maker, media};
use crate::operations::Params;
use crate::schemas::{Schema, Type};
use crate::shapes::picture;
use crate::world::shelves::Thing;

/// A kind of list.
pub(crate) struct Shelf {
    /// The list's own path, which begins the URIs of its things.
    key: &'static str,
    /// What is on it: a schema, or something that the world holds.
    item: &'static str,
    /// How members of bodies are called in answers, where they are called otherwise.
    renamed: &'static [(&'static str, &'static str)],
    /// The member that holds a thing's id when it has no number of its own.
    word: Option<&'static str>,
    /// Whether there is one such thing rather than a list.
    single: bool,
}

const fn list(key: &'static str, item: &'static str) -> Shelf {
    Shelf { key, item, renamed: &[], word: None, single: false }
}

const fn words(key: &'static str, item: &'static str, word: &'static str) -> Shelf {
    Shelf { word: Some(word), ..list(key, item) }
}

const fn single(key: &'static str, item: &'static str) -> Shelf {
    Shelf { single: true, ..list(key, item) }
}

static SHELVES: &[Shelf] = &[
    list("/channels/{channel_id}/categories", "Category"),
    list("/channels/{channel_id}/privacy/users", "User"),
    list("/channels/{channel_id}/tags", "Tag"),
    list("/groups", "Group"),
    list("/groups/{group_id}/videos", "Video"),
    Shelf { renamed: &[("auto_cc_lang", "auto_cc_language")], ..list("/live_events", "LiveEvent") },
    single("/live_events/{live_event_id}/audio_tracks", "LiveEventAudioTracks"),
    Shelf {
        renamed: &[("auto_cc_lang", "auto_cc_language")],
        ..single("/live_events/{live_event_id}/auto_cc", "LiveEventClosedCaptions")
    },
    words("/live_events/{live_event_id}/composer/graphics/videos", "LiveEventVideoGraphic", "videoId"),
    list("/live_events/{live_event_id}/composer/scenes", "LiveEventScene"),
    list("/live_events/{live_event_id}/destinations", "LiveEventDestination"),
    Shelf {
        renamed: &[("low_latency", "lowLatency")],
        ..single("/live_events/{live_event_id}/low_latency", "LiveEventLowLatency")
    },
    list("/live_events/{live_event_id}/ott_destinations", "OttDestination"),
    list("/live_events/{live_event_id}/pictures", "Picture"),
    words("/live_events/{live_event_id}/privacy/domains", "EmbedDomain", "domain"),
    list("/live_events/{live_event_id}/videos", "Video"),
    list("/ondemand/pages", "OnDemandPage"),
    list("/ondemand/pages/{ondemand_id}/backgrounds", "Picture"),
    words("/ondemand/pages/{ondemand_id}/genres", "OnDemandGenre", "canonical"),
    list("/ondemand/pages/{ondemand_id}/pictures", "Picture"),
    list("/ondemand/pages/{ondemand_id}/promotions", "OnDemandPromotion"),
    words("/ondemand/pages/{ondemand_id}/regions", "OnDemandRegion", "country_code"),
    list("/ondemand/pages/{ondemand_id}/videos", "Video"),
    list("/users/{user_id}/albums/{album_id}/custom_thumbnails", "Picture"),
    list("/users/{user_id}/albums/{album_id}/logos", "Picture"),
    list("/users/{user_id}/categories", "Category"),
    list("/users/{user_id}/customlogos", "Picture"),
    list("/users/{user_id}/groups", "Group"),
    list("/users/{user_id}/portfolios/{portfolio_id}/videos", "Video"),
    Shelf { renamed: &[("embed", "settings")], ..list("/users/{user_id}/presets", "EmbedPreset") },
    list("/videos/{video_id}/animated_thumbsets", "AnimatedThumbnailSet"),
    list("/videos/{video_id}/categories", "Category"),
    list("/videos/{video_id}/chapters", "VideoChapter"),
    list("/videos/{video_id}/chapters/temporary/pictures", "Picture"),
    list("/videos/{video_id}/chapters/{chapter_id}/pictures", "Picture"),
    list("/videos/{video_id}/credits", "VideoCredit"),
    single("/videos/{video_id}/fragments", "VideoFragments"),
    list("/videos/{video_id}/presets", "EmbedPreset"),
    list("/videos/{video_id}/privacy/users", "User"),
    list("/videos/{video_id}/timelinethumbnails", "Picture"),
    list("/videos/{video_id}/versions/{version_id}/audiotracks", "AudioTrack"),
];

/// Paths that mean the same place, and how the one that counts begins.
const SAME: [(&str, &str); 6] = [
    ("/me/", "/users/{user_id}/"),
    ("/users/{user_id}/live_events", "/live_events"),
    ("/users/{user_id}/ondemand/pages", "/ondemand/pages"),
    ("/channels/{channel_id}/videos/{video_id}/", "/videos/{video_id}/"),
    ("/live_events/{live_event_id}/ott_destination/", "/live_events/{live_event_id}/ott_destinations/"),
    ("/destination/", "/live_events/{live_event_id}/destinations/"),
];

fn normal(path: &str) -> String {
    SAME.iter().fold(path.to_owned(), |path, (from, to)| match path.strip_prefix(from) {
        Some(rest) if from.ends_with('/') || rest.is_empty() || rest.starts_with('/') => {
            format!("{to}{rest}")
        }
        _ => path,
    })
}

/// The shelf that a path of the description belongs to, and what answers `method` there.
pub(crate) fn find(method: &Method, path: &str) -> Option<(&'static Shelf, Handler)> {
    let path = normal(path);
    let (parent, last) = path.rsplit_once('/')?;
    let whole = SHELVES.iter().find(|shelf| shelf.key == path);
    let item = SHELVES.iter().find(|shelf| shelf.key == parent && last.starts_with('{'));
    Some(match (whole, item, method.as_str()) {
        (Some(shelf), _, "GET") if shelf.single => (shelf, get_single as Handler),
        (Some(shelf), _, "PATCH" | "PUT") if shelf.single => (shelf, set_single),
        (Some(shelf), _, "DELETE") if shelf.single => (shelf, remove_single),
        // Which of the events the request means is not known.
        (Some(shelf), _, "DELETE") if shelf.item == "LiveEvent" => return None,
        (Some(shelf), _, "GET") => (shelf, list_all),
        (Some(shelf), _, "POST") if shelf.is_made() => (shelf, create),
        (Some(shelf), _, "POST" | "PUT") => (shelf, add_many),
        (Some(shelf), _, "PATCH") => (shelf, replace_all),
        (Some(shelf), _, "DELETE") => (shelf, remove_many),
        (_, Some(shelf), "GET") => (shelf, get),
        (_, Some(shelf), "PUT") => (shelf, add),
        (_, Some(shelf), "PATCH") => (shelf, edit),
        (_, Some(shelf), "DELETE") => (shelf, remove),
        _ => return None,
    })
}

impl Shelf {
    /// Whether its things are made there rather than put there.
    fn is_made(&self) -> bool {
        // Groups are made on their list and joined on a user's.
        self.key == "/groups"
            || (!held::is_held(self.item) && self.item != "Tag" && !self.key.ends_with("/presets"))
            || self.key == "/users/{user_id}/presets"
    }

    /// The list's path with its parameters filled in.
    fn filled(&self, call: &Call<'_>) -> Result<String, ApiError> {
        fill(self.key, &call.params, call.subject().ok())
    }

    /// Whether the path asks for a user's own among all.
    fn is_own(&self, call: &Call<'_>) -> bool {
        let path = call.operation.path;
        !self.key.contains("{user_id}")
            && (path.starts_with("/me/")
                || path.starts_with("/users/{user_id}")
                || self.key == "/live_events")
    }
}

fn fill(template: &str, params: &Params, user: Option<u64>) -> Result<String, ApiError> {
    let mut path = String::new();
    for segment in template.split('/').skip(1) {
        path.push('/');
        match segment.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            None => path.push_str(segment),
            Some("user_id") => {
                let user = user.ok_or_else(|| ApiError::not_found("user"))?;
                path.push_str(&user.to_string());
            }
            Some(name) => path.push_str(params.get(name)),
        }
    }
    Ok(path)
}

/// Where a request's thing is: the list's path, and the id behind it.
fn place(call: &Call<'_>) -> Result<(&'static Shelf, String, String), ApiError> {
    let shelf = call.operation.shelf.ok_or_else(|| ApiError::not_found("list"))?;
    let last = call.operation.path.rsplit('/').next().unwrap_or_default();
    let id = last.strip_prefix('{').map_or("", |name| call.params.get(name.trim_end_matches('}')));
    let id = match shelf.item {
        "Tag" => id.to_lowercase(),
        _ => id.to_owned(),
    };
    // A destination is known by its id alone.
    if call.operation.path.starts_with("/destination/") {
        let found = call.state.shelves.all().find(|(key, things)| {
            key.ends_with("/destinations") && things.iter().any(|thing| thing.id == id)
        });
        let (key, _) = found.ok_or_else(|| ApiError::not_found("destination"))?;
        return Ok((shelf, key.to_owned(), id));
    }
    Ok((shelf, shelf.filled(call)?, id))
}

/// Whether the kept things that the path leads through are there.
pub(crate) fn parents(call: &Call<'_>) -> Result<(), ApiError> {
    for (key, id) in through(call) {
        if call.state.shelves.get(&key, &id).is_none() {
            return Err(ApiError::not_found("thing of this id"));
        }
    }
    Ok(())
}

/// Whom the first kept thing belongs to that the path leads through.
pub(crate) fn root_owner(call: &Call<'_>) -> Option<u64> {
    through(call).first().and_then(|(key, id)| call.state.shelves.get(key, id)).map(|thing| thing.owner)
}

/// The kept things above what the path names, the outermost first: the paths of their lists, and their ids.
fn through(call: &Call<'_>) -> Vec<(String, String)> {
    let path = normal(call.operation.path);
    if call.operation.path.starts_with("/destination/") {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (at, _) in path.match_indices("}/") {
        let above = path.get(..=at).unwrap_or_default();
        let Some((list, last)) = above.rsplit_once('/') else { continue };
        let is_shelf = SHELVES.iter().any(|shelf| shelf.key == list && shelf.is_made());
        if let (true, Ok(key)) = (is_shelf, fill(list, &call.params, call.subject().ok())) {
            found.push((key, call.params.get(last.trim_matches(['{', '}'])).to_owned()));
        }
    }
    found
}

fn missing(shelf: &Shelf) -> ApiError {
    ApiError::not_found(&media(shelf.item).replace('.', " "))
}

// What things look like.

/// What the operation says that its answer's things are; what is on the shelf where it answers nothing.
fn promised(call: &Call<'_>, shelf: &Shelf) -> &'static str {
    let said = call.operation.answer().and_then(|(_, ty)| match ty.page_of().unwrap_or(ty) {
        Type::Named(name) => Some(name),
        Type::List(items) => Some(items),
        _ => None,
    });
    said.unwrap_or(shelf.item)
}

/// A thing as the operation promises it: on a list of an On Demand page's videos each is more than a video, by itself it
/// is that video.
fn shape(call: &Call<'_>, shelf: &Shelf, key: &str, thing: &Thing, selection: &Selection) -> Option<Value> {
    match promised(call, shelf) {
        item if held::is_held(item) || item == "Tag" => held::shape(&call.view(), item, &thing.id, selection),
        item => Some(made_shape(call, item, key, thing, selection)),
    }
}

fn made_shape(call: &Call<'_>, item: &'static str, key: &str, thing: &Thing, selection: &Selection) -> Value {
    let maker = Maker::plain(call, thing.created);
    let uri = if thing.id.is_empty() { key.to_owned() } else { format!("{key}/{}", thing.id) };
    let made = match item {
        "Picture" => return picture::kept(&uri, thing, selection),
        _ => maker.named(item, &uri, selection, &mut Vec::new()),
    };
    let mut made = made::overlay(made, &thing.set, selection);
    // What is only named is shown whole, and a picture that was chosen stands for the thing.
    for name in ["pictures", "streamable_clip"] {
        let (Some(below), Some(members)) = (selection.of(name), made.as_object_mut()) else { continue };
        let shown = match thing.set.get(name).and_then(|named| named.get("uri")?.as_str()) {
            Some(uri) => {
                held::shape(&call.view(), "Video", uri.rsplit('/').next().unwrap_or_default(), below)
            }
            None => picture::chosen(&call.view(), &format!("{uri}/{name}"), below),
        };
        if let (Some(shown), true) = (shown, members.contains_key(name)) {
            members.insert(name.to_owned(), shown);
        }
    }
    made
}

// Lists.

fn list_all(call: &mut Call<'_>) -> Outcome {
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

fn get(call: &mut Call<'_>) -> Outcome {
    held::parents(call)?;
    let (shelf, key, id) = place(call)?;
    let thing = call.state.shelves.get(&key, &id).ok_or_else(|| missing(shelf))?;
    if call.operation.answer().is_none() {
        return Ok(Answer::no_content());
    }
    let body = shape(call, shelf, &key, thing, &call.selection).ok_or_else(|| missing(shelf))?;
    Ok(Answer::ok(media(shelf.item), body))
}

/// What an operation answers after it put, changed or took away `ids`: what it promises, and no more.
fn answer(call: &Call<'_>, shelf: &'static Shelf, key: &str, ids: &[String]) -> Outcome {
    let Some((status, ty)) = call.operation.answer() else {
        let status = call.operation.answers.first().map_or(StatusCode::NO_CONTENT, |(status, _)| *status);
        return Ok(Answer::no_content().status(status));
    };
    let things = ids.iter().filter_map(|id| call.state.shelves.get(key, id));
    let mut bodies: Vec<Value> =
        things.filter_map(|thing| shape(call, shelf, key, thing, &call.selection)).collect();
    let body = match ty {
        Type::List(_) => Value::Array(bodies),
        _ => bodies.pop().ok_or_else(|| missing(shelf))?,
    };
    Ok(Answer::of(status, media(shelf.item), body))
}

// Writing.

fn create(call: &mut Call<'_>) -> Outcome {
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
        if let crate::call::Content::Json(body) = &mut answer.body {
            let link = Map::from_iter([("link".to_owned(), format!("{}{link}", call.upload_base).into())]);
            *body = made::overlay(std::mem::take(body), &link, &call.selection);
        }
    }
    Ok(answer)
}

fn put(call: &mut Call<'_>, key: &str, id: &str, set: Map<String, Value>) -> Result<(), ApiError> {
    let (owner, now) = (call.me()?, call.now);
    let thing = Thing { id: id.to_owned(), owner, set, created: now, modified: now };
    call.state.shelves.put(key, thing);
    Ok(())
}

/// What of a body can be set of a shelf's things: what they have, if it is of the kind they have.
fn settings(call: &Call<'_>, shelf: &Shelf, body: &Value) -> Map<String, Value> {
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
fn defaults(call: &Call<'_>, shelf: &Shelf, id: &str, set: &mut Map<String, Value>) {
    let Some(Schema::Object(fields)) = Type::Named(shelf.item).schema() else { return };
    let mut default = |name: &str, value: Value| {
        if fields.iter().any(|field| field.name == name) {
            set.entry(name).or_insert(value);
        }
    };
    match shelf.item {
        "LiveEvent" => {
            default(
                "stream_key",
                crate::ids::digest(&["stream", &call.state.seed.to_string(), id], 24).into(),
            );
            default("rtmp_link", "rtmp://rtmp-global.cloud.vimeo.com/live".into());
            default("rtmps_link", "rtmps://rtmp-global.cloud.vimeo.com:443/live".into());
            default("link", format!("https://vimeo.com/event/{id}").into());
        }
        "EmbedDomain" => {
            default("domain", id.into());
            default("allow_hd", true.into());
        }
        "OnDemandPage" => default("published", serde_json::json!({"enabled": false, "time": null})),
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

fn edit(call: &mut Call<'_>) -> Outcome {
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
    crate::shapes::metadata::overlay(&mut thing.set, &set);
    thing.modified = now;
    for name in ["modified_time", "modified_on"] {
        if has_field(shelf.item, name) {
            thing.set.insert(name.to_owned(), crate::call::time(now));
        }
    }
    if let Some(enabled) = publish {
        let time = if enabled { crate::call::time(now) } else { Value::Null };
        thing.set.insert("published".to_owned(), serde_json::json!({"enabled": enabled, "time": time}));
    }
    answer(call, shelf, &key, &[id])
}

fn has_field(item: &'static str, name: &str) -> bool {
    matches!(Type::Named(item).schema(), Some(Schema::Object(fields)) if fields.iter().any(|field| field.name == name))
}

fn remove(call: &mut Call<'_>) -> Outcome {
    let (shelf, key, id) = place(call)?;
    held::own_parents(call)?;
    match call.state.shelves.remove(&key, &id) {
        true => Ok(Answer::no_content()),
        false => Err(missing(shelf)),
    }
}

// Memberships.

fn add(call: &mut Call<'_>) -> Outcome {
    let (shelf, key, id) = place(call)?;
    held::own_parents(call)?;
    check(call, shelf, &id)?;
    let mut set = settings(
        call,
        shelf,
        call.input().map(|input| input.root().clone()).as_ref().unwrap_or(&Value::Null),
    );
    defaults(call, shelf, &id, &mut set);
    put(call, &key, &id, set)?;
    answer(call, shelf, &key, &[id])
}

/// Whether what is to be put on a list is there.
fn check(call: &Call<'_>, shelf: &Shelf, id: &str) -> Result<(), ApiError> {
    let known = match shelf.item {
        "EmbedPreset" => {
            let own = format!("/users/{}/presets", call.me()?);
            call.state.shelves.get(&own, id).is_some()
        }
        item if held::is_held(item) || item == "Tag" => {
            held::shape(&call.view(), item, id, &Selection::parse(Some("uri"))).is_some()
        }
        _ => true,
    };
    if known { Ok(()) } else { Err(missing(shelf)) }
}

/// The ids in a body: the ends of the URIs, or the words, that stand in it wherever.
fn listed(call: &Call<'_>, shelf: &Shelf) -> Result<Vec<String>, ApiError> {
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
    if shelf.item == "Tag" {
        found.iter_mut().for_each(|word| *word = word.to_lowercase());
    }
    Ok(found)
}

fn add_many(call: &mut Call<'_>) -> Outcome {
    let (shelf, key, _) = place(call)?;
    held::own_parents(call)?;
    let ids = listed(call, shelf)?;
    if ids.is_empty() && call.operation.body.as_ref().is_some_and(|body| body.required) {
        return Err(ApiError::invalid(vec![InvalidField::new("body", "names nothing").with_code(EMPTY)]));
    }
    for id in &ids {
        check(call, shelf, id)?;
    }
    // The whole list is set where it is a list of words that PUT takes.
    if shelf.item == "EmbedDomain" {
        call.state.shelves.clear(&key);
    }
    for id in &ids {
        let mut set = Map::new();
        defaults(call, shelf, id, &mut set);
        put(call, &key, id, set)?;
    }
    answer(call, shelf, &key, &ids)
}

fn replace_all(call: &mut Call<'_>) -> Outcome {
    let (_, key, _) = place(call)?;
    held::own_parents(call)?;
    call.state.shelves.clear(&key);
    add_many(call)
}

/// Takes away what the body names; all where it names nothing.
fn remove_many(call: &mut Call<'_>) -> Outcome {
    let (shelf, key, _) = place(call)?;
    held::own_parents(call)?;
    let ids = match call.operation.body {
        Some(_) => listed(call, shelf)?,
        None => Vec::new(),
    };
    if ids.is_empty() {
        call.state.shelves.clear(&key);
    }
    for id in &ids {
        call.state.shelves.remove(&key, id);
    }
    match call.operation.answer() {
        Some((status, Type::List(_))) => {
            let left = call.state.shelves.list(&key).iter();
            let left = left.filter_map(|thing| shape(call, shelf, &key, thing, &call.selection)).collect();
            Ok(Answer::of(status, media(shelf.item), Value::Array(left)))
        }
        _ => Ok(Answer::no_content()),
    }
}

// Single things.

fn get_single(call: &mut Call<'_>) -> Outcome {
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

fn set_single(call: &mut Call<'_>) -> Outcome {
    held::own_parents(call)?;
    let (shelf, key, _) = place(call)?;
    let mut set = call.state.shelves.get(&key, "").map(|thing| thing.set.clone()).unwrap_or_default();
    set.extend(settings(call, shelf, call.input()?.root()));
    put(call, &key, "", set)?;
    answer(call, shelf, &key, &[String::new()])
}

fn remove_single(call: &mut Call<'_>) -> Outcome {
    held::own_parents(call)?;
    let (_, key, _) = place(call)?;
    call.state.shelves.clear(&key);
    Ok(Answer::no_content())
}
