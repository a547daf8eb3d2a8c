//! Redacts URIs, links and queries.

use percent_encoding::percent_decode_str;
use url::{Url, form_urlencoded};

use super::pseudonyms::is_digits;
use super::{Redactor, is_id, words};
use crate::catalog::schema::{Field, Type};
use crate::catalog::{self, Found};
use crate::recording::API_BASE;
use crate::request_log::is_secret_name;

/// Hosts whose name identifies nobody.
const PUBLIC_HOSTS: [&str; 6] = [
    "vimeo.com",
    "www.vimeo.com",
    "player.vimeo.com",
    "i.vimeocdn.com",
    "f.vimeocdn.com",
    "developer.vimeo.com",
];

/// Numbers with more digits can be IDs or times at which a link expires.
const MAX_PLAIN_DIGITS: usize = 4;

/// A query without its private values.
pub(crate) struct RedactedQuery {
    pub(crate) text: String,
    /// The names of the parameters of which a text was replaced.
    pub(crate) replaced: Vec<String>,
}

impl Redactor {
    /// Redacts a path of the API.
    pub(crate) fn path(&mut self, path: &str) -> String {
        let literals = catalog::literals(path);
        let parts = path.split('/').filter(|part| !part.is_empty()).enumerate();
        let mut redacted = String::with_capacity(path.len());
        for (place, part) in parts {
            let is_literal = match &literals {
                Some(literals) => literals.get(place).copied().unwrap_or_default(),
                // Vimeo links to paths that the description does not have, and calls them like their members.
                None => words::is_path_word(part) || words::is_name(part),
            };
            redacted.push('/');
            match is_literal || part == "me" {
                true => redacted.push_str(part),
                false => redacted.push_str(&self.segment(part)),
            }
        }
        if redacted.is_empty() || path.ends_with('/') {
            redacted.push('/');
        }
        redacted
    }

    /// Redacts a part of a path that is not a literal: an ID, an ID with a hash, a name.
    fn segment(&mut self, part: &str) -> String {
        let decoded = percent_decode_str(part).decode_utf8_lossy();
        if let Some((id, hash)) = decoded.split_once(':')
            && is_digits(id)
        {
            return format!("{}:{}", self.pseudonyms.id(id), self.pseudonyms.text("text", hash));
        }
        self.pseudonyms.text("text", &decoded)
    }

    /// Redacts a path of the API with its query.
    pub(crate) fn uri(&mut self, uri: &str) -> String {
        let (uri, _fragment) = uri.split_once('#').unwrap_or((uri, ""));
        let Some((path, query)) = uri.split_once('?') else { return self.path(uri) };
        let query = self.query(path, query).text;
        format!("{}?{query}", self.path(path))
    }

