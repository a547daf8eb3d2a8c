//! Checks the arguments of a call against the API description, before anything is sent.

use serde_json::Value;
use strsim::levenshtein;
use vimeo_api::{ChannelId, FolderId, GroupId, ShowcaseId, UserId, VideoId};

use super::super::error::{BoxedError, ToolError, invalid};
use super::super::untrusted::clean;
use super::catalogue::{self, KnownOperation, Member, Schema, list_item, members};
use super::notation::notation;
use super::search;

/// Returns the operation with this name; the error names the nearest ones.
pub(super) fn operation(name: &str) -> Result<&'static KnownOperation, BoxedError> {
    catalogue::find(name).ok_or_else(|| {
        let nearest = nearest(&clean(name, 100));
        let next = match nearest.as_slice() {
            [] => "Find operations with vimeo_operations_search.".to_owned(),
            names => format!("Use {}, or find others with vimeo_operations_search.", names.join(", ")),
        };
        let message = format!("There is no operation `{}`.", clean(name, 60));
        Box::new(ToolError::input("operation", message, next))
    })
}

/// Returns the names that are spelled most like a name, then those of operations with its words.
fn nearest(name: &str) -> Vec<&'static str> {
    let ids = catalogue::all().iter().map(|known| known.operation.id);
    let mut near: Vec<(usize, &str)> =
        ids.map(|id| (levenshtein(name, id), id)).filter(|(distance, _)| *distance <= 3).collect();
    near.sort_unstable();
    let words = name.replace(['_', '/', '{', '}'], " ");
    let mut names: Vec<&str> = near.into_iter().map(|(_, id)| id).take(3).collect();
    for known in search::search(&words, |_| true) {
        if names.len() >= 4 {
            break;
        }
        if !names.contains(&known.operation.id) {
            names.push(known.operation.id);
        }
    }
    names
}

/// The parameters of a call, checked.
#[derive(Debug, Default)]
pub(super) struct Parameters {
    /// In the order of the path.
    pub(super) path: Vec<String>,
    pub(super) query: Vec<(&'static str, String)>,
}

/// Checks the parameters.
pub(super) fn parameters(known: &'static KnownOperation, given: &Value) -> Result<Parameters, BoxedError> {
    let none = serde_json::Map::new();
    let given = match given {
        Value::Object(given) => given,
        Value::Null => &none,
        _ => {
            return invalid(
                "parameters",
                "parameters is not a JSON object.",
                "Give an object such as {\"per_page\": 5}.",
            );
        }
    };
    let name_of = |parameter: &Member| parameter.name;
    let names: Vec<&str> = known.path.iter().chain(&known.query).map(name_of).collect();
    if let Some(unknown) = given.keys().find(|name| !names.contains(&name.as_str())) {
        let message = format!("{} has no parameter `{}`.", known.operation.id, clean(unknown, 60));
        let body = known.body.map(members).unwrap_or_default();
        let next = if body.iter().any(|member| member.name == unknown.as_str()) {
            format!("Give {unknown} in body.")
        } else if names.is_empty() {
            "It takes none.".to_owned()
        } else {
            format!("It takes {}.", names.join(", "))
        };
        return invalid("parameters", message, next);
    }
    let value = |parameter: &Member| given.get(parameter.name).filter(|value| !value.is_null());
    let mut found = Parameters::default();
    // The path has its own order.
    for part in known.operation.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
        let Some(parameter) = known.path.iter().find(|parameter| parameter.name == part) else { continue };
        let Some(value) = value(parameter) else { return missing(known, parameter) };
        found.path.push(id(parameter, value)?);
    }
    for parameter in &known.query {
        match value(parameter) {
            Some(value) => found.query.push((parameter.name, query_value(parameter, value)?)),
            None if parameter.required => return missing(known, parameter),
            None => {}
        }
    }
    Ok(found)
}

fn missing<T>(known: &KnownOperation, parameter: &Member) -> Result<T, BoxedError> {
    let message = format!("{} needs the parameter `{}`.", known.operation.id, parameter.name);
    let next = format!(
        "Give {{\"{}\": {}}} in parameters. {}",
        parameter.name,
        notation(parameter.ty, 1),
        parameter.description
    );
    invalid("parameters", message, next.trim_end())
}

/// Returns the text of an ID in the path. A URI or a link counts as the ID that it ends with.
fn id(parameter: &Member, value: &Value) -> Result<String, BoxedError> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) if number.is_u64() => number.to_string(),
        _ => return invalid_id(parameter),
    };
    let parsed = match parameter.name {
        "video_id" => text.parse::<VideoId>().map(|id| id.to_string()).ok(),
        "user_id" | "follow_user_id" => text.parse::<UserId>().map(|id| id.to_string()).ok(),
        "channel_id" => text.parse::<ChannelId>().map(|id| id.to_string()).ok(),
        "group_id" => text.parse::<GroupId>().map(|id| id.to_string()).ok(),
        "album_id" => text.parse::<ShowcaseId>().map(|id| id.number().to_string()).ok(),
        "project_id" => text.parse::<FolderId>().map(|id| id.number().to_string()).ok(),
        _ => {
            // The last part of a URI that has the collection of this parameter before its ID.
            let part = text.strip_prefix('/').and_then(|path| path.rsplit('/').next()).unwrap_or(&text);
            let is_number = part.bytes().all(|byte| byte.is_ascii_digit());
            let fits = !part.is_empty()
                && part.chars().count() <= 200
                && !matches!(part, "." | "..")
                && !part.chars().any(char::is_control)
                && (is_number || parameter.ty != "count");
            fits.then(|| part.to_owned())
        }
    };
    match parsed {
        Some(id) => Ok(id),
        None => invalid_id(parameter),
    }
}

