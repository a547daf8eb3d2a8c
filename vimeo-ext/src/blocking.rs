//! A blocking client for programs without an async runtime: feature `blocking`.
//!
//! ```no_run
//! use vimeo_ext::blocking::Vimeo;
//!
//! # fn demo() -> Result<(), vimeo_ext::Error> {
//! let vimeo = Vimeo::from_env()?; // VIMEO_ACCESS_TOKEN
//! let video = vimeo.send(vimeo.upload("film.mp4").name("Surf"))?;
//! let edited = vimeo.send(vimeo.api().videos().edit_video(76979871).name("Surf, second cut"))?;
//! for video in vimeo.iter(vimeo.api().videos().list_my_videos().fields("uri,name").items()) {
//!     tracing::info!(name = video?.name);
//! }
//! let me = vimeo.send(vimeo.get("/me").fields("name"))?;
//! # Ok(())
//! # }
//! ```

use std::fmt;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::thread;

use futures_util::{Stream, StreamExt as _};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::{AccessToken, ConfigError, Error};

/// A [`Vimeo`](crate::Vimeo) whose calls block the thread, with a runtime of its own.
///
/// It has all methods of the client that it wraps. Pass what they return to [`send`](Self::send) or, for a list, to
/// [`iter`](Self::iter). Clones share the client and the runtime.
///
/// # Panics
///
/// [`send`](Self::send) and [`iter`](Self::iter) panic inside an `async` runtime, where threads must not block. Use the async client
/// there.
#[derive(Clone)]
pub struct Vimeo {
    client: crate::Vimeo,
    runtime: Arc<Runtime>,
}

/// A runtime on its own thread, which ends when this is dropped.
struct Runtime {
    handle: Handle,
    _running: oneshot::Sender<()>,
}

impl Runtime {
    fn start() -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (running, dropped) = oneshot::channel();
        thread::Builder::new().name("vimeo".to_owned()).spawn(move || {
            // Nothing is ever sent. The thread ends when the sender is dropped.
            let _ = runtime.block_on(dropped);
        })?;
        Ok(Self { handle, _running: running })
    }
}

impl Vimeo {
    /// Wraps a client and starts a runtime with one thread.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Runtime`] if the thread cannot be started.
    pub fn new(client: crate::Vimeo) -> Result<Self, Error> {
        let runtime = Runtime::start().map_err(ConfigError::Runtime)?;
        Ok(Self { client, runtime: Arc::new(runtime) })
    }

    /// Creates a client from environment variables, as [`Vimeo::from_env`](crate::Vimeo::from_env).
    ///
    /// # Errors
    ///
    /// As [`Vimeo::from_env`](crate::Vimeo::from_env) and [`new`](Self::new).
    pub fn from_env() -> Result<Self, Error> {
        Self::new(crate::Vimeo::from_env()?)
    }

    /// Creates a client for another account, as [`Vimeo::for_account`](crate::Vimeo::for_account), on the same runtime.
    ///
    /// # Errors
    ///
    /// As [`Vimeo::for_account`](crate::Vimeo::for_account).
    pub fn for_account(&self, name: impl Into<String>, token: impl Into<AccessToken>) -> Result<Self, Error> {
        let client = self.client.for_account(name, token)?;
        Ok(Self { client, runtime: Arc::clone(&self.runtime) })
    }

    /// Sends a call, an upload, or any other future, and blocks until it completes.
    ///
    /// ```no_run
    /// # fn demo(vimeo: vimeo_ext::blocking::Vimeo) -> Result<(), vimeo_ext::Error> {
    /// let video = vimeo.send(vimeo.api().videos().get_video(76979871).fields("name,duration"))?;
    /// let scopes = vimeo.send(vimeo.auth().verify())?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn send<F: IntoFuture>(&self, call: F) -> F::Output {
        self.runtime.handle.block_on(call.into_future())
    }

    /// Iterates over a list. The iterator blocks to fetch a page when its first item is needed.
    pub fn iter<S: Stream>(&self, list: S) -> Iter<S> {
        Iter { list: Box::pin(list), runtime: Arc::clone(&self.runtime) }
    }
}

impl Deref for Vimeo {
    type Target = crate::Vimeo;

    fn deref(&self) -> &Self::Target {
        &self.client
    }
}

impl fmt::Debug for Vimeo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.client.fmt(f)
    }
}

/// An iterator over the items or pages of a list; from [`Vimeo::iter`].
#[must_use = "a list sends nothing until it is iterated"]
pub struct Iter<S> {
    list: Pin<Box<S>>,
    runtime: Arc<Runtime>,
}

impl<S: Stream> Iterator for Iter<S> {
    type Item = S::Item;

    fn next(&mut self) -> Option<S::Item> {
        self.runtime.handle.block_on(self.list.next())
    }
}

impl<S> fmt::Debug for Iter<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").finish_non_exhaustive()
    }
}
