//! What Vimeo said when it answered with an error status.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::{Operation, Quota, RawResponse};

/// An answer with an error status, read as far as it can be.
///
/// Vimeo has several shapes for errors, and proxies before it answer in HTML; each gives its best message here and
/// none is an error of decoding.
pub struct ApiError {
    operation: Option<&'static Operation>,
    name: String,
    answer: RawResponse,
    error: Option<String>,
    developer_message: Option<String>,
    error_code: Option<i64>,
    link: Option<String>,
    invalid_parameters: Vec<InvalidParameter>,
}

/// A parameter that Vimeo did not take.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidParameter {
    /// The parameter.
    pub field: Option<String>,
    /// Vimeo's number for what is wrong with it.
    pub error_code: Option<i64>,
    /// What is wrong, for people.
    pub error: Option<String>,
    /// What is wrong, for developers.
    pub developer_message: Option<String>,
}

impl ApiError {
    /// Reads an answer with an error status; `name` is what was called, for the message.
    pub fn read(operation: Option<&'static Operation>, name: &str, answer: RawResponse) -> Self {
        let mut error = Self {
            operation,
            name: name.to_owned(),
            error: None,
            developer_message: None,
            error_code: None,
            link: None,
            invalid_parameters: Vec::new(),
            answer,
        };
        if let Ok(body) = serde_json::from_slice::<Value>(&error.answer.body) {
            error.error = text(&body, "error");
            error.developer_message =
                text(&body, "developer_message").or_else(|| text(&body, "error_description"));
            error.error_code = number(&body, "error_code");
            error.link = text(&body, "link");
            error.invalid_parameters = body
                .get("invalid_parameters")
                .and_then(Value::as_array)
                .map_or_else(Vec::new, |parameters| parameters.iter().map(InvalidParameter::read).collect());
        } else {
            error.error = headline(&error.answer.body);
        }
        error
    }

    /// What was called, in words.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What was called; `None` for an untyped call to an unknown path.
    pub fn operation(&self) -> Option<&'static Operation> {
        self.operation
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.answer.status
    }

    /// All headers of the answer.
    pub fn headers(&self) -> &HeaderMap {
        &self.answer.headers
    }

    /// The body as it came.
    pub fn bytes(&self) -> &Bytes {
        &self.answer.body
    }

    /// Vimeo's message for people; for an answer in HTML its title.
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Vimeo's message for developers.
    pub fn developer_message(&self) -> Option<&str> {
        self.developer_message.as_deref()
    }

    /// Vimeo's number for the error, such as 2204 for parameters it did not take.
    pub fn error_code(&self) -> Option<i64> {
        self.error_code
    }

    /// What of the account is full, when that is what is wrong.
    pub fn quota(&self) -> Option<Quota> {
        Quota::of(self.error_code)
    }

    /// A link that Vimeo gave to read on.
    pub fn link(&self) -> Option<&str> {
        self.link.as_deref()
    }

    /// The parameters that Vimeo did not take.
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
        write!(f, "{}: Vimeo answered {}", self.name, self.answer.status)?;
        if let Some(code) = self.error_code {
            write!(f, ", error {code}")?;
        }
        if let Some(message) = self.developer_message.as_deref().or(self.error.as_deref()) {
            write!(f, ": {message}")?;
        }
        for parameter in &self.invalid_parameters {
            let field = parameter.field.as_deref().unwrap_or("a parameter");
            let why =
                parameter.developer_message.as_deref().or(parameter.error.as_deref()).unwrap_or("not taken");
            write!(f, " [{field}: {why}]")?;
        }
        Ok(())
    }
}

/// Shows what Vimeo said, not the body as it came.
impl fmt::Debug for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiError")
            .field("call", &self.name)
            .field("status", &self.answer.status)
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

/// The most telling words of a body that is no JSON: the title of a page, else how the text begins.
fn headline(body: &[u8]) -> Option<String> {
    let body = String::from_utf8_lossy(body.get(..4096).unwrap_or(body));
    let lower = body.to_ascii_lowercase();
    let title = ["title", "h1"].iter().find_map(|tag| {
        let start = lower.find(&format!("<{tag}>"))? + tag.len() + 2;
        let end = start + lower.get(start..)?.find('<')?;
        body.get(start..end)
    });
    let text = title.unwrap_or(&body).split_whitespace().collect::<Vec<_>>().join(" ");
    let text: String = text.chars().take(200).collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(status: u16, body: &str) -> ApiError {
        let status = StatusCode::from_u16(status).unwrap();
        ApiError::read(None, "get_video", RawResponse::new(status, HeaderMap::new(), body.to_owned().into()))
    }

    #[test]
    fn every_shape_of_error_body_gives_its_best_message() {
        let cases = [
            (
                404,
                r#"{"error": "Not there.", "link": null, "developer_message": "No such clip.", "error_code": 5000}"#,
                "get_video: Vimeo answered 404 Not Found, error 5000: No such clip.",
            ),
            (404, r#"{"error": "Not there."}"#, "get_video: Vimeo answered 404 Not Found: Not there."),
            (
                400,
                r#"{"error": "invalid_grant", "error_description": "The code is stale."}"#,
                "get_video: Vimeo answered 400 Bad Request: The code is stale.",
            ),
            (
                400,
                r#"{"error": "Bad.", "error_code": "2204", "invalid_parameters": [{"field": "name", "error": "Too long."}, {}]}"#,
                "get_video: Vimeo answered 400 Bad Request, error 2204: Bad. [name: Too long.] [a parameter: not taken]",
            ),
            (
                502,
                "<html><head><TITLE>502 Bad\n Gateway</TITLE></head><body>x</body></html>",
                "get_video: Vimeo answered 502 Bad Gateway: 502 Bad Gateway",
            ),
            (
                500,
                "Something went wrong",
                "get_video: Vimeo answered 500 Internal Server Error: Something went wrong",
            ),
            (500, "", "get_video: Vimeo answered 500 Internal Server Error"),
            (
                500,
                r#"{"error": "cut o"#,
                r#"get_video: Vimeo answered 500 Internal Server Error: {"error": "cut o"#,
            ),
            (403, "[1]", "get_video: Vimeo answered 403 Forbidden"),
            (403, r#"{"error": {"nested": 1}, "error_code": []}"#, "get_video: Vimeo answered 403 Forbidden"),
        ];
        for (status, body, message) in cases {
            assert_eq!(error(status, body).to_string(), message);
        }
    }
}
