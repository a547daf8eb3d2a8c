//! A Vimeo on localhost, for tests, demos and examples: no network, no account, no limits but those you set.
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
//! # What it is
//!
//! Two listeners on 127.0.0.1: the API at [`Sandbox::url`], and the upload host at [`Sandbox::upload_url`], where signed
//! links lead. State is kept in memory and behaves as Vimeo's does: a video that was created is listed, an upload that
//! broke off stands where it broke off, a deleted tag is gone. A read of what has no state is answered from the
//! description of the API, the same each time; a write without state answers 501 and says its name, as nothing was done.
//! Requests are held against the description: what is missing or of another type is refused as Vimeo refuses it.
//!
//! - [`World`]: independent states in one process, chosen by token or by port.
//! - [`Clock`]: real, frozen, set or advanced; everything that depends on time follows it.
//! - A seed ([`SandboxBuilder::seed`]): the same requests give the same ids and answers.
//! - [`Fault`]: something goes wrong at an exact request, an exact number of times.
//! - [`RequestLogEntry`]: what was asked and answered.
//! - [`RateLimit`]: a limit for each token.
//! - [`SandboxBuilder::state`]: worlds that outlive the process; what was acknowledged is there after a crash.
//! - [`Seed`] and [`Drift`]: worlds that are filled, and answers in shapes that nobody described.
//! - [`Event`]: what webhooks on this machine are told.
//!
//! Tests in other languages do the same over HTTP, under `/_sandbox` on the API's port: `GET /_sandbox` lists what there
//! is. It answers to programs of the same user on this machine alone, or to those that send its
//! [control token](SandboxBuilder::control_token), and to no page of another origin.

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
mod request_log;
mod router;
mod sandbox;
mod server;
mod synth;
mod world;

pub use app::StartError;
pub use clock::Clock;
pub use config::drift::Drift;
pub use config::rate_limit::{LimitHeaders, RateLimit};
pub use config::scopes::{ALL_SCOPES, Scopes};
pub use config::signature::{Encoding, Hash, Signature};
pub use config::{MissingPrivate, Plan, Pull, Quota, QuotaUnit, Transcode};
pub use faults::{Effect, Fault, FaultHit, Phase};
pub use persistence::StateError;
pub use request_log::verify::{Expectation, UnmetExpectation};
pub use request_log::{Host, RequestLogEntry};
pub use sandbox::Sandbox;
pub use sandbox::builder::SandboxBuilder;
pub use world::events::{Delivery, EVENT_KINDS, Event};
pub use world::handle::{Account, TriggerError, World};
pub use world::registry::Keep;
pub use world::seed::{FixtureError, Seed, SeedError};
pub use world::upload::StoredUpload;
