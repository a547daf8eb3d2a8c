//! Worlds: created, listed, reset, filled, rate-limited, exported and imported.

use std::sync::Arc;

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{ControlError, ControlRequest, Outcome, Reply};
use crate::app::AppState;
use crate::clock::{Mode, iso};
use crate::config::mutation::Mutation;
use crate::config::rate_limit::{RateLimit, RateLimitHeaders};
use crate::config::scopes::Scopes;
use crate::world::fixture::Fixture;
use crate::world::handle::World;
use crate::world::registry::{ResetScope, WorldHandle};
use crate::world::spec::WorldSpec;

/// How many worlds may exist before the control API rejects new ones.
const MAX_WORLDS: usize = 10_000;

/// Describes a world: its addresses, credentials and clock.
pub(crate) fn description(app: &AppState, handle: &WorldHandle) -> Value {
    let spec = handle.spec();
    let (state, now) = handle.read();
    let addresses = &app.addresses;
    let own = app.ports.url(handle.id);
    // The shared listeners select worlds by token, and this world's token may select another one there.
    let is_shared = own.is_none();
    let url = own.unwrap_or_else(|| addresses.api.clone());
    let upload_url = if app.one_host { &url } else { &addresses.upload };
    json!({
        "world": handle.id,
        "url": url.as_str(),
        "upload_url": upload_url.as_str(),
        "https_url": addresses.https.as_ref().filter(|_| is_shared).map(url::Url::as_str),
        "proxy_url": addresses.proxy.as_ref().filter(|_| is_shared).map(url::Url::as_str),
        "ca_file": addresses.ca_file.as_ref().filter(|_| is_shared),
        "unix": addresses.unix.as_ref().filter(|_| is_shared),
        "token": spec.token(),
        "client_id": state.app.client_id,
        "client_secret": state.app.client_secret,
        "app_id": state.app.id,
        "user_id": state.first_user,
        "seed": spec.seed,
        "now": iso(now),
        "frozen": handle.clock.is_frozen(),
    })
}

pub(super) fn health(request: &ControlRequest<'_>) -> Outcome {
    Reply::ok(json!({
        "status": "ok",
        "version": env!("CARGO_PKG_VERSION"),
        "worlds": request.app.worlds.all().len(),
        "kept": request.app.worlds.are_durable(),
    }))
}

