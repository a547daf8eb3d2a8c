//! Where browsers may be sent after a login.

use url::Url;

/// The maximum length of a URL.
const MAX_URL_BYTES: usize = 2_048;

/// The URLs that browsers may return to: each allows itself and what lies below it.
#[derive(Debug, Clone, Default)]
pub(crate) struct ReturnUrls(Vec<Url>);

/// Why a URL cannot be allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum InvalidReturnUrl {
    Unparseable,
    /// Neither https nor loopback.
    Insecure,
}

impl ReturnUrls {
    /// Allows these URLs.
    pub(crate) fn new(urls: &[String]) -> Result<Self, (String, InvalidReturnUrl)> {
        let parse = |text: &String| parse(text).map_err(|error| (text.clone(), error));
        Ok(Self(urls.iter().map(parse).collect::<Result<_, _>>()?))
    }

    /// Returns the URL if it is allowed: the same scheme, host and port as an allowed one, and the same path or one below it.
    pub(crate) fn check(&self, text: &str) -> Option<Url> {
        if text.len() > MAX_URL_BYTES || text.contains('\\') || text.chars().any(char::is_control) {
            return None;
        }
        let url = parse(text).ok()?;
        // A server that decodes these would see another path than the one that is checked here.
        let decoded = url.path().to_ascii_lowercase();
        if ["%2f", "%5c", "%00"].iter().any(|encoded| decoded.contains(encoded)) {
            return None;
        }
        let is_allowed = self.0.iter().any(|allowed| {
            let (path, base) = (url.path(), allowed.path());
            let below =
                base.ends_with('/') || path.get(base.len()..).is_some_and(|rest| rest.starts_with('/'));
            url.origin() == allowed.origin() && (path == base || (path.starts_with(base) && below))
        });
        is_allowed.then_some(url)
    }
}

fn parse(text: &str) -> Result<Url, InvalidReturnUrl> {
    let url = Url::parse(text).map_err(|_| InvalidReturnUrl::Unparseable)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(InvalidReturnUrl::Insecure);
    }
    let is_loopback = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback => Ok(url),
        _ => Err(InvalidReturnUrl::Insecure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_urls_below_an_allowed_one_pass() {
        let allowed = ["https://app.example.com/vimeo", "http://localhost:3000/"].map(str::to_owned);
        let urls = ReturnUrls::new(&allowed).unwrap();
        for (url, expected) in [
            ("https://app.example.com/vimeo", true),
            ("https://app.example.com/vimeo?tab=1", true),
            ("https://app.example.com/vimeo/done", true),
            ("https://app.example.com/vimeos", false),
            ("https://app.example.com/vimeo/../admin", false),
            ("https://app.example.com/", false),
            ("https://app.example.com/vimeo/%2e%2e/admin", false),
            ("https://app.example.com/vimeo/..%2fadmin", false),
            ("https://app.example.com/vimeo/..%5Cadmin", false),
            ("https:\\\\app.example.com\\vimeo", false),
            ("https://app.example.com\\@evil.example/vimeo", false),
            ("https://app.example.com/VIMEO", false),
            ("HTTPS://APP.EXAMPLE.COM:443/vimeo", true),
            ("https://app.example.com./vimeo", false),
            ("https://app.example.com/vi\tmeo", false),
            ("https://app.example.com:8443/vimeo", false),
            ("https://app.example.com.evil.example/vimeo", false),
            ("https://app.example.com@evil.example/vimeo", false),
            ("https://user@app.example.com/vimeo", false),
            ("http://app.example.com/vimeo", false),
            ("javascript:alert(1)", false),
            ("//app.example.com/vimeo", false),
            ("http://localhost:3000/any/path", true),
            ("http://localhost:3001/", false),
        ] {
            assert_eq!(urls.check(url).is_some(), expected, "{url}");
        }
        assert!(ReturnUrls::default().check("https://app.example.com/vimeo").is_none());
    }

    #[test]
    fn insecure_urls_cannot_be_allowed() {
        for (url, expected) in [
            ("http://app.example.com/", InvalidReturnUrl::Insecure),
            ("https://a:b@app.example.com/", InvalidReturnUrl::Insecure),
            ("app.example.com", InvalidReturnUrl::Unparseable),
        ] {
            let error = ReturnUrls::new(&[url.to_owned()]).unwrap_err();
            assert_eq!(error, (url.to_owned(), expected));
        }
    }
}
