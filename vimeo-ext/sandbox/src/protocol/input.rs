//! Request bodies: parsed as JSON or as a form, and validated field by field.

use bytes::Bytes;
use http::{HeaderMap, header};
use serde_json::{Map, Value};
use url::form_urlencoded;

use crate::protocol::error::{ApiError, INVALID_PARAMETER, InvalidField};

/// The body of a request. Invalid fields are collected while it is read, so that one error lists all of them.
#[derive(Debug)]
pub(crate) struct Input {
    root: Value,
    /// The values of a form are strings; numbers and booleans are parsed from them.
    is_form: bool,
    invalid: Vec<InvalidField>,
}

impl Input {
    /// Parses a body by its media type; an empty body counts as an empty object.
    pub(crate) fn parse(headers: &HeaderMap, body: &Bytes) -> Result<Self, ApiError> {
        let media =
            headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let is_form = media == "application/x-www-form-urlencoded";
        let root = if body.is_empty() {
            Value::Object(Map::new())
        } else if is_form {
            parse_form(body).ok_or_else(|| {
                ApiError::bad_request(
                    INVALID_PARAMETER,
                    format!("The form has a field name with more than {MAX_DEPTH} parts."),
                )
            })?
        } else if media.is_empty() || media == "application/json" || media.ends_with("+json") {
            serde_json::from_slice(body).map_err(|error| {
                ApiError::bad_request(INVALID_PARAMETER, format!("The body is not valid JSON: {error}."))
            })?
        } else {
            return Err(ApiError::bad_request(INVALID_PARAMETER, format!("Unsupported media type {media}.")));
        };
        Ok(Self { root, is_form, invalid: Vec::new() })
    }

    /// Whether the body is a form.
    pub(crate) fn is_form(&self) -> bool {
        self.is_form
    }

    /// The whole body.
    pub(crate) fn root(&self) -> &Value {
        &self.root
    }

    /// The value at a dotted path; `None` if it is absent or null.
    pub(crate) fn get(&self, path: &str) -> Option<&Value> {
        path.split('.').try_fold(&self.root, |value, name| value.get(name)).filter(|value| !value.is_null())
    }

    /// Whether there is a value at a dotted path, including null.
    pub(crate) fn has(&self, path: &str) -> bool {
        path.split('.').try_fold(&self.root, |value, name| value.get(name)).is_some()
    }

    pub(crate) fn reject(&mut self, field: InvalidField) {
        self.invalid.push(field);
    }

    fn read_as<T>(
        &mut self,
        path: &str,
        expected: &str,
        read: impl FnOnce(&Value, bool) -> Option<T>,
    ) -> Option<T> {
        let value = self.get(path)?;
        let parsed = read(value, self.is_form);
        if parsed.is_none() {
            self.reject(InvalidField::new(path, format!("must be {expected}")));
        }
        parsed
    }

    pub(crate) fn string(&mut self, path: &str) -> Option<String> {
        self.read_as(path, "a string", |value, _| value.as_str().map(str::to_owned))
    }

    /// A boolean, or `"true"` and `"false"` as a string: the official Python library sends those, and Vimeo accepts them.
    pub(crate) fn boolean(&mut self, path: &str) -> Option<bool> {
        self.read_as(path, "true or false", |value, is_form| match value {
            Value::Bool(boolean) => Some(*boolean),
            Value::String(text) => match text.as_str() {
                text if text.eq_ignore_ascii_case("true") => Some(true),
                text if text.eq_ignore_ascii_case("false") => Some(false),
                "1" if is_form => Some(true),
                "0" if is_form => Some(false),
                _ => None,
            },
            _ => None,
        })
    }

    /// A non-negative integer, as a number or a string: Vimeo documents sizes as strings and accepts both.
    pub(crate) fn integer(&mut self, path: &str) -> Option<u64> {
        self.read_as(path, "a non-negative integer", |value, _| match value {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        })
    }

    /// A non-negative number, as a number or a string.
    pub(crate) fn number(&mut self, path: &str) -> Option<f64> {
        self.read_as(path, "a non-negative number", |value, _| {
            let number = match value {
                Value::Number(number) => number.as_f64(),
                Value::String(text) => text.parse().ok(),
                _ => None,
            };
            number.filter(|number| number.is_finite() && *number >= 0.0)
        })
    }

    /// A string out of a set of known values.
    pub(crate) fn enum_value(&mut self, path: &str, known: &[&str]) -> Option<String> {
        let expected = format!("one of {}", known.join(", "));
        self.read_as(path, &expected, |value, _| {
            // Clients send `privacy` back as they received it.
            let value = if path == "privacy" { value.get("view").unwrap_or(value) } else { value };
            value.as_str().filter(|value| known.contains(value)).map(str::to_owned)
        })
    }

