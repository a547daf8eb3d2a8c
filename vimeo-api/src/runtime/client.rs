//! The low-level client.

use std::fmt;
use std::sync::Arc;

use http::{HeaderValue, Method};
use serde_json::Value;
use url::Url;

use super::{Call, DecodeMode, Error, Transport};

/// Where the Vimeo API lives.
pub const API_BASE_URL: &str = "https://api.vimeo.com";

/// The `Accept` header of every call: the version of the API that this crate describes.
pub const ACCEPT: &str = "application/vnd.vimeo.*+json;version=3.4";

/// The low-level client: typed calls by area over a [`Transport`].
///
/// Cheap to clone; clones share the transport and its connections. It adds no token by itself: that, limits and
/// retries are the work of the transport (see the crate `vimeo-ext`).
///
/// ```no_run
/// let http = vimeo_api::ReqwestTransport::from_builder(reqwest::Client::builder())?;
/// let client = vimeo_api::Client::builder().transport(http).build()?;
/// # Ok::<(), vimeo_api::Error>(())
/// ```
///
/// # Areas
///
/// Each area is a method behind a feature of this crate. Where the compiler finds no such method, the feature is off;
/// `vimeo-ext` has features of the same names.
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

/// What clients over other transports may share.
struct Settings {
    base_url: Url,
    /// The path of the base URL that stands before every call's; empty as a rule.
    prefix: String,
    accept: HeaderValue,
    decode_mode: DecodeMode,
}

impl Client {
    /// A client for [`API_BASE_URL`], unless told otherwise. It needs a [`transport`](ClientBuilder::transport).
    pub fn builder() -> ClientBuilder {
        ClientBuilder {
            base_url: API_BASE_URL.to_owned(),
            transport: None,
            accept: ACCEPT.to_owned(),
            decode_mode: DecodeMode::Lenient,
        }
    }

    /// A client with the same settings over another transport. Programs that serve thousands of accounts have a
    /// transport for each: the settings are kept once for all of them.
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

    /// An untyped call to any path of the API, with its query if it has one: `/me/videos?page=2`.
    ///
    /// The answer is JSON as it came. The path is matched with the known operations, so the layers of the
    /// transport treat it as they treat the typed call. An absolute URL is taken when it has the scheme, host
    /// and port of the base URL, and refused otherwise when the call is sent: nothing goes to another host.
    pub fn call(&self, method: Method, path_and_query: &str) -> Call<Value> {
        Call::untyped(self, method, path_and_query)
    }

    /// The scheme, host and path that calls are sent to.
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

/// Sets up a [`Client`].
#[must_use = "a builder does nothing until build() is called"]
pub struct ClientBuilder {
    base_url: String,
    transport: Option<Box<dyn Transport>>,
    accept: String,
    decode_mode: DecodeMode,
}

impl ClientBuilder {
    /// Another address of the API, such as a sandbox; `https`, or `http` to a loopback address.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = url.into();
        self
    }

    /// What carries the requests, such as [`ReqwestTransport`](super::ReqwestTransport). Required.
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.transport = Some(Box::new(transport));
        self
    }

    /// Another `Accept` header, for another version of the API; default [`ACCEPT`].
    pub fn accept(mut self, accept: impl Into<String>) -> Self {
        self.accept = accept.into();
        self
    }

    /// Whether an answer that does not fit its type is an error; default [`DecodeMode::Lenient`].
    pub fn decode_mode(mut self, decode_mode: DecodeMode) -> Self {
        self.decode_mode = decode_mode;
        self
    }

    /// The client.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] when the base URL is no URL, is neither `https` nor `http` to a loopback address, or holds
    /// a user name, query or fragment; when the `Accept` header has characters that no header can have; and when there is
    /// no transport.
    pub fn build(self) -> Result<Client, Error> {
        let base_url = checked_base_url(&self.base_url)?;
        let accept = HeaderValue::from_str(&self.accept).map_err(|_| {
            Error::invalid("client", "the Accept header may hold visible ASCII characters only")
        })?;
        let transport = self.transport.ok_or_else(|| {
            Error::invalid(
                "client",
                "there is no transport; give the builder one, such as a ReqwestTransport",
            )
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
        return refuse("is no absolute URL; expected one such as https://api.vimeo.com");
    };
    if !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some()
    {
        return refuse("may hold no user name, password, query or fragment");
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => refuse("is plain http to another machine, which would show the access token; use https"),
        _ => refuse("must be https, or http to a loopback address"),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls_that_would_show_the_token_are_refused() {
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
            let client = Client::builder().base_url(url).transport(Nowhere).build();
            assert_eq!(client.is_ok(), fits, "{url}");
        }
    }

    #[test]
    fn a_client_needs_a_transport() {
        let error = Client::builder().build().err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("there is no transport"), "{error}");
    }

    struct Nowhere;

    impl Transport for Nowhere {
        fn send(&self, request: crate::Request) -> crate::TransportFuture<'_> {
            Box::pin(async move { Err(Error::invalid(request.name(), "nothing is sent")) })
        }
    }
}
