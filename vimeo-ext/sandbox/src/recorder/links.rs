//! Links in responses that have to lead to the recorder: upload links, and links to the API.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;
use url::Url;

use super::target::{Target, join};
use crate::catalog::schema::{Schema, Type};

/// How many upload hosts a recording can have. Links to further hosts stay as they are.
const MAX_UPLOAD_HOSTS: usize = 64;

/// Members that hold an upload link.
const UPLOAD_LINKS: [&str; 2] = ["upload_link", "upload_link_secure"];

/// Translates links between the hosts that are recorded and the recorder's own.
#[derive(Debug)]
pub(super) struct LinkTable {
    /// The recorder's API, without a trailing slash.
    api: String,
    /// The recorder's upload host, without a trailing slash.
    upload: String,
    /// The upload hosts so far, such as `https://eu-files.tus.vimeo.com`.
    hosts: Mutex<Vec<String>>,
}

/// A response's body for the client.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LocalizedBody {
    pub(super) bytes: Vec<u8>,
    /// The upload links in the original.
    pub(super) upload_links: Vec<String>,
}

impl LinkTable {
    pub(super) fn new(api: &Url, upload: &Url) -> Self {
        let base = |url: &Url| url.as_str().trim_end_matches('/').to_owned();
        Self { api: base(api), upload: base(upload), hosts: Mutex::default() }
    }

    /// Returns the recorder's link for a link to an upload host; `None` if the recorder does not forward to it.
    pub(super) fn local_upload(&self, target: &Target, link: &str) -> Option<String> {
        let url = Url::parse(link).ok().filter(|url| target.is_upload_link(url))?;
        let host = url.origin().ascii_serialization();
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let number = match hosts.iter().position(|known| *known == host) {
            Some(number) => number,
            None if hosts.len() < MAX_UPLOAD_HOSTS => {
                hosts.push(host);
                hosts.len() - 1
            }
            None => return None,
        };
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        Some(format!("{}/{number}{}{query}", self.upload, url.path()))
    }

    /// Returns the link to the upload host for a path and query at the recorder's.
    pub(super) fn remote_upload(&self, path_and_query: &str) -> Option<Url> {
        let rest = path_and_query.strip_prefix('/')?;
        let (number, _) = rest.split_once('/')?;
        let hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let host = hosts.get(number.parse::<usize>().ok()?)?;
        join(host, rest.get(number.len()..)?)
    }

    /// Returns the recorder's link for a link to the API; `None` for other links.
    pub(super) fn local_api(&self, target: &Target, link: &str) -> Option<String> {
        let rest = link.strip_prefix(target.base().as_str().trim_end_matches('/'))?;
        let is_below = rest.is_empty() || rest.starts_with(['/', '?']);
        is_below.then(|| format!("{}{rest}", self.api))
    }

    /// Makes the links in a JSON body lead to the recorder. The rest of the body keeps its bytes.
    pub(super) fn localize(
        &self,
        target: &Target,
        ty: Type,
        creates: bool,
        body: &[u8],
        json: &Value,
    ) -> LocalizedBody {
        let mut found = FoundLinks::default();
        found.collect("", json);
        // The response to the creation of a picture or a text track has the link that takes its bytes.
        if creates
            && let Some(link) = json.get("link").and_then(Value::as_str)
            && member_is_link(ty)
        {
            found.uploads.push(link.to_owned());
        }
        let mut replacements = BTreeMap::new();
        let mut upload_links = Vec::new();
        for link in found.uploads {
            if let Some(local) = self.local_upload(target, &link) {
                replacements.insert(link.clone(), local);
                upload_links.push(link);
            }
        }
        for form in found.forms {
            if let Some((action, local)) = self.form_action(target, &form) {
                let local = form.replace(&action, &local);
                replacements.insert(form, local);
            }
        }
        for link in found.pages {
            if let Some(local) = self.local_api(target, &link) {
                replacements.insert(link, local);
            }
        }
        LocalizedBody { bytes: replace_strings(body, json, &replacements), upload_links }
    }

    /// Returns the address to which a form sends a file, as it is written there, and the recorder's.
    fn form_action(&self, target: &Target, form: &str) -> Option<(String, String)> {
        let (_, action) = form.split_once("action=\"")?;
        let (action, _) = action.split_once('"')?;
        let local = self.local_upload(target, &action.replace("&amp;", "&"))?;
        Some((action.to_owned(), local.replace('&', "&amp;")))
    }
}

/// Whether `link` is a capability in this type, rather than the address of a page.
fn member_is_link(ty: Type) -> bool {
    match ty.schema() {
        Some(Schema::Object(fields)) => {
            fields.iter().any(|field| field.name == "link" && field.ty == Type::Link)
        }
        _ => false,
    }
}

#[derive(Debug, Default)]
struct FoundLinks {
    uploads: Vec<String>,
    forms: Vec<String>,
    pages: Vec<String>,
}

impl FoundLinks {
    fn collect(&mut self, parent: &str, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.collect(parent, item)),
            Value::Object(members) => {
                for (name, value) in members {
                    match value.as_str() {
                        Some(link) if UPLOAD_LINKS.contains(&name.as_str()) => {
                            self.uploads.push(link.to_owned())
                        }
                        Some(form) if name == "form" && parent == "upload" => {
                            self.forms.push(form.to_owned())
                        }
                        Some(link) if parent == "paging" => self.pages.push(link.to_owned()),
                        _ => self.collect(name, value),
                    }
                }
            }
            _ => {}
        }
    }
}

