//! The low-level client.

use std::fmt;
use std::sync::Arc;

use http::{HeaderValue, Method};
use serde_json::Value;
use url::Url;

use super::{Call, DecodeMode, Error, Transport, is_loopback};

/// The address of the Vimeo API.
pub const API_BASE_URL: &str = "https://api.vimeo.com";

/// The `Accept` header of every call. It selects the version of the API that this crate implements.
pub const ACCEPT: &str = "application/vnd.vimeo.*+json;version=3.4";

/// The low-level client: typed calls, grouped by area, over a [`Transport`].
///
/// Cheap to clone; clones share the transport and its connections. Access tokens, rate limits and retries are the job of
/// the transport; see the crate `vimeo-ext`.
///
/// ```no_run
/// let http = vimeo_api::ReqwestTransport::from_builder(reqwest::Client::builder())?;
/// let client = vimeo_api::Client::builder().transport(http).build()?;
/// # Ok::<(), vimeo_api::Error>(())
/// ```
///
/// # Areas
///
/// Each area is a method behind a cargo feature. If the compiler does not find the method, enable the feature. `vimeo-ext`
/// has features with the same names.
///
#[cfg_attr(not(test), doc = include_str!("../generated/areas.md"))]
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Arc<Settings>,
    transport: Box<dyn Transport>,
}

/// The settings that clients with different transports can share.
struct Settings {
    base_url: Url,
    /// The path of the base URL, which precedes the path of every call; usually empty.
    prefix: String,
    accept: HeaderValue,
    decode_mode: DecodeMode,
}

impl Client {
    /// Creates a builder. The default base URL is [`API_BASE_URL`]; a [`transport`](ClientBuilder::transport) is required.
    pub fn builder() -> ClientBuilder {
        ClientBuilder {
            base_url: API_BASE_URL.to_owned(),
            transport: None,
            accept: ACCEPT.to_owned(),
            decode_mode: DecodeMode::Lenient,
        }
    }

    /// Returns a client with the same settings and another transport. Clients of thousands of accounts, each with its own
    /// transport, share one copy of the settings.
    ///
    /// ```no_run
    /// # use reqwest::Client;
    /// # use vimeo_api::ReqwestTransport;
    /// let one = ReqwestTransport::from_builder(Client::builder())?;
    /// let client = vimeo_api::Client::builder().base_url("http://127.0.0.1:8080").transport(one).build()?;
    /// let other = client.with_transport(ReqwestTransport::from_builder(Client::builder())?);
    /// assert_eq!(other.base_url(), client.base_url());
    /// # Ok::<(), vimeo_api::Error>(())
    /// ```
    #[must_use]
    pub fn with_transport(&self, transport: impl Transport) -> Self {
        let settings = Arc::clone(&self.inner.settings);
        Self { inner: Arc::new(Inner { settings, transport: Box::new(transport) }) }
    }

    /// Creates an untyped call to any path of the API, optionally with a query: `/me/videos?page=2`.
    ///
    /// The response is the raw JSON. If a known operation has this method and path, the transport's middleware treats the
    /// call like the typed one. An absolute URL must have the scheme, host and port of the base URL; otherwise sending the
    /// call fails.
    pub fn call(&self, method: Method, path_and_query: &str) -> Call<Value> {
        Call::untyped(self, method, path_and_query)
    }

    /// Returns the base URL of all calls.
    pub fn base_url(&self) -> &Url {
        &self.inner.settings.base_url
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.inner.settings.prefix
    }

    pub(crate) fn transport(&self) -> &dyn Transport {
        &*self.inner.transport
    }

    pub(crate) fn accept(&self) -> &HeaderValue {
        &self.inner.settings.accept
    }

    pub(crate) fn decode_mode(&self) -> DecodeMode {
        self.inner.settings.decode_mode
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.inner.settings.base_url.as_str())
            .field("decode_mode", &self.inner.settings.decode_mode)
            .finish_non_exhaustive()
    }
}

/// Builds a [`Client`].
#[must_use = "a builder does nothing until build() is called"]
pub struct ClientBuilder {
    base_url: String,
    transport: Option<Box<dyn Transport>>,
    accept: String,
    decode_mode: DecodeMode,
}

impl ClientBuilder {
    /// Sets the base URL, for example of a sandbox: `https`, or `http` to a loopback address. Default: [`API_BASE_URL`].
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = url.into();
        self
    }

    /// Sets the transport, such as a [`ReqwestTransport`](super::ReqwestTransport). Required.
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.transport = Some(Box::new(transport));
        self
    }

    /// Sets the `Accept` header, which selects a version of the API. Default: [`ACCEPT`].
    pub fn accept(mut self, accept: impl Into<String>) -> Self {
        self.accept = accept.into();
        self
    }

    /// Sets whether a schema mismatch in a response is an error. Default: [`DecodeMode::Lenient`].
    pub fn decode_mode(mut self, decode_mode: DecodeMode) -> Self {
        self.decode_mode = decode_mode;
        self
    }

    /// Builds the client.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if the base URL is invalid, is neither `https` nor `http` to a loopback address, or contains a
    /// user name, password, query or fragment; if the `Accept` header contains invalid characters; or if the transport is
    /// missing.
    pub fn build(self) -> Result<Client, Error> {
        let base_url = checked_base_url(&self.base_url)?;
        let accept = HeaderValue::from_str(&self.accept).map_err(|_| {
            Error::invalid("client", "invalid Accept header; use visible ASCII characters only")
        })?;
        let transport = self.transport.ok_or_else(|| {
            Error::invalid("client", "the transport is missing; set one, such as a ReqwestTransport")
        })?;
        let prefix = base_url.path().trim_end_matches('/').to_owned();
        let decode_mode = self.decode_mode;
        let settings = Arc::new(Settings { base_url, prefix, accept, decode_mode });
        Ok(Client { inner: Arc::new(Inner { settings, transport }) })
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder").field("decode_mode", &self.decode_mode).finish_non_exhaustive()
    }
}

fn checked_base_url(text: &str) -> Result<Url, Error> {
    let refuse = |why: &str| Err(Error::invalid("client", format!("the base URL {why}")));
    let Ok(url) = Url::parse(text) else {
        return refuse("is not an absolute URL; expected one such as https://api.vimeo.com");
    };
    if !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some()
    {
        return refuse("cannot contain a user name, password, query or fragment");
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => refuse("is plain http to another machine, which would reveal the access token; use https"),
        _ => refuse("must be https, or http to a loopback address"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_base_urls_that_would_reveal_the_token() {
        let cases = [
            ("https://api.vimeo.com", true),
            ("https://proxy.example/vimeo/", true),
            ("http://127.0.0.1:8080", true),
            ("http://localhost:1", true),
            ("http://[::1]:9/", true),
            ("http://api.vimeo.com", false),
            ("http://localhost.example.com", false),
            ("ftp://api.vimeo.com", false),
            ("https://user:pass@api.vimeo.com", false),
            ("https://api.vimeo.com/?a=b", false),
            ("api.vimeo.com", false),
            ("", false),
        ];
        for (url, fits) in cases {
            let client = Client::builder().base_url(url).transport(NoopTransport).build();
            assert_eq!(client.is_ok(), fits, "{url}");
        }
    }

    #[test]
    fn build_requires_a_transport() {
        let error = Client::builder().build().err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("the transport is missing"), "{error}");
    }

    struct NoopTransport;

    impl Transport for NoopTransport {
        fn send(&self, request: crate::Request) -> crate::TransportFuture<'_> {
            Box::pin(async move { Err(Error::invalid(request.name(), "nothing is sent")) })
        }
    }
}
