//! An in-memory Vimeo: it verifies tokens, and responds to everything else with a rate limit.

use chrono::{TimeDelta, Utc};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::json;
use vimeo_ext::Vimeo;
use vimeo_ext::api::{RawResponse, Request, Transport, TransportFuture};

use crate::AnyError;

/// Tokens expire evenly over this many days from tomorrow on.
pub(crate) const DAYS: u64 = 60;

struct FakeVimeo;

impl Transport for FakeVimeo {
    fn send(&self, request: Request) -> TransportFuture<'_> {
        Box::pin(async move {
            let now = Utc::now();
            let mut headers = HeaderMap::new();
            if !request.url.path().ends_with("/oauth/verify") {
                headers.insert("x-ratelimit-limit", HeaderValue::from_static("600"));
                headers.insert("x-ratelimit-remaining", HeaderValue::from_static("599"));
                let reset = (now + TimeDelta::seconds(60)).format("%Y-%m-%dT%H:%M:%S+00:00").to_string();
                if let Ok(reset) = HeaderValue::try_from(reset) {
                    headers.insert("x-ratelimit-reset", reset);
                }
                return Ok(RawResponse::new(StatusCode::OK, headers, "{}".into()));
            }
            let token = request.headers.get("authorization").and_then(|value| value.to_str().ok());
            let digits = token.and_then(|token| token.strip_prefix("Bearer ")).unwrap_or_default();
            let number = u64::from_str_radix(digits, 16).unwrap_or_default();
            let expires = TimeDelta::seconds((86_400 + number * 7_919 % (DAYS * 86_400)) as i64);
            let token_info = json!({
                "scope": "public private upload edit delete interact stats video_files",
                "expires_on": now + expires,
                "user": {"uri": format!("/users/{number}")},
            });
            Ok(RawResponse::new(StatusCode::OK, headers, token_info.to_string().into()))
        })
    }
}

pub(crate) fn transport() -> impl Transport {
    FakeVimeo
}

/// A client of an app against the in-memory Vimeo.
pub(crate) fn app() -> Result<Vimeo, AnyError> {
    Ok(Vimeo::builder().app("client id", "client secret").transport(transport()).build()?)
}
