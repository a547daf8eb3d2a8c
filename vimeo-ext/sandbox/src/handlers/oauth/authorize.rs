//! The authorization page, on which a user accepts or rejects an app.

use std::sync::Arc;

use http::StatusCode;
use url::Url;

use crate::call::{Answer, Call, Outcome, Request};
use crate::catalog::Operation;
use crate::config::scopes::Scopes;
use crate::handlers::Handler;
use crate::protocol::error::ApiError;
use crate::protocol::html::{self, escape};
use crate::protocol::query::Query;
use crate::world::grants::{Challenge, Grant};
use crate::world::registry::WorldHandle;
use crate::world::resolver::WorldResolver;

/// A validated authorization request.
struct AuthorizationRequest {
    redirect_uri: Url,
    /// As sent by the app; the code exchange must repeat it verbatim.
    redirect_text: String,
    scopes: Scopes,
    state: Option<String>,
    challenge: Option<Challenge>,
}

/// Finds the world of the app whose `client_id` is in the query or the form.
pub(crate) fn open_authorize(
    resolver: &WorldResolver<'_>,
    request: &Request,
    _: &Operation,
) -> Result<(Arc<WorldHandle>, Handler), ApiError> {
    let form = form(request);
    let id = form.get("client_id").or(request.query.get("client_id")).unwrap_or_default();
    let handler: Handler = if form.get("client_id").is_some() { decide } else { page };
    let Some(handle) = resolver.of(id) else { return Ok((resolver.first()?, unknown_app)) };
    let (state, _) = handle.write();
    let is_app = state.app.client_id == id;
    drop(state);
    match is_app {
        true => Ok((handle, handler)),
        false => Ok((handle, unknown_app)),
    }
}

fn form(request: &Request) -> Query {
    Query::parse(&String::from_utf8_lossy(&request.body))
}

/// Without a known app there is no trusted redirect URI, so the user sees an error page.
fn unknown_app(_: &mut Call<'_>) -> Outcome {
    error_page("Unknown app.")
}

fn error_page(message: &str) -> Outcome {
    let body = format!("<p>{}</p>", escape(message));
    Ok(Answer::html(StatusCode::BAD_REQUEST, html::page("Authorization failed", &body)))
}

/// `GET /oauth/authorize`: shows the requested scopes, with buttons to accept and reject.
pub(crate) fn page(call: &mut Call<'_>) -> Outcome {
    let query = call.request.query.clone();
    let auth_request = match parse_request(call, &query) {
        Ok(auth_request) => auth_request,
        Err(answer) => return *answer,
    };
    let scopes = auth_request.scopes.to_string();
    let items: String = scopes.split(' ').map(|scope| format!("<li>{}</li>", escape(scope))).collect();
    let users: String = call
        .state
        .users
        .values()
        .map(|user| format!("<option value=\"{}\">{}</option>", user.id, escape(&user.name)))
        .collect();
    let hidden: String = query
        .pairs()
        .iter()
        .map(|(name, value)| {
            format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", escape(name), escape(value))
        })
        .collect();
    let app = escape(&call.state.app.name);
    let body = format!(
        "<p>{app} requests:</p><ul>{items}</ul><form method=\"post\" action=\"/oauth/authorize\">{hidden}\
         <p><label>As <select name=\"user\">{users}</select></label></p>\
         <button name=\"decision\" value=\"accept\">Accept</button> \
         <button name=\"decision\" value=\"reject\">Reject</button></form>"
    );
    Ok(Answer::html(StatusCode::OK, html::page("Authorize an app", &body)))
}

/// `POST /oauth/authorize`: redirects to the app with the user's decision.
pub(crate) fn decide(call: &mut Call<'_>) -> Outcome {
    let form = form(call.request);
    let auth_request = match parse_request(call, &form) {
        Ok(auth_request) => auth_request,
        Err(answer) => return *answer,
    };
    let chosen = form.get("user").and_then(|id| id.parse().ok()).unwrap_or(call.state.first_user);
    if !call.state.users.contains_key(&chosen) {
        return error_page("Unknown user.");
    }
    if form.get("decision") != Some("accept") {
        return Ok(redirect_to_app(
            &auth_request,
            &[("error", "access_denied"), ("error_description", "The user rejected the request.")],
        ));
    }
    let code = call.state.ids.hex(40);
    let grant = Grant { user: chosen, scopes: auth_request.scopes.clone() };
    call.state.grants.add_code(
        code.clone(),
        grant,
        auth_request.redirect_text.clone(),
        auth_request.challenge.clone(),
        call.now,
    );
    Ok(redirect_to_app(&auth_request, &[("code", &code)]))
}

fn redirect_to_app(auth_request: &AuthorizationRequest, parameters: &[(&str, &str)]) -> Answer {
    let mut uri = auth_request.redirect_uri.clone();
    uri.query_pairs_mut().extend_pairs(parameters);
    if let Some(state) = &auth_request.state {
        uri.query_pairs_mut().append_pair("state", state);
    }
    Answer::redirect(uri.as_str())
}

/// Validates the request. If the redirect URI is not trusted, the error is shown instead of redirecting.
fn parse_request(call: &Call<'_>, query: &Query) -> Result<AuthorizationRequest, Box<Outcome>> {
    let text = query.get("redirect_uri").unwrap_or_default();
    let redirect_uri =
        Url::parse(text).map_err(|_| Box::new(error_page("redirect_uri is missing or invalid.")))?;
    let registered = &call.state.config.redirect_uris;
    if !registered.is_empty() && !registered.iter().any(|known| known == text) {
        return Err(Box::new(error_page("redirect_uri is not registered for the app.")));
    }
    let scopes = Scopes::from(query.get("scope").unwrap_or_default());
    let challenge = Challenge::read(query.get("code_challenge"), query.get("code_challenge_method"));
    let mut auth_request = AuthorizationRequest {
        redirect_uri,
        redirect_text: text.to_owned(),
        scopes,
        state: query.get("state").map(str::to_owned),
        challenge: None,
    };
    let reject = |auth_request: &AuthorizationRequest, error: &str| {
        Err(Box::new(Ok(redirect_to_app(auth_request, &[("error", error)]))))
    };
    if query.get("response_type") != Some("code") {
        return reject(&auth_request, "unsupported_response_type");
    }
    if auth_request.scopes.unknown().next().is_some() {
        return reject(&auth_request, "invalid_scope");
    }
    let Some(challenge) = challenge else { return reject(&auth_request, "invalid_request") };
    auth_request.challenge = challenge;
    Ok(auth_request)
}
