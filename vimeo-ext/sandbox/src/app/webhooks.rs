//! The webhook dispatcher: delivers events to webhooks and to the addresses that receive every event.
//!
//! A single task delivers them one by one in the order in which they happened, so a receiver sees the same order in every
//! run. It also wakes up when something is due on a running clock.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use tokio::sync::mpsc;
use url::Url;

use crate::config::webhooks::WebhookConfig;
use crate::server::outbound::{self, ResponseLimits};
use crate::world::events::Delivery;
use crate::world::outbox::DispatcherCommand;
use crate::world::registry::Worlds;

/// The longest sleep, so that a suspended machine or a changed system clock is noticed.
const MAX_SLEEP: Duration = Duration::from_secs(60);

/// Delivers events until the sandbox stops.
pub(crate) async fn run(worlds: Arc<Worlds>, mut commands: mpsc::UnboundedReceiver<DispatcherCommand>) {
    loop {
        let due = worlds.next_due().map_or(MAX_SLEEP, |due| due.min(MAX_SLEEP));
        tokio::select! {
            command = commands.recv() => match command {
                Some(DispatcherCommand::Events { world, events }) => {
                    for event in events {
                        deliver(&worlds, world, event).await;
                    }
                }
                Some(DispatcherCommand::ScheduleChanged) => {}
                Some(DispatcherCommand::Barrier(reached)) => drop(reached.send(())),
                None => return,
            },
            // Reading a world runs what is due in it.
            () = tokio::time::sleep(due) => worlds.all().iter().for_each(|handle| drop(handle.read())),
        }
    }
}

async fn deliver(worlds: &Worlds, world: u64, id: u64) {
    let Some(handle) = worlds.get(world) else { return };
    let config = &worlds.config.webhooks;
    let (event, before, hooks) = {
        let (mut state, _) = handle.write();
        // A world that was reset has no pending deliveries.
        let Some(before) = state.start_delivery(id) else { return };
        let Some(event) = state.events.get(&id).cloned() else { return };
        let hooks: Vec<(String, Option<String>)> = state
            .webhooks
            .values()
            .filter(|hook| hook.enabled && hook.kind == event.kind)
            .map(|hook| (hook.url.clone(), hook.secret.clone()))
            .collect();
        (event, before, hooks)
    };
    // Do not repeat deliveries that succeeded before the process ended.
    let delivered = event.deliveries.get(before..).unwrap_or_default();
    let delivered: Vec<&str> =
        delivered.iter().filter(|one| one.is_accepted()).map(|one| one.url.as_str()).collect();
    let forwarded = config.forward_to.iter().map(|url| (url.to_string(), None));
    for (url, secret) in
        hooks.into_iter().chain(forwarded).filter(|(url, _)| !delivered.contains(&url.as_str()))
    {
        let body = event.body(secret.as_deref()).to_string();
        for _ in 0..=config.retries {
            let delivery = send(&url, secret.as_deref(), &body, config).await;
            let succeeded = delivery.is_accepted();
            let (mut state, _) = handle.write();
            if let Some(event) = state.events.get_mut(&id) {
                event.deliveries.push(delivery);
            }
            if succeeded {
                break;
            }
        }
    }
    handle.write().0.mark_delivered(id);
}

async fn send(url: &str, secret: Option<&str>, body: &str, config: &WebhookConfig) -> Delivery {
    let sent = match Url::parse(url).map(|address| (config.refusal(&address), address)) {
        Ok((Some(refusal), _)) => Err(refusal.to_owned()),
        Ok((None, address)) => {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            if let (Some(secret), Some(signature)) = (secret, &config.signature)
                && let Ok(name) = HeaderName::try_from(&signature.header)
                && let Ok(value) = HeaderValue::try_from(signature.sign(secret, body.as_bytes()))
            {
                headers.insert(name, value);
            }
            let body = Bytes::copy_from_slice(body.as_bytes());
            outbound::send(Method::POST, &address, headers, body, ResponseLimits::CALLBACK)
                .await
                .map_err(|error| error.to_string())
        }
        Err(error) => Err(error.to_string()),
    };
    let (status, error) = match sent {
        Ok((status, _)) => (Some(status), None),
        Err(error) => (None, Some(error)),
    };
    Delivery { url: url.to_owned(), status, error }
}
