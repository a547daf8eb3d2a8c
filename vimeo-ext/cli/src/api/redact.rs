//! What of a request is a secret by its name.

use serde_json::Value;
use url::{Url, form_urlencoded};

const REDACTED: &str = "[REDACTED]";

/// Words that name a secret wherever they stand in a name: `client_secret`, `srt_passphrase`, `X-Auth-Token`.
const ANYWHERE: [&str; 9] =
    ["password", "passwd", "passphrase", "passcode", "secret", "token", "credential", "signature", "cookie"];

/// Words that name one when they are a whole part of a name: `api_key` does, `keyframe` and `country` do not.
const WHOLE: [&str; 10] =
    ["pwd", "key", "apikey", "code", "pin", "sig", "auth", "authorization", "jwt", "session"];

/// Whether a parameter, a field or a header of this name holds a secret.
pub(crate) fn is_secret(name: &str) -> bool {
    let name = in_snake_case(name);
    ANYWHERE.iter().any(|word| name.contains(word))
        || name.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| WHOLE.contains(&part))
}

/// `streamKey` as `stream_key`.
fn in_snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len());
    let mut after_small = false;
    for c in name.chars() {
        if c.is_ascii_uppercase() && after_small {
            snake.push('_');
        }
        after_small = c.is_ascii_lowercase() || c.is_ascii_digit();
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

/// Blacks out the secrets in a body, at any depth.
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

/// The value of a header as it may be shown.
pub(crate) fn header<'a>(name: &str, value: &'a str) -> &'a str {
    if is_secret(name) { REDACTED } else { value }
}

/// A URL without the secrets in its query.
pub(crate) fn shown_url(url: &Url) -> String {
    if !url.query_pairs().any(|(name, _)| is_secret(&name)) {
        return url.to_string();
    }
    let query = url.query().unwrap_or_default().split('&').map(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        // The name may be written with escapes.
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
    fn secrets_are_known_by_their_names() {
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
    fn secrets_are_blacked_out_at_any_depth() {
        let mut body = json!({"name": "x", "password": "p", "a": [{"client_secret": "s", "token": null}]});
        redact(&mut body);
        assert_eq!(
            body,
            json!({"name": "x", "password": "[REDACTED]", "a": [{"client_secret": "[REDACTED]", "token": null}]})
        );
    }

    #[test]
    fn a_query_is_shown_without_its_secrets() {
        for (url, shown) in [
            ("https://api.vimeo.com/me?fields=name,uri", "https://api.vimeo.com/me?fields=name,uri"),
            (
                "https://api.vimeo.com/me?a=1&access_token=t&pass%77ord=p&b",
                "https://api.vimeo.com/me?a=1&access_token=[REDACTED]&pass%77ord=[REDACTED]&b",
            ),
        ] {
            assert_eq!(shown_url(&Url::parse(url).unwrap()), shown);
        }
    }
}
