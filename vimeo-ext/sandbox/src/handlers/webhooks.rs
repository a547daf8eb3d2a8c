//! Webhooks of the app. `app::webhooks` delivers their events.

use serde_json::{Value, json};

use crate::call::{Answer, Call, Outcome, time};
use crate::protocol::error::ApiError;
use crate::protocol::fields::{Object, Selection};
use crate::world::collections::Webhook;
use crate::world::events::EVENT_KINDS;

/// Vimeo's media type for webhooks is unknown.
const MEDIA: &str = "webhook";

fn not_found() -> ApiError {
    ApiError::not_found("webhook")
}

/// The path must name the token's own app.
fn app(call: &Call<'_>) -> Result<u64, ApiError> {
    let app = call.state.app.id;
    if call.params.id("app_id") == Some(app) { Ok(app) } else { Err(ApiError::not_found("app")) }
}

pub(crate) fn list(call: &mut Call<'_>) -> Outcome {
    let app = app(call)?;
    let hooks: Vec<&Webhook> = call.state.webhooks.values().collect();
    call.page(MEDIA, &hooks, |_, hook, selection| shape(app, hook, selection))
}

pub(crate) fn get(call: &mut Call<'_>) -> Outcome {
    let app = app(call)?;
    let id = call.params.id("webhook_id").ok_or_else(not_found)?;
    let hook = call.state.webhooks.get(&id).ok_or_else(not_found)?;
    Ok(Answer::ok(MEDIA, shape(app, hook, &call.selection)))
}

/// Returns 200, unlike other creations, which return 201.
pub(crate) fn create(call: &mut Call<'_>) -> Outcome {
    app(call)?;
    let mut input = call.input()?;
    for name in ["webhook_type", "webhook_url"] {
        if input.get(name).is_none() {
            input.required_string(name);
        }
    }
    let kind = input.enum_value("webhook_type", &EVENT_KINDS).unwrap_or_default();
    let url = input.string("webhook_url").unwrap_or_default();
    if !url.is_empty() && url::Url::parse(&url).is_err() {
        input.reject(crate::protocol::error::InvalidField::new("webhook_url", "must be an absolute URL"));
    }
    let secret = input.string("secret");
    let enabled = input.boolean("is_enabled").unwrap_or(true);
    input.finish()?;
    let (id, now) = (call.state.ids.id(), call.now);
    let hook = Webhook { id, kind, url, secret, enabled, created: now, modified: now, switched: now };
    call.state.webhooks.insert(id, hook);
    call.params.put("webhook_id", id);
    get(call)
}

pub(crate) fn edit(call: &mut Call<'_>) -> Outcome {
    app(call)?;
    let mut input = call.input()?;
    let (kind, url) = (input.enum_value("webhook_type", &EVENT_KINDS), input.string("webhook_url"));
    let (secret, enabled) =
        (input.has("secret").then(|| input.string("secret")), input.boolean("is_enabled"));
    input.finish()?;
    let (id, now) = (call.params.id("webhook_id").ok_or_else(not_found)?, call.now);
    let hook = call.state.webhooks.get_mut(&id).ok_or_else(not_found)?;
    hook.kind = kind.unwrap_or_else(|| hook.kind.clone());
    hook.url = url.unwrap_or_else(|| hook.url.clone());
    hook.secret = secret.unwrap_or_else(|| hook.secret.clone());
    if let Some(enabled) = enabled.filter(|enabled| *enabled != hook.enabled) {
        hook.enabled = enabled;
        hook.switched = now;
    }
    hook.modified = now;
    get(call)
}

pub(crate) fn delete(call: &mut Call<'_>) -> Outcome {
    app(call)?;
    let id = call.params.id("webhook_id").ok_or_else(not_found)?;
    call.state.webhooks.remove(&id).map(|_| Answer::no_content()).ok_or_else(not_found)
}

fn shape(app: u64, hook: &Webhook, selection: &Selection) -> Value {
    let switched = |on: bool| if hook.enabled == on { time(hook.switched) } else { Value::Null };
    let app_uri = format!("/apps/{app}");
    Object::new(selection)
        .put("uri", format!("{app_uri}/webhooks/{}", hook.id))
        .put("app_uri", app_uri)
        .put("webhook_type", hook.kind.as_str())
        .put("webhook_url", hook.url.as_str())
        .put("is_enabled", hook.enabled)
        .put("secret", hook.secret.clone())
        .put("created_on", time(hook.created))
        .put("modified_on", time(hook.modified))
        .put("enabled_on", switched(true))
        .put("disabled_on", switched(false))
        .put("failure_rate_before_disabling", json!(null))
        .put("last_request_time_before_disabling", json!(null))
        .put("requests_executed_before_disabling", json!(null))
        .put("requests_failed_before_disabling", json!(null))
        .put("time_period_failure_rate", json!(null))
        .build()
}
