//! Error responses.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use serde_json::Value;
use url::Url;

use super::excerpt::{ContentKind, excerpt, truncated};
use super::response_origin::error_body;
use super::{MAX_REDIRECTS, Operation, Quota, RawResponse, ResponseOrigin};

/// A response with an error status.
///
/// Vimeo uses several shapes for error bodies, and proxies send HTML. This type extracts a message from each of them;
/// decoding never fails. [`origin`](Self::origin) reports whether the API itself sent the response.
#[derive(Clone)]
pub struct ApiError {
    operation: Option<&'static Operation>,
    name: String,
    response: RawResponse,
    origin: ResponseOrigin,
    error: Option<String>,
    developer_message: Option<String>,
    error_code: Option<i64>,
    link: Option<String>,
    invalid_parameters: Vec<InvalidParameter>,
}

/// A parameter that Vimeo rejected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidParameter {
    /// The name of the parameter.
    pub field: Option<String>,
    /// Vimeo's error code.
    pub error_code: Option<i64>,
    /// The message for end users.
    pub error: Option<String>,
    /// The message for developers.
    pub developer_message: Option<String>,
}

impl ApiError {
    /// Reads an error response. `name` is the operation name for the message.
    pub fn read(operation: Option<&'static Operation>, name: &str, response: RawResponse) -> Self {
        let mut error = Self {
            operation,
            name: name.to_owned(),
            error: None,
            developer_message: None,
            error_code: None,
            link: None,
            invalid_parameters: Vec::new(),
            origin: response.origin(),
            response,
        };
        if let Some(body) = error_body(&error.response.body) {
            error.error = text(&body, "error");
            error.developer_message =
                text(&body, "developer_message").or_else(|| text(&body, "error_description"));
            error.error_code = number(&body, "error_code");
            error.link = text(&body, "link");
            error.invalid_parameters = body
                .get("invalid_parameters")
                .and_then(Value::as_array)
                .map_or_else(Vec::new, |parameters| {
                    parameters.iter().take(MAX_PARAMETERS).map(InvalidParameter::read).collect()
                });
        } else {
            error.error = excerpt(&error.response.body);
        }
        error
    }

    /// The operation name for messages.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Returns the operation; `None` for an untyped call to an unknown path.
    pub fn operation(&self) -> Option<&'static Operation> {
        self.operation
    }

    /// Returns the HTTP status.
    pub fn status(&self) -> StatusCode {
        self.response.status
    }

    /// Returns whether the API or an intermediary sent the response.
    pub fn origin(&self) -> ResponseOrigin {
        self.origin
    }

    /// Returns the response headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.response.headers
    }

    /// Returns the missing scope, if the response names one.
    pub fn missing_scope(&self) -> Option<&str> {
        if self.origin == ResponseOrigin::Intermediary {
            return None;
        }
        [&self.error, &self.developer_message].into_iter().flatten().find_map(|text| named_scope(text))
    }

    /// Returns the raw body.
    pub fn bytes(&self) -> &Bytes {
        &self.response.body
    }

    /// Returns Vimeo's message for end users. For a response that is not JSON, returns its title or first words, without
    /// control characters.
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Returns Vimeo's message for developers.
    pub fn developer_message(&self) -> Option<&str> {
        self.developer_message.as_deref()
    }

    /// Returns Vimeo's error code, such as 2204 for invalid parameters.
    pub fn error_code(&self) -> Option<i64> {
        self.error_code
    }

    /// Returns the exceeded quota, if the error is about one.
    pub fn quota(&self) -> Option<Quota> {
        Quota::of(self.error_code)
    }

    /// Returns the link to further information that Vimeo sent.
    pub fn link(&self) -> Option<&str> {
        self.link.as_deref()
    }

    /// Returns the parameters that Vimeo rejected.
    pub fn invalid_parameters(&self) -> &[InvalidParameter] {
        &self.invalid_parameters
    }
}

