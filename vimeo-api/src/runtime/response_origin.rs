//! Who sent a response: the API, or something that stands before it.

use http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use super::RateLimit;
use super::excerpt::{ContentKind, without_bom};

/// Who sent a response, as far as its kind tells.
///
/// Captive portals, firewalls and gateways answer in the API's place, with any status. What they send completes nothing,
/// refuses nothing and revokes nothing: a `200` of theirs is no success, a `401` says nothing of the token, a `404`
/// nothing of the video, and after a `POST` neither says whether the API has carried the call out.
///
/// ```
/// use http::{HeaderMap, StatusCode};
/// use vimeo_api::ResponseOrigin;
///
/// let origin = |status, body: &[u8]| ResponseOrigin::of(status, &HeaderMap::new(), body);
/// assert_eq!(origin(StatusCode::OK, br#"{"uri": "/videos/1"}"#), ResponseOrigin::Api);
/// assert_eq!(origin(StatusCode::OK, b"<html><title>Airport WiFi</title>"), ResponseOrigin::Intermediary);
/// assert_eq!(origin(StatusCode::UNAUTHORIZED, br#"{"error": "No.", "error_code": 8003}"#), ResponseOrigin::Api);
/// assert_eq!(origin(StatusCode::UNAUTHORIZED, b""), ResponseOrigin::Unclear);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResponseOrigin {
    /// The API: JSON in a kind that it uses, or headers that only it sends.
    Api,
    /// Nobody can tell: there is no body, or it is JSON or a file of no kind that is known.
    Unclear,
    /// Something between here and the API: an HTML page, a text, or a redirect, which the API sends for no call.
    Intermediary,
}

/// The members of which the API's errors have at least one.
const ERROR_MEMBERS: [&str; 5] =
    ["error", "error_code", "developer_message", "error_description", "invalid_parameters"];

/// An error body beyond this size is no message of the API's; it is not parsed.
pub(super) const MAX_ERROR_BODY: usize = 256 * 1024;

impl ResponseOrigin {
    /// Looks at the parts of a response.
    pub fn of(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
            return Self::Intermediary;
        }
        if has_vendor_type(headers) {
            return Self::Api;
        }
        let kind = ContentKind::of(body);
        match kind {
            ContentKind::Empty if RateLimit::read(headers).is_some() => Self::Api,
            ContentKind::Empty => Self::Unclear,
            _ if status.is_success() && is_file(headers) => Self::Unclear,
            ContentKind::Html | ContentKind::Gzip => Self::Intermediary,
            ContentKind::Json if status.is_success() => Self::Api,
            ContentKind::Json => error_body(body).map_or(Self::Unclear, |body| Self::of_error(&body)),
            ContentKind::Text
                if serde_json::from_slice::<serde::de::IgnoredAny>(without_bom(body)).is_ok() =>
            {
                Self::Unclear
            }
            ContentKind::Text => Self::Intermediary,
        }
    }

    /// Of an error body that was parsed.
    pub(super) fn of_error(body: &Value) -> Self {
        if ERROR_MEMBERS.iter().any(|member| body.get(member).is_some()) { Self::Api } else { Self::Unclear }
    }
}

/// The body of an error as JSON, where it is JSON of a size that an error has.
pub(super) fn error_body(body: &[u8]) -> Option<Value> {
    let body = without_bom(body);
    if body.len() > MAX_ERROR_BODY { None } else { serde_json::from_slice(body).ok() }
}

fn media_type(headers: &HeaderMap) -> &str {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn has_vendor_type(headers: &HeaderMap) -> bool {
    media_type(headers).trim_start().to_ascii_lowercase().starts_with("application/vnd.vimeo.")
}

/// Whether a response says of itself that it is neither JSON nor a text.
pub(super) fn is_file(headers: &HeaderMap) -> bool {
    matches!(media_type(headers), "application/octet-stream" | "application/zip")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn the_form_of_a_response_tells_its_sender() {
        let none = headers(&[]);
        let vendor = headers(&[("content-type", "application/vnd.vimeo.error+json")]);
        let html = headers(&[("content-type", "text/html")]);
        let file = headers(&[("content-type", "application/zip")]);
        let limit = headers(&[("x-ratelimit-limit", "100")]);
        let table: [(u16, &HeaderMap, &str, ResponseOrigin); 23] = [
            (200, &none, r#"{"uri": "/videos/1"}"#, ResponseOrigin::Api),
            (200, &html, r#"{"uri": "/videos/1"}"#, ResponseOrigin::Api),
            (200, &none, "\u{feff}{}", ResponseOrigin::Api),
            (200, &none, "<html>", ResponseOrigin::Intermediary),
            (200, &vendor, "", ResponseOrigin::Api),
            (204, &html, "", ResponseOrigin::Unclear),
            (200, &none, "null", ResponseOrigin::Unclear),
            (200, &none, "Welcome", ResponseOrigin::Intermediary),
            (200, &file, "<a", ResponseOrigin::Unclear),
            (302, &none, "", ResponseOrigin::Intermediary),
            (302, &none, r#"{"error": "x"}"#, ResponseOrigin::Intermediary),
            (304, &none, "", ResponseOrigin::Unclear),
            (401, &none, r#"{"error": "invalid_client"}"#, ResponseOrigin::Api),
            (401, &none, r#"{"message": "Unauthorized"}"#, ResponseOrigin::Unclear),
            (401, &none, "<h1>Proxy</h1>", ResponseOrigin::Intermediary),
            (401, &none, "", ResponseOrigin::Unclear),
            (429, &limit, "", ResponseOrigin::Api),
            (429, &none, "{}", ResponseOrigin::Unclear),
            (503, &none, "no healthy upstream", ResponseOrigin::Intermediary),
            (503, &none, r#"{"error_code": 7001}"#, ResponseOrigin::Api),
            (500, &none, r#"{"error": "cut o"#, ResponseOrigin::Unclear),
            (403, &none, "[1]", ResponseOrigin::Unclear),
            (403, &vendor, "[1]", ResponseOrigin::Api),
        ];
        for (status, headers, body, origin) in table {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(ResponseOrigin::of(status, headers, body.as_bytes()), origin, "{status} {body}");
        }
    }

    #[test]
    fn an_error_body_of_any_size_is_not_taken_apart() {
        let body = format!(r#"{{"error": "x", "data": [{}{{}}]}}"#, "{},".repeat(100_000));
        assert_eq!(
            ResponseOrigin::of(StatusCode::BAD_GATEWAY, &HeaderMap::new(), body.as_bytes()),
            ResponseOrigin::Unclear
        );
    }
}
