//! OAuth: grants, token verification and revocation.

mod authorize;
mod device;
mod exchange;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use http::{StatusCode, header};

pub(crate) use authorize::{decide, open_authorize, page};
pub(crate) use device::{activate, activate_decide, device_code, device_token, open_activate};
pub(crate) use exchange::exchange;

use super::Handler;
use crate::call::{Answer, Call, Caller, Outcome, Request};
use crate::catalog::Operation;
use crate::config::scopes::Scopes;
use crate::protocol::error::ApiError;
use crate::protocol::input::Input;
use crate::synth::shapes::auth;
use crate::world::grants::{Grant, GrantError};
use crate::world::registry::WorldHandle;
use crate::world::resolver::WorldResolver;

pub(crate) fn verify(call: &mut Call<'_>) -> Outcome {
    let Caller { user, scopes } = caller(call)?;
    let token = call.request.token(&call.state.config).unwrap_or_default();
    let expires = call.state.token(token).and_then(|token| token.expires);
    let issued = auth::Issued { text: token, scopes: &scopes, user, expires, refresh: None };
    Ok(Answer::ok("auth", auth::token(&call.view(), &issued, &call.selection)))
}

pub(crate) fn revoke(call: &mut Call<'_>) -> Outcome {
    caller(call)?;
    let token = call.request.token(&call.state.config).unwrap_or_default();
    call.state.revoke(token);
    Ok(Answer::no_content())
}

fn caller(call: &Call<'_>) -> Result<Caller, ApiError> {
    call.caller.clone().ok_or_else(|| ApiError::unauthorized("No access token was sent."))
}

/// Issues a token for the app itself (client credentials grant).
pub(crate) fn client_credentials(call: &mut Call<'_>) -> Outcome {
    let mut input = call.input()?;
    if input.required_string("grant_type") != "client_credentials" {
        return Err(ApiError::invalid_field("grant_type", "must be client_credentials"));
    }
    let scopes = Scopes::from(input.string("scope").unwrap_or_default().as_str());
    input.finish()?;
    if let Some(unknown) = scopes.unknown().next() {
        return Err(ApiError::invalid_field("scope", format!("\"{unknown}\" is not a scope")));
    }
    let token = call.state.issue_token(None, scopes.clone(), None);
    let issued = auth::Issued { text: &token, scopes: &scopes, user: None, expires: None, refresh: None };
    Ok(Answer::ok("auth", auth::token(&call.view(), &issued, &call.selection)))
}

/// Issues a token for a grant. It expires and has a refresh token if a token lifetime is configured.
fn issue(call: &mut Call<'_>, grant: Grant) -> Outcome {
    let lifetime = call.state.config.token_lifetime.and_then(|time| TimeDelta::from_std(time).ok());
    let expires = lifetime.and_then(|time| call.now.checked_add_signed(time));
    let token = call.state.issue_token(Some(grant.user), grant.scopes.clone(), expires);
    let refresh =
        expires.map(|_| format!("sandbox-refresh-token-{}-{}", call.state.id, call.state.ids.hex(16)));
    if let Some(refresh) = &refresh {
        call.state.grants.add_refresh(refresh.clone(), grant.clone());
    }
    let issued = auth::Issued {
        text: &token,
        scopes: &grant.scopes,
        user: Some(grant.user),
        expires,
        refresh: refresh.as_deref(),
    };
    Ok(Answer::ok("auth", auth::token(&call.view(), &issued, &call.selection)))
}

/// The error for a rejected grant, in the format of the token operations.
fn grant_error(reason: GrantError) -> ApiError {
    let message = match reason {
        GrantError::InvalidGrant => {
            "The code is unknown, used or expired, or redirect_uri or code_verifier does not match."
        }
        GrantError::Pending => "The user has not decided yet.",
        GrantError::Denied => "The user rejected the request.",
        GrantError::Expired => "The device code has expired.",
    };
    ApiError::oauth(StatusCode::BAD_REQUEST, reason.as_str(), message)
}

/// Finds the world of the app whose credentials were sent, and the handler of the operation.
pub(crate) fn open_by_credentials(
    resolver: &WorldResolver<'_>,
    request: &Request,
    operation: &Operation,
) -> Result<(Arc<WorldHandle>, Handler), ApiError> {
    let invalid_client = || {
        let message = "The client ID and secret must be sent with Basic authentication and match an app.";
        ApiError::oauth(StatusCode::UNAUTHORIZED, "invalid_client", message)
    };
    let from_form = || form_credentials(request).filter(|_| resolver.config().form_credentials);
    let (id, secret) = basic_credentials(request).or_else(from_form).ok_or_else(invalid_client)?;
    let handle = resolver.of(&id).ok_or_else(invalid_client)?;
    let known = {
        let (state, _) = handle.write();
        state.app.client_id == id && state.app.client_secret == secret
    };
    if known {
        let handler: Handler = match operation.name {
            "client_auth" => client_credentials,
            "exchange_auth_code" => exchange,
            "device_code" => device_code,
            "device_token" => device_token,
            _ => return Err(ApiError::not_found("operation")),
        };
        Ok((handle, handler))
    } else {
        Err(invalid_client())
    }
}

/// The app credentials in the body.
fn form_credentials(request: &Request) -> Option<(String, String)> {
    let mut input = Input::parse(&request.headers, &request.body).ok()?;
    Some((input.string("client_id")?, input.string("client_secret")?))
}

fn basic_credentials(request: &Request) -> Option<(String, String)> {
    let value = request.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, text) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(text.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}
