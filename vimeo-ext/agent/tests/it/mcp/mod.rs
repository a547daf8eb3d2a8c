//! The tools over the Model Context Protocol.

#[cfg(feature = "accounts")]
mod accounts;
mod all_transports;
mod approval;
mod audit;
mod cancellation;
mod counting_proxy;
mod http;
mod listing;
mod nested_router;
mod progress;
pub(crate) mod raw_client;
mod rmcp_client;
/// The test setup of vimeo-ext.
#[cfg(feature = "accounts")]
#[path = "../../../../tests/it/accounts/setup.rs"]
mod setup;
mod stdio;