impl InvalidParameter {
    fn read(value: &Value) -> Self {
        Self {
            field: text(value, "field"),
            error_code: number(value, "error_code"),
            error: text(value, "error"),
            developer_message: text(value, "developer_message"),
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.response.status;
        if status.is_redirection() {
            return self.write_redirect(f);
        }
        if self.origin == ResponseOrigin::Intermediary {
            return write_intermediary(f, &self.name, status, &self.response.body);
        }
        write!(f, "{}: Vimeo responded {status}", self.name)?;
        if let Some(code) = self.error_code {
            write!(f, ", error {code}")?;
        }
        if let Some(message) = self.developer_message.as_deref().or(self.error.as_deref()) {
            write!(f, ": {}", truncated(message))?;
        }
        for parameter in &self.invalid_parameters {
            let field = parameter.field.as_deref().unwrap_or("a parameter");
            let why =
                parameter.developer_message.as_deref().or(parameter.error.as_deref()).unwrap_or("rejected");
            write!(f, " [{}: {}]", truncated(field), truncated(why))?;
        }
        Ok(())
    }
}

impl ApiError {
    fn write_redirect(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RawResponse { status, redirects, .. } = self.response;
        let to = self.response.headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
        // The address can hold a token, so only the host is printed.
        let host = to.and_then(|to| Some(Url::parse(to).ok()?.host_str()?.to_owned()));
        let to = match (host, to) {
            (Some(host), _) => format!("to {host}"),
            (None, Some(_)) => "to another path".to_owned(),
            (None, None) => "without a location".to_owned(),
        };
        write!(f, "{}: ", self.name)?;
        match redirects {
            0 => write!(f, "the response is a redirect {to} ({status}), which is not followed")?,
            MAX_REDIRECTS.. => {
                write!(
                    f,
                    "too many redirects: after {redirects}, the response still redirects {to} ({status})"
                )?;
            }
            _ => write!(
                f,
                "after {redirects} redirects, the response is another one {to} ({status}), which is not followed"
            )?,
        }
        f.write_str("; a proxy, a firewall or a sign-in page may have sent it instead of the API")
    }
}

/// Describes a response of an intermediary: its content type and an excerpt.
pub(super) fn write_intermediary(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    status: StatusCode,
    body: &[u8],
) -> fmt::Result {
    write!(f, "{name}: the response ({status}) is {}, not the API's JSON", ContentKind::of(body))?;
    if let Some(words) = excerpt(body) {
        write!(f, ": \"{words}\"")?;
    }
    f.write_str("; a proxy, a firewall or a sign-in page may have sent it instead of the API")
}

/// Prints the message, not the raw body.
impl fmt::Debug for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiError")
            .field("call", &self.name)
            .field("status", &self.response.status)
            .field("error", &self.error)
            .field("developer_message", &self.developer_message)
            .field("error_code", &self.error_code)
            .field("invalid_parameters", &self.invalid_parameters)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for ApiError {}

fn text(body: &Value, name: &str) -> Option<String> {
    body.get(name)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn number(body: &Value, name: &str) -> Option<i64> {
    let value = body.get(name)?;
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// The maximum number of retained `invalid_parameters`.
const MAX_PARAMETERS: usize = 100;

/// Returns `create` from `does not have the "create" scope`.
fn named_scope(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("does not have the \"")?;
    let (scope, rest) = rest.split_once('"')?;
    let is_word = (1..=40).contains(&scope.len())
        && scope.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    (is_word && rest.trim_start().starts_with("scope")).then_some(scope)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(status: u16, body: &str) -> ApiError {
        let status = StatusCode::from_u16(status).unwrap();
        ApiError::read(None, "get_video", RawResponse::new(status, HeaderMap::new(), body.to_owned().into()))
    }

    #[test]
    fn extracts_message_from_every_error_shape() {
        let cases = [
            (
                404,
                r#"{"error": "Not there.", "link": null, "developer_message": "No such clip.", "error_code": 5000}"#,
                "get_video: Vimeo responded 404 Not Found, error 5000: No such clip.",
            ),
            (404, r#"{"error": "Not there."}"#, "get_video: Vimeo responded 404 Not Found: Not there."),
            (
                400,
                r#"{"error": "invalid_grant", "error_description": "The code is stale."}"#,
                "get_video: Vimeo responded 400 Bad Request: The code is stale.",
            ),
            (
                400,
                r#"{"error": "Bad.", "error_code": "2204", "invalid_parameters": [{"field": "name", "error": "Too long."}, {}]}"#,
                "get_video: Vimeo responded 400 Bad Request, error 2204: Bad. [name: Too long.] [a parameter: rejected]",
            ),
            (
                502,
                "<html><head><TITLE>502 Bad\n Gateway</TITLE></head><body>x</body></html>",
                "get_video: the response (502 Bad Gateway) is an HTML page, not the API's JSON: \"502 Bad Gateway\"; a proxy, \
                 a firewall or a sign-in page may have sent it instead of the API",
            ),
            (
                500,
                "Something went wrong",
                "get_video: the response (500 Internal Server Error) is text, not the API's JSON: \"Something went wrong\"; \
                 a proxy, a firewall or a sign-in page may have sent it instead of the API",
            ),
            (500, "", "get_video: Vimeo responded 500 Internal Server Error"),
            (
                500,
                r#"{"error": "cut o"#,
                r#"get_video: Vimeo responded 500 Internal Server Error: {"error": "cut o"#,
            ),
            (403, "[1]", "get_video: Vimeo responded 403 Forbidden"),
            (
                403,
                r#"{"error": {"nested": 1}, "error_code": []}"#,
                "get_video: Vimeo responded 403 Forbidden",
            ),
        ];
        for (status, body, message) in cases {
            assert_eq!(error(status, body).to_string(), message);
        }
    }

    #[test]
    fn redirect_message_names_only_the_host() {
        let message = |status: u16, location: &'static str, redirects| {
            let headers = [(header::LOCATION, location.parse().unwrap())].into_iter().collect();
            let mut response = RawResponse::new(StatusCode::from_u16(status).unwrap(), headers, "".into());
            response.redirects = redirects;
            ApiError::read(None, "get_me", response).to_string()
        };
        let tail = "; a proxy, a firewall or a sign-in page may have sent it instead of the API";
        for (status, location, redirects, text) in [
            (
                302,
                "https://portal.example/in?t=SECRET",
                0,
                "the response is a redirect to portal.example (302 Found), which is not followed",
            ),
            (
                307,
                "/other?t=SECRET",
                0,
                "the response is a redirect to another path (307 Temporary Redirect), which is not followed",
            ),
            (
                302,
                "https://api.vimeo.com/me",
                5,
                "too many redirects: after 5, the response still redirects to api.vimeo.com (302 Found)",
            ),
        ] {
            assert_eq!(message(status, location, redirects), format!("get_me: {text}{tail}"));
        }
    }

    #[test]
    fn reads_missing_scope_only_from_known_messages() {
        for (body, scope) in [
            (r#"{"error": "Your access token does not have the \"create\" scope"}"#, Some("create")),
            (
                r#"{"error": "x", "developer_message": "The token does not have the \"video_files\" scope."}"#,
                Some("video_files"),
            ),
            (r#"{"error": "The user isn't allowed to perform that action."}"#, None),
            (r#"{"error": "The user does not have the right scope"}"#, None),
            (r#"{"error": "It does not have the \"<b>\" scope"}"#, None),
            (r#"{"error": "x", "error_code": 3200}"#, None),
            (r#"<title>Your access token does not have the "create" scope</title>"#, None),
        ] {
            assert_eq!(error(403, body).missing_scope(), scope, "{body}");
        }
    }
}
