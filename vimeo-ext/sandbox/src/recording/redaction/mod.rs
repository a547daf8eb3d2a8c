//! Redaction: replaces what is private in an exchange before it is stored. The module [`recording`](super) explains the
//! rules.

mod headers;
mod links;
mod pseudonyms;
mod words;

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use serde_json::{Map, Number, Value};
use url::Url;

use crate::catalog::schema::Type;
use crate::config::scopes::ALL_SCOPES;
use crate::request_log::is_secret_name;
use pseudonyms::{Pseudonyms, is_digits};

/// Larger numbers without a type can be IDs or telephone numbers.
const MAX_PLAIN_NUMBER: u64 = 9_999;

/// The replacement of a number with a fraction that can be a place.
const PLAIN_FRACTION: f64 = 0.5;

/// Longer names of members are replaced.
const MAX_NAME_LENGTH: usize = 40;

/// Numbers that tell where somebody is, or how they pay.
const PRIVATE_NUMBERS: [&str; 4] = ["expiration_month", "expiration_year", "latitude", "longitude"];

/// Objects whose members Vimeo names, although the description does not list them.
const FLAGS: [&str; 1] = ["capabilities"];

/// Members that hold an ID and are not called so.
const ID_NAMES: [&str; 5] = ["custom_logo", "edit_session_vsid", "id", "video", "vsid"];

/// Redacts the exchanges of one recording.
pub(crate) struct Redactor {
    pseudonyms: Pseudonyms,
    /// The base of the recorded API.
    api: Url,
    /// Upload links with their numbers.
    uploads: HashMap<String, usize>,
}

impl Redactor {
    pub(crate) fn new(api: Url) -> Self {
        Self { pseudonyms: Pseudonyms::default(), api, uploads: HashMap::new() }
    }

    /// Returns the number that stands for an upload link from now on.
    pub(crate) fn upload_link(&mut self, link: &str) -> usize {
        let number = self.uploads.len() + 1;
        *self.uploads.entry(link.to_owned()).or_insert(number)
    }

    /// Redacts the JSON body of a response.
    pub(crate) fn body(&mut self, ty: Type, value: &Value) -> Value {
        self.value("", ty, value)
    }

    fn value(&mut self, name: &str, ty: Type, value: &Value) -> Value {
        match value {
            Value::Null | Value::Bool(_) => value.clone(),
            Value::Number(number) => Value::Number(self.number(name, ty, number)),
            Value::String(text) => Value::String(self.string(name, ty, text)),
            Value::Array(items) => {
                let ty = words::item(ty);
                Value::Array(items.iter().map(|item| self.value(name, ty, item)).collect())
            }
            Value::Object(members) => {
                let mut redacted = Map::with_capacity(members.len());
                for (member, value) in members {
                    let member_type = words::member(ty, member).unwrap_or(Type::Any);
                    let plain = self.name(name, ty, member);
                    redacted.insert(plain, self.value(member, member_type, value));
                }
                Value::Object(redacted)
            }
        }
    }

