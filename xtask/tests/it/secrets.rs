//! Secrets of the description have a format whose type is redacted in Debug output.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{text, xtask};

/// The formats of the types `Secret` and `SignedUrl`.
const SECRET_FORMATS: [&str; 2] = ["password", "signed-uri"];

/// Parts of a property's name that indicate a secret or a capability: `srt_passphrase`, `unlisted_hash`.
const NAME_PARTS: [&str; 10] =
    ["secret", "password", "passphrase", "passcode", "token", "key", "signature", "signed", "hash", "form"];

/// Words of a property's description that indicate one.
const DESCRIPTION_WORDS: [&str; 14] = [
    "secret",
    "password",
    "passphrase",
    "credential",
    "signature",
    "signed",
    "stream key",
    "unlisted hash",
    "review page",
    "direct link",
    "link to the file",
    "address of the file",
    "address that takes",
    "from which vimeo fetches",
];

/// Properties that these words match although they give no access: `schema.property` or a parameter's name, with the
/// reason.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("ClipPrivacyFilters.clip_privacy_filters", "lists kinds of privacy, `password` among them"),
    ("FilterPrivacy.filter_privacy", "lists kinds of privacy, `password` among them"),
    ("get.filter_privacy", "lists kinds of privacy, `password` among them"),
    ("DisabledProperty.key_path", "names a property of the video"),
    ("UserConnections.ms_teams_tenant_token_id", "names a token and is none"),
];

/// Opaque names of objects. They give no access without an access token.
const OPAQUE_NAMES: [&str; 1] = ["resource_key"];

fn is_text(schema: &Value) -> bool {
    schema["type"] == "string"
        && schema["enum"].is_null()
        && !["date-time", "date", "binary"].iter().any(|format| schema["format"] == *format)
}

fn tells_of_a_secret(name: &str, description: &str) -> bool {
    if OPAQUE_NAMES.contains(&name) {
        return false;
    }
    let description = description.to_lowercase();
    name.to_lowercase().split(['_', '-', '.']).any(|part| NAME_PARTS.contains(&part))
        || DESCRIPTION_WORDS.iter().any(|word| description.contains(word))
}

/// Collects the text properties below `value` that are probably secrets, as `schema.property` and whether they have such
/// a format.
fn collect(value: &Value, owner: &str, found: &mut BTreeMap<String, bool>) {
    let mut add = |name: &str, schema: &Value, description: &Value| {
        if is_text(schema) && tells_of_a_secret(name, description.as_str().unwrap_or_default()) {
            let typed = SECRET_FORMATS.iter().any(|format| schema["format"] == *format);
            found.insert(format!("{owner}.{name}"), typed);
        }
    };
    match value {
        Value::Object(members) => {
            for (name, schema) in members.get("properties").and_then(Value::as_object).into_iter().flatten() {
                add(name, schema, &schema["description"]);
            }
            if let (Some(name), Some(schema)) =
                (members.get("name").and_then(Value::as_str), members.get("schema"))
            {
                add(name, schema, &value["description"]);
            }
            for (name, member) in members {
                let is_schema =
                    !["properties", "schema", "items", "allOf", "oneOf", "content"].contains(&name.as_str());
                collect(member, if is_schema && member.is_object() { name } else { owner }, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, owner, found)),
        _ => {}
    }
}

#[test]
fn every_secret_of_the_description_has_a_secret_format() {
    let done = xtask(&["bundle"]);
    let bundle: Value =
        serde_json::from_slice(&done.stdout).unwrap_or_else(|_| panic!("{}", text(&done.stderr)));
    let mut found = BTreeMap::new();
    collect(&bundle, "", &mut found);
    let typed = found.values().filter(|typed| **typed).count();
    assert!(typed > 40, "only {typed} secrets found: the search no longer fits the description");

    let exceptions: Vec<&str> = EXCEPTIONS.iter().map(|(place, _)| *place).collect();
    let plain: Vec<&str> = found
        .iter()
        .filter(|(place, typed)| !**typed && !exceptions.contains(&place.as_str()))
        .map(|(place, _)| &**place)
        .collect();
    assert!(
        plain.is_empty(),
        "give these `format: password` or `format: signed-uri` in openapi/, or add them to EXCEPTIONS with a reason: {plain:#?}"
    );
    for place in exceptions {
        assert_eq!(found.get(place), Some(&false), "{place} is not an exception any more: remove the row");
    }
}

#[test]
fn secrets_are_recognized_by_name_or_description() {
    for (name, description, secret) in [
        ("srt_passphrase", "", true),
        ("unlisted_hash", "", true),
        ("stream_key", "", true),
        ("link", "Read-only link to the file as it was uploaded.", true),
        ("keywords", "Words, separated by commas.", false),
        ("name", "Name of the video.", false),
        ("format", "Format of the track.", false),
    ] {
        assert_eq!(tells_of_a_secret(name, description), secret, "{name}");
    }
}