pub(super) fn list(request: &ControlRequest<'_>) -> Outcome {
    let worlds: Vec<Value> =
        request.app.worlds.all().iter().map(|handle| description(request.app, handle)).collect();
    Reply::ok(json!({"worlds": worlds}))
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct NewWorld {
    seed: u64,
    /// The time at which the new world's clock is frozen; if left out, it starts like the first world's clock.
    frozen: Option<chrono::DateTime<chrono::Utc>>,
    token: Option<String>,
    scopes: Option<String>,
    fill: Option<Fixture>,
    #[serde(alias = "drift")]
    mutation: Option<Mutation>,
    /// A port that serves only this world, whatever the token; 0 lets the system choose one.
    port: Option<u16>,
}

pub(super) fn create(request: &ControlRequest<'_>) -> Outcome {
    let NewWorld { seed, frozen, token, scopes, fill, mutation, port } = request.parse()?;
    if token.is_none() && scopes.is_some() {
        return Err(ControlError::bad_request("scopes: requires token."));
    }
    if request.app.worlds.all().len() >= MAX_WORLDS {
        let message = format!("There are {MAX_WORLDS} worlds already; delete some.");
        return Err(ControlError::new(StatusCode::CONFLICT, message));
    }
    let tokens: Vec<(String, Scopes)> = token
        .into_iter()
        .map(|token| (token, scopes.as_deref().map_or_else(Scopes::all, Scopes::from)))
        .collect();
    let clock = match frozen {
        Some(at) => Mode::Frozen(at),
        None => request.app.worlds.first().map_or_else(|_| Mode::default(), |handle| handle.clock.mode()),
    };
    let spec = WorldSpec { port, ..WorldSpec::new(seed, clock, tokens) };
    let handle = request.app.new_world(spec).map_err(|error| ControlError::bad_request(error.to_string()))?;
    if let Some(fill) = fill
        && let Err(error) = request.app.fill(&handle, &fill)
    {
        // No client knows the world, so none could delete it.
        request.app.remove_world(handle.id);
        return Err(ControlError::bad_request(format!("fill: {error}")));
    }
    if mutation.is_some() {
        World::new(handle.clone()).set_mutation(mutation);
    }
    Ok(Reply::Json(StatusCode::CREATED, description(request.app, &handle)))
}

fn find(request: &ControlRequest<'_>, id: &str) -> Result<Arc<WorldHandle>, ControlError> {
    if id == "this" {
        return request.world();
    }
    let handle = id.parse().ok().and_then(|id| request.app.worlds.get(id));
    handle.ok_or_else(|| ControlError::not_found(format!("World {id} not found.")))
}

pub(super) fn get(request: &ControlRequest<'_>, id: &str) -> Outcome {
    let handle = find(request, id)?;
    Reply::ok(description(request.app, &handle))
}

pub(super) fn remove(request: &ControlRequest<'_>, id: &str) -> Outcome {
    let handle = find(request, id)?;
    if handle.id == 1 {
        return Err(ControlError::new(
            StatusCode::CONFLICT,
            "The first world cannot be deleted; reset it instead.",
        ));
    }
    request.app.remove_world(handle.id);
    Ok(Reply::Empty)
}

pub(super) fn reset(request: &ControlRequest<'_>) -> Outcome {
    let keep = match request.query.get("keep") {
        None | Some("") => ResetScope::All,
        Some("accounts") => ResetScope::Content,
        Some(other) => {
            return Err(ControlError::bad_request(format!(
                "keep: unknown value \"{other}\"; known is \"accounts\"."
            )));
        }
    };
    let handle = request.world()?;
    handle.reset(keep);
    request.app.clear_logs(handle.id);
    Reply::ok(description(request.app, &handle))
}

pub(super) fn seed(request: &ControlRequest<'_>) -> Outcome {
    let seed: Fixture = request.parse()?;
    let filled = request.app.fill(&request.world()?, &seed);
    let filled = filled.map_err(|error| ControlError::bad_request(error.to_string()))?;
    Reply::ok(json!({"videos": filled}))
}

pub(super) fn export(app: &AppState) -> Outcome {
    let failed =
        |error: crate::StateError| ControlError::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
    app.export_state().map(Reply::Document).map_err(failed)
}

pub(super) fn import(app: &Arc<AppState>, document: &[u8]) -> Outcome {
    let imported =
        app.import_state(document).map_err(|error| ControlError::bad_request(error.to_string()))?;
    Reply::ok(json!({"worlds": imported}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitRequest {
    /// The world's first token if it is left out.
    token: Option<String>,
    plain: u64,
    with_fields: u64,
    /// In seconds.
    window: Option<f64>,
    #[serde(default)]
    headers: RateLimitHeaders,
}

pub(super) fn limit(request: &ControlRequest<'_>) -> Outcome {
    let LimitRequest { token, plain, with_fields, window, headers } = request.parse()?;
    let mut limit = RateLimit::new(plain, with_fields).headers(headers);
    if let Some(window) = window {
        let window = std::time::Duration::try_from_secs_f64(window);
        limit = limit.window(window.map_err(|error| ControlError::bad_request(format!("window: {error}")))?);
    }
    let handle = match &token {
        Some(token) => request.resolver.of(token),
        None => Some(request.world()?),
    };
    let handle = handle.ok_or_else(|| ControlError::not_found("token: no world has this token."))?;
    let token = token.unwrap_or_else(|| handle.spec().token().to_owned());
    match World::new(handle).set_rate_limit(&token, limit) {
        true => Ok(Reply::Empty),
        false => Err(ControlError::not_found("token: not a token of this world.")),
    }
}
