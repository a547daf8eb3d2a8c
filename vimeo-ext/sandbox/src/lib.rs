//! A Vimeo API server on localhost for tests, demos and examples: no network, no account, and only the rate limits
//! that you set.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use vimeo_sandbox::Sandbox;
//!
//! # let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
//! let sandbox = Sandbox::start().await?;
//! let me: serde_json::Value = serde_json::from_slice(
//!     &reqwest::Client::new()
//!         .get(sandbox.url().join("me?fields=uri,name")?)
//!         .bearer_auth(sandbox.token())
//!         .send()
//!         .await?
//!         .bytes()
//!         .await?,
//! )?;
//! assert_eq!(me["name"], "Sandbox User");
//! # Ok(())
//! # }
//! ```
//!
//! # How it works
//!
//! A sandbox listens on 127.0.0.1 with two listeners: the API at [`Sandbox::url`] and the upload host at
//! [`Sandbox::upload_url`], which signed links point to. State lives in memory and behaves like Vimeo's: a created
//! video appears in lists, an interrupted upload keeps its offset, and a deleted tag is gone.
//!
//! Reads of resources without state are synthesized from the API description and return the same values every time.
//! Writes to such resources return 501 with the operation's name and change nothing. Requests are validated against
//! the description: missing members and members of the wrong type are rejected with Vimeo's error responses.
//!
//! # Features
//!
//! - [`World`]: independent states in one process, selected by token or by port.
//! - [`TestWorld`]: a world for one test.
//! - [`Clock`]: real, frozen, set or advanced. Everything that depends on time follows it.
//! - Seeds ([`SandboxBuilder::seed`]): the same seed and the same requests produce the same IDs and responses.
//! - [`Fixture`]: predefined content for a world.
//! - [`Fault`]: makes selected requests fail, a given number of times.
//! - [`Mutation`]: responses that differ from the API description.
//! - [`RequestLogEntry`]: one request and its response, as recorded in the request log.
//! - [`RateLimit`]: a rate limit per token.
//! - [`Event`]: an event that the sandbox reports to webhooks on this machine.
//! - [`Fixture::Recording`]: responses of a real API, recorded by a `Recorder` (feature `record`) without what is private
//!   in them.
//! - [`SandboxBuilder::state`]: worlds that survive the process. Acknowledged changes survive a crash.
//!
//! # Tests in parallel
//!
//! [`World::for_test`] gives each test a world of its own. All tests of a process share one sandbox, which starts with
//! the first of them and has its own thread, so tests may have a runtime each, as `#[tokio::test]` gives them.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use vimeo_sandbox::{Effect, Fault, World};
//!
//! # let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
//! let world = World::for_test().await?; // removed when dropped
//! world.add_videos(3);
//! world.add_fault(Fault::new(Effect::Status(503))); // hits requests of this world only
//! let get = || reqwest::Client::new().get(world.url().join("me/videos").unwrap()).bearer_auth(world.token());
//! assert_eq!(get().send().await?.status(), 503);
//! assert_eq!(get().send().await?.status(), 200);
//! assert_eq!(world.request_log().len(), 2); // requests of this world only
//! # Ok(())
//! # }
//! ```
//!
//! # Control API
//!
//! Tests in other languages use the same features over HTTP, under `/_sandbox` on the API's port. `GET /_sandbox`
//! lists the paths. The control API accepts requests from programs of the same user on this machine, or, if the
//! sandbox has a [control token](SandboxBuilder::control_token), from programs that send it. It rejects web pages of
//! other origins.
//!
//! # Clients whose host cannot be changed
//!
//! With the feature `tls`, the sandbox also serves Vimeo's own host names, in two ways. Clients must trust its
//! certificate authority, `Sandbox::ca_file`; `SandboxBuilder::ca_folder` keeps the same authority for all starts,
//! so that it can be installed once.
//!
//! - `SandboxBuilder::proxy` is for clients that read `https_proxy` or have a proxy setting. Tunnels, and https URLs
//!   that are sent without a tunnel, are served here. `vimeo-sandbox run --proxy -- COMMAND` sets the variables of
//!   curl, Python, Ruby, Go, PHP and newer versions of Node; `vimeo-sandbox env --for CLIENT` prints what a client
//!   needs.
//! - `SandboxBuilder::https` on port 443, with `127.0.0.1 api.vimeo.com` in the system's hosts file, is for all
//!   others. With `SandboxBuilder::tls_uploads`, add `127.0.0.1 asia-files.tus.vimeo.com`. Port 443 usually needs
//!   privileges, and the line affects every program until you delete it.
//!
//! # Where clients disagree
//!
//! The sandbox follows the API description, except where recorded responses or Vimeo's official clients contradict
//! it. Where clients contradict each other and Vimeo's behavior is unknown, an option selects the other behavior; its
//! documentation says which client needs it: [`create_answers_201`](SandboxBuilder::create_answers_201),
//! [`portrait_answers_201`](SandboxBuilder::portrait_answers_201),
//! [`form_credentials`](SandboxBuilder::form_credentials), [`query_token`](SandboxBuilder::query_token),
//! [`replace_by_name`](SandboxBuilder::replace_by_name) and
//! [`refuse_unknown_parameters`](SandboxBuilder::refuse_unknown_parameters).
//!
//! # What it does not serve
//!
//! The sandbox serves `api.vimeo.com` and the upload hosts. It does not serve `vimeo.com`, and therefore neither
//! oEmbed (`https://vimeo.com/api/oembed.json`) nor the pages and players that responses link to; its certificate does
//! not cover that name, and its proxy rejects it. It serves HTTP/1.1 only, with the names of headers in lower case.

#![forbid(unsafe_code)]

mod app;
mod call;
mod catalog;
#[cfg(feature = "cli")]
pub mod cli;
mod clock;
mod config;
mod control;
mod faults;
mod handlers;
mod hosts;
mod persistence;
mod protocol;
#[cfg(feature = "record")]
mod recorder;
mod recording;
mod request_log;
mod router;
mod sandbox;
mod server;
mod synth;
mod world;

pub use app::StartError;
pub use clock::Clock;
pub use config::mutation::Mutation;
pub use config::rate_limit::{RateLimit, RateLimitHeaders};
pub use config::scopes::{ALL_SCOPES, Scopes};
pub use config::signature::{SignatureEncoding, SignatureHash, WebhookSignature};
pub use config::{MissingPrivateScope, Plan, PullOutcome, Quota, QuotaUnit, Transcode};
pub use faults::{Effect, Fault, FaultHit, Phase};
pub use persistence::StateError;
#[cfg(feature = "record")]
pub use recorder::{Recorder, RecorderBuilder, Recording};
pub use request_log::verify::{Expectation, UnmetExpectation};
pub use request_log::{Host, RequestLogEntry};
pub use sandbox::Sandbox;
pub use sandbox::builder::SandboxBuilder;
pub use sandbox::test_world::TestWorld;
pub use world::events::{Delivery, EVENT_KINDS, Event};
pub use world::fixture::{FillError, Fixture, FixtureError};
pub use world::handle::{Account, TriggerError, World};
pub use world::registry::ResetScope;
pub use world::upload::StoredUpload;
