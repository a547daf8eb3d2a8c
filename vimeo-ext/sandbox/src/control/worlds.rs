//! Worlds: made, listed, reset, filled, limited, written down.

use std::sync::Arc;

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{ControlRequest, Outcome, Refused, Reply};
use crate::app::AppState;
use crate::clock::{Mode, iso};
use crate::config::drift::Drift;
use crate::config::rate_limit::{LimitHeaders, RateLimit};
use crate::config::scopes::Scopes;
use crate::world::handle::World;
use crate::world::registry::{Keep, WorldHandle};
use crate::world::seed::Seed;
use crate::world::spec::WorldSpec;

/// How many worlds there may be before the control API makes no more.
const MAX_WORLDS: usize = 10_000;

/// What a client needs to talk to a world.
pub(crate) fn description(app: &AppState, handle: &WorldHandle) -> Value {
    let spec = handle.spec();
    let (state, now) = handle.read();
    let addresses = &app.addresses;
    let own = app.ports.url(handle.id);
    // The other listeners tell worlds by token, and may know another world by this one's.
    let shares = own.is_none();
    let url = own.unwrap_or_else(|| addresses.api.clone());
    let upload_url = if app.one_host { &url } else { &addresses.upload };
    json!({
        "world": handle.id,
        "url": url.as_str(),
        "upload_url": upload_url.as_str(),
        "https_url": addresses.https.as_ref().filter(|_| shares).map(url::Url::as_str),
        "proxy_url": addresses.proxy.as_ref().filter(|_| shares).map(url::Url::as_str),
        "ca_file": addresses.ca_file.as_ref().filter(|_| shares),
        "unix": addresses.unix.as_ref().filter(|_| shares),
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
struct New {
    seed: u64,
    /// The time at which the new world's clock stands still; the clock of the first world where it is left out.
    frozen: Option<chrono::DateTime<chrono::Utc>>,
    token: Option<String>,
    scopes: Option<String>,
    fill: Option<Seed>,
    drift: Option<Drift>,
    /// A port that leads to this world alone, whatever the token; 0 for one that the system picks.
    port: Option<u16>,
}

pub(super) fn create(request: &ControlRequest<'_>) -> Outcome {
    let New { seed, frozen, token, scopes, fill, drift, port } = request.read()?;
    if token.is_none() && scopes.is_some() {
        return Err(Refused::bad("scopes: they are those of a token; give token too."));
    }
    if request.app.worlds.all().len() >= MAX_WORLDS {
        let message = format!("There are {MAX_WORLDS} worlds already; end some that are not needed.");
        return Err(Refused::new(StatusCode::CONFLICT, message));
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
    let handle = request.app.new_world(spec).map_err(|error| Refused::bad(error.to_string()))?;
    if let Some(fill) = fill
        && let Err(error) = request.app.fill(&handle, &fill)
    {
        // Nobody was told of it, so nobody could end it.
        request.app.end_world(handle.id);
        return Err(Refused::bad(format!("fill: {error}")));
    }
    if drift.is_some() {
        World::new(handle.clone()).set_drift(drift);
    }
    Ok(Reply::Json(StatusCode::CREATED, description(request.app, &handle)))
}

fn named(request: &ControlRequest<'_>, id: &str) -> Result<Arc<WorldHandle>, Refused> {
    if id == "this" {
        return request.handle();
    }
    let handle = id.parse().ok().and_then(|id| request.app.worlds.get(id));
    handle.ok_or_else(|| Refused::missing(format!("There is no world {id}.")))
}

pub(super) fn get(request: &ControlRequest<'_>, id: &str) -> Outcome {
    let handle = named(request, id)?;
    Reply::ok(description(request.app, &handle))
}

pub(super) fn remove(request: &ControlRequest<'_>, id: &str) -> Outcome {
    let handle = named(request, id)?;
    if handle.id == 1 {
        return Err(Refused::new(StatusCode::CONFLICT, "The first world stays; it can be reset."));
    }
    request.app.end_world(handle.id);
    Ok(Reply::Nothing)
}

pub(super) fn reset(request: &ControlRequest<'_>) -> Outcome {
    let keep = match request.query.get("keep") {
        None | Some("") => Keep::Nothing,
        Some("accounts") => Keep::Accounts,
        Some(other) => return Err(Refused::bad(format!("keep: \"{other}\" is not \"accounts\"."))),
    };
    let handle = request.handle()?;
    handle.reset(keep);
    request.app.forget(handle.id);
    Reply::ok(description(request.app, &handle))
}

pub(super) fn seed(request: &ControlRequest<'_>) -> Outcome {
    let seed: Seed = request.read()?;
    let filled = request.app.fill(&request.handle()?, &seed);
    let filled = filled.map_err(|error| Refused::bad(error.to_string()))?;
    Reply::ok(json!({"videos": filled}))
}

pub(super) fn export(app: &AppState) -> Outcome {
    let failed =
        |error: crate::StateError| Refused::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
    app.export_state().map(Reply::Document).map_err(failed)
}

pub(super) fn import(app: &Arc<AppState>, document: &[u8]) -> Outcome {
    let imported = app.import_state(document).map_err(|error| Refused::bad(error.to_string()))?;
    Reply::ok(json!({"worlds": imported}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Limit {
    /// The world's first token where it is left out.
    token: Option<String>,
    plain: u64,
    with_fields: u64,
    /// In seconds.
    window: Option<f64>,
    #[serde(default)]
    headers: LimitHeaders,
}

pub(super) fn limit(request: &ControlRequest<'_>) -> Outcome {
    let Limit { token, plain, with_fields, window, headers } = request.read()?;
    let mut limit = RateLimit::new(plain, with_fields).headers(headers);
    if let Some(window) = window {
        let window = std::time::Duration::try_from_secs_f64(window);
        limit = limit.window(window.map_err(|error| Refused::bad(format!("window: {error}")))?);
    }
    let handle = match &token {
        Some(token) => request.resolver.of(token),
        None => Some(request.handle()?),
    };
    let handle = handle.ok_or_else(|| Refused::missing("token: it belongs to no world."))?;
    let token = token.unwrap_or_else(|| handle.spec().token().to_owned());
    match World::new(handle).set_rate_limit(&token, limit) {
        true => Ok(Reply::Nothing),
        false => Err(Refused::missing("token: it is none of this world's.")),
    }
}
