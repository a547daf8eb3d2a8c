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
//! | `/v1/accounts/{identifier}/event-subscriptions` | subscribe to events that Vimeo has no webhooks for |
//! | `/v1/accounts/{identifier}/upload-tokens`, `/v1/uploads` | let a browser or another server upload with a token of the service |
//! | `/v1/progressive-uploads` | the same in parts of a file whose size is not known yet |
//! | `/mcp`, `/v1/accounts/{identifier}/mcp` | the tools over the Model Context Protocol, for the same accounts |
//! | `/v1/limits`, `/v1/upload-tokens`, `/v1/recent-uploads`, `/v1/errors` | rate limits, upload tokens, uploads and errors of all accounts that the API key may use |
//! | `/v1/api-key`, `/v1/api-keys` | what the API key, and each other one, may do |
//! | `/healthz`, `/readyz`, `/metrics` | for the operator |
//!
//! A browser gets the operator's page at `/`. It asks for an API key and shows what that key may see.
//!
//! # Events by polling
//!
//! Vimeo has no webhook for a change of a video's privacy or for a comment. With
//! [`ConnectorBuilder::poll_interval`] (`vimeo serve --poll-interval`) the service finds them itself: it reads the videos of each
//! account that has an event subscription once per interval, and posts what changed to the URL that subscribed.
//!
//! | event | body has |
//! |---|---|
//! | `video.privacy.change` | `privacy.old` and `privacy.new`: `view`, `embed`, `comments`, `download`, `add`, as far as Vimeo sends them |
//! | `video.comment.add` | `comment`: `uri`, `text`, `created_on`, `user` |
//!
//! Each body also has `event_id`, `webhook_type`, `resource_uri`, `created_on` (when the poll found the event), `identifier` and
//! `subscription_id`. The form is this service's own: Vimeo does not document the one of its webhooks.
//!
//! - The first poll, soon after the first subscription, records the state of the videos and sends nothing. A video counts from
//!   the first poll that reads it.
//! - A poll reads at most 5 pages of 100 videos: those modified since the last poll first, then older ones in turn. It watches
//!   the 10,000 newest videos. Of the comments, it reads those of 20 videos whose number of comments changed, at most 500 new
//!   ones each. Replies to comments give no events.
//! - Polls go through the account's rate limiter, never wait for it, and are left out while less than a quarter of a limit
//!   is left. Accounts are spread over the interval. Of several processes with one store, one polls an account at a time.
//! - A delivery that a receiver does not answer with 2xx within 15 seconds is repeated: at most 8 attempts, with delays of 30 s,
//!   2 min, 10 min, 30 min, 1 h, 3 h and 6 h (10 h 42 min 30 s in all), each up to a tenth longer. A delivery whose last attempt
//!   fails is logged as an error, and counted as `dead` in `vimeo_connector_event_deliveries_total`. Nothing is sent after a
//!   redirect, and no body of a response is read.
//! - Deliveries are stored before they are sent, so a killed process loses none; some can arrive twice, with the same
//!   `event_id`, and not in order.
//! - The secrets of subscriptions are encrypted with the accounts' key ring. After a rotation, keep the old key until every account
//!   was polled once more: polls encrypt the secrets again.
//! - Receivers are reached over https, and at public addresses only, unless
//!   [`ConnectorBuilder::deliver_to_private_addresses`] allows more. Proxies are not used.
//!
//! The header `Vimeo-Connector-Signature` is `t=TIME,v1=SIGNATURE`: the time in seconds since 1970, and the HMAC-SHA-256 of the
//! time, a dot and the body in hexadecimal digits. The key is the subscription's secret, as text. A receiver in Python:
//!
//! ```python
//! def is_genuine(header, body, secret):  # body: the bytes that arrived
//!     time, signature = (part.split("=", 1)[1] for part in header.split(","))
//!     expected = hmac.new(secret.encode(), time.encode() + b"." + body, hashlib.sha256).hexdigest()
//!     return hmac.compare_digest(expected, signature) and abs(clock() - int(time)) < 300
//! ```

#![forbid(unsafe_code)]

mod accept;
mod callers;
mod connector;
mod error;
mod extract;
mod key_limiters;
mod keys;
mod metrics;
mod polling;
mod progressive;
mod recent;
mod return_urls;
mod routes;
mod secret_text;
mod service;
mod upload_tokens;

pub use connector::{BuildError, Connector, ConnectorBuilder};
pub use keys::{AccountAccess, ApiKeyInfo, ApiKeys, InvalidPolicy, KeyError, KeyId, KeyPolicy, RouteGroup};
