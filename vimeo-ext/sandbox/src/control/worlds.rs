//! Worlds: made, listed, reset, filled, limited, written down.

use std::sync::Arc;

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Ask, Outcome, Refused, Reply};
use crate::app::AppState;
use crate::clock::{Mode, iso};
use crate::config::drift::Drift;
use crate::config::rate_limit::{LimitHeaders, RateLimit};
use crate::config::scopes::Scopes;
use crate::world::handle::World;
use crate::world::registry::{Keep, WorldHandle, WorldSpec};
use crate::world::seed::Seed;

/// How many worlds there may be before the control API makes no more.
const MAX_WORLDS: usize = 10_000;

/// What a client needs to talk to a world.
pub(crate) fn description(app: &AppState, cell: &WorldHandle) -> Value {
    let origin = cell.origin();
    let (state, now) = cell.look();
    let addresses = &app.addresses;
    let own = app.ports.url(cell.id);
    // The other doors tell worlds by token, and may know another world by this one's.
    let shares = own.is_none();
    let url = own.unwrap_or_else(|| addresses.api.clone());
    let upload_url = if app.one_host { &url } else { &addresses.upload };
    json!({
        "world": cell.id,
        "url": url.as_str(),
        "upload_url": upload_url.as_str(),
        "https_url": addresses.https.as_ref().filter(|_| shares).map(url::Url::as_str),
        "proxy_url": addresses.proxy.as_ref().filter(|_| shares).map(url::Url::as_str),
        "ca_file": addresses.ca_file.as_ref().filter(|_| shares),
        "unix": addresses.unix.as_ref().filter(|_| shares),
        "token": origin.token(),
        "client_id": state.app.client_id,
        "client_secret": state.app.client_secret,
        "app_id": state.app.id,
        "user_id": state.first_user,
        "seed": origin.seed,
        "now": iso(now),
        "frozen": cell.clock.is_frozen(),
    })
}

pub(super) fn health(ask: &Ask<'_>) -> Outcome {
    Reply::ok(json!({
        "status": "ok",
        "version": env!("CARGO_PKG_VERSION"),
        "worlds": ask.app.worlds.all().len(),
        "kept": ask.app.worlds.are_kept(),
    }))
}

pub(super) fn list(ask: &Ask<'_>) -> Outcome {
    let worlds: Vec<Value> = ask.app.worlds.all().iter().map(|cell| description(ask.app, cell)).collect();
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

pub(super) fn create(ask: &Ask<'_>) -> Outcome {
    let New { seed, frozen, token, scopes, fill, drift, port } = ask.read()?;
    if token.is_none() && scopes.is_some() {
        return Err(Refused::bad("scopes: they are those of a token; give token too."));
    }
    if ask.app.worlds.all().len() >= MAX_WORLDS {
        let message = format!("There are {MAX_WORLDS} worlds already; end some that are not needed.");
        return Err(Refused::new(StatusCode::CONFLICT, message));
    }
    let tokens: Vec<(String, Scopes)> = token
        .into_iter()
        .map(|token| (token, scopes.as_deref().map_or_else(Scopes::all, Scopes::from)))
        .collect();
    let clock = match frozen {
        Some(at) => Mode::Frozen(at),
        None => ask.app.worlds.first().map_or_else(|_| Mode::default(), |cell| cell.clock.mode()),
    };
    let origin = WorldSpec { port, ..WorldSpec::new(seed, clock, tokens) };
    let cell = ask.app.new_world(origin).map_err(|error| Refused::bad(error.to_string()))?;
    if let Some(fill) = fill
        && let Err(error) = ask.app.fill(&cell, &fill)
    {
        // Nobody was told of it, so nobody could end it.
        ask.app.end_world(cell.id);
        return Err(Refused::bad(format!("fill: {error}")));
    }
    if drift.is_some() {
        World::new(cell.clone()).set_drift(drift);
    }
    Ok(Reply::Json(StatusCode::CREATED, description(ask.app, &cell)))
}

fn named(ask: &Ask<'_>, id: &str) -> Result<Arc<WorldHandle>, Refused> {
    if id == "this" {
        return ask.cell();
    }
    let cell = id.parse().ok().and_then(|id| ask.app.worlds.get(id));
    cell.ok_or_else(|| Refused::missing(format!("There is no world {id}.")))
}

pub(super) fn get(ask: &Ask<'_>, id: &str) -> Outcome {
    let cell = named(ask, id)?;
    Reply::ok(description(ask.app, &cell))
}

pub(super) fn remove(ask: &Ask<'_>, id: &str) -> Outcome {
    let cell = named(ask, id)?;
    if cell.id == 1 {
        return Err(Refused::new(StatusCode::CONFLICT, "The first world stays; it can be reset."));
    }
    ask.app.end_world(cell.id);
    Ok(Reply::Nothing)
}

pub(super) fn reset(ask: &Ask<'_>) -> Outcome {
    let keep = match ask.query.get("keep") {
        None | Some("") => Keep::Nothing,
        Some("accounts") => Keep::Accounts,
        Some(other) => return Err(Refused::bad(format!("keep: \"{other}\" is not \"accounts\"."))),
    };
    let cell = ask.cell()?;
    cell.reset(keep);
    ask.app.forget(cell.id);
    Reply::ok(description(ask.app, &cell))
}

pub(super) fn seed(ask: &Ask<'_>) -> Outcome {
    let seed: Seed = ask.read()?;
    let filled = ask.app.fill(&ask.cell()?, &seed);
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

pub(super) fn limit(ask: &Ask<'_>) -> Outcome {
    let Limit { token, plain, with_fields, window, headers } = ask.read()?;
    let mut limit = RateLimit::new(plain, with_fields).headers(headers);
    if let Some(window) = window {
        let window = std::time::Duration::try_from_secs_f64(window);
        limit = limit.window(window.map_err(|error| Refused::bad(format!("window: {error}")))?);
    }
    let cell = match &token {
        Some(token) => ask.reach.of(token),
        None => Some(ask.cell()?),
    };
    let cell = cell.ok_or_else(|| Refused::missing("token: it belongs to no world."))?;
    let token = token.unwrap_or_else(|| cell.origin().token().to_owned());
    match World::new(cell).set_rate_limit(&token, limit) {
        true => Ok(Reply::Nothing),
        false => Err(Refused::missing("token: it is none of this world's.")),
    }
}
