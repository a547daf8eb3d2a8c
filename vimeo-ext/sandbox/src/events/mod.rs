//! Events on their way to whom they are told: webhooks, and addresses that everything is forwarded to.
//!
//! One task tells them all, one after another in the order in which they happened, so a receiver sees the same order in
//! every run. It also wakes when something falls due on a clock that goes by itself.

mod signature;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use tokio::sync::{mpsc, oneshot};
use url::Url;

use crate::control::is_meant as is_control_path;
use crate::outbound::{self, Bounds};
use crate::world::events::Delivery;
use crate::world::registry::Worlds;
pub use signature::{Encoding, Hash, Signature};

/// Who is told what happens, and how.
#[derive(Debug, Clone, Default)]
pub(crate) struct Telling {
    /// How a webhook's request is signed with its secret; not at all where nothing is said.
    pub(crate) signature: Option<Signature>,
    /// How many more times a request is tried that was not taken.
    pub(crate) retries: u32,
    /// Addresses that all events of all worlds go to.
    pub(crate) forward_to: Vec<Url>,
    /// Addresses that webhooks may lead to, beside those.
    pub(crate) receivers: Vec<Url>,
    /// Whether webhooks may lead to no other address, since not only this machine can make them.
    pub(crate) only_receivers: bool,
}

impl Telling {
    /// Why nothing is sent to an address; `None` where it may be.
    fn refusal(&self, url: &Url) -> Option<&'static str> {
        // A webhook must not do what its maker may not.
        if is_control_path(url.path()) {
            return Some("it is the control API of a sandbox, to which no webhook is sent");
        }
        let origin = url.origin();
        let mut allowed = self.forward_to.iter().chain(&self.receivers);
        match !self.only_receivers || allowed.any(|allowed| allowed.origin() == origin) {
            true => None,
            false => Some(
                "the sandbox listens to other machines, so it sends only to addresses named at its start; \
                 name this one with --webhook-receiver",
            ),
        }
    }
}

/// What the task is told.
#[derive(Debug)]
pub(crate) enum Notice {
    /// Events of a world that are to be told.
    Events { world: u64, events: Vec<u64> },
    /// Something was planned on a world's clock, or the clock was turned.
    Planned,
    /// Answers when all notices before it are dealt with.
    Barrier(oneshot::Sender<()>),
}

pub(crate) type Outbox = mpsc::UnboundedSender<Notice>;

/// Waits until all that happened so far has been told.
pub(crate) async fn told(outbox: &Outbox) {
    let (sender, reached) = oneshot::channel();
    if outbox.send(Notice::Barrier(sender)).is_ok() {
        // The task only goes with the sandbox.
        let _ = reached.await;
    }
}

/// The longest sleep; a machine that slept or a clock that was set is noticed after it.
const LONGEST: Duration = Duration::from_secs(60);

/// Tells events until the sandbox ends.
pub(crate) async fn run(worlds: Arc<Worlds>, mut notices: mpsc::UnboundedReceiver<Notice>) {
    loop {
        let due = worlds.next_due().map_or(LONGEST, |due| due.min(LONGEST));
        tokio::select! {
            notice = notices.recv() => match notice {
                Some(Notice::Events { world, events }) => {
                    for event in events {
                        tell(&worlds, world, event).await;
                    }
                }
                Some(Notice::Planned) => {}
                Some(Notice::Barrier(reached)) => drop(reached.send(())),
                None => return,
            },
            // Looking is what brings about what is due.
            () = tokio::time::sleep(due) => worlds.all().iter().for_each(|cell| drop(cell.look())),
        }
    }
}

async fn tell(worlds: &Worlds, world: u64, id: u64) {
    let Some(cell) = worlds.get(world) else { return };
    let telling = &worlds.config.telling;
    let (event, before, hooks) = {
        let (mut state, _) = cell.enter();
        // A world that began again has forgotten what was on its way.
        let Some(before) = state.tells(id) else { return };
        let Some(event) = state.events.get(&id).cloned() else { return };
        let hooks: Vec<(String, Option<String>)> = state
            .webhooks
            .values()
            .filter(|hook| hook.enabled && hook.kind == event.kind)
            .map(|hook| (hook.url.clone(), hook.secret.clone()))
            .collect();
        (event, before, hooks)
    };
    // Whoever took it before the process ended is not told twice.
    let already = event.deliveries.get(before..).unwrap_or_default();
    let already: Vec<&str> =
        already.iter().filter(|one| one.is_taken()).map(|one| one.url.as_str()).collect();
    let forwarded = telling.forward_to.iter().map(|url| (url.to_string(), None));
    for (url, secret) in
        hooks.into_iter().chain(forwarded).filter(|(url, _)| !already.contains(&url.as_str()))
    {
        let body = event.body(secret.as_deref()).to_string();
        for _ in 0..=telling.retries {
            let delivery = send(&url, secret.as_deref(), &body, telling).await;
            let taken = delivery.is_taken();
            let (mut state, _) = cell.enter();
            if let Some(event) = state.events.get_mut(&id) {
                event.deliveries.push(delivery);
            }
            if taken {
                break;
            }
        }
    }
    cell.enter().0.told(id);
}

async fn send(url: &str, secret: Option<&str>, body: &str, telling: &Telling) -> Delivery {
    let sent = match Url::parse(url).map(|address| (telling.refusal(&address), address)) {
        Ok((Some(refusal), _)) => Err(refusal.to_owned()),
        Ok((None, address)) => {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            if let (Some(secret), Some(signature)) = (secret, &telling.signature)
                && let Ok(name) = HeaderName::try_from(&signature.header)
                && let Ok(value) = HeaderValue::try_from(signature.of(secret, body.as_bytes()))
            {
                headers.insert(name, value);
            }
            let body = Bytes::copy_from_slice(body.as_bytes());
            outbound::send(Method::POST, &address, headers, body, Bounds::SMALL)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn webhooks_reach_only_what_their_makers_may_reach() {
        let url = |text: &str| Url::parse(text).unwrap();
        let open = Telling::default();
        let guarded = Telling {
            forward_to: vec![url("http://127.0.0.1:3000/all")],
            receivers: vec![url("http://localhost:4000/")],
            only_receivers: true,
            ..Telling::default()
        };
        for (address, when_open, when_guarded) in [
            ("http://127.0.0.1:3000/hook", true, true),
            ("http://localhost:4000/other?a=b", true, true),
            ("http://127.0.0.1:3001/hook", true, false),
            ("http://127.0.0.1:4000/", true, false),
            ("http://127.0.0.1:3000/_sandbox/reset", false, false),
            ("http://127.0.0.1:3000/a/../_sandbox", false, false),
        ] {
            let allowed = |telling: &Telling| telling.refusal(&url(address)).is_none();
            assert_eq!((allowed(&open), allowed(&guarded)), (when_open, when_guarded), "{address}");
        }
    }
}
