//! The page on which a user lets an app in, or not.

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

/// What an app asks for, once it is known to be sound.
struct Ask {
    redirect_uri: Url,
    /// As the app wrote it: the exchange must repeat it to the letter.
    redirect_text: String,
    scopes: Scopes,
    state: Option<String>,
    challenge: Option<Challenge>,
}

/// Opens the world of the app that `client_id` names, in the query or in the form.
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

/// Without a known app nothing tells where to send the user back, so they stay here.
fn unknown_app(_: &mut Call<'_>) -> Outcome {
    stay("The app that sent you here is not known.")
}

fn stay(message: &str) -> Outcome {
    let body = format!("<p>{}</p>", escape(message));
    Ok(Answer::html(StatusCode::BAD_REQUEST, html::page("This cannot be authorized", &body)))
}

/// `GET /oauth/authorize`: what the app asks for, and two buttons.
pub(crate) fn page(call: &mut Call<'_>) -> Outcome {
    let query = call.request.query.clone();
    let ask = match read(call, &query) {
        Ok(ask) => ask,
        Err(answer) => return *answer,
    };
    let scopes = ask.scopes.to_string();
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
        "<p>{app} asks for:</p><ul>{items}</ul><form method=\"post\" action=\"/oauth/authorize\">{hidden}\
         <p><label>As <select name=\"user\">{users}</select></label></p>\
         <button name=\"decision\" value=\"accept\">Accept</button> \
         <button name=\"decision\" value=\"reject\">Reject</button></form>"
    );
    Ok(Answer::html(StatusCode::OK, html::page("Authorize an app", &body)))
}

/// `POST /oauth/authorize`: the user's decision, taken back to the app.
pub(crate) fn decide(call: &mut Call<'_>) -> Outcome {
    let form = form(call.request);
    let ask = match read(call, &form) {
        Ok(ask) => ask,
        Err(answer) => return *answer,
    };
    let chosen = form.get("user").and_then(|id| id.parse().ok()).unwrap_or(call.state.first_user);
    if !call.state.users.contains_key(&chosen) {
        return stay("There is no such user.");
    }
    if form.get("decision") != Some("accept") {
        return Ok(back(&ask, &[("error", "access_denied"), ("error_description", "The user said no.")]));
    }
    let code = call.state.ids.hex(40);
    let grant = Grant { user: chosen, scopes: ask.scopes.clone() };
    call.state.grants.add_code(
        code.clone(),
        grant,
        ask.redirect_text.clone(),
        ask.challenge.clone(),
        call.now,
    );
    Ok(back(&ask, &[("code", &code)]))
}

fn back(ask: &Ask, parameters: &[(&str, &str)]) -> Answer {
    let mut uri = ask.redirect_uri.clone();
    uri.query_pairs_mut().extend_pairs(parameters);
    if let Some(state) = &ask.state {
        uri.query_pairs_mut().append_pair("state", state);
    }
    Answer::redirect(uri.as_str())
}

/// Reads what the app asks for; where the redirect address is not sound, the user is not sent anywhere.
fn read(call: &Call<'_>, query: &Query) -> Result<Ask, Box<Outcome>> {
    let text = query.get("redirect_uri").unwrap_or_default();
    let redirect_uri =
        Url::parse(text).map_err(|_| Box::new(stay("redirect_uri is missing or no address.")))?;
    let registered = &call.state.config.redirect_uris;
    if !registered.is_empty() && !registered.iter().any(|known| known == text) {
        return Err(Box::new(stay("redirect_uri is none of those that the app has registered.")));
    }
    let scopes = Scopes::from(query.get("scope").unwrap_or_default());
    let challenge = Challenge::read(query.get("code_challenge"), query.get("code_challenge_method"));
    let mut ask = Ask {
        redirect_uri,
        redirect_text: text.to_owned(),
        scopes,
        state: query.get("state").map(str::to_owned),
        challenge: None,
    };
    let refuse = |ask: &Ask, error: &str| Err(Box::new(Ok(back(ask, &[("error", error)]))));
    if query.get("response_type") != Some("code") {
        return refuse(&ask, "unsupported_response_type");
    }
    if ask.scopes.unknown().next().is_some() {
        return refuse(&ask, "invalid_scope");
    }
    let Some(challenge) = challenge else { return refuse(&ask, "invalid_request") };
    ask.challenge = challenge;
    Ok(ask)
}