    /// Returns the JSON body of a request with types in place of values.
    pub(crate) fn shape(&mut self, ty: Type, value: &Value) -> Value {
        let type_name = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(items) => {
                let ty = words::item(ty);
                let mut shapes: Vec<Value> = Vec::new();
                for item in items {
                    let shape = self.shape(ty, item);
                    if !shapes.contains(&shape) {
                        shapes.push(shape);
                    }
                }
                return Value::Array(shapes);
            }
            Value::Object(members) => {
                let mut shape = Map::with_capacity(members.len());
                for (member, value) in members {
                    let member_type = words::member(ty, member).unwrap_or(Type::Any);
                    let plain = self.name("", ty, member);
                    shape.insert(plain, self.shape(member_type, value));
                }
                return Value::Object(shape);
            }
        };
        type_name.into()
    }

    /// Redacts the name of a member of the object `parent`. An object whose members the description does not list can be
    /// a map, and then its names are values.
    fn name(&mut self, parent: &str, owner: Type, name: &str) -> String {
        let is_identifier = name.len() <= MAX_NAME_LENGTH
            && name.starts_with(|sign: char| sign.is_ascii_alphabetic())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let is_of_vimeo = words::has_members(owner) || FLAGS.contains(&parent);
        match words::is_name(name) || (is_of_vimeo && is_identifier) {
            true => name.to_owned(),
            false => self.pseudonyms.opaque("member", name),
        }
    }

    fn number(&mut self, name: &str, ty: Type, number: &Number) -> Number {
        if PRIVATE_NUMBERS.contains(&name) {
            return 0.into();
        }
        let is_untyped = words::is_untyped(ty);
        match number.as_u64() {
            Some(id) if is_id(name) => self.pseudonyms.id_number(id),
            Some(large) if is_untyped && large > MAX_PLAIN_NUMBER => self.pseudonyms.id_number(large),
            Some(_) => number.clone(),
            None if is_untyped && number.is_f64() => Number::from_f64(PLAIN_FRACTION).unwrap_or(0.into()),
            None if is_untyped && number.as_i64().is_some_and(|n| n.unsigned_abs() > MAX_PLAIN_NUMBER) => {
                (-1).into()
            }
            None => number.clone(),
        }
    }

    fn string(&mut self, name: &str, ty: Type, text: &str) -> String {
        if text.is_empty() {
            return String::new();
        }
        // Paths and links are the exception in members that hold free text otherwise: `first` and `last` are pages.
        let is_uri = text.starts_with('/') && !text.starts_with("//") && !text.contains(char::is_whitespace);
        if is_uri && catalog_path(text) {
            return self.uri(text);
        }
        if self.is_api_link(text) {
            return self.link(text);
        }
        if ty == Type::Secret {
            return match matches!(name, "unlisted_hash" | "hash") {
                true => self.pseudonyms.text("text", text),
                false => self.pseudonyms.opaque("secret", text),
            };
        }
        if self.uploads.contains_key(text) {
            return self.link(text);
        }
        let kind = match name {
            "name" | "title" => "name",
            "description" | "bio" | "short_bio" => "description",
            _ => "text",
        };
        if words::is_free_text(name) && !words::is_enum_value(ty, text) {
            return self.pseudonyms.text(kind, text);
        }
        if is_plain(name, ty, text) {
            return text.to_owned();
        }
        if is_uri {
            return self.uri(text);
        }
        if text.starts_with("http://") || text.starts_with("https://") {
            return self.link(text);
        }
        self.pseudonyms.text(kind, text)
    }
}

/// Whether the path of a URI is one of the API.
fn catalog_path(uri: &str) -> bool {
    crate::catalog::literals(uri.split(['?', '#']).next().unwrap_or_default()).is_some()
}

fn is_id(name: &str) -> bool {
    ID_NAMES.contains(&name) || name.ends_with("_id") || name.ends_with("Id")
}

/// Whether a text is stored as it is.
fn is_plain(name: &str, ty: Type, text: &str) -> bool {
    let is_named = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    if words::is_enum_value(ty, text) || words::is_value(text) {
        return true;
    }
    if is_time(text) && (matches!(ty, Type::Time | Type::Date) || is_named(&["_time", "_date", "_on", "_at"]))
    {
        return true;
    }
    match name {
        "language" | "locale" | "language_code" => is_language(text),
        "scope" => text.split(' ').all(|scope| ALL_SCOPES.contains(&scope)),
        "field" | "key_path" => text.split('.').all(words::is_name),
        _ if name.starts_with("color") || name.ends_with("color") => {
            matches!(text.len(), 3 | 6) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
        }
        _ => !is_id(name) && !is_secret_name(name) && is_digits(text) && text.len() <= 4,
    }
}

fn is_time(text: &str) -> bool {
    DateTime::parse_from_rfc3339(text).is_ok()
        || NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").is_ok()
        || NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok()
}

/// Whether a text is a language, such as `de` or `pt-BR`.
fn is_language(text: &str) -> bool {
    let (language, region) = text.split_once('-').unwrap_or((text, "XX"));
    let is_letters = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphabetic());
    matches!(language.len(), 2 | 3)
        && language.bytes().all(|byte| byte.is_ascii_lowercase())
        && matches!(region.len(), 2..=4)
        && is_letters(region)
}

#[cfg(test)]
mod tests;
