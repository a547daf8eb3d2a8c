//! What names of members and schemas tell of what stands there.

/// Parts that a thing that is kept shows also when nothing in them was set.
pub(super) fn is_frame(name: &str) -> bool {
    matches!(name, "metadata" | "connections" | "interactions" | "privacy" | "settings")
}

/// Times that a thing has from its first moment on.
pub(super) fn is_beginning(name: &str) -> bool {
    ["created", "modified"].iter().any(|word| name.starts_with(word))
}

pub(super) fn parent(template: &str) -> &str {
    template.rsplit_once('/').map_or("", |(parent, _)| parent)
}

pub(super) fn last_of(uri: &str) -> &str {
    uri.rsplit('/').next().unwrap_or_default()
}

/// A schema's name as words: `LiveEvent` is `Live event`.
pub(super) fn spoken(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 4);
    for sign in name.chars() {
        if sign.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
            words.push(sign.to_ascii_lowercase());
        } else {
            words.push(sign);
        }
    }
    words
}

/// A text for a member of that name.
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
            let mut signs = words.chars();
            signs.next().map_or_else(String::new, |first| first.to_uppercase().chain(signs).collect())
        }
    }
}
