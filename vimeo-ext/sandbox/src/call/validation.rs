//! Validates requests against the API description: types and required members.
//!
//! Unknown query parameters are ignored, as Vimeo ignores those that official clients send. Bodies are read as
//! leniently as Vimeo reads them: unknown members are ignored (the official Python library sends its own settings
//! along), null counts as absent, and numbers and booleans can be text.

use http::Method;
use serde_json::Value;

use super::QUERY_TOKEN;
use crate::catalog::Operation;
use crate::catalog::schema::{Field, Schema, Type};
use crate::config::Config;
use crate::protocol::error::{ApiError, EMPTY_PARAMETER, InvalidField, STREAMING_CLOSED};
use crate::protocol::input::Input;
use crate::protocol::paging::MAX_PER_PAGE;
use crate::protocol::query::Query;

/// Parameters that clients send to every list or every operation, described or not.
const COMMON_PARAMETERS: [&str; 7] = ["direction", "fields", "filter", "page", "per_page", "query", "sort"];

/// The length at which the name of an unknown parameter is truncated.
const MAX_NAME_CHARS: usize = 100;

/// The maximum number of problems in one error.
const MAX_PROBLEMS: usize = 20;

/// Returns the query parameters that the operation does not have, up to the number that one error lists.
pub(crate) fn unknown_parameters(operation: &Operation, query: &Query, config: &Config) -> Vec<String> {
    let is_token = |name: &str| config.query_token && name == QUERY_TOKEN;
    let names = query.pairs().iter().map(|(name, _)| name).filter(|name| !name.is_empty());
    names
        .filter(|name| {
            operation.query.iter().all(|field| field.name != name.as_str())
                && !COMMON_PARAMETERS.contains(&name.as_str())
                && !body_has(operation, name)
                && !is_token(name)
        })
        .take(MAX_PROBLEMS)
        .map(|name| name.chars().take(MAX_NAME_CHARS).collect())
        .collect()
}

/// Checks the query parameters.
pub(crate) fn query(operation: &Operation, query: &Query, wrong: &mut Vec<InvalidField>) {
    for (name, value) in query.pairs().iter().filter(|(name, _)| !name.is_empty()) {
        match operation.query.iter().find(|field| field.name == name) {
            // An empty value counts as absent.
            Some(field) if !value.is_empty() && wrong.len() < MAX_PROBLEMS => {
                if let Some(what) = expected_type(field.ty, value) {
                    // The description lacks the bounds of these.
                    let what = match field.name {
                        "page" => "an integer from 1".to_owned(),
                        "per_page" => format!("an integer from 1 to {MAX_PER_PAGE}"),
                        _ => what,
                    };
                    wrong.push(InvalidField::new(name, format!("must be {what}")));
                }
            }
            _ => {}
        }
    }
    // Filters are optional whatever the description says.
    let required =
        operation.query.iter().filter(|field| field.required && !COMMON_PARAMETERS.contains(&field.name));
    let missing = required.filter(|field| query.get(field.name).is_none_or(str::is_empty));
    wrong
        .extend(missing.map(|field| InvalidField::new(field.name, "is required").with_code(EMPTY_PARAMETER)));
}

/// Returns the expected type of a parameter's text if the text does not match it.
fn expected_type(ty: Type, text: &str) -> Option<String> {
    let fits = match ty {
        Type::Unsigned => text.parse::<u64>().is_ok(),
        Type::Integer => text.parse::<i64>().is_ok(),
        Type::Number => text.parse::<f64>().is_ok_and(f64::is_finite),
        Type::Bool => is_bool(text) || matches!(text, "1" | "0"),
        Type::Named(_) => match ty.schema() {
            Some(Schema::Enum(values)) => values.iter().any(|value| value.eq_ignore_ascii_case(text)),
            _ => true,
        },
        _ => true,
    };
    (!fits).then(|| type_name(ty))
}

