//! The tools over the Model Context Protocol.

#[cfg(feature = "accounts")]
mod accounts;
mod audit;
mod both;
mod consent;
mod foreign;
mod given_up;
mod http;
mod line;
mod listing;
mod mounted;
mod progress;
/// As the tests of vimeo-ext make them.
#[cfg(feature = "accounts")]
#[path = "../../../../tests/it/accounts/setup.rs"]
mod setup;
mod stdio;
pub(crate) mod wire;
