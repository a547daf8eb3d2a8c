//! What the end of a call says about whether it took effect: pure, all it goes by comes in.

use http::{HeaderMap, StatusCode};
use vimeo_api::{ApiError, Delivery, RawResponse, ResponseOrigin};

use super::AttemptResult;

/// A response, as far as decisions go by it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct ResponseSummary<'a> {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Whether the API sent it, or something before it.
    pub origin: ResponseOrigin,
    /// Vimeo's number for the error.
    pub code: Option<i64>,
}

impl<'a> ResponseSummary<'a> {
    /// A response of which no more is known than its status and headers.
    pub fn new(status: StatusCode, headers: &'a HeaderMap) -> Self {
        Self { status, headers, origin: ResponseOrigin::Unclear, code: None }
    }

    /// Sent by this one, and with this number in its body.
    #[must_use]
    pub fn sent_by(mut self, origin: ResponseOrigin, code: Option<i64>) -> Self {
        (self.origin, self.code) = (origin, code);
        self
    }

    /// What a response says.
    pub fn of(response: &'a RawResponse) -> Self {
        let origin = response.origin();
        let is_error = !response.status.is_success() && origin == ResponseOrigin::Api;
        let code = is_error.then(|| ApiError::read(None, "", response.clone()).error_code()).flatten();
        Self::new(response.status, &response.headers).sent_by(origin, code)
    }

    /// Whether the API itself says that it did nothing, and asks for the call again.
    pub(super) fn requests_retry(&self) -> bool {
        self.status == StatusCode::SERVICE_UNAVAILABLE
            && self.origin == ResponseOrigin::Api
            && self.code == Some(ASKS_AGAIN)
    }
}

/// Vimeo's number for "retry your request"; it comes with `503`.
const ASKS_AGAIN: i64 = 7001;

/// What a gateway says when its client has gone away; it is no standard's.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// Whether a call took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It did what it was to do.
    Done,
    /// It did nothing.
    Nothing,
    /// It may have: look before a call is sent again that creates something.
    Unknown,
}

/// Whether a call took effect, by how it ended.
///
/// | how it ended | |
/// |---|---|
/// | not sent; a layer refused to send | nothing |
/// | no response | unknown |
/// | `2xx` of the API, or without a body | done |
/// | `503` of the API with code 7001, which asks for the call again | nothing |
/// | any other `5xx` | unknown |
/// | `408` or `499`, which gateways send while the call is under way | unknown |
/// | `425` | nothing if the API sent it, else unknown |
/// | any other `4xx` of the API, or of nobody knows whom | nothing |
/// | anything that something before the API sent, and any redirect | unknown |
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

/// As [`effect`], of the error that a call ended with.
///
/// A flow that creates something asks this before it lets go of what it has written down.
pub fn effect_of_error(error: &vimeo_api::Error) -> Effect {
    let Some(answer) = error.api() else {
        return match (error.delivery(), error.status()) {
            // A response that could not be read.
            (_, Some(status)) if status.is_success() && !error.is_intermediary() => Effect::Done,
            (Delivery::NotSent, None) => Effect::Nothing,
            _ => Effect::Unknown,
        };
    };
    if error.delivery() == Delivery::NotSent {
        return Effect::Nothing;
    }
    let response =
        ResponseSummary::new(answer.status(), answer.headers()).sent_by(answer.origin(), answer.error_code());
    effect(&AttemptResult::Response(response))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use vimeo_api::Error;

    use super::*;

    const VIMEO: &str = r#"{"error": "No."}"#;
    const AGAIN: &str = r#"{"error": "x", "developer_message": "Please retry.", "error_code": 7001}"#;
    const HTML: &str = "<html><title>Gateway</title></html>";

    #[test]
    fn the_table_of_responses() {
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
            (503, AGAIN, Nothing),
            (500, AGAIN, Unknown),
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
    fn the_table_of_missing_responses() {
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
