//! Whether a call took effect, by its result: a pure function of its parameters.

use http::{HeaderMap, StatusCode};
use vimeo_api::{ApiError, Delivery, RawResponse, ResponseOrigin};

use super::AttemptResult;

/// The parts of a response that retry decisions depend on.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct ResponseSummary<'a> {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// Whether the API sent the response, or an intermediary.
    pub origin: ResponseOrigin,
    /// Vimeo's error code.
    pub code: Option<i64>,
}

impl<'a> ResponseSummary<'a> {
    /// Makes a summary with an unclear origin and no error code.
    pub fn new(status: StatusCode, headers: &'a HeaderMap) -> Self {
        Self { status, headers, origin: ResponseOrigin::Unclear, code: None }
    }

    /// Sets the origin, and the error code from the body.
    #[must_use]
    pub fn sent_by(mut self, origin: ResponseOrigin, code: Option<i64>) -> Self {
        (self.origin, self.code) = (origin, code);
        self
    }

    /// Summarizes a response.
    pub fn of(response: &'a RawResponse) -> Self {
        let origin = response.origin();
        let is_error = !response.status.is_success() && origin == ResponseOrigin::Api;
        let code = is_error.then(|| ApiError::read(None, "", response.clone()).error_code()).flatten();
        Self::new(response.status, &response.headers).sent_by(origin, code)
    }

    /// Whether the API itself says that the call had no effect, and asks for a retry.
    pub(super) fn requests_retry(&self) -> bool {
        self.status == StatusCode::SERVICE_UNAVAILABLE
            && self.origin == ResponseOrigin::Api
            && self.code == Some(RETRY_REQUESTED)
    }
}

/// Vimeo's error code for "retry your request"; it comes with `503`.
const RETRY_REQUESTED: i64 = 7001;

/// The non-standard status of a gateway whose client has closed the connection.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// Whether a call took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It was executed.
    Done,
    /// It had no effect.
    Nothing,
    /// It may have been executed: check before repeating a call that creates something.
    Unknown,
}

/// Returns whether a call took effect, by its result.
///
/// | result | effect |
/// |---|---|
/// | not sent, or refused by middleware | nothing |
/// | no response | unknown |
/// | `2xx` of the API, or without a body | done |
/// | `503` of the API with code 7001, which asks for a retry | nothing |
/// | any other `5xx` | unknown |
/// | `408` or `499`, which gateways send while a call is in flight | unknown |
/// | `425` | nothing if the API sent it, else unknown |
/// | any other `4xx` of the API or of unclear origin | nothing |
/// | any response of an intermediary, and any redirect | unknown |
///
/// ```
/// use http::{HeaderMap, StatusCode};
/// use vimeo_ext::api::ResponseOrigin;
/// use vimeo_ext::retry::{ResponseSummary, Effect, AttemptResult, effect};
///
/// let headers = HeaderMap::new();
/// let response = ResponseSummary::new(StatusCode::TOO_MANY_REQUESTS, &headers);
/// assert_eq!(effect(&AttemptResult::Response(response.sent_by(ResponseOrigin::Api, None))), Effect::Nothing);
/// assert_eq!(effect(&AttemptResult::Response(response.sent_by(ResponseOrigin::Intermediary, None))), Effect::Unknown);
/// ```
pub fn effect(outcome: &AttemptResult<'_>) -> Effect {
    let response = match outcome {
        AttemptResult::Refused | AttemptResult::NoResponse(Delivery::NotSent) => return Effect::Nothing,
        AttemptResult::NoResponse(_) => return Effect::Unknown,
        AttemptResult::Response(response) => response,
    };
    match response.status {
        _ if response.origin == ResponseOrigin::Intermediary => Effect::Unknown,
        status if status.is_success() => Effect::Done,
        _ if response.requests_retry() => Effect::Nothing,
        StatusCode::REQUEST_TIMEOUT => Effect::Unknown,
        StatusCode::TOO_EARLY if response.origin != ResponseOrigin::Api => Effect::Unknown,
        status if status.as_u16() == CLIENT_CLOSED_REQUEST => Effect::Unknown,
        status if status.is_client_error() => Effect::Nothing,
        _ => Effect::Unknown,
    }
}

