//! A world for one test, in a sandbox that tests share.

use std::ops::Deref;

use tokio::sync::OnceCell;
use url::Url;

use super::Sandbox;
use crate::app::StartError;
use crate::faults::{Fault, FaultHit};
use crate::request_log::RequestLogEntry;
use crate::request_log::verify::{self, Expectation, UnmetExpectation};
use crate::world::fixture::{FillError, Fixture};
use crate::world::handle::World;

/// The sandbox of all tests of this process. Nothing drops it: it ends with the process.
static SHARED: OnceCell<Sandbox> = OnceCell::const_new();

/// A world for one test. It has its own token, user, videos, clock, faults and request log, and is removed when dropped.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), vimeo_sandbox::StartError> {
/// use vimeo_sandbox::{Expectation, World};
///
/// let world = World::for_test().await?;
/// println!("VIMEO_BASE_URL={} VIMEO_ACCESS_TOKEN={}", world.url(), world.token());
/// let deleted = Expectation::new().operation("delete_video").times(0);
/// assert!(world.verify(&[deleted]).is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TestWorld<'a> {
    sandbox: &'a Sandbox,
    world: World,
}

impl Sandbox {
    /// Returns the sandbox that all tests of this process share. The first call starts it, on its own thread. It has the
    /// default settings, except that it stores the bytes of uploads in memory.
    ///
    /// # Errors
    ///
    /// See [`SandboxBuilder::start_on_own_thread`](crate::SandboxBuilder::start_on_own_thread). The next call tries
    /// again.
    pub async fn shared() -> Result<&'static Self, StartError> {
        SHARED.get_or_try_init(|| Self::builder().keep_bytes(true).start_on_own_thread()).await
    }

    /// Adds a world for one test. Worlds of the same seed give the same responses to the same requests.
    pub fn world_for_test(&self, seed: u64) -> TestWorld<'_> {
        TestWorld { sandbox: self, world: self.add_world(seed) }
    }
}

impl World {
    /// Adds a world for one test to the [sandbox that all tests share](Sandbox::shared). Its seed is 0.
    ///
    /// A test without async can wait for it with any executor, such as `tokio::runtime::Runtime::block_on`.
    ///
    /// # Errors
    ///
    /// If the sandbox cannot be started.
    pub async fn for_test() -> Result<TestWorld<'static>, StartError> {
        Ok(Sandbox::shared().await?.world_for_test(0))
    }
}

impl TestWorld<'_> {
    /// Returns the API's base URL, such as `http://127.0.0.1:40123/`.
    #[must_use]
    pub fn url(&self) -> &Url {
        self.sandbox.url()
    }

    /// Returns the upload host's base URL.
    #[must_use]
    pub fn upload_url(&self) -> &Url {
        self.sandbox.upload_url()
    }

    /// Returns the sandbox. Other tests may use it at the same time.
    #[must_use]
    pub fn sandbox(&self) -> &Sandbox {
        self.sandbox
    }

    /// Fills the world with a fixture and returns the number of videos added.
    ///
    /// # Errors
    ///
    /// See [`Sandbox::fill`].
    pub fn fill(&self, fixture: &Fixture) -> Result<usize, FillError> {
        self.sandbox.fill(&self.world, fixture)
    }

    /// Adds a fault that hits requests of this world only, and returns its number.
    pub fn add_fault(&self, fault: Fault) -> u64 {
        self.sandbox.add_fault(fault.world(self.world.id()))
    }

    /// Returns the faults that were applied in this world, in order.
    #[must_use]
    pub fn fault_hits(&self) -> Vec<FaultHit> {
        let mut hits = self.sandbox.fault_hits();
        hits.retain(|hit| hit.world == Some(self.world.id()));
        hits
    }

    /// Returns the requests of this world so far, on both hosts, in order of arrival.
    #[must_use]
    pub fn request_log(&self) -> Vec<RequestLogEntry> {
        let mut entries = self.sandbox.request_log();
        entries.retain(|entry| entry.world == Some(self.world.id()));
        entries
    }

    /// Returns the expectations that the requests of this world do not meet, each with the closest entries.
    #[must_use]
    pub fn verify(&self, expected: &[Expectation]) -> Vec<UnmetExpectation> {
        verify::unmet(&self.request_log(), expected)
    }
}

impl Deref for TestWorld<'_> {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl Drop for TestWorld<'_> {
    fn drop(&mut self) {
        self.sandbox.remove_world(&self.world);
    }
}
