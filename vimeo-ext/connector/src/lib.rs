//! Vimeo for programs in any language: accounts, stored connections and tools as one HTTP service.
//!
//! The service adds API keys, an HTTP API and its OpenAPI document to the accounts of the crate [`vimeo_ext`] and the tools
//! of the crate [`vimeo_agent`]. `vimeo serve` runs it as a command; this crate runs it in a program of your own.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use vimeo_connector::{Connector, KeyPolicy};
//! use vimeo_ext::Vimeo;
//! use vimeo_ext::accounts::{Accounts, Key, KeyRing, MemoryStore};
//!
//! # async fn demo() -> Result<(), Box<dyn std::error::Error>> {
//! let store = Arc::new(MemoryStore::default()); // or SqliteStore, PostgresStore
//! let app = Vimeo::builder().app("client-id", "client-secret").build()?;
//! let accounts = Accounts::builder(app, store.clone(), KeyRing::new(Key::generate()))
//!     .redirect_uri("https://connector.example.com/v1/callback")
//!     .build()
//!     .await?;
//! let connector = Connector::builder(accounts, store)
//!     .public_url("https://connector.example.com")
//!     .return_urls(["https://app.example.com/"])
//!     .build()?;
//! let (_, api_key) = connector.api_keys().create(KeyPolicy::new("my program")).await?;
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//! connector.serve(listener).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # The HTTP API
//!
//! `GET /openapi.json` describes every route. Callers send an API key of the service as a bearer token; it never accepts an
//! access token of Vimeo's in its place. Errors are `application/problem+json` with a stable `code`.
//!
//! | routes | do |
//! |---|---|
//! | `/v1/accounts` | create, find, connect, verify, refresh, disable and disconnect accounts by the caller's own identifier |
//! | `/v1/events` | stream the status changes of accounts as server-sent events |
//! | `/v1/accounts/{identifier}/tools/{name}`, `/v1/execute-tool` | run a tool for an account |
//! | `/v1/vimeo-connections` | store an app's credentials and an access token under a name |
//! | `/v1/accounts/{identifier}/upload-tokens`, `/v1/uploads` | let a browser or another server upload with a token of the service |
//! | `/mcp`, `/v1/accounts/{identifier}/mcp` | the tools over the Model Context Protocol, for the same accounts |
//! | `/v1/limits`, `/v1/upload-tokens`, `/v1/recent-uploads`, `/v1/errors` | rate limits, upload tokens, uploads and errors of all accounts that the API key may use |
//! | `/v1/api-key`, `/v1/api-keys` | what the API key, and each other one, may do |
//! | `/healthz`, `/readyz`, `/metrics` | for the operator |
//!
//! A browser gets the operator's page at `/`. It asks for an API key and shows what that key may see.

#![forbid(unsafe_code)]

mod accept;
mod callers;
mod connector;
mod error;
mod extract;
mod key_limiters;
mod keys;
mod metrics;
mod recent;
mod return_urls;
mod routes;
mod secret_text;
mod service;
mod upload_tokens;

pub use connector::{BuildError, Connector, ConnectorBuilder};
pub use keys::{AccountAccess, ApiKeyInfo, ApiKeys, InvalidPolicy, KeyError, KeyId, KeyPolicy, RouteGroup};