fn invalid_id<T>(parameter: &Member) -> Result<T, BoxedError> {
    let message = format!("`{}` in parameters is not such an ID.", parameter.name);
    let next = format!("Give {}: {}", notation(parameter.ty, 0), parameter.description);
    invalid("parameters", message, next)
}

/// Returns the text of a value in the query.
fn query_value(parameter: &Member, value: &Value) -> Result<String, BoxedError> {
    let text = match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Array(items) => {
            items.iter().map(scalar).collect::<Option<Vec<_>>>().map(|items| items.join(","))
        }
        _ => None,
    };
    let fits = |text: &String| match (catalogue::schema(parameter.ty), parameter.ty) {
        (Some(Schema::Words(words)), _) => words.contains(&text.as_str()),
        (_, "count") => text.parse::<u64>().is_ok(),
        (_, "whole") => text.parse::<i64>().is_ok(),
        (_, "truth") => matches!(text.as_str(), "true" | "false"),
        _ => true,
    };
    match text.filter(fits) {
        Some(text) => Ok(text),
        None => {
            let message = format!("`{}` in parameters is invalid.", parameter.name);
            let next = format!("Give {}. {}", notation(parameter.ty, 1), parameter.description);
            invalid("parameters", message, next.trim_end())
        }
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    }
}

/// Checks the body.
pub(super) fn body(known: &'static KnownOperation, given: &Value) -> Result<(), BoxedError> {
    let id = known.operation.id;
    let Some(ty) = known.body else {
        return match given {
            Value::Null => Ok(()),
            _ => invalid("body", format!("{id} takes no body."), "Leave body out."),
        };
    };
    match given {
        Value::Null if known.is_body_required => {
            invalid("body", format!("{id} needs a body."), format!("Give {}.", notation(ty, 1)))
        }
        Value::Null => Ok(()),
        Value::Object(_) | Value::Array(_) => check(ty, given, "body").map_err(|(message, next)| {
            Box::new(ToolError::input("body", format!("{message}; nothing was sent."), next))
        }),
        _ => invalid("body", "body is not a JSON object or list.", format!("Give {}.", notation(ty, 1))),
    }
}

/// Checks a value against a type. Errors are what is wrong, and what to give.
fn check(ty: &'static str, value: &Value, at: &str) -> Result<(), (String, String)> {
    let wrong = || Err((format!("{at} is invalid"), format!("Give {}.", notation(ty, 1))));
    let item = list_item(ty);
    if item != ty {
        let Value::Array(items) = value else { return wrong() };
        return items
            .iter()
            .enumerate()
            .try_for_each(|(index, value)| check(item, value, &format!("{at}[{index}]")));
    }
    match catalogue::schema(ty) {
        Some(Schema::Words(words)) => match value.as_str() {
            Some(word) if words.contains(&word) => Ok(()),
            _ => wrong(),
        },
        Some(Schema::Either(types)) => {
            if types.iter().any(|ty| check(ty, value, at).is_ok()) {
                Ok(())
            } else {
                wrong()
            }
        }
        Some(Schema::Is(other)) if *other != ty => check(other, value, at),
        Some(Schema::Object(known)) => {
            let Value::Object(given) = value else { return wrong() };
            if let Some(missing) =
                known.iter().find(|member| member.required && !given.contains_key(member.name))
            {
                let next =
                    format!("Give {}: {}. {}", missing.name, notation(missing.ty, 1), missing.description);
                return Err((format!("{at} lacks `{}`", missing.name), next.trim_end().to_owned()));
            }
            for (name, value) in given {
                let Some(member) = known.iter().find(|member| member.name == name) else {
                    let names: Vec<&str> = known.iter().map(|member| member.name).collect();
                    return Err((
                        format!("{at} has no member `{}`", clean(name, 60)),
                        format!("It takes {}.", names.join(", ")),
                    ));
                };
                if !value.is_null() {
                    check(member.ty, value, &format!("{at}.{name}"))?;
                }
            }
            Ok(())
        }
        _ => match (ty, value) {
            ("count", Value::Number(number)) if number.is_u64() => Ok(()),
            ("whole", Value::Number(number)) if number.is_i64() => Ok(()),
            ("number", Value::Number(_)) | ("truth", Value::Bool(_)) => Ok(()),
            ("count" | "whole" | "number" | "truth", _) => wrong(),
            ("object", Value::Object(_)) | ("any", _) => Ok(()),
            ("object", _) => wrong(),
            (_, Value::String(_)) => Ok(()),
            _ => wrong(),
        },
    }
}

/// Checks the names of fields, with dots for members.
pub(super) fn fields(known: &'static KnownOperation, names: &str) -> Result<String, BoxedError> {
    let names: Vec<&str> = names.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    for name in &names {
        let mut ty = known.item();
        for part in name.split('.') {
            let inner = members(ty);
            let found = inner.iter().find(|member| member.name == part);
            match found {
                Some(member) => ty = member.ty,
                // Objects without members can have any.
                None if inner.is_empty() && matches!(list_item(ty), "object" | "any") => break,
                None => {
                    let message = format!("The response has no field `{}`.", clean(name, 80));
                    let names: Vec<&str> = inner.iter().map(|member| member.name).collect();
                    let next = match names.as_slice() {
                        [] => format!("`{}` has no members.", clean(part, 40)),
                        names => format!("Give some of {}.", names.join(", ")),
                    };
                    return invalid("fields", message, next);
                }
            }
        }
    }
    Ok(names.join(","))
}