/// Replaces strings in a JSON text.
fn replace_strings(body: &[u8], json: &Value, replacements: &BTreeMap<String, String>) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(body) else { return body.to_vec() };
    let quote = |text: &str| Value::from(text).to_string();
    let mut text = text.to_owned();
    for (old, new) in replacements {
        let plain = quote(old);
        let with_escaped_slashes = plain.replace('/', "\\/");
        match [plain, with_escaped_slashes].iter().find(|literal| text.contains(literal.as_str())) {
            Some(literal) => text = text.replace(literal, &quote(new)),
            // Escaped in another way.
            None => {
                let mut json = json.clone();
                replace_values(&mut json, replacements);
                return json.to_string().into_bytes();
            }
        }
    }
    text.into_bytes()
}

fn replace_values(value: &mut Value, replacements: &BTreeMap<String, String>) {
    match value {
        Value::String(text) => {
            if let Some(new) = replacements.get(text) {
                text.clone_from(new);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| replace_values(item, replacements)),
        Value::Object(members) => members.values_mut().for_each(|value| replace_values(value, replacements)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> (LinkTable, Target) {
        let url = |text| Url::parse(text).unwrap();
        (
            LinkTable::new(&url("http://127.0.0.1:1/"), &url("http://127.0.0.1:2/")),
            Target::new(url("https://api.vimeo.com/")).unwrap(),
        )
    }

    fn localized(
        table: &LinkTable,
        target: &Target,
        ty: &'static str,
        creates: bool,
        body: &str,
    ) -> (String, Vec<String>) {
        let json = serde_json::from_str(body).unwrap();
        let localized = table.localize(target, Type::read(ty), creates, body.as_bytes(), &json);
        (String::from_utf8(localized.bytes).unwrap(), localized.upload_links)
    }

    #[test]
    fn upload_links_lead_to_the_recorder_and_back() {
        let (table, target) = table();
        let link = "https://eu-files.tus.vimeo.com/files/a?sig=b%20c";
        let local = table.local_upload(&target, link).unwrap();
        assert_eq!(local, "http://127.0.0.1:2/0/files/a?sig=b%20c");
        assert_eq!(table.remote_upload("/0/files/a?sig=b%20c").unwrap().as_str(), link);
        let other = table.local_upload(&target, "https://us-files.tus.vimeo.com/").unwrap();
        assert_eq!(other, "http://127.0.0.1:2/1/");
        for path in ["/2/files/a", "/x/files/a", "/0", "/", "0/files", "/-1/a"] {
            assert_eq!(table.remote_upload(path), None, "{path}");
        }
        assert_eq!(table.local_upload(&target, "http://eu-files.tus.vimeo.com/"), None);
        for number in 0..2 * MAX_UPLOAD_HOSTS {
            let local = table.local_upload(&target, &format!("https://{number}.example/"));
            assert_eq!(local.is_some(), number < MAX_UPLOAD_HOSTS - 2);
        }
    }

    #[test]
    fn only_links_in_a_body_change() {
        let (table, target) = table();
        let upload = "https://eu-files.tus.vimeo.com/files/a?sig=b";
        for (ty, creates, body, expected, uploads) in [
            (
                "Video",
                true,
                r#"{"upload": {"upload_link":"https://eu-files.tus.vimeo.com/files/a?sig=b"}, "n": 1.50}"#,
                r#"{"upload": {"upload_link":"http://127.0.0.1:2/0/files/a?sig=b"}, "n": 1.50}"#,
                vec![upload],
            ),
            (
                "Video",
                true,
                r#"{"upload":{"upload_link":"https:\/\/eu-files.tus.vimeo.com\/files\/a?sig=b"}}"#,
                r#"{"upload":{"upload_link":"http://127.0.0.1:2/0/files/a?sig=b"}}"#,
                vec![upload],
            ),
            (
                "Video",
                true,
                r#"{"upload":{"upload_link":"https:\u002f/eu-files.tus.vimeo.com/files/a?sig=b"}}"#,
                r#"{"upload":{"upload_link":"http://127.0.0.1:2/0/files/a?sig=b"}}"#,
                vec![upload],
            ),
            (
                "TextTrack",
                true,
                r#"{"link":"https://captions.cloud.vimeo.com/1?sig=b"}"#,
                r#"{"link":"http://127.0.0.1:2/1/1?sig=b"}"#,
                vec!["https://captions.cloud.vimeo.com/1?sig=b"],
            ),
            (
                "TextTrack",
                false,
                r#"{"link":"https://captions.cloud.vimeo.com/1?sig=b"}"#,
                r#"{"link":"https://captions.cloud.vimeo.com/1?sig=b"}"#,
                vec![],
            ),
            ("Video", true, r#"{"link":"https://vimeo.com/1"}"#, r#"{"link":"https://vimeo.com/1"}"#, vec![]),
            (
                "Video",
                true,
                r#"{"upload":{"form":"<form action=\"https://eu-files.tus.vimeo.com/f?a=1&amp;b=2\">"}}"#,
                r#"{"upload":{"form":"<form action=\"http://127.0.0.1:2/0/f?a=1&amp;b=2\">"}}"#,
                vec![],
            ),
            (
                "VideoPage",
                false,
                r#"{"paging":{"next":"https://api.vimeo.com/me?page=2","first":"/me?page=1","last":"https://api.vimeo.com.example/"}}"#,
                r#"{"paging":{"next":"http://127.0.0.1:1/me?page=2","first":"/me?page=1","last":"https://api.vimeo.com.example/"}}"#,
                vec![],
            ),
        ] {
            assert_eq!(
                localized(&table, &target, ty, creates, body),
                (expected.to_owned(), uploads.into_iter().map(str::to_owned).collect()),
                "{body}"
            );
        }
    }
}
