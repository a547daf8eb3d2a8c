//! The device code grant: a device without a browser shows a code, which the user enters on another device.

use std::sync::Arc;

use http::{StatusCode, header};
use serde_json::json;

use super::{grant_error, issue};
use crate::call::{Answer, Call, Outcome, Request};
use crate::catalog::Operation;
use crate::config::scopes::Scopes;
use crate::handlers::Handler;
use crate::protocol::error::ApiError;
use crate::protocol::html::{self, escape};
use crate::protocol::query::Query;
use crate::world::grants::{DEVICE_LIFETIME, GrantError};
use crate::world::registry::WorldHandle;
use crate::world::resolver::WorldResolver;

/// The polling interval of a device, in seconds.
const POLL_INTERVAL_SECONDS: u64 = 5;

/// `POST /oauth/device`
pub(crate) fn device_code(call: &mut Call<'_>) -> Outcome {
    let mut input = call.input()?;
    if input.required_string("grant_type") != "device_grant" {
        return Err(ApiError::invalid_field("grant_type", "must be device_grant"));
    }
    let scopes = Scopes::from(input.string("scope").unwrap_or_default().as_str());
    input.finish()?;
    if let Some(unknown) = scopes.unknown().next() {
        return Err(ApiError::invalid_field("scope", format!("\"{unknown}\" is not a scope")));
    }
    let device_code = call.state.ids.hex(40);
    // Prefixed with the world's ID, which the activation page needs to find the world.
    let user_code = format!("{}-{}", call.state.id, call.state.ids.hex(6).to_uppercase());
    call.state.grants.add_device(device_code.clone(), user_code.clone(), scopes, call.now);
    let host = call.request.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let link = format!("http://{host}/oauth/device/activate");
    let body = json!({
        "device_code": device_code,
        "user_code": user_code,
        "authorize_link": format!("http://{host}/oauth/device/authorize"),
        "activate_link": format!("{link}?user_code={user_code}"),
        "expires_in": DEVICE_LIFETIME.num_seconds(),
        "interval": POLL_INTERVAL_SECONDS,
    });
    Ok(Answer::ok("auth", body))
}

/// `POST /oauth/device/authorize`. Vimeo's response while the user has not decided is unknown; its status is configurable.
pub(crate) fn device_token(call: &mut Call<'_>) -> Outcome {
    let mut input = call.input()?;
    let (device_code, user_code) = (input.required_string("device_code"), input.required_string("user_code"));
    input.finish()?;
    match call.state.grants.take_device(&device_code, &user_code, call.now) {
        Ok(grant) => issue(call, grant),
        Err(GrantError::Pending) => {
            let status =
                StatusCode::from_u16(call.state.config.device_pending).unwrap_or(StatusCode::BAD_REQUEST);
            Err(ApiError { status, ..grant_error(GrantError::Pending) })
        }
        Err(error) => Err(grant_error(error)),
    }
}

/// Finds the world from the prefix of the user code.
pub(crate) fn open_activate(
    resolver: &WorldResolver<'_>,
    request: &Request,
    _: &Operation,
) -> Result<(Arc<WorldHandle>, Handler), ApiError> {
    let form = Query::parse(&String::from_utf8_lossy(&request.body));
    let (handler, query): (Handler, _) = match form.get("user_code") {
        Some(_) => (activate_decide, &form),
        None => (activate, &request.query),
    };
    let world = query.get("user_code").and_then(|code| code.split('-').next()?.parse().ok());
    let handle = world.and_then(|world| resolver.get(world)).map_or_else(|| resolver.first(), Ok)?;
    Ok((handle, handler))
}

/// `GET /oauth/device/activate`, the target of `activate_link`. Vimeo's own path differs.
pub(crate) fn activate(call: &mut Call<'_>) -> Outcome {
    let code = call.request.query.get("user_code").unwrap_or_default();
    let Some(scopes) = call.state.grants.waiting_device(code, call.now) else {
        return page(StatusCode::NOT_FOUND, "<p>Unknown device code.</p>");
    };
    let body = format!(
        "<p>A device requests: {}</p><form method=\"post\" action=\"/oauth/device/activate\">\
         <input type=\"hidden\" name=\"user_code\" value=\"{}\">\
         <button name=\"decision\" value=\"accept\">Accept</button> \
         <button name=\"decision\" value=\"reject\">Reject</button></form>",
        escape(&scopes.to_string()),
        escape(code),
    );
    page(StatusCode::OK, &body)
}

pub(crate) fn activate_decide(call: &mut Call<'_>) -> Outcome {
    let form = Query::parse(&String::from_utf8_lossy(&call.request.body));
    let user = (form.get("decision") == Some("accept")).then_some(call.state.first_user);
    match call.state.grants.decide_device(form.get("user_code").unwrap_or_default(), user, call.now) {
        true => page(StatusCode::OK, "<p>Done. You can go back to the device.</p>"),
        false => page(StatusCode::NOT_FOUND, "<p>Unknown device code.</p>"),
    }
}

fn page(status: StatusCode, body: &str) -> Outcome {
    Ok(Answer::html(status, html::page("Activate a device", body)))
}
