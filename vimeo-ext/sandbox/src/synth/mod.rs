//! Response bodies: the shapes of resources with state, and values synthesized from the API description for resources
//! without state.
//!
//! Synthesized values depend only on the world's seed and the resource's URI, so that lists and items agree and every
//! run returns the same. Users, videos, channels, showcases and folders are never synthesized: where the description
//! has one, the response contains one of the world's own, or null.

mod field_names;
pub(crate) mod resolve;
pub(crate) mod shapes;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use crate::call::{Call, ResponseView, time};
use crate::catalog::collections::is_stateful;
use crate::catalog::schema::{Field, Schema, Type};
use crate::catalog::{self, Operation, Params};
use crate::protocol::fields::{Object, Selection};
use crate::protocol::ids::{self, seeded_hash};
use crate::protocol::vimeo_link::vimeo_link;
use field_names::{is_creation_time, is_frame, last_of, parent, text, to_words};

/// The maximum nesting of objects.
const MAX_DEPTH: usize = 6;
/// Typical frame rates; most are fractions.
const FRAME_RATES: [f64; 5] = [23.98, 25.0, 29.97, 50.0, 59.94];

/// Returns the name in `application/vnd.vimeo.<name>+json` for a schema.
pub(crate) fn media(name: &str) -> String {
    let mut media = String::with_capacity(name.len() + 4);
    for character in name.chars() {
        if character.is_ascii_uppercase() && !media.is_empty() {
            media.push('.');
        }
        media.push(character.to_ascii_lowercase());
    }
    media
}

/// Synthesizes values.
pub(crate) struct Synthesizer<'a> {
    view: ResponseView<'a>,
    params: &'a Params,
    /// The user that the path names.
    user: u64,
    /// The latest creation time of synthesized resources.
    before: DateTime<Utc>,
    /// Whether optional members are left out: the mode for stored entities, which define their own members.
    plain: bool,
}

impl<'a> Synthesizer<'a> {
    pub(crate) fn of(call: &'a Call<'_>) -> Self {
        let user = call.subject().ok().or(call.viewer()).unwrap_or(call.state.first_user);
        let first = call.state.users.get(&call.state.first_user);
        let before = first.map_or(DateTime::UNIX_EPOCH, |user| user.created);
        Self { view: call.view(), params: &call.params, user, before, plain: false }
    }

    /// Returns a synthesizer for an entity created at `since`.
    pub(crate) fn plain(call: &'a Call<'_>, since: DateTime<Utc>) -> Self {
        Self { before: since, plain: true, ..Self::of(call) }
    }

    /// Returns the path of the request with `me` resolved.
    pub(crate) fn canonical_path(&self, call: &Call<'_>) -> String {
        let path = call.request.path.trim_end_matches('/');
        match path.strip_prefix("/me") {
            Some(rest) => format!("/users/{}{rest}", self.user),
            None => path.to_owned(),
        }
    }

    /// Returns the URI of the requested resource: the shortest path of its schema that the path's parameters fill.
    pub(crate) fn own_uri(&self, call: &Call<'_>, name: &str) -> String {
        let own = call.operation.path;
        let is_item = own.ends_with('}');
        let places = catalog::places(name).iter().filter(|_| is_item);
        let mut filled = places.filter_map(|place| self.fill(place, None));
        let shortest = filled.by_ref().min_by_key(|uri| uri.matches('/').count());
        shortest.unwrap_or_else(|| self.canonical_path(call))
    }

    /// Returns the URI of the item at `index` of a list.
    pub(crate) fn item_uri(&self, list: &str, name: &str, base: &str, place: usize) -> String {
        let id = self.id(&format!("{base}#{place}"));
        let below = catalog::places(name).iter().find(|template| parent(template) == list);
        let found = below.and_then(|template| self.fill(template, Some(&id))).or_else(|| {
            let filled = catalog::places(name).iter().filter_map(|template| self.fill(template, Some(&id)));
            filled.min_by_key(|uri| uri.matches('/').count())
        });
        found.unwrap_or_else(|| format!("{base}/{id}"))
    }

