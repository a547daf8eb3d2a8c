//! The headers of a request or response: stored compactly, and shown without those that hold secrets.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, header};

use super::redaction::{is_secret_name, redact_urls};

/// A copy of headers. Their own values would keep the buffers of the connection in memory.
#[derive(Clone, Default)]
pub(super) struct StoredHeaders {
    /// Names, each with the end of its value in `values`.
    names: Box<[(HeaderName, usize)]>,
    values: Box<[u8]>,
}

impl StoredHeaders {
    /// Copies all but those that hold tokens.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let is_stored = |name: &HeaderName| {
            ![header::AUTHORIZATION, header::PROXY_AUTHORIZATION, header::COOKIE, header::SET_COOKIE]
                .contains(name)
        };
        let stored = || headers.iter().filter(|(name, _)| is_stored(name));
        let mut values = Vec::with_capacity(stored().map(|(_, value)| value.len()).sum());
        let mut names = Vec::with_capacity(headers.len());
        for (name, value) in stored() {
            values.extend_from_slice(value.as_bytes());
            names.push((name.clone(), values.len()));
        }
        Self { names: names.into(), values: values.into() }
    }

    pub(super) fn text_bytes(&self) -> usize {
        self.names.iter().map(|(name, _)| name.as_str().len()).sum::<usize>() + self.values.len()
    }

    /// The headers that hold no secret.
    pub(super) fn show(&self) -> BTreeMap<String, String> {
        let starts = std::iter::once(0).chain(self.names.iter().map(|(_, end)| *end));
        self.names
            .iter()
            .zip(starts)
            .filter(|((name, _), _)| !is_secret_name(name.as_str()))
            .map(|((name, end), start)| {
                let text = String::from_utf8_lossy(self.values.get(start..*end).unwrap_or_default());
                // Their queries can hold secrets, such as the authorization code in a redirect to an app.
                let is_url = *name == header::REFERER || *name == header::LOCATION;
                let text = if is_url { redact_urls(&text) } else { text.into_owned() };
                (name.as_str().to_owned(), text)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn omits_secret_headers() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("x-api-key", "fake"),
            ("x-auth-token", "fake"),
            ("x-goog-signature", "fake"),
            ("x-amz-security-token", "fake"),
            ("x-forwarded-authorization", "fake"),
            ("authorization", "bearer fake"),
            ("cookie", "session=fake"),
            ("set-cookie", "fake"),
            ("referer", "http://localhost:3000/back?code=fake&page=2"),
            ("location", "http://localhost:3000/back?page=2&code=fake&state=fake#access_token=fake"),
            ("tus-resumable", "1.0.0"),
            ("user-agent", "tokenizer/1"),
            ("accept-encoding", "gzip"),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        let shown = StoredHeaders::of(&headers).show();
        let names: Vec<&str> = shown.keys().map(String::as_str).collect();
        assert_eq!(names, ["accept-encoding", "location", "referer", "tus-resumable", "user-agent"]);
        assert_eq!(shown["referer"], "http://localhost:3000/back?code=REDACTED&page=2");
        assert_eq!(
            shown["location"],
            "http://localhost:3000/back?page=2&code=REDACTED&state=REDACTED#access_token=REDACTED"
        );
    }
}
