//! Shapes responses for agents: few fields by default, and no member larger than a result can hold.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::super::untrusted::clean;
use super::catalogue::{KnownOperation, Member, Schema, members, schema};
use super::plain_text::is_known_name;

/// Fields that a response has by default, the first that exist.
const DEFAULT_FIELDS: &[&str] = &[
    "uri",
    "name",
    "title",
    "text",
    "email",
    "domain",
    "tag",
    "type",
    "status",
    "role",
    "active",
    "language",
    "timecode",
    "duration",
    "created_time",
    "created_on",
    "is_enabled",
    "webhook_type",
    "webhook_url",
    "link",
];

/// How many fields an item of a list has by default.
const MAX_LIST_FIELDS: usize = 7;

/// The size limit of an object, or of an item of a list.
const MAX_OBJECT_BYTES: usize = 7_000;

/// Returns the fields to request if the call names none; `None` if the response cannot be limited.
pub(super) fn default_fields(known: &'static KnownOperation) -> Option<String> {
    if !known.takes_fields() {
        return None;
    }
    let members = members(known.item());
    let found = DEFAULT_FIELDS.iter().filter(|name| members.iter().any(|member| member.name == **name));
    let mut names: Vec<&str> = found.copied().collect();
    if known.operation.paged {
        names.truncate(MAX_LIST_FIELDS);
    } else {
        // Everything else that is short.
        names.extend(members.iter().filter(|member| is_short(member)).map(|member| member.name));
        let mut seen = Vec::new();
        names.retain(|name| {
            !seen.contains(name) && {
                seen.push(*name);
                true
            }
        });
    }
    (!names.is_empty()).then(|| names.join(","))
}

/// Returns whether a member is a single value and neither a secret nor a link that grants access.
fn is_short(member: &Member) -> bool {
    match schema(member.ty) {
        Some(schema) => matches!(schema, Schema::Words(_)),
        None => {
            matches!(member.ty, "text" | "count" | "whole" | "number" | "truth" | "time" | "date" | "uri")
        }
    }
}

/// Removes characters that deceive, and members whose names nobody can know. `named` returns whether a name was chosen by
/// the agent.
pub(super) fn clean_value(value: &mut Value, named: &impl Fn(&str) -> bool) {
    match value {
        Value::String(text) => *text = clean(text, usize::MAX),
        Value::Array(items) => items.iter_mut().for_each(|item| clean_value(item, named)),
        Value::Object(members) => {
            members.retain(|name, _| is_known_name(name) || named(name));
            members.values_mut().for_each(|value| clean_value(value, named));
        }
        _ => {}
    }
}

/// Collects the names of members that the API description does not have.
pub(super) fn unknown_names(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| unknown_names(item, found)),
        Value::Object(members) => {
            for (name, value) in members {
                if !is_known_name(name) && !found.contains(name) {
                    found.insert(name.clone());
                }
                unknown_names(value, found);
            }
        }
        _ => {}
    }
}

/// Replaces secrets by a remark: passwords, keys and tokens are not for models.
pub(super) fn redact_secrets(value: &mut Value, ty: &'static str) {
    let known = members(ty);
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| redact_secrets(item, ty)),
        Value::Object(object) => {
            for (name, value) in object {
                let Some(member) = known.iter().find(|member| member.name == name) else { continue };
                if member.ty == "secret" && !value.is_null() {
                    *value = Value::from("[REDACTED]");
                } else {
                    redact_secrets(value, member.ty);
                }
            }
        }
        _ => {}
    }
}

/// Removes the largest members of an object until it fits; returns their names.
pub(super) fn fit(object: &mut Map<String, Value>, left_out: &mut Vec<String>) {
    let size = |object: &Map<String, Value>| -> usize {
        object.iter().map(|(name, value)| name.len() + value.to_string().len() + 4).sum()
    };
    while size(object) > MAX_OBJECT_BYTES {
        let largest = object
            .iter()
            .filter(|(_, value)| matches!(value, Value::Object(_) | Value::Array(_)))
            .max_by_key(|(_, value)| value.to_string().len())
            .map(|(name, _)| name.clone());
        let Some(name) = largest else { return };
        object.remove(&name);
        if !left_out.contains(&name) {
            left_out.push(name);
        }
    }
}