    /// Fills in the parameters of a path; the last one with `last`, if given. `None` if one is unknown.
    fn fill(&self, template: &str, last: Option<&str>) -> Option<String> {
        let segments: Vec<&str> = template.split('/').skip(1).collect();
        let mut path = String::new();
        for (at, segment) in segments.iter().enumerate() {
            path.push('/');
            let Some(name) = segment.strip_prefix('{').and_then(|name| name.strip_suffix('}')) else {
                path.push_str(segment);
                continue;
            };
            match (last.filter(|_| at + 1 == segments.len()), self.params.get(name)) {
                (Some(last), _) => path.push_str(last),
                (None, "" | "me") if name == "user_id" => path.push_str(&self.user.to_string()),
                (None, "") => return None,
                (None, known) => path.push_str(known),
            }
        }
        Some(path.replacen("/me/", &format!("/users/{}/", self.user), 1))
    }

    fn random(&self, uri: &str, what: &str) -> u64 {
        seeded_hash(self.view.state.seed, &[uri, what])
    }

    fn id(&self, what: &str) -> String {
        (500_000_000 + self.random(what, "id") % 400_000_000).to_string()
    }

    /// Synthesizes a value of a named schema at a URI.
    pub(crate) fn named(
        &self,
        name: &'static str,
        uri: &str,
        selection: &Selection,
        ancestors: &mut Vec<&'static str>,
    ) -> Value {
        match Type::Named(name).schema() {
            Some(Schema::Object(fields)) => {
                ancestors.push(name);
                let mut object = Object::new(selection);
                for field in fields {
                    object = object.with(field.name, |below| self.field(name, field, uri, below, ancestors));
                }
                ancestors.pop();
                object.build()
            }
            Some(Schema::Enum(values)) => {
                let place = self.random(uri, name) as usize % values.len().max(1);
                values.get(place).map_or(Value::Null, |value| Value::from(*value))
            }
            Some(Schema::Either(types)) => {
                let first = types.first().copied().unwrap_or(Type::Any);
                self.value(
                    &Field { name: "", ty: first, required: false, nullable: true },
                    uri,
                    selection,
                    ancestors,
                )
            }
            Some(Schema::Is(ty)) => self.value(
                &Field { name: "", ty: *ty, required: false, nullable: true },
                uri,
                selection,
                ancestors,
            ),
            None => Value::Null,
        }
    }

    fn field(
        &self,
        owner: &'static str,
        field: &Field,
        uri: &str,
        selection: &Selection,
        ancestors: &mut Vec<&'static str>,
    ) -> Value {
        match (field.name, field.ty) {
            ("uri", Type::Text) => uri.into(),
            ("name" | "title", Type::Text) => format!("{} {}", to_words(owner), last_of(uri)).into(),
            ("link", Type::Uri | Type::Text) => vimeo_link(uri).into(),
            ("id", Type::Unsigned | Type::Integer) => {
                last_of(uri).parse::<u64>().map_or(Value::Null, Value::from)
            }
            ("fps", Type::Number) => {
                let place = self.random(uri, "fps") as usize % FRAME_RATES.len();
                FRAME_RATES.get(place).copied().map_or(Value::Null, Value::from)
            }
            ("resource_key", _) => ids::digest(&["made", &self.view.state.seed.to_string(), uri], 40).into(),
            _ => self.value(field, uri, selection, ancestors),
        }
    }

    fn value(
        &self,
        field: &Field,
        uri: &str,
        selection: &Selection,
        ancestors: &mut Vec<&'static str>,
    ) -> Value {
        let name = field.name;
        match field.ty {
            Type::Named(schema) => self.nested(schema, name, uri, selection, ancestors),
            Type::List(items) => match Type::read(items) {
                Type::Named(schema) if !self.plain => {
                    match self.nested(schema, name, uri, selection, ancestors) {
                        Value::Null => json!([]),
                        item => json!([item]),
                    }
                }
                Type::Text if !self.plain => json!([text(name, self.random(uri, name))]),
                _ => json!([]),
            },
            Type::Time if !self.plain || is_creation_time(name) => time(self.timestamp(uri, name)),
            Type::Bool if self.plain => false.into(),
            Type::Bool => self.random(uri, name).is_multiple_of(2).into(),
            Type::Unsigned | Type::Integer if self.plain => Value::Null,
            Type::Unsigned | Type::Integer => (self.random(uri, name) % 1000).into(),
            Type::Object => json!({}),
            _ if self.plain || name.ends_with("uri") => Value::Null,
            Type::Text => text(name, self.random(uri, name)).into(),
            Type::Secret => ids::digest(&["secret", uri, name], 16).into(),
            Type::Uri => vimeo_link(uri).into(),
            Type::Number => ((self.random(uri, name) % 1000) as f64 / 10.0).into(),
            Type::Date => json!(self.timestamp(uri, name).format("%Y-%m-%d").to_string()),
            // There is nothing that a link could open.
            Type::Link | Type::Binary | Type::Any | Type::Time => Value::Null,
        }
    }

