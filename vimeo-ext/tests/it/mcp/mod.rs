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
mod progress;
mod stdio;
pub(crate) mod wire;
