//! A compact notation of types, for models: `{view: anybody|nobody, download: boolean}`.

use super::catalogue::{Member, Schema, list_item, schema};

/// The size limit of the values of an enum.
const MAX_ENUM_BYTES: usize = 240;

/// Writes a type, with the members of objects down to this depth.
pub(super) fn notation(ty: &'static str, depth: usize) -> String {
    let item = list_item(ty);
    if item != ty {
        let inner = notation(item, depth);
        return if inner.contains('|') && !inner.starts_with('{') {
            format!("({inner})[]")
        } else {
            inner + "[]"
        };
    }
    match schema(ty) {
        Some(Schema::Words(words)) => enumeration(words),
        Some(Schema::Either(types)) => {
            types.iter().map(|ty| notation(ty, depth)).collect::<Vec<_>>().join(" or ")
        }
        Some(Schema::Is(other)) if *other != ty => notation(other, depth),
        Some(Schema::Object(members)) => match depth.checked_sub(1) {
            Some(depth) => object(members, depth),
            None => "object".to_owned(),
        },
        _ => simple(ty).to_owned(),
    }
}

fn object(members: &'static [Member], depth: usize) -> String {
    let members: Vec<String> =
        members.iter().map(|member| format!("{}: {}", marked(member), notation(member.ty, depth))).collect();
    format!("{{{}}}", members.join(", "))
}

/// Returns the name, with `!` if the member is required.
pub(super) fn marked(member: &Member) -> String {
    if member.required { format!("{}!", member.name) } else { member.name.to_owned() }
}

fn enumeration(words: &[&str]) -> String {
    let mut text = String::new();
    for word in words {
        if text.len() + word.len() > MAX_ENUM_BYTES {
            return text + "|…";
        }
        if !text.is_empty() {
            text.push('|');
        }
        text.push_str(word);
    }
    text
}

fn simple(ty: &str) -> &str {
    match ty {
        "text" => "string",
        "count" | "whole" => "integer",
        "truth" => "boolean",
        "time" => "date-time",
        "uri" | "link" => "URL",
        "secret" => "secret string",
        other => other,
    }
}

/// Writes the names of an object's members for the parameter `fields`: `uri,name,privacy{view,embed}`.
pub(super) fn field_names(members: &'static [Member], depth: usize) -> String {
    let name = |member: &Member| {
        let inner = super::catalogue::members(member.ty);
        match depth.checked_sub(1) {
            Some(depth) if !inner.is_empty() => format!("{}{{{}}}", member.name, field_names(inner, depth)),
            _ => member.name.to_owned(),
        }
    };
    members.iter().map(name).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_written_to_the_depth() {
        assert_eq!(notation("count", 3), "integer");
        assert_eq!(notation("[text]", 3), "string[]");
        assert_eq!(notation("SortDirection", 0), "asc|desc");
        assert_eq!(notation("UsersBody", 1), "{users!: string[]}");
        assert_eq!(notation("UsersBody", 0), "object");
        assert!(notation("VideoPrivacyInput", 1).starts_with("{add: boolean, comments: anybody|"));
        assert_eq!(notation("[TagInput]", 0), "object[]");
    }
}