    /// Redacts the query of a request to this path of the API.
    pub(crate) fn query(&mut self, path: &str, query: &str) -> RedactedQuery {
        let parameters: &[Field] = match catalog::find(&http::Method::GET, path) {
            Found::Operation(operation, _) => &operation.query,
            _ => &[],
        };
        let mut replaced = Vec::new();
        let mut redacted = form_urlencoded::Serializer::new(String::new());
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let ty = parameters.iter().find(|field| field.name == name).map_or(Type::Any, |field| field.ty);
            let (plain, has_text) = self.parameter(&name, ty, &value);
            let name = match words::is_parameter(&name) {
                true => name.into_owned(),
                false => self.pseudonyms.opaque("parameter", &name),
            };
            redacted.append_pair(&name, &plain);
            if has_text && !replaced.contains(&name) {
                replaced.push(name);
            }
        }
        RedactedQuery { text: redacted.finish(), replaced }
    }

    /// Redacts the value of a parameter. Returns also whether a text in it was replaced.
    fn parameter(&mut self, name: &str, ty: Type, value: &str) -> (String, bool) {
        let is_number = matches!(ty, Type::Integer | Type::Unsigned | Type::Number);
        if name == "fields" {
            return self.fields(value);
        }
        if ty == Type::Secret || is_secret_name(name) || matches!(name, "h" | "hash") {
            return (self.pseudonyms.text("text", value), true);
        }
        if is_digits(value) && (is_id(name) || name == "filter_uploader") {
            return (self.pseudonyms.id(value).to_string(), false);
        }
        if (is_number && value.parse::<f64>().is_ok() && value.len() <= 2 * MAX_PLAIN_DIGITS)
            || (ty == Type::Bool && (words::is_value(value) || ["true", "false", "0", "1"].contains(&value)))
        {
            return (value.to_owned(), false);
        }
        let mut has_text = false;
        let parts: Vec<String> = value
            .split(',')
            .map(|part| {
                let plain = self.parameter_part(name, part);
                has_text |= plain != part && !is_digits(part) && !part.starts_with('/');
                plain
            })
            .collect();
        (parts.join(","), has_text)
    }

    fn parameter_part(&mut self, name: &str, part: &str) -> String {
        let is_free = words::is_free_text(name) || name == "query";
        match part {
            "" => String::new(),
            _ if !is_free && words::is_value(part) => part.to_owned(),
            _ if is_digits(part) && part.len() <= MAX_PLAIN_DIGITS => part.to_owned(),
            _ if part.starts_with('/') => self.uri(part),
            _ if part.starts_with("http://") || part.starts_with("https://") => self.link(part),
            _ => self.pseudonyms.text("text", part),
        }
    }

    /// Redacts a list of fields, such as `uri,privacy.view`: unknown names are replaced.
    fn fields(&mut self, value: &str) -> (String, bool) {
        let mut has_text = false;
        let mut redacted = String::with_capacity(value.len());
        for part in value.split_inclusive([',', '.', '(', ')', ' ']) {
            let name = part.trim_end_matches([',', '.', '(', ')', ' ']);
            let separator = part.get(name.len()..).unwrap_or_default();
            if name.is_empty() || words::is_name(name) {
                redacted.push_str(name);
            } else {
                has_text = true;
                redacted.push_str(&self.pseudonyms.text("field", name));
            }
            redacted.push_str(separator);
        }
        (redacted, has_text)
    }

    /// Returns whether a text is a link to the API that is recorded.
    pub(super) fn is_api_link(&self, text: &str) -> bool {
        text.starts_with(self.api.scheme())
            && Url::parse(text).is_ok_and(|url| url.origin() == self.api.origin())
            && !text.contains(char::is_whitespace)
    }

    /// Redacts an absolute URL.
    pub(crate) fn link(&mut self, text: &str) -> String {
        if let Some(number) = self.uploads.get(text) {
            return format!("{}{number}", crate::recording::UPLOAD_BASE);
        }
        let Ok(url) = Url::parse(text) else { return self.pseudonyms.opaque("text", text) };
        if url.origin() == self.api.origin() {
            let base = self.api.path().trim_end_matches('/');
            let path = url.path().strip_prefix(base).unwrap_or(url.path());
            let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
            return format!("{API_BASE}{}", self.uri(&format!("{path}{query}")));
        }
        let host = url.host_str().unwrap_or_default();
        let host = match PUBLIC_HOSTS.contains(&host) {
            true => host.to_owned(),
            false => self.pseudonyms.opaque("host", host) + ".example",
        };
        let mut redacted = format!("{}://{host}", url.scheme());
        for part in url.path().split('/').skip(1) {
            redacted.push('/');
            match words::is_path_word(part) || words::is_value(part) || part.is_empty() {
                true => redacted.push_str(part),
                false => redacted.push_str(&self.segment(part)),
            }
        }
        if let Some(query) = url.query() {
            redacted.push('?');
            // No path of the API: its parameters have no types.
            redacted.push_str(&self.query("", query).text);
        }
        redacted
    }
}
