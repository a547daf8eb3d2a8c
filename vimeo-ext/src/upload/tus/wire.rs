//! The tus requests: HEAD and PATCH to the upload link, and nothing else.

use std::time::Duration;

use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, Method};
use reqwest::redirect;
use secrecy::ExposeSecret;

use super::body::UploadBody;
use super::link_redaction::without_link;
use crate::error::{TransientError, UploadError};
use crate::tls::{self, HttpVersions};
use crate::upload_ticket::UploadTicket;

const TUS_RESUMABLE: &str = "tus-resumable";
const UPLOAD_OFFSET: &str = "upload-offset";
const UPLOAD_LENGTH: &str = "upload-length";

/// The maximum length of an error body in a message.
const MAX_BODY_SHOWN: usize = 1024;

/// Read beyond that, so that a link is recognized as a whole before the rest is cut off.
const REDACTION_LOOKAHEAD: usize = 8 * 1024;

/// The default connect timeout.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// The HTTP client for upload links. It follows no redirects, uses HTTP/1.1 and sends no token.
///
/// Clone one client into each upload, so that they share connections.
///
/// HTTP/1.1, because over HTTP/2 the flow-control window of the stream slows a single upload down, and there are no
/// other streams to share the connection with.
#[derive(Debug, Clone)]
pub struct UploadClient {
    http: reqwest::Client,
}

impl UploadClient {
    /// Creates a client with a connect timeout of 30 s and no limit on the time of a request; the stall timeout of
    /// [`UploadOptions`](super::UploadOptions) covers that.
    ///
    /// # Errors
    /// [`UploadError::Tls`] if the system's certificates or the cryptography for TLS cannot be set up, and
    /// [`UploadError::Http`] if the rest of the client cannot.
    ///
    /// ```
    /// # fn main() -> Result<(), vimeo_ext::upload::UploadError> {
    /// let links = vimeo_ext::upload::UploadClient::new()?;
    /// # let _ = links;
    /// # Ok(())
    /// # }
    /// ```
    pub fn new() -> Result<Self, UploadError> {
        Self::build(Self::builder()?)
    }

    /// As [`new`](Self::new), but without a proxy, for links to a loopback address.
    pub(crate) fn without_proxy() -> Result<Self, UploadError> {
        Self::build(Self::builder()?.no_proxy())
    }

    /// As [`new`](Self::new), without a proxy if the ticket's link is a loopback address.
    pub(crate) fn for_ticket_host(ticket: &UploadTicket) -> Result<Self, UploadError> {
        if ticket.is_loopback() { Self::without_proxy() } else { Self::new() }
    }

    fn builder() -> Result<reqwest::ClientBuilder, UploadError> {
        let builder = tls::client_builder(HttpVersions::Http1).map_err(UploadError::Tls)?;
        Ok(builder.connect_timeout(CONNECT_TIMEOUT))
    }

    /// Creates a client from your own builder, for a proxy, other certificates or another connect timeout.
    ///
    /// Redirects, referers and HTTP/2 are always turned off. Set no default headers with credentials: a link is
    /// signed, and its host must not get your token.
    ///
    /// With rustls, reqwest uses the process's `CryptoProvider` for such a client. If the process has no default
    /// provider yet, this installs the one of this crate's features.
    ///
    /// # Errors
    /// [`UploadError::Tls`] if there is no such provider, and [`UploadError::Http`] if the client cannot be built.
    pub fn from_builder(builder: reqwest::ClientBuilder) -> Result<Self, UploadError> {
        tls::prepare_foreign_builder().map_err(UploadError::Tls)?;
        Self::build(builder)
    }

    fn build(builder: reqwest::ClientBuilder) -> Result<Self, UploadError> {
        let http = builder.redirect(redirect::Policy::none()).referer(false).http1_only().build().map_err(
            |error| UploadError::Http { host: "any host".to_owned(), source: error.without_url() },
        )?;
        Ok(Self { http })
    }

    /// Creates a request that sends a whole small file.
    pub(super) fn put(&self, link: &str) -> reqwest::RequestBuilder {
        self.http.request(Method::PUT, link)
    }
}

/// The client that the uploads of a queue share.
#[derive(Debug, Clone)]
pub(crate) struct SharedClient {
    client: UploadClient,
    /// Whether it is the default client: it uses the system's proxy, which must not get requests to a loopback
    /// address.
    is_default: bool,
}

impl SharedClient {
    /// Uses the chosen client, or a new one.
    pub(crate) fn new(chosen: Option<UploadClient>) -> Result<Self, UploadError> {
        let is_default = chosen.is_none();
        let client = match chosen {
            Some(client) => client,
            None => UploadClient::new()?,
        };
        Ok(Self { client, is_default })
    }

    /// Returns the client for a ticket; `None` if the upload needs one of its own.
    pub(crate) fn for_ticket(&self, ticket: &UploadTicket) -> Option<UploadClient> {
        let fits = !(self.is_default && ticket.is_loopback());
        fits.then(|| self.client.clone())
    }
}