/// Returns the name of a type for an error.
fn type_name(ty: Type) -> String {
    match ty {
        Type::Unsigned => "a non-negative integer".to_owned(),
        Type::Integer => "an integer".to_owned(),
        Type::Number => "a number".to_owned(),
        Type::Bool => "true or false".to_owned(),
        Type::Object => "an object".to_owned(),
        Type::List(_) => "a list".to_owned(),
        Type::Any => "a value".to_owned(),
        Type::Time => "a date and time in the form of RFC 3339".to_owned(),
        Type::Text | Type::Date | Type::Uri | Type::Link | Type::Secret | Type::Binary => "a text".to_owned(),
        Type::Named(_) => match ty.schema() {
            Some(Schema::Enum(values)) => format!("one of {}", values.join(", ")),
            Some(Schema::Is(ty)) => type_name(*ty),
            Some(Schema::Either(types)) => {
                types.iter().map(|ty| type_name(*ty)).collect::<Vec<_>>().join(", or ")
            }
            Some(Schema::Object(_)) | None => "an object".to_owned(),
        },
    }
}

/// Returns whether the body has a member of this name. Vimeo once accepted some members in the query, and clients
/// still send them there.
fn body_has(operation: &Operation, name: &str) -> bool {
    let schema = operation.body.as_ref().and_then(|body| body.ty.schema());
    matches!(schema, Some(Schema::Object(fields)) if fields.iter().any(|field| field.name == name))
}

/// Checks a body for missing members and members of another type.
pub(crate) fn body(operation: &Operation, input: &Input, query: &Query, wrong: &mut Vec<InvalidField>) {
    // These accept more than is described: bare lists, lists of objects, lists of URIs.
    if matches!(operation.name, "follow_users" | "follow_users_alt1") {
        return;
    }
    if let Some(field) = closed_approach(operation, input, query) {
        wrong.push(field);
        return;
    }
    if let Some(body) = &operation.body {
        let mut found = Vec::new();
        BodyCheck { form: input.is_form(), operation: Some(operation) }.value(
            body.ty,
            input.root(),
            "",
            &mut found,
        );
        found.retain(|field| {
            !(field.code == EMPTY_PARAMETER && query.get(&field.field).is_some_and(|text| !text.is_empty()))
        });
        wrong.append(&mut found);
    }
}

/// Returns the error for the upload approach that Vimeo has closed, as older clients name it: by `type`, in the query
/// or the body. It names the member that the client sent, as in the recorded response.
fn closed_approach(operation: &Operation, input: &Input, query: &Query) -> Option<InvalidField> {
    let starts_upload =
        matches!(operation.name, "upload_video" | "upload_video_alt1" | "create_video_version");
    let ty = input.get("type").and_then(Value::as_str).or_else(|| query.get("type"));
    let is_closed = starts_upload && ty == Some("streaming") && input.get("upload.approach").is_none();
    is_closed.then(|| InvalidField::new("type", "was closed; use tus").with_code(STREAMING_CLOSED))
}

/// Returns whether a PATCH sends back what the same resource's GET returns: a list or an object in place of another
/// kind of value. Clients read a resource, change a member and send all of it.
fn is_sent_back(operation: &Operation, path: &str, value: &Value) -> bool {
    if operation.method != Method::PATCH || !(value.is_array() || value.is_object()) {
        return false;
    }
    let Some((_, answer)) = operation.answer() else { return false };
    let described = path.split('.').try_fold(answer, |ty, name| match ty.schema() {
        Some(Schema::Object(fields)) => fields.iter().find(|field| field.name == name).map(|field| field.ty),
        _ => None,
    });
    described.is_some_and(|ty| fits(ty, value))
}

/// Returns whether a value matches a type.
pub(crate) fn fits(ty: Type, value: &Value) -> bool {
    let mut wrong = Vec::new();
    BodyCheck { form: false, operation: None }.value(ty, value, "", &mut wrong);
    wrong.is_empty()
}

struct BodyCheck<'a> {
    /// Whether the body is a form, which contains only text.
    form: bool,
    /// The operation, if the value is its body.
    operation: Option<&'a Operation>,
}

