//! Ports that lead to one world each, for clients that cannot be given a token of their own.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::task::JoinHandle;
use url::Url;

/// The ports of worlds, by the worlds' numbers.
#[derive(Debug, Default)]
pub(crate) struct Ports {
    open: Mutex<BTreeMap<u64, Port>>,
}

/// A port that is listened on.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) url: Url,
    pub(crate) server: JoinHandle<()>,
}

impl Ports {
    /// Those that are open, while nothing else opens or closes one.
    pub(crate) fn open(&self) -> MutexGuard<'_, BTreeMap<u64, Port>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The address of a world that has a port of its own.
    pub(crate) fn url(&self, world: u64) -> Option<Url> {
        self.open().get(&world).map(|port| port.url.clone())
    }

    /// Ends what listens for a world, and its connections.
    pub(crate) fn close(&self, world: u64) {
        if let Some(port) = self.open().remove(&world) {
            port.server.abort();
        }
    }

    /// Ends all of them; answers what can be waited for.
    pub(crate) fn close_all(&self) -> Vec<JoinHandle<()>> {
        let ports = std::mem::take(&mut *self.open());
        ports.into_values().map(|port| port.server).inspect(JoinHandle::abort).collect()
    }
}
