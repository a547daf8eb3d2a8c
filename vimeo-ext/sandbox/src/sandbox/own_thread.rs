//! A sandbox on a thread of its own.

use std::convert::Infallible;

use tokio::runtime;
use tokio::sync::oneshot;

use super::Sandbox;
use super::builder::SandboxBuilder;
use crate::app::StartError;

/// Keeps the thread running. Dropping it ends the thread.
#[derive(Debug)]
pub(super) struct ThreadGuard {
    _dropped: oneshot::Sender<Infallible>,
}

impl SandboxBuilder {
    /// Starts the sandbox on a thread of its own instead of the current runtime. It runs until it is dropped, even if
    /// the runtime of the caller ends before. A sandbox in a `static` needs this, since each test has its own runtime.
    ///
    /// ```
    /// use tokio::sync::OnceCell;
    /// use vimeo_sandbox::{Sandbox, StartError, TestWorld, Transcode};
    ///
    /// static SANDBOX: OnceCell<Sandbox> = OnceCell::const_new();
    ///
    /// /// Like `World::for_test`, with other settings.
    /// async fn world() -> Result<TestWorld<'static>, StartError> {
    ///     let start = || Sandbox::builder().transcode(Transcode::Immediate).start_on_own_thread();
    ///     Ok(SANDBOX.get_or_try_init(start).await?.world_for_test(0))
    /// }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), StartError> {
    /// # assert_ne!(world().await?.token(), world().await?.token());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`start`](Self::start), and if the thread or its runtime cannot be created.
    pub async fn start_on_own_thread(self) -> Result<Sandbox, StartError> {
        let (started, wait) = oneshot::channel();
        std::thread::Builder::new()
            .name("vimeo-sandbox".to_owned())
            .spawn(move || run(self, started))
            .map_err(|error| StartError::RuntimeStopped(error.to_string()))?;
        wait.await.unwrap_or_else(|_| Err(StartError::RuntimeStopped("its thread ended".to_owned())))
    }
}

/// Starts the sandbox and serves it until it is dropped.
fn run(builder: SandboxBuilder, started: oneshot::Sender<Result<Sandbox, StartError>>) {
    let runtime = match runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = started.send(Err(StartError::RuntimeStopped(error.to_string())));
            return;
        }
    };
    runtime.block_on(async move {
        let mut sandbox = match builder.start().await {
            Ok(sandbox) => sandbox,
            Err(error) => {
                let _ = started.send(Err(error));
                return;
            }
        };
        let (guard, dropped) = oneshot::channel();
        sandbox._own_thread = Some(ThreadGuard { _dropped: guard });
        // If nobody waits for it any more, this drops the sandbox.
        if started.send(Ok(sandbox)).is_ok() {
            let _ = dropped.await;
        }
    });
}
