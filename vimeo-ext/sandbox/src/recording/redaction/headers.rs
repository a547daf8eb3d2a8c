//! The response headers that are stored, and only if their value has the expected form.

use std::collections::BTreeMap;

use http::{HeaderMap, header};

use super::Redactor;
use crate::clock::parse_http_date;

impl Redactor {
    /// Returns the headers of a response that are stored.
    pub(crate) fn headers(&mut self, headers: &HeaderMap) -> BTreeMap<String, String> {
        let mut stored = BTreeMap::new();
        for (name, value) in headers {
            let Ok(value) = value.to_str() else { continue };
            let plain = match name.as_str() {
                "allow" | "content-type" | "tus-extension" | "tus-resumable" | "tus-version" => {
                    is_plain(value).then(|| value.to_owned())
                }
                "last-modified" => parse_http_date(value).map(|_| value.to_owned()),
                "retry-after"
                | "upload-length"
                | "upload-offset"
                | "x-ratelimit-limit"
                | "x-ratelimit-remaining" => super::pseudonyms::is_digits(value).then(|| value.to_owned()),
                "x-ratelimit-reset" => {
                    (super::is_time(value) || super::pseudonyms::is_digits(value)).then(|| value.to_owned())
                }
                // The parameters can repeat what was sent.
                "www-authenticate" => {
                    let scheme = value.split(' ').next().unwrap_or_default();
                    scheme.bytes().all(|byte| byte.is_ascii_alphabetic()).then(|| scheme.to_owned())
                }
                _ if *name == header::LOCATION => Some(self.location(value)),
                _ => None,
            };
            if let Some(plain) = plain {
                stored.insert(name.as_str().to_owned(), plain);
            }
        }
        stored
    }

    fn location(&mut self, value: &str) -> String {
        match value.starts_with('/') && !value.starts_with("//") {
            true => self.uri(value),
            false => self.link(value),
        }
    }
}

/// Whether a value consists of media types, methods, names or versions without parameters that quote anything.
fn is_plain(value: &str) -> bool {
    const MAX_PLAIN_LENGTH: usize = 128;
    let (essence, parameters) = value.split_once(';').unwrap_or((value, ""));
    let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || b"/+-., ".contains(&byte);
    value.len() <= MAX_PLAIN_LENGTH
        && essence.bytes().all(is_sign)
        && matches!(parameters.trim().to_ascii_lowercase().as_str(), "" | "charset=utf-8")
}
