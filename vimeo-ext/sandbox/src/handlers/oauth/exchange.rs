//! Exchanges authorization codes and refresh tokens for access tokens.

use http::StatusCode;

use super::{grant_error, issue};
use crate::call::{Call, Outcome};
use crate::protocol::error::ApiError;

/// `POST /oauth/access_token`. Errors have the format of the token operations.
pub(crate) fn exchange(call: &mut Call<'_>) -> Outcome {
    let mut input = call.input()?;
    let mut required = |name: &str| {
        let text = input.string(name).filter(|text| !text.is_empty());
        text.ok_or_else(|| {
            ApiError::oauth(StatusCode::BAD_REQUEST, "invalid_request", format!("{name} is required."))
        })
    };
    match required("grant_type")?.as_str() {
        "authorization_code" => {
            let (code, redirect_uri) = (required("code")?, required("redirect_uri")?);
            let verifier = input.string("code_verifier");
            let grant = call.state.grants.take_code(&code, &redirect_uri, verifier.as_deref(), call.now);
            issue(call, grant.map_err(grant_error)?)
        }
        // Vimeo documents no refresh tokens; this follows OAuth, and is enabled only if tokens expire.
        "refresh_token" if call.state.config.token_lifetime.is_some() => {
            let grant = call.state.grants.take_refresh(&required("refresh_token")?);
            issue(call, grant.map_err(grant_error)?)
        }
        other => {
            let message = format!("\"{other}\" is not a supported grant type.");
            Err(ApiError::oauth(StatusCode::BAD_REQUEST, "unsupported_grant_type", message))
        }
    }
}
