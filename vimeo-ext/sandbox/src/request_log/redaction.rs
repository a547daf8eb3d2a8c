//! Finds secrets by their names and replaces them.

use percent_encoding::percent_decode_str;

/// Words that mark a header or parameter name as secret.
const SECRET_WORDS: [&str; 10] =
    ["auth", "code", "cookie", "key", "passphrase", "password", "secret", "sig", "signature", "token"];

/// Whether a header or parameter name is that of a secret, such as `access_token` or `X-Api-Key`.
pub(crate) fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let mut words = name.split(|sign: char| !sign.is_ascii_alphanumeric());
    name == "state" || name.contains("authorization") || words.any(|word| SECRET_WORDS.contains(&word))
}

/// Replaces secrets in a query with `REDACTED`.
pub(super) fn redact(query: &str) -> String {
    let redact_pair = |pair: &str| match pair.split_once('=') {
        Some((name, _)) if is_secret_name(&percent_decode_str(name).decode_utf8_lossy()) => {
            format!("{name}=REDACTED")
        }
        _ => pair.to_owned(),
    };
    query.split('&').map(redact_pair).collect::<Vec<_>>().join("&")
}

/// Replaces secrets in the queries and fragments of a text's URLs with `REDACTED`.
pub(super) fn redact_urls(text: &str) -> String {
    let ends_parameter = |sign: char| sign.is_whitespace() || "?&#\"'<>\\".contains(sign);
    let mut redacted = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['?', '&', '#']) {
        let (before, after) = rest.split_at(at + 1);
        let (parameter, others) = after.split_at(after.find(ends_parameter).unwrap_or(after.len()));
        redacted.push_str(before);
        redacted.push_str(&redact(parameter));
        rest = others;
    }
    redacted.push_str(rest);
    redacted
}
