//! Many Vimeo users at once, from several processes.
//!
//! | what | with |
//! |---|---|
//! | an account for each of your users | [`Accounts::get_or_create`] |
//! | let them log in | [`Accounts::authorization_link`], [`Accounts::complete`], [`Accounts::connect_with_token`] |
//! | call Vimeo as one of them | [`Accounts::client`] |
//! | see and change how they stand | [`Accounts::verify`], [`Accounts::disable`], [`Accounts::enable`], [`Accounts::disconnect`], [`Accounts::list`], [`Accounts::events`] |
//! | change the key that all of it is encrypted with | [`Accounts::rotate_keys`], [`KeyRotation`] |
//! | an app and a token under a name | [`Accounts::connections`] |
//! | where they are kept | [`MemoryStore`], `SqliteStore`, `PostgresStore`, or an [`AccountStore`] of your own |
//!
//! The module `guide` walks from a link to a webhook.
//!
//! Accounts share connections and settings, and nothing else: each has its own token, its own rate limit and its own
//! errors. Tokens are encrypted before a store sees them.
//!
//! How an account comes to stand as it does, [`Status`] tells. A call that Vimeo refuses with `401` makes it ask Vimeo about
//! the token: only when that is refused too is the account [`Revoked`](Status::Revoked), and its calls fail with
//! [`vimeo_api::Error::LoginRequired`] until its user has logged in again.

#[cfg(feature = "axum")]
#[doc = include_str!("guide.md")]
pub mod guide {}

mod account;
mod builder;
mod client_cache;
mod connection;
mod connections;
mod core;
mod events;
mod keys;
mod lifecycle;
mod linking;
mod listing;
mod manager;
mod refresh;
mod rotation;
mod store;
mod tokens;

pub use account::{Account, AccountPage, AccountQuery, AccountRecord, StatusEvent};
pub use builder::AccountsBuilder;
pub use connection::{Connection, ConnectionChange, ConnectionRecord, NewConnection};
pub use connections::Connections;
pub use keys::{Key, KeyRing, Sealed};
pub use linking::LinkedAccount;
pub use manager::Accounts;
pub use refresh::AccountRefresher;
pub use rotation::{KeyRotation, RotationReport};
#[cfg(feature = "postgres")]
pub use store::PostgresStore;
#[cfg(feature = "sqlite")]
pub use store::SqliteStore;
pub use store::{AccountStore, KeyUse, LoginRecord, MemoryStore, StoreFuture};
pub use tokens::Tokens;

pub use crate::error::{AccountsError, KeyError, StoreError};
pub use crate::ids::{AccountId, ConnectionId, InvalidAccountId, KeyId};
pub use crate::status::Status;