impl BodyCheck<'_> {
    fn value(&self, ty: Type, value: &Value, path: &str, wrong: &mut Vec<InvalidField>) {
        if wrong.len() >= MAX_PROBLEMS {
            return;
        }
        let fits = match ty {
            Type::Any => true,
            Type::Text | Type::Uri | Type::Link | Type::Secret | Type::Binary | Type::Date => {
                value.is_string()
            }
            Type::Time => value.as_str().is_some_and(|text| self.form || is_time(text)),
            // Clients send the time of a thumbnail as a fraction of seconds, although it is described as an integer.
            Type::Unsigned if path == "time" => {
                value.as_f64().is_some_and(|seconds| seconds >= 0.0)
                    || integer(value).is_some_and(|number| number >= 0)
            }
            Type::Unsigned => integer(value).is_some_and(|number| number >= 0),
            Type::Integer => integer(value).is_some(),
            Type::Number => {
                value.is_number()
                    || value.as_str().is_some_and(|text| text.parse::<f64>().is_ok_and(f64::is_finite))
            }
            Type::Bool => match value {
                Value::Bool(_) => true,
                Value::String(text) => is_bool(text) || (self.form && matches!(text.as_str(), "1" | "0")),
                _ => false,
            },
            Type::Object => value.is_object(),
            Type::List(items) => match value {
                Value::Array(values) => {
                    for (place, value) in values.iter().enumerate() {
                        self.value(Type::read(items), value, &join(path, &place.to_string()), wrong);
                    }
                    true
                }
                // Comma-separated text.
                Value::String(_) => self.form,
                Value::Object(_) => self.form,
                _ => false,
            },
            Type::Named(_) => match ty.schema() {
                Some(Schema::Object(fields)) => match value {
                    Value::Object(_) => return self.object(fields, value, path, wrong),
                    _ => false,
                },
                Some(Schema::Enum(values)) => match value {
                    Value::String(text) => {
                        values.iter().any(|value| value.eq_ignore_ascii_case(text))
                            // Responses contain an empty gender if none is set.
                            || (path == "gender" && text.is_empty())
                    }
                    _ => false,
                },
                Some(Schema::Either(types)) => return self.either(types, value, path, wrong),
                Some(Schema::Is(ty)) => return self.value(*ty, value, path, wrong),
                None => true,
            },
        };
        let fits = fits || self.operation.is_some_and(|operation| is_sent_back(operation, path, value));
        if !fits && path == "upload.approach" && value == "streaming" {
            wrong.push(InvalidField::new(path, "was closed; use tus").with_code(STREAMING_CLOSED));
        } else if !fits {
            let place = if path.is_empty() { "body" } else { path };
            wrong.push(InvalidField::new(place, format!("must be {}", type_name(ty))));
        }
    }

    fn object(&self, fields: &[Field], value: &Value, path: &str, wrong: &mut Vec<InvalidField>) {
        for field in fields {
            let path = join(path, field.name);
            match value.get(field.name).filter(|value| !value.is_null()) {
                Some(value) => self.value(field.ty, value, &path, wrong),
                None if field.required => missing(field, &path, wrong),
                None => {}
            }
        }
    }

    /// One alternative must match. Otherwise reports the problems of the closest one: the last, unless the value is
    /// of the kind of the first.
    fn either(&self, types: &[Type], value: &Value, path: &str, wrong: &mut Vec<InvalidField>) {
        let mut first = None;
        for ty in types {
            let mut found = Vec::new();
            self.value(*ty, value, path, &mut found);
            if found.is_empty() {
                return;
            }
            let same_kind = matches!(ty, Type::List(_)) == value.is_array();
            if first.is_none() || same_kind {
                first = Some(found);
            }
        }
        wrong.extend(first.unwrap_or_default());
    }
}

/// Reports what is missing: the innermost required members of an object.
fn missing(field: &Field, path: &str, wrong: &mut Vec<InvalidField>) {
    let within = match field.ty.schema() {
        Some(Schema::Object(fields)) => fields.iter().filter(|field| field.required).collect(),
        _ => Vec::new(),
    };
    if within.is_empty() {
        wrong.push(InvalidField::new(path, "is required").with_code(EMPTY_PARAMETER));
    }
    for field in within {
        missing(field, &join(path, field.name), wrong);
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// Returns whether a text is a boolean. Python capitalizes them.
fn is_bool(text: &str) -> bool {
    text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false")
}

fn is_time(text: &str) -> bool {
    chrono::DateTime::parse_from_rfc3339(text).is_ok()
        || chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%z").is_ok()
}

fn integer(value: &Value) -> Option<i128> {
    match value {
        Value::Number(number) => number.as_u64().map(i128::from).or_else(|| number.as_i64().map(i128::from)),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// Returns all problems as one error.
pub(crate) fn into_result(wrong: Vec<InvalidField>) -> Result<(), ApiError> {
    if wrong.is_empty() { Ok(()) } else { Err(ApiError::invalid(wrong)) }
}
