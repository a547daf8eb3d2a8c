//! Redacts secrets in requests, recognized by the names of parameters, fields and headers.

use serde_json::Value;
use url::{Url, form_urlencoded};

const REDACTED: &str = "[REDACTED]";

/// Words that mark a secret anywhere in a name: `client_secret`, `srt_passphrase`, `X-Auth-Token`.
const SECRET_SUBSTRINGS: [&str; 9] =
    ["password", "passwd", "passphrase", "passcode", "secret", "token", "credential", "signature", "cookie"];

/// Words that mark a secret only as a whole part of a name: `api_key` is a secret, `keyframe` and `country` are not.
const SECRET_WORDS: [&str; 10] =
    ["pwd", "key", "apikey", "code", "pin", "sig", "auth", "authorization", "jwt", "session"];

/// Whether a parameter, field or header with this name contains a secret.
pub(crate) fn is_secret(name: &str) -> bool {
    let name = to_snake_case(name);
    SECRET_SUBSTRINGS.iter().any(|word| name.contains(word))
        || name.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| SECRET_WORDS.contains(&part))
}

/// Converts `streamKey` to `stream_key`.
fn to_snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len());
    let mut after_lowercase = false;
    for c in name.chars() {
        if c.is_ascii_uppercase() && after_lowercase {
            snake.push('_');
        }
        after_lowercase = c.is_ascii_lowercase() || c.is_ascii_digit();
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

/// Redacts the secrets in a JSON value, at any depth.
pub(crate) fn redact(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                if is_secret(name) && !value.is_null() {
                    *value = Value::from(REDACTED);
                } else {
                    redact(value);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(redact),
        _ => {}
    }
}

/// Returns a header's value, redacted if it is a secret.
pub(crate) fn header<'a>(name: &str, value: &'a str) -> &'a str {
    if is_secret(name) { REDACTED } else { value }
}

/// Returns a URL with the secrets in its query redacted.
pub(crate) fn redacted_url(url: &Url) -> String {
    if !url.query_pairs().any(|(name, _)| is_secret(&name)) {
        return url.to_string();
    }
    let query = url.query().unwrap_or_default().split('&').map(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        // The name can be percent-encoded.
        let is_secret = form_urlencoded::parse(pair.as_bytes()).any(|(name, _)| is_secret(&name));
        if is_secret { format!("{name}={REDACTED}") } else { pair.to_owned() }
    });
    let mut bare = url.clone();
    bare.set_query(None);
    format!("{bare}?{}", query.collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn recognizes_secrets_by_name() {
        for name in [
            "password",
            "client_secret",
            "access_token",
            "X-Api-Key",
            "Cookie",
            "Set-Cookie",
            "stream_key",
            "srt_passphrase",
            "api_key",
            "code",
            "user_code",
            "X-Amz-Signature",
            "sig",
            "Proxy-Authorization",
            "privacy[password]",
            "APIKEY",
            "streamKey",
            "srtPassphrase",
            "authCode",
            "pwd",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "name",
            "keyframe",
            "country",
            "encoding",
            "privacy[view]",
            "spin",
            "Accept",
            "countryOrRegion",
            "per_page",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn redacts_secrets_at_any_depth() {
        let mut body = json!({"name": "x", "password": "p", "a": [{"client_secret": "s", "token": null}]});
        redact(&mut body);
        assert_eq!(
            body,
            json!({"name": "x", "password": "[REDACTED]", "a": [{"client_secret": "[REDACTED]", "token": null}]})
        );
    }

    #[test]
    fn redacts_secrets_in_queries() {
        for (url, shown) in [
            ("https://api.vimeo.com/me?fields=name,uri", "https://api.vimeo.com/me?fields=name,uri"),
            (
                "https://api.vimeo.com/me?a=1&access_token=t&pass%77ord=p&b",
                "https://api.vimeo.com/me?a=1&access_token=[REDACTED]&pass%77ord=[REDACTED]&b",
            ),
        ] {
            assert_eq!(redacted_url(&Url::parse(url).unwrap()), shown);
        }
    }
}
