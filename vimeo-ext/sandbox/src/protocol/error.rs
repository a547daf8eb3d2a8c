//! Error responses of the emulated API, in Vimeo's formats.

use http::StatusCode;
use serde_json::{Value, json};

/// An error response of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
    pub(crate) developer_message: String,
    /// `None` if the code that Vimeo sends is unknown.
    pub(crate) code: Option<u32>,
    pub(crate) fields: Vec<InvalidField>,
    /// The OAuth error code; if set, the body has the format of the token operations.
    pub(crate) oauth_error: Option<&'static str>,
    /// Whether the body contains only `error`.
    pub(crate) is_bare: bool,
    /// The value of `WWW-Authenticate`, if sent.
    pub(crate) challenge: Option<&'static str>,
}

/// One entry of `invalid_parameters`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InvalidField {
    pub(crate) field: String,
    pub(crate) code: u32,
    pub(crate) message: String,
}

/// Invalid parameter; also the outer code if fields are listed.
pub(crate) const INVALID_PARAMETER: u32 = 2204;
/// A required parameter is missing or empty.
pub(crate) const EMPTY_PARAMETER: u32 = 2205;
/// A page beyond the last one.
pub(crate) const PAGE_OUT_OF_RANGE: u32 = 2286;
/// The upload approach `streaming`, which Vimeo has shut down.
pub(crate) const STREAMING_CLOSED: u32 = 2552;
/// The caller lacks permission.
pub(crate) const PERMISSION_DENIED: u32 = 3200;
/// The account's storage is full.
pub(crate) const DISK_QUOTA: u32 = 4101;
/// The account's quota for the current period is used up.
pub(crate) const PERIODIC_QUOTA: u32 = 4102;
/// The requested resource does not exist.
pub(crate) const NOT_FOUND: u32 = 5000;
/// A temporary failure; the client should retry.
pub(crate) const TEMPORARILY_UNAVAILABLE: u32 = 7001;
/// The access token is missing or invalid.
pub(crate) const INVALID_TOKEN: u32 = 8003;

impl ApiError {
    pub(crate) fn new(
        status: StatusCode,
        code: Option<u32>,
        message: &str,
        developer_message: impl Into<String>,
    ) -> Self {
        Self {
            status,
            message: message.to_owned(),
            developer_message: developer_message.into(),
            code,
            fields: Vec::new(),
            oauth_error: None,
            is_bare: false,
            challenge: None,
        }
    }

    /// A call that needs a user, with a token that has none.
    pub(crate) fn no_user() -> Self {
        let message = "This operation requires a user's access token, and the token belongs to an app (no user credentials).";
        Self { challenge: Some("Bearer error=\"invalid_token\""), ..Self::unauthorized(message) }
    }

    /// A scope that the token lacks. The body contains only `error`, as recorded from Vimeo.
    pub(crate) fn missing_scope(scope: &str) -> Self {
        let message = format!("Your access token does not have the \"{scope}\" scope");
        Self { is_bare: true, ..Self::new(StatusCode::FORBIDDEN, None, &message, "") }
    }

    /// An error of a token operation.
    pub(crate) fn oauth(status: StatusCode, code: &'static str, description: impl Into<String>) -> Self {
        Self { oauth_error: Some(code), ..Self::new(status, None, code, description) }
    }

    pub(crate) fn unauthorized(developer_message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            Some(INVALID_TOKEN),
            "This request is not authenticated.",
            developer_message,
        )
    }

    pub(crate) fn forbidden(code: Option<u32>, developer_message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, "You are not permitted to do this.", developer_message)
    }

    pub(crate) fn not_found(resource: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            Some(NOT_FOUND),
            "This does not exist, or you may not see it.",
            format!("This token can see no such {resource}."),
        )
    }

    pub(crate) fn invalid(fields: Vec<InvalidField>) -> Self {
        let names: Vec<&str> = fields.iter().map(|field| field.field.as_str()).collect();
        let developer_message = format!("Invalid parameters: {}.", names.join(", "));
        Self {
            fields,
            ..Self::new(
                StatusCode::BAD_REQUEST,
                Some(INVALID_PARAMETER),
                "The request has invalid parameters.",
                developer_message,
            )
        }
    }

    pub(crate) fn invalid_field(field: &str, message: impl Into<String>) -> Self {
        Self::invalid(vec![InvalidField::new(field, message)])
    }

    pub(crate) fn bad_request(code: u32, developer_message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Some(code), "The request cannot be understood.", developer_message)
    }

    pub(crate) fn page_out_of_range() -> Self {
        Self::bad_request(PAGE_OUT_OF_RANGE, "The page is beyond the end of the list.")
    }

    /// The JSON body: OAuth's two members for token operations; otherwise Vimeo's `error` object, in which `link` is always
    /// null.
    pub(crate) fn body(&self) -> Value {
        if let Some(code) = self.oauth_error {
            return json!({"error": code, "error_description": self.developer_message});
        }
        if self.is_bare {
            return json!({"error": self.message});
        }
        let mut body = json!({
            "error": self.message,
            "link": null,
            "developer_message": self.developer_message,
        });
        if let Some(members) = body.as_object_mut() {
            if let Some(code) = self.code {
                members.insert("error_code".to_owned(), code.into());
            }
            if !self.fields.is_empty() {
                let fields = self.fields.iter().map(InvalidField::body).collect();
                members.insert("invalid_parameters".to_owned(), Value::Array(fields));
            }
        }
        body
    }
}

impl InvalidField {
    pub(crate) fn new(field: &str, message: impl Into<String>) -> Self {
        Self { field: field.to_owned(), code: INVALID_PARAMETER, message: message.into() }
    }

    pub(crate) fn with_code(mut self, code: u32) -> Self {
        self.code = code;
        self
    }

    fn body(&self) -> Value {
        json!({
            "field": self.field,
            "error_code": self.code,
            "error": self.message,
            "developer_message": self.message,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_body_formats() {
        let body = ApiError::page_out_of_range().body();
        assert_eq!(body["error_code"], 2286);
        assert_eq!(body["link"], Value::Null);
        assert!(body.get("invalid_parameters").is_none());

        let body = ApiError::invalid_field("upload.size", "must be a number").body();
        assert_eq!(body["error_code"], 2204);
        assert_eq!(body["invalid_parameters"][0]["field"], "upload.size");

        let body = ApiError::forbidden(None, "no").body();
        assert!(body.get("error_code").is_none());

        let body = ApiError::missing_scope("create").body();
        assert_eq!(body, json!({"error": "Your access token does not have the \"create\" scope"}));
    }
}