/// Returns whether a call took effect, by its error; see [`effect`].
///
/// A flow that creates something checks this before it deletes its journal entry.
pub fn effect_of_error(error: &vimeo_api::Error) -> Effect {
    let Some(response) = error.api() else {
        return match (error.delivery(), error.status()) {
            // The response could not be read.
            (_, Some(status)) if status.is_success() && !error.is_intermediary() => Effect::Done,
            (Delivery::NotSent, None) => Effect::Nothing,
            _ => Effect::Unknown,
        };
    };
    if error.delivery() == Delivery::NotSent {
        return Effect::Nothing;
    }
    let summary = ResponseSummary::new(response.status(), response.headers())
        .sent_by(response.origin(), response.error_code());
    effect(&AttemptResult::Response(summary))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use vimeo_api::Error;

    use super::*;

    const VIMEO: &str = r#"{"error": "No."}"#;
    const RETRY: &str = r#"{"error": "x", "developer_message": "Please retry.", "error_code": 7001}"#;
    const HTML: &str = "<html><title>Gateway</title></html>";

    #[test]
    fn effect_by_status_and_body() {
        use Effect::{Done, Nothing, Unknown};
        // (status, body, effect)
        let table = [
            (200, "{}", Done),
            (204, "", Done),
            (200, HTML, Unknown),
            (302, "", Unknown),
            (400, VIMEO, Nothing),
            (400, "", Nothing),
            (400, HTML, Unknown),
            (401, HTML, Unknown),
            (403, VIMEO, Nothing),
            (403, HTML, Unknown),
            (408, VIMEO, Unknown),
            (408, "", Unknown),
            (408, HTML, Unknown),
            (413, HTML, Unknown),
            (425, VIMEO, Nothing),
            (425, "", Unknown),
            (425, HTML, Unknown),
            (429, VIMEO, Nothing),
            (429, "", Nothing),
            (429, HTML, Unknown),
            (499, VIMEO, Unknown),
            (499, HTML, Unknown),
            (500, VIMEO, Unknown),
            (502, r#"{"error": "x", "error_code": 3116}"#, Unknown),
            (502, HTML, Unknown),
            (503, RETRY, Nothing),
            (500, RETRY, Unknown),
            (503, HTML, Unknown),
            (503, "", Unknown),
            (524, "error code: 524", Unknown),
        ];
        for (status, body, expected) in table {
            let status = StatusCode::from_u16(status).unwrap();
            let response = RawResponse::new(status, HeaderMap::new(), Bytes::from_static(body.as_bytes()));
            assert_eq!(
                effect(&AttemptResult::Response(ResponseSummary::of(&response))),
                expected,
                "{status} {body}"
            );
            if !status.is_success() {
                let error = Error::from_api_error(ApiError::read(None, "create_video", response));
                assert_eq!(effect_of_error(&error), expected, "{error}");
            }
        }
    }

    #[test]
    fn effect_without_a_response() {
        let timed_out =
            |delivery| Error::TimedOut { operation: "x".into(), after: Default::default(), delivery };
        let no_content =
            Error::NoContent { operation: "x".into(), status: StatusCode::CREATED, headers: Box::default() };
        for (error, expected) in [
            (Error::invalid("x", "y"), Effect::Nothing),
            (timed_out(Delivery::NotSent), Effect::Nothing),
            (timed_out(Delivery::Unknown), Effect::Unknown),
            (Error::Middleware("closed".into()), Effect::Unknown),
            (no_content, Effect::Done),
        ] {
            assert_eq!(effect_of_error(&error), expected, "{error}");
        }
        assert_eq!(effect(&AttemptResult::Refused), Effect::Nothing);
    }
}
