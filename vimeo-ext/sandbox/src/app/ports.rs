//! Opens ports that serve a single world.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use url::Url;

use super::{AppState, StartError};
use crate::server::ports::Port;
use crate::server::{self, Listener, ListenerKind, WorldPort};

impl AppState {
    /// Opens a port that serves one world. A port that is already open for it stays.
    pub(crate) fn open_port(self: &Arc<Self>, world: u64, port: u16) -> Result<(), StartError> {
        let mut open = self.ports.lock();
        if open.contains_key(&world) {
            return Ok(());
        }
        let address = SocketAddr::new(self.listen, port);
        let failed = |source| StartError::Listen { address: address.to_string(), source };
        let listener = std::net::TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        let url = Url::parse(&format!("http://{bound}/"))
            .map_err(|error| failed(std::io::Error::new(std::io::ErrorKind::AddrNotAvailable, error)))?;
        // The caller need not be on the runtime.
        let _guard = self.runtime.enter();
        let listener = Listener::Tcp(TcpListener::from_std(listener).map_err(failed)?);
        let upload_base = self.one_host.then(|| url.as_str().trim_end_matches('/').to_owned());
        let router = (self.world_router)(Arc::clone(self));
        let kind = ListenerKind::World(Arc::new(WorldPort { world, upload_base }), router);
        let server = tokio::spawn(server::serve(listener, kind));
        open.insert(world, Port { url, server });
        Ok(())
    }

    /// Reopens the ports of restored worlds. If a port is taken, picks another one if `or_any` is set.
    pub(crate) fn open_ports(self: &Arc<Self>, or_any: bool) -> Result<(), StartError> {
        for handle in self.worlds.all() {
            let Some(port) = handle.spec().port else { continue };
            match self.open_port(handle.id, port) {
                Err(StartError::Listen { .. }) if or_any => self.open_port(handle.id, 0)?,
                opened => opened?,
            }
        }
        Ok(())
    }
}
