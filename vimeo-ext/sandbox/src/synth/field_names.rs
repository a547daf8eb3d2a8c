//! Values derived from the names of members and schemas.

/// Returns whether a stored entity contains this member even if nothing in it was set.
pub(super) fn is_frame(name: &str) -> bool {
    matches!(name, "metadata" | "connections" | "interactions" | "privacy" | "settings")
}

/// Returns whether a member is a time that is set at creation.
pub(super) fn is_creation_time(name: &str) -> bool {
    ["created", "modified"].iter().any(|word| name.starts_with(word))
}

pub(super) fn parent(template: &str) -> &str {
    template.rsplit_once('/').map_or("", |(parent, _)| parent)
}

pub(super) fn last_of(uri: &str) -> &str {
    uri.rsplit('/').next().unwrap_or_default()
}

/// Returns a schema's name as words: `LiveEvent` becomes `Live event`.
pub(super) fn to_words(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 4);
    for character in name.chars() {
        if character.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
            words.push(character.to_ascii_lowercase());
        } else {
            words.push(character);
        }
    }
    words
}

/// Returns a text for a member with this name.
pub(super) fn text(name: &str, random: u64) -> String {
    match name {
        "language" | "locale" => "en".to_owned(),
        "country" | "country_code" => "US".to_owned(),
        "currency" => "USD".to_owned(),
        "email" => "someone@example.com".to_owned(),
        "time_zone" | "timezone" => "Etc/UTC".to_owned(),
        "code" => format!("{random:016x}").to_uppercase(),
        _ if name.ends_with("color") => format!("{:06x}", random % 0x100_0000),
        _ if name.ends_with("id") || name.ends_with("key") || name.ends_with("hash") => {
            format!("{random:016x}")
        }
        _ => {
            let words = name.replace('_', " ");
            let mut characters = words.chars();
            characters
                .next()
                .map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
        }
    }
}
