//! The API that is recorded, and the HTTP client that calls it.

use std::sync::Arc;
use std::time::Duration;

use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use url::{Host, Url};

use crate::app::StartError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The API that is recorded.
#[derive(Debug, Clone)]
pub(super) struct Target {
    base: Url,
}

impl Target {
    /// Accepts https, and http to this machine.
    pub(super) fn new(base: Url) -> Result<Self, StartError> {
        let invalid = |reason: &str| StartError::InvalidTarget { reason: reason.to_owned() };
        if !base.username().is_empty() || base.password().is_some() {
            return Err(invalid(
                "it contains a user name or a password; send credentials in the Authorization header",
            ));
        }
        if base.query().is_some() || base.fragment().is_some() {
            return Err(invalid("it has a query or a fragment; leave them out"));
        }
        match base.scheme() {
            "https" => Ok(Self { base }),
            "http" if is_loopback(&base) => Ok(Self { base }),
            _ => Err(invalid("tokens are sent to https only, and to http on this machine")),
        }
    }

    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    /// Returns the URL of a path and query at the API.
    pub(super) fn url(&self, path_and_query: &str) -> Option<Url> {
        join(self.base.as_str().trim_end_matches('/'), path_and_query)
    }

    /// Returns whether uploads may go to this link: https, or http on this machine if the API is there too.
    pub(super) fn is_upload_link(&self, link: &Url) -> bool {
        let has_credentials = !link.username().is_empty() || link.password().is_some();
        let is_allowed = link.scheme() == "https" || (self.base.scheme() == "http" && is_local_http(link));
        is_allowed && !has_credentials && link.has_host()
    }

    /// Creates the HTTP client. Reads the system's certificates if the API needs them.
    pub(super) fn http_client(&self) -> Result<reqwest::Client, StartError> {
        let failed = |error: &dyn std::fmt::Display| StartError::HttpClient(error.to_string());
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(&error))?;
        let config = match self.base.scheme() {
            "https" => config.with_platform_verifier().map_err(|error| failed(&error))?,
            // Uploads of an API on this machine stay on this machine, without TLS.
            _ => config.with_root_certificates(RootCertStore::empty()),
        };
        let mut config = config.with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(config)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT);
        if is_loopback(&self.base) {
            builder = builder.no_proxy();
        }
        builder.build().map_err(|error| failed(&error))
    }
}

/// Appends a path and query to a base without a trailing slash, if that cannot change the host.
pub(super) fn join(base: &str, path_and_query: &str) -> Option<Url> {
    if !path_and_query.starts_with('/') {
        return None;
    }
    Url::parse(&format!("{base}{path_and_query}")).ok()
}

fn is_local_http(url: &Url) -> bool {
    url.scheme() == "http" && is_loopback(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(base: &str) -> Result<Target, StartError> {
        Target::new(Url::parse(base).unwrap())
    }

    #[test]
    fn accepts_https_and_http_of_this_machine() {
        for (base, accepted) in [
            ("https://api.vimeo.com", true),
            ("https://gateway.example/vimeo/", true),
            ("http://127.0.0.1:8080", true),
            ("http://localhost/", true),
            ("http://[::1]:1/", true),
            ("http://api.vimeo.com", false),
            ("http://10.0.0.1/", false),
            ("ftp://127.0.0.1/", false),
            ("https://user@api.vimeo.com", false),
            ("https://:p@api.vimeo.com", false),
            ("https://api.vimeo.com/?a", false),
            ("https://api.vimeo.com/#a", false),
        ] {
            assert_eq!(target(base).is_ok(), accepted, "{base}");
        }
    }

    #[test]
    fn paths_cannot_change_the_host() {
        let target = target("https://gateway.example/vimeo/").unwrap();
        let url = |path| target.url(path).map(String::from);
        assert_eq!(url("/me?a=b").as_deref(), Some("https://gateway.example/vimeo/me?a=b"));
        assert_eq!(url("//other.example/").as_deref(), Some("https://gateway.example/vimeo//other.example/"));
        for path in ["*", "@other.example/", ".other.example", ""] {
            assert_eq!(url(path), None, "{path}");
        }
    }

    #[test]
    fn plain_http_uploads_stay_on_this_machine() {
        for (base, link, allowed) in [
            ("https://api.vimeo.com", "https://eu-files.tus.vimeo.com/files/1", true),
            ("https://api.vimeo.com", "http://eu-files.tus.vimeo.com/files/1", false),
            ("https://api.vimeo.com", "http://127.0.0.1/files/1", false),
            ("https://api.vimeo.com", "https://user@eu-files.tus.vimeo.com/files/1", false),
            ("https://api.vimeo.com", "file:///etc/passwd", false),
            ("http://127.0.0.1:1", "http://127.0.0.1:2/files/1", true),
            ("http://127.0.0.1:1", "http://10.0.0.1/files/1", false),
        ] {
            let link = Url::parse(link).unwrap();
            assert_eq!(target(base).unwrap().is_upload_link(&link), allowed, "{base} {link}");
        }
    }
}
