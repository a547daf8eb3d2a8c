//! Serving many Vimeo users, from any number of processes.
//!
//! | to | use |
//! |---|---|
//! | set up | [`Accounts::builder`] with a client, a store and a [`KeyRing`] |
//! | create an account for a user | [`Accounts::get_or_create`] |
//! | let the user log in | [`Accounts::authorization_link`], then [`Accounts::complete_for`] |
//! | connect with an existing token | [`Accounts::connect_with_token`] |
//! | call Vimeo as the user | [`Accounts::client`] |
//! | find accounts | [`Accounts::get`], [`Accounts::list`] |
//! | check, renew or end an account | [`Accounts::verify`], [`Accounts::refresh`], [`Accounts::disable`], [`Accounts::enable`], [`Accounts::disconnect`] |
//! | follow status changes | [`Accounts::events`] |
//! | rotate the encryption key | [`Accounts::rotate_keys`], [`KeyRotation`] |
//! | store an app's credentials and a token under a name | [`Accounts::connections`] |
//! | choose where accounts are stored | [`MemoryStore`], `SqliteStore` (feature `sqlite`), `PostgresStore` (feature `postgres`), or your own [`AccountStore`] |
//!
//! The [`guide`] shows the whole process, from the authorization link to webhooks.
//!
//! Accounts share one HTTP connection pool and one set of settings. Each has its own token and its own rate limit, and an error
//! of one account never affects another. Tokens are encrypted before the store receives them.
//!
//! [`Status`] lists an account's states and the transitions between them. If Vimeo responds to a call with `401`, the client
//! asks Vimeo about the token. Only if Vimeo rejects the token there too does the account become [`Revoked`](Status::Revoked);
//! its calls then fail with [`vimeo_api::Error::LoginRequired`] until its user has logged in again.

#[doc = include_str!("guide.md")]
#[cfg_attr(feature = "axum", doc = include_str!("guide_webhooks.md"))]
#[cfg_attr(
    not(feature = "axum"),
    doc = "# 8. Receive webhooks\n\nTurn on the feature `axum`, and see the module `webhooks`."
)]
pub mod guide {}

mod account;
mod builder;
mod client_cache;
mod connection;
mod connections;
mod document_secrets;
mod events;
mod keys;
mod lifecycle;
mod listing;
mod login;
mod manager;
mod refresh;
mod rotation;
mod service;
mod store;
mod tokens;

pub use account::{Account, AccountPage, AccountQuery, AccountRecord, StatusEvent};
pub use builder::AccountsBuilder;
pub use connection::{Connection, ConnectionRecord, ConnectionUpdate, NewConnection};
pub use connections::Connections;
pub use keys::{Ciphertext, Key, KeyRing};
pub use login::LinkedAccount;
pub use manager::Accounts;
pub use refresh::AccountRefresher;
pub use rotation::{KeyRotation, RotationReport};
#[cfg(feature = "postgres")]
pub use store::PostgresStore;
#[cfg(feature = "sqlite")]
pub use store::SqliteStore;
pub use store::{
    AccountStore, Document, DocumentStore, KeyUsage, LoginRecord, MemoryStore, ServiceStore, StoreFuture,
};
pub use tokens::Tokens;

pub use crate::error::{AccountsError, KeyError, StoreError};
pub use crate::ids::{AccountId, ConnectionId, InvalidAccountId, KeyId};
pub use crate::status::Status;
