//! Ports that lead to one world each, for clients that cannot be given a token of their own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

use crate::errors::StartError;
use crate::hosts;
use crate::server::{self, Door, Listener, OwnPort};
use crate::shared::Shared;

/// The ports of worlds, by the worlds' numbers.
#[derive(Debug, Default)]
pub(crate) struct Ports {
    open: Mutex<BTreeMap<u64, Port>>,
}

#[derive(Debug)]
struct Port {
    url: Url,
    server: JoinHandle<()>,
}

impl Ports {
    fn open(&self) -> MutexGuard<'_, BTreeMap<u64, Port>> {
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

impl Shared {
    /// Opens a port that leads to one world; what leads there already stays.
    pub(crate) fn open_port(self: &Arc<Self>, world: u64, port: u16) -> Result<(), StartError> {
        let mut open = self.ports.open();
        if open.contains_key(&world) {
            return Ok(());
        }
        let wanted = SocketAddr::new(self.listen, port);
        let failed = |source| StartError::Listen { address: wanted.to_string(), source };
        let listener = std::net::TcpListener::bind(wanted).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        let url = Url::parse(&format!("http://{bound}/"))
            .map_err(|error| failed(std::io::Error::new(std::io::ErrorKind::AddrNotAvailable, error)))?;
        // Whoever asks need not be on the runtime.
        let _here = self.runtime.enter();
        let listener = Listener::Tcp(TcpListener::from_std(listener).map_err(failed)?);
        let (upload_base, router) = match self.one_host {
            true => {
                let base = url.as_str().trim_end_matches('/').to_owned();
                (Some(base), hosts::shared_router(Arc::clone(self)))
            }
            false => (None, hosts::api_router(Arc::clone(self))),
        };
        let door = Door::World(Arc::new(OwnPort { world, upload_base }), router);
        let server = tokio::spawn(server::serve(listener, door));
        open.insert(world, Port { url, server });
        Ok(())
    }

    /// Opens the ports of worlds that were read back: the ones that they had, or others where those are taken and `or_any`
    /// says so.
    pub(crate) fn open_ports(self: &Arc<Self>, or_any: bool) -> Result<(), StartError> {
        for cell in self.worlds.all() {
            let Some(port) = cell.origin().port else { continue };
            match self.open_port(cell.id, port) {
                Err(StartError::Listen { .. }) if or_any => self.open_port(cell.id, 0)?,
                opened => opened?,
            }
        }
        Ok(())
    }
}
