//! Request bodies: read as JSON or as a form, and checked field by field.

use bytes::Bytes;
use http::{HeaderMap, header};
use serde_json::{Map, Value};
use url::form_urlencoded;

use crate::protocol::error::{ApiError, INVALID, InvalidField};

/// The body of a request, read on demand; what does not fit is collected, so that one refusal names all of it.
#[derive(Debug)]
pub(crate) struct Input {
    root: Value,
    /// A form knows only text: numbers and truth values are read out of it.
    form: bool,
    wrong: Vec<InvalidField>,
}

impl Input {
    /// Reads a body by its media type; none at all counts as an empty object.
    pub(crate) fn read(headers: &HeaderMap, body: &Bytes) -> Result<Self, ApiError> {
        let media =
            headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let form = media == "application/x-www-form-urlencoded";
        let root = if body.is_empty() {
            Value::Object(Map::new())
        } else if form {
            read_form(body).ok_or_else(|| {
                ApiError::bad_request(INVALID, format!("The form has names of more than {MAX_DEPTH} parts."))
            })?
        } else if media.is_empty() || media == "application/json" || media.ends_with("+json") {
            serde_json::from_slice(body)
                .map_err(|error| ApiError::bad_request(INVALID, format!("The body is no JSON: {error}.")))?
        } else {
            return Err(ApiError::bad_request(
                INVALID,
                format!("The body is of the type {media}, which is not read."),
            ));
        };
        Ok(Self { root, form, wrong: Vec::new() })
    }

    /// Whether the body came as a form.
    pub(crate) fn is_form(&self) -> bool {
        self.form
    }

    /// The whole body.
    pub(crate) fn root(&self) -> &Value {
        &self.root
    }

    /// The value at a dotted path; `None` when it is absent or null.
    pub(crate) fn get(&self, path: &str) -> Option<&Value> {
        path.split('.').try_fold(&self.root, |value, name| value.get(name)).filter(|value| !value.is_null())
    }

    /// Whether something, null included, stands at a dotted path.
    pub(crate) fn has(&self, path: &str) -> bool {
        path.split('.').try_fold(&self.root, |value, name| value.get(name)).is_some()
    }

    pub(crate) fn refuse(&mut self, field: InvalidField) {
        self.wrong.push(field);
    }

    fn read_as<T>(
        &mut self,
        path: &str,
        what: &str,
        read: impl FnOnce(&Value, bool) -> Option<T>,
    ) -> Option<T> {
        let value = self.get(path)?;
        let read = read(value, self.form);
        if read.is_none() {
            self.refuse(InvalidField::new(path, format!("must be {what}")));
        }
        read
    }

    pub(crate) fn text(&mut self, path: &str) -> Option<String> {
        self.read_as(path, "a text", |value, _| value.as_str().map(str::to_owned))
    }

    /// A truth value; the texts for it too, since the official Python library sends `"true"` and is understood.
    pub(crate) fn truth(&mut self, path: &str) -> Option<bool> {
        self.read_as(path, "true or false", |value, form| match value {
            Value::Bool(truth) => Some(*truth),
            Value::String(text) => match text.as_str() {
                text if text.eq_ignore_ascii_case("true") => Some(true),
                text if text.eq_ignore_ascii_case("false") => Some(false),
                "1" if form => Some(true),
                "0" if form => Some(false),
                _ => None,
            },
            _ => None,
        })
    }

    /// A whole number, also when it comes as text: Vimeo describes sizes as texts and takes both.
    pub(crate) fn number(&mut self, path: &str) -> Option<u64> {
        self.read_as(path, "a whole number from 0", |value, _| match value {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        })
    }

    pub(crate) fn word(&mut self, path: &str, known: &[&str]) -> Option<String> {
        let what = format!("one of {}", known.join(", "));
        self.read_as(path, &what, |value, _| {
            // A client sends back a privacy as it got it.
            let value = if path == "privacy" { value.get("view").unwrap_or(value) } else { value };
            value.as_str().filter(|word| known.contains(word)).map(str::to_owned)
        })
    }

    /// A list of texts; in a form, one text with commas.
    pub(crate) fn texts(&mut self, path: &str) -> Option<Vec<String>> {
        self.read_as(path, "a list of texts", |value, form| match value {
            Value::Array(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
            Value::String(text) if form => Some(text.split(',').map(|part| part.trim().to_owned()).collect()),
            _ => None,
        })
    }

    pub(crate) fn object(&mut self, path: &str) -> Option<Map<String, Value>> {
        self.read_as(path, "an object", |value, _| value.as_object().cloned())
    }

    /// A text that must be there and not empty.
    pub(crate) fn required_text(&mut self, path: &str) -> String {
        if self.get(path).is_none() {
            self.refuse(InvalidField::new(path, "is required"));
        }
        self.text(path).unwrap_or_default()
    }

    /// Refuses the request when anything did not fit.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        if self.wrong.is_empty() { Ok(()) } else { Err(ApiError::invalid(self.wrong)) }
    }
}

/// How many parts the name of a form's field may have, so that it cannot exhaust the stack.
const MAX_DEPTH: usize = 64;

/// A form as an object; `None` when it is too deep. `a.b=1` and `a[b]=1` both mean the member `b` of `a`.
fn read_form(body: &[u8]) -> Option<Value> {
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
        Input::read(&headers, &Bytes::from(body.to_owned()))
    }

    #[test]
    fn bodies_are_read_by_their_type() {
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
    fn one_refusal_names_all_that_is_wrong() {
        let body = r#"{"name": 5, "on": "1", "quoted": "true", "size": "12", "none": null, "way": "up", "tags": ["a", 1]}"#;
        let mut input = input("application/json", body).unwrap();
        assert_eq!(input.text("name"), None);
        assert_eq!(input.truth("on"), None);
        assert_eq!(input.truth("quoted"), Some(true));
        assert_eq!(input.number("size"), Some(12));
        assert_eq!(input.text("none"), None);
        assert_eq!(input.word("way", &["left", "right"]), None);
        assert_eq!(input.texts("tags"), None);
        assert_eq!(input.required_text("missing"), "");
        assert!(input.has("none") && !input.has("missing"));
        let error = input.finish().unwrap_err();
        let fields: Vec<&str> = error.fields.iter().map(|field| field.field.as_str()).collect();
        assert_eq!(fields, ["name", "on", "way", "tags", "missing"]);
    }

    #[test]
    fn a_form_speaks_in_texts() {
        let mut input =
            input("application/x-www-form-urlencoded", "on=true&off=0&list=a, b&odd=maybe").unwrap();
        assert_eq!(input.truth("on"), Some(true));
        assert_eq!(input.truth("off"), Some(false));
        assert_eq!(input.truth("odd"), None);
        assert_eq!(input.texts("list"), Some(vec!["a".into(), "b".into()]));
    }
}