    fn timestamp(&self, uri: &str, name: &str) -> DateTime<Utc> {
        if self.plain {
            return self.before;
        }
        let back = TimeDelta::try_hours((self.random(uri, name) % 720) as i64).unwrap_or_default();
        self.before.checked_sub_signed(back).unwrap_or(self.before)
    }

    /// Synthesizes an object within another.
    fn nested(
        &self,
        schema: &'static str,
        name: &str,
        uri: &str,
        selection: &Selection,
        ancestors: &mut Vec<&'static str>,
    ) -> Value {
        let fields = match Type::Named(schema).schema() {
            Some(Schema::Object(fields)) => fields,
            Some(Schema::Enum(_)) if self.plain => return Value::Null,
            _ => return self.named(schema, &format!("{uri}#{name}"), selection, ancestors),
        };
        let has = |name: &str| fields.iter().any(|field| field.name == name);
        if has("uri") && has("options") {
            return self.connection(fields, name, uri, selection);
        }
        if schema == "Picture" {
            return crate::synth::shapes::picture::thumbnail(uri, None, selection);
        }
        if is_stateful(schema) {
            return resolve::nested(&self.view, self.params, self.user, schema, selection);
        }
        if ancestors.contains(&schema)
            || ancestors.len() >= MAX_DEPTH
            || (self.plain && !has("connections") && !is_frame(name))
        {
            return Value::Null;
        }
        if !has("uri") {
            // Part of its owner, so its values derive from the owner's URI.
            return self.named(schema, uri, selection, ancestors);
        }
        let below = format!("{uri}/{name}");
        let places = catalog::places(schema);
        let id = self.id(&below);
        let own = places.iter().filter_map(|place| self.fill(place, Some(&id)));
        let own = own.min_by_key(|uri| uri.matches('/').count()).unwrap_or(below);
        self.named(schema, &own, selection, ancestors)
    }

    /// Returns a connection to an existing path, or null.
    fn connection(&self, fields: &[Field], name: &str, uri: &str, selection: &Selection) -> Value {
        let place = format!("{uri}/{name}");
        let methods = catalog::methods_at(&place);
        if methods.is_empty() {
            return Value::Null;
        }
        let mut object = Object::new(selection);
        for field in fields {
            object = match field.name {
                "uri" => object.put("uri", place.as_str()),
                "options" => {
                    object.with("options", |_| methods.iter().map(|method| method.as_str()).collect())
                }
                "added" => object.put("added", false),
                "total" => object.with("total", |_| self.total(&place)),
                name => object.put(name, Value::Null),
            };
        }
        object.build()
    }

    /// Returns the length of a list, if it is known without synthesizing it.
    fn total(&self, place: &str) -> Value {
        match catalog::find(&http::Method::GET, place) {
            catalog::Found::Operation(Operation { member: Some(_), .. }, _) => {
                self.view.state.collections.count(place).into()
            }
            _ => Value::Null,
        }
    }
}

/// Merges `over` into a synthesized value, as far as `selection` includes it.
pub(crate) fn overlay(mut made: Value, over: &Map<String, Value>, selection: &Selection) -> Value {
    if let Some(members) = made.as_object_mut() {
        for (name, value) in over {
            let Some(below) = selection.of(name) else { continue };
            match (members.get_mut(name), value) {
                (Some(old @ Value::Object(_)), Value::Object(inner)) => {
                    *old = overlay(std::mem::take(old), inner, below);
                }
                _ => {
                    members.insert(name.clone(), below.prune(value.clone()));
                }
            }
        }
    }
    made
}
