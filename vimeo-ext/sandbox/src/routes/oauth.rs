//! Tokens: got, looked at, given back.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{StatusCode, header};

use super::Handler;
use crate::call::{Answer, Call, Caller, Outcome, Request};
use crate::errors::{ApiError, NO_CLIENT};
use crate::scopes::Scopes;
use crate::shapes::auth;
use crate::world::registry::{Cell, Worlds};

pub(crate) fn verify(call: &mut Call<'_>) -> Outcome {
    let Caller { token, user, scopes } = caller(call)?;
    let expires = call.state.token(&token).and_then(|token| token.expires);
    Ok(Answer::ok("auth", auth::token(&call.view(), &token, &scopes, user, expires, &call.selection)))
}

pub(crate) fn revoke(call: &mut Call<'_>) -> Outcome {
    let caller = caller(call)?;
    call.state.revoke(&caller.token);
    Ok(Answer::no_content())
}

fn caller(call: &Call<'_>) -> Result<Caller, ApiError> {
    call.caller.clone().ok_or_else(|| ApiError::unauthorized("No access token was sent."))
}

/// A token for the app alone, for its id and secret.
pub(crate) fn client_credentials(call: &mut Call<'_>) -> Outcome {
    let mut input = call.input()?;
    if input.required_text("grant_type") != "client_credentials" {
        return Err(ApiError::invalid_field("grant_type", "must be client_credentials"));
    }
    let scopes = Scopes::from(input.text("scope").unwrap_or_default().as_str());
    input.finish()?;
    if let Some(unknown) = scopes.unknown().next() {
        return Err(ApiError::invalid_field("scope", format!("\"{unknown}\" is no scope")));
    }
    let token = call.state.issue_token(None, scopes.clone(), None);
    Ok(Answer::ok("auth", auth::token(&call.view(), &token, &scopes, None, None, &call.selection)))
}

pub(crate) fn open_client_credentials(
    worlds: &Worlds,
    request: &Request,
) -> Result<(Arc<Cell>, Handler), ApiError> {
    let cell = app(worlds, request)?;
    Ok((cell, client_credentials))
}

/// The world of the app whose id and secret are in the request's Basic authorization.
fn app(worlds: &Worlds, request: &Request) -> Result<Arc<Cell>, ApiError> {
    let refused = || {
        let message = "The client id and secret must be sent as Basic authorization, and be those of an app.";
        ApiError::new(StatusCode::UNAUTHORIZED, Some(NO_CLIENT), "The app is not known.", message)
    };
    let (id, secret) = basic(request).ok_or_else(refused)?;
    let cell = worlds.of(&id).ok_or_else(refused)?;
    let known = {
        let (state, _) = cell.enter();
        state.app.client_id == id && state.app.client_secret == secret
    };
    if known { Ok(cell) } else { Err(refused()) }
}

fn basic(request: &Request) -> Option<(String, String)> {
    let value = request.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, text) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(text.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}
