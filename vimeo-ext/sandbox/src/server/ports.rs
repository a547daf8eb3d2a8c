//! Ports that serve a single world each, for clients that cannot be given a token of their own.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::task::JoinHandle;
use url::Url;

/// The open ports by world ID.
#[derive(Debug, Default)]
pub(crate) struct Ports {
    open: Mutex<BTreeMap<u64, Port>>,
}

/// An open port.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) url: Url,
    pub(crate) server: JoinHandle<()>,
}

impl Ports {
    /// Locks the open ports.
    pub(crate) fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Port>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The base URL of a world's port.
    pub(crate) fn url(&self, world: u64) -> Option<Url> {
        self.lock().get(&world).map(|port| port.url.clone())
    }

    /// Closes a world's port and its connections.
    pub(crate) fn close(&self, world: u64) {
        if let Some(port) = self.lock().remove(&world) {
            port.server.abort();
        }
    }

    /// Closes all ports; returns the server tasks to wait for.
    pub(crate) fn close_all(&self) -> Vec<JoinHandle<()>> {
        let ports = std::mem::take(&mut *self.lock());
        ports.into_values().map(|port| port.server).inspect(JoinHandle::abort).collect()
    }
}