    /// The password of a resource: `password`, or `privacy.password`, where responses have it. Clients send it back there.
    pub(crate) fn edited_password(&mut self) -> Option<String> {
        self.string("password").or_else(|| self.string("privacy.password"))
    }

    /// An array of strings; in a form, one comma-separated string.
    pub(crate) fn strings(&mut self, path: &str) -> Option<Vec<String>> {
        self.read_as(path, "an array of strings", |value, is_form| match value {
            Value::Array(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
            Value::String(text) if is_form => {
                Some(text.split(',').map(|part| part.trim().to_owned()).collect())
            }
            _ => None,
        })
    }

    pub(crate) fn object(&mut self, path: &str) -> Option<Map<String, Value>> {
        self.read_as(path, "an object", |value, _| value.as_object().cloned())
    }

    /// A string that must be present.
    pub(crate) fn required_string(&mut self, path: &str) -> String {
        if self.get(path).is_none() {
            self.reject(InvalidField::new(path, "is required"));
        }
        self.string(path).unwrap_or_default()
    }

    /// Returns an error if any field was invalid.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        if self.invalid.is_empty() { Ok(()) } else { Err(ApiError::invalid(self.invalid)) }
    }
}

/// Limits the parts of a form field's name, so that it cannot exhaust the stack.
const MAX_DEPTH: usize = 64;

/// Parses a form into an object; `None` if it is too deep. `a.b=1` and `a[b]=1` both mean the member `b` of `a`.
fn parse_form(body: &[u8]) -> Option<Value> {
    let mut root = Map::new();
    for (key, value) in form_urlencoded::parse(body) {
        let key = key.replace(']', "").replace('[', ".");
        if key.matches('.').count() >= MAX_DEPTH {
            return None;
        }
        put(&mut root, &key, value.into_owned());
    }
    Some(Value::Object(root))
}

fn put(members: &mut Map<String, Value>, key: &str, value: String) {
    match key.split_once('.') {
        None => {
            members.insert(key.to_owned(), Value::String(value));
        }
        Some((name, rest)) => {
            let below = members.entry(name.to_owned()).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(below) = below {
                put(below, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn input(media: &str, body: &str) -> Result<Input, ApiError> {
        let mut headers = HeaderMap::new();
        if !media.is_empty() {
            headers.insert(header::CONTENT_TYPE, media.parse().unwrap());
        }
        Input::parse(&headers, &Bytes::from(body.to_owned()))
    }

    #[test]
    fn parses_bodies_by_media_type() {
        for (media, body, expected) in [
            ("application/json", r#"{"a":{"b":1}}"#, Some(json!({"a": {"b": 1}}))),
            ("application/vnd.vimeo.video+json; charset=utf-8", "[]", Some(json!([]))),
            ("", "{}", Some(json!({}))),
            ("application/json", "", Some(json!({}))),
            (
                "application/x-www-form-urlencoded",
                "a.b=1&c[d]=2&e=",
                Some(json!({"a":{"b":"1"},"c":{"d":"2"},"e":""})),
            ),
            ("application/x-www-form-urlencoded", "a=1&a.b=2", Some(json!({"a": "1"}))),
            ("application/json", "{", None),
            ("text/plain", "{}", None),
        ] {
            assert_eq!(input(media, body).ok().map(|input| input.root), expected, "{media} {body}");
        }
    }

    #[test]
    fn one_error_lists_all_invalid_fields() {
        let body = r#"{"name": 5, "on": "1", "quoted": "true", "size": "12", "none": null, "way": "up", "tags": ["a", 1]}"#;
        let mut input = input("application/json", body).unwrap();
        assert_eq!(input.string("name"), None);
        assert_eq!(input.boolean("on"), None);
        assert_eq!(input.boolean("quoted"), Some(true));
        assert_eq!(input.integer("size"), Some(12));
        assert_eq!(input.number("size"), Some(12.0));
        assert_eq!(input.string("none"), None);
        assert_eq!(input.enum_value("way", &["left", "right"]), None);
        assert_eq!(input.strings("tags"), None);
        assert_eq!(input.required_string("missing"), "");
        assert!(input.has("none") && !input.has("missing"));
        let error = input.finish().unwrap_err();
        let fields: Vec<&str> = error.fields.iter().map(|field| field.field.as_str()).collect();
        assert_eq!(fields, ["name", "on", "way", "tags", "missing"]);
    }

    #[test]
    fn parses_form_values() {
        let mut input =
            input("application/x-www-form-urlencoded", "on=true&off=0&list=a, b&odd=maybe").unwrap();
        assert_eq!(input.boolean("on"), Some(true));
        assert_eq!(input.boolean("off"), Some(false));
        assert_eq!(input.boolean("odd"), None);
        assert_eq!(input.strings("list"), Some(vec!["a".into(), "b".into()]));
    }
}