/// The parts of a response that are used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TusResponse {
    pub(crate) status: u16,
    pub(crate) offset: Option<u64>,
    pub(crate) length: Option<u64>,
    pub(crate) retry_after: Option<Duration>,
    /// The start of the body of an error response or web page.
    pub(crate) body: String,
    /// Whether a success status came with a web page, for example from a login portal or a proxy.
    pub(crate) is_web_page: bool,
}

/// There was no response.
#[derive(Debug)]
pub(crate) enum NoResponse {
    /// The next attempt may succeed.
    Failed(TransientError, Option<Box<reqwest::Error>>),
    /// The request could not be built.
    InvalidRequest(Box<reqwest::Error>),
}

/// The requests to the server; a trait, so that waits can be tested without a network.
pub(crate) trait TusTransport: Send {
    fn head(&self) -> impl Future<Output = Result<TusResponse, NoResponse>> + Send;
    fn patch(
        &self,
        offset: u64,
        body: UploadBody,
    ) -> impl Future<Output = Result<TusResponse, NoResponse>> + Send;
}

/// Sends the requests over HTTP.
pub(crate) struct HttpTusTransport {
    client: UploadClient,
    ticket: UploadTicket,
}

impl HttpTusTransport {
    pub(crate) fn new(client: UploadClient, ticket: UploadTicket) -> Self {
        Self { client, ticket }
    }

    fn request(&self, method: Method) -> reqwest::RequestBuilder {
        self.client
            .http
            .request(method, self.ticket.upload_link().expose_secret())
            .header(TUS_RESUMABLE, "1.0.0")
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<TusResponse, NoResponse> {
        send_request(request, self.ticket.upload_link().expose_secret()).await
    }
}

/// Sends a request to `link` and reads the relevant parts of its response.
pub(super) async fn send_request(
    request: reqwest::RequestBuilder,
    link: &str,
) -> Result<TusResponse, NoResponse> {
    let response = request.send().await.map_err(transport_error)?;
    let status = response.status();
    let headers = response.headers();
    let mut read = TusResponse {
        status: status.as_u16(),
        offset: header_number(headers, UPLOAD_OFFSET),
        length: header_number(headers, UPLOAD_LENGTH),
        retry_after: header_number(headers, RETRY_AFTER.as_str()).map(Duration::from_secs),
        body: String::new(),
        is_web_page: false,
    };
    let is_html = headers
        .get(CONTENT_TYPE)
        .and_then(|media_type| media_type.to_str().ok())
        .is_some_and(|media_type| media_type.trim_start().to_ascii_lowercase().starts_with("text/html"));
    if !status.is_success() || is_html {
        // A server or proxy may repeat the link, which must not get into a message.
        let body = without_link(&read_body_prefix(response).await, link);
        let body = body.trim();
        read.is_web_page = status.is_success() && body.starts_with('<');
        read.body = truncated(body, MAX_BODY_SHOWN).to_owned();
    }
    Ok(read)
}

impl TusTransport for HttpTusTransport {
    async fn head(&self) -> Result<TusResponse, NoResponse> {
        self.send(self.request(Method::HEAD)).await
    }

    async fn patch(&self, offset: u64, body: UploadBody) -> Result<TusResponse, NoResponse> {
        let request = self
            .request(Method::PATCH)
            .header(UPLOAD_OFFSET, offset)
            .header(CONTENT_TYPE, "application/offset+octet-stream")
            .body(reqwest::Body::wrap(body));
        self.send(request).await
    }
}

fn transport_error(error: reqwest::Error) -> NoResponse {
    // The URL is secret.
    let error = Box::new(error.without_url());
    if error.is_builder() {
        NoResponse::InvalidRequest(error)
    } else if error.is_connect() {
        NoResponse::Failed(TransientError::Connect, Some(error))
    } else {
        NoResponse::Failed(TransientError::Dropped, Some(error))
    }
}

pub(super) fn header_number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

async fn read_body_prefix(mut response: reqwest::Response) -> String {
    let mut bytes = Vec::new();
    // An incomplete body is still shown: the status is what matters.
    while let Ok(Some(chunk)) = response.chunk().await {
        bytes.extend_from_slice(&chunk);
        if bytes.len() >= MAX_BODY_SHOWN.saturating_add(REDACTION_LOOKAHEAD) {
            bytes.truncate(MAX_BODY_SHOWN.saturating_add(REDACTION_LOOKAHEAD));
            break;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Cuts a text to at most `bytes` bytes.
fn truncated(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    end.and_then(|end| text.get(..end)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_plain_numbers() {
        // (header, offset)
        let table = [
            ("0", Some(0)),
            (" 17 ", Some(17)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("-1", None),
            ("NaN", None),
            ("1.0", None),
            ("", None),
        ];
        for (text, offset) in table {
            let mut headers = HeaderMap::new();
            headers.insert(UPLOAD_OFFSET, text.parse().unwrap());
            assert_eq!(header_number(&headers, UPLOAD_OFFSET), offset, "{text:?}");
        }
        assert_eq!(header_number(&HeaderMap::new(), UPLOAD_OFFSET), None);
    }
}
