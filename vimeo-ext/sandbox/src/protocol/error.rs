//! What the sandbox answers when it refuses, in Vimeo's error shapes.

use http::StatusCode;
use serde_json::{Value, json};

/// A refusal, as the API says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
    pub(crate) developer_message: String,
    /// Left out where the number that Vimeo sends is not known.
    pub(crate) code: Option<u32>,
    pub(crate) fields: Vec<InvalidField>,
    /// OAuth's word for it: then the refusal has the shape of the token operations.
    pub(crate) oauth: Option<&'static str>,
    /// Whether `error` stands alone in the body.
    pub(crate) is_bare: bool,
    /// What `WWW-Authenticate` says, where it is sent.
    pub(crate) challenge: Option<&'static str>,
}

/// One entry of `invalid_parameters`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InvalidField {
    pub(crate) field: String,
    pub(crate) code: u32,
    pub(crate) message: String,
}

/// An invalid parameter; also the outer code when one or more fields are named.
pub(crate) const INVALID: u32 = 2204;
/// Nothing where something is needed.
pub(crate) const EMPTY: u32 = 2205;
/// A page past the last one.
pub(crate) const NO_SUCH_PAGE: u32 = 2286;
/// The upload approach `streaming`, which Vimeo has closed.
pub(crate) const STREAMING_CLOSED: u32 = 2552;
/// The caller may not do this.
pub(crate) const NOT_ALLOWED: u32 = 3200;
/// The account's storage is full.
pub(crate) const DISK_QUOTA: u32 = 4101;
/// The account's allowance for the current period is used up.
pub(crate) const PERIODIC_QUOTA: u32 = 4102;
/// The thing asked for does not exist.
pub(crate) const NOT_FOUND: u32 = 5000;
/// The access token is missing or wrong.
pub(crate) const BAD_TOKEN: u32 = 8003;

impl ApiError {
    pub(crate) fn new(
        status: StatusCode,
        code: Option<u32>,
        message: &str,
        developer: impl Into<String>,
    ) -> Self {
        Self {
            status,
            message: message.to_owned(),
            developer_message: developer.into(),
            code,
            fields: Vec::new(),
            oauth: None,
            is_bare: false,
            challenge: None,
        }
    }

    /// A call about the token's user with a token that has none.
    pub(crate) fn no_user() -> Self {
        let message = "The token stands for an app, and this needs a user's (no user credentials).";
        Self { challenge: Some("Bearer error=\"invalid_token\""), ..Self::unauthorized(message) }
    }

    /// A scope that the token lacks, by name: in a body without anything else, as it was recorded.
    pub(crate) fn missing_scope(scope: &str) -> Self {
        let message = format!("Your access token does not have the \"{scope}\" scope");
        Self { is_bare: true, ..Self::new(StatusCode::FORBIDDEN, None, &message, "") }
    }

    /// A refusal by a token operation.
    pub(crate) fn auth(status: StatusCode, word: &'static str, description: impl Into<String>) -> Self {
        Self { oauth: Some(word), ..Self::new(status, None, word, description) }
    }

    pub(crate) fn unauthorized(developer: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, Some(BAD_TOKEN), "This request is not authenticated.", developer)
    }

    pub(crate) fn forbidden(code: Option<u32>, developer: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, "You are not permitted to do this.", developer)
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            Some(NOT_FOUND),
            "This does not exist, or you may not see it.",
            format!("No such {what} exists for this token."),
        )
    }

    pub(crate) fn invalid(fields: Vec<InvalidField>) -> Self {
        let names: Vec<&str> = fields.iter().map(|field| field.field.as_str()).collect();
        let developer = format!("Invalid parameters: {}.", names.join(", "));
        Self {
            fields,
            ..Self::new(
                StatusCode::BAD_REQUEST,
                Some(INVALID),
                "The request has invalid parameters.",
                developer,
            )
        }
    }

    pub(crate) fn invalid_field(field: &str, message: impl Into<String>) -> Self {
        Self::invalid(vec![InvalidField::new(field, message)])
    }

    pub(crate) fn bad_request(code: u32, developer: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Some(code), "The request cannot be understood.", developer)
    }

    pub(crate) fn no_such_page() -> Self {
        Self::bad_request(NO_SUCH_PAGE, "The list has no page of this number.")
    }

    /// OAuth's two members where it is a token operation's; else the shape `error`, with `link` always there and always null.
    pub(crate) fn body(&self) -> Value {
        if let Some(word) = self.oauth {
            return json!({"error": word, "error_description": self.developer_message});
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
        Self { field: field.to_owned(), code: INVALID, message: message.into() }
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
    fn link_is_null_and_fields_are_there_only_when_named() {
        let body = ApiError::no_such_page().body();
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
