//! Codes and refresh tokens become access tokens.

use http::StatusCode;

use super::{issue, refused};
use crate::call::{Call, Outcome};
use crate::protocol::error::ApiError;

/// `POST /oauth/access_token`. Refusals come in the shape that the token operations use.
pub(crate) fn exchange(call: &mut Call<'_>) -> Outcome {
    let mut input = call.input()?;
    let mut need = |name: &str| {
        let text = input.string(name).filter(|text| !text.is_empty());
        text.ok_or_else(|| {
            ApiError::oauth(StatusCode::BAD_REQUEST, "invalid_request", format!("{name} is required."))
        })
    };
    match need("grant_type")?.as_str() {
        "authorization_code" => {
            let (code, redirect_uri) = (need("code")?, need("redirect_uri")?);
            let verifier = input.string("code_verifier");
            let grant = call.state.grants.take_code(&code, &redirect_uri, verifier.as_deref(), call.now);
            issue(call, grant.map_err(refused)?)
        }
        // Vimeo documents no way to refresh; this is OAuth's, and only there when tokens end at all.
        "refresh_token" if call.state.config.token_lifetime.is_some() => {
            let grant = call.state.grants.take_refresh(&need("refresh_token")?);
            issue(call, grant.map_err(refused)?)
        }
        other => {
            let message = format!("\"{other}\" is no grant type that is taken here.");
            Err(ApiError::oauth(StatusCode::BAD_REQUEST, "unsupported_grant_type", message))
        }
    }
}
