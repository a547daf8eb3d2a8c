//! Detects whether the API or an intermediary sent a response.

use http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use super::RateLimit;
use super::excerpt::{ContentKind, without_bom};

/// The sender of a response, judged by its content.
///
/// Captive portals, firewalls and gateways respond instead of the API, with any status. Their `200` is not a success, their
/// `401` says nothing about the token, their `404` nothing about the video, and after a `POST` none of them says whether the
/// API executed the call.
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
    /// The API: JSON in one of its shapes, or headers that only the API sends.
    Api,
    /// Unknown: there is no body, or JSON or a file of an unknown shape.
    Unclear,
    /// An intermediary: an HTML page, a text, or a redirect, which the API never sends.
    Intermediary,
}

/// Every error body of the API has at least one of these members.
const ERROR_MEMBERS: [&str; 5] =
    ["error", "error_code", "developer_message", "error_description", "invalid_parameters"];

/// Larger error bodies do not come from the API and are not parsed.
pub(super) const MAX_ERROR_BODY: usize = 256 * 1024;

impl ResponseOrigin {
    /// Judges a response by its parts.
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

    /// Judges a parsed error body.
    pub(super) fn of_error(body: &Value) -> Self {
        if ERROR_MEMBERS.iter().any(|member| body.get(member).is_some()) { Self::Api } else { Self::Unclear }
    }
}

/// Parses an error body, if it is JSON and not too large.
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

/// Whether the content type is that of a file.
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
    fn content_determines_the_origin() {
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
    fn does_not_parse_oversized_error_bodies() {
        let body = format!(r#"{{"error": "x", "data": [{}{{}}]}}"#, "{},".repeat(100_000));
        assert_eq!(
            ResponseOrigin::of(StatusCode::BAD_GATEWAY, &HeaderMap::new(), body.as_bytes()),
            ResponseOrigin::Unclear
        );
    }
}
