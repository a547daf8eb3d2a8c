//! The Vimeo client for Rust. (Being written.)
#![forbid(unsafe_code)]

mod builder;
mod client;
mod clock;
mod conditional;
mod error;
mod list;
mod scopes;
mod timeouts;
mod upload_video;

pub mod auth;
pub mod budget;
pub mod retry;
pub mod transport;
pub mod upload;

pub use vimeo_api as api;

pub use auth::AccessToken;
pub use budget::{Budget, Budgets, LimitPolicy};
pub use builder::VimeoBuilder;
pub use client::Vimeo;
pub use clock::Clock;
pub use conditional::{Changed, IfModifiedSince, PendingChange};
pub use error::{ConfigError, Error};
pub use list::{Items, List, ListCall, Pages, Position};
pub use retry::RetryPolicy;
pub use scopes::{Scope, ScopeSet};
pub use timeouts::Timeouts;
pub use transport::{Layer, Next};
pub use upload_video::{NewVideo, UploadVideo};
