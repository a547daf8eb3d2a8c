//! The Vimeo client for Rust: typed calls, resumable uploads, pagination as streams, and rate limiting.
//!
//! ```no_run
//! use vimeo_ext::Vimeo;
//!
//! # async fn demo() -> Result<(), vimeo_ext::Error> {
//! let vimeo = Vimeo::from_env()?; // VIMEO_ACCESS_TOKEN
//! let video = vimeo.upload("film.mp4").name("Surf").send().await?;
//! let mut videos = vimeo.api().videos().list_my_videos().fields("uri,name").items();
//! while let Some(video) = videos.next().await {
//!     tracing::info!(name = video?.name);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Calls
//!
//! Every operation of the API is a method of [`Vimeo::api`], grouped by area. [`fields`](api::Fields) limits the response to some
//! fields, which is faster and has a higher rate limit. The type stays the same, and its other fields are `None`.
//!
//! ```no_run
//! # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
//! let video = vimeo.api().videos().get_video(76979871).fields("name,duration").send().await?;
//! tracing::info!(name = video.name, seconds = video.duration, left = ?video.rate_limit());
//!
//! // Into your own type:
//! #[derive(serde::Deserialize)]
//! struct Title {
//!     name: String,
//! }
//! let title = vimeo.api().videos().get_video(76979871).fields("name").send_as::<Title>().await?;
//!
//! // Any path, untyped, through the same pipeline:
//! let me = vimeo.get("/me").fields("name,account").send().await?;
//! tracing::info!(name = %me["name"], status = %me.status());
//! # Ok(())
//! # }
//! ```
//!
//! # Uploads
//!
//! [`Vimeo::upload`] accepts a path, an open file, bytes or a stream of known size. The module [`upload`] has the parts below it:
//! tickets that another process or a browser can finish, a journal that survives `kill -9`, and queues.
//!
//! ```no_run
//! # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
//! use vimeo_ext::api::types::VideoViewPrivacy;
//! let video = vimeo
//!     .upload("film.mp4")
//!     .name("Surf")
//!     .privacy(VideoViewPrivacy::Unlisted)
//!     .on_progress(|progress| tracing::info!(sent = progress.sent, total = progress.total))
//!     .send()
//!     .await?;
//! let id = video.id();
//! # Ok(())
//! # }
//! ```
//!
//! A journal records the upload of a file until it is finished. If the process is killed, the same call with the same token resumes
//! the upload to the same video and creates no second one. If the token changes between runs, name the account with
//! [`VimeoBuilder::account`]. See [`journal`](CreateVideo::journal) and [`Vimeo::pending_uploads`].
//!
//! | to | call |
//! |---|---|
//! | replace the file of a video | [`Vimeo::replace`] |
//! | upload many files | [`Vimeo::upload_many`] |
//! | let Vimeo fetch the file | [`Vimeo::upload_from_url`] |
//! | let a browser upload it with a form | [`Vimeo::upload_form`] |
//! | let another process or a browser upload it over tus | [`Vimeo::upload_ticket`] |
//! | set a thumbnail, portrait, logo or poster | [`Vimeo::upload_picture`], [`Vimeo::thumbnail_at`], [`Vimeo::animated_thumbnail`] |
//! | add captions or subtitles | [`Vimeo::upload_text_track`] |
//! | wait until the video is playable | [`Vimeo::wait_transcoded`] |
//!
//! # AI jobs
//!
//! [`Vimeo::transcribe`], [`Vimeo::translate`], [`Vimeo::dub`] and [`Vimeo::suggest_metadata`] start one of Vimeo's AI jobs and follow it
//! until it is done. The module [`jobs`] describes what they cost and how to resume after a kill.
//!
//! # Lists
//!
//! `items()` and `pages()` turn every call that returns a page into a stream, typed or untyped. A stream can be saved and resumed,
//! prefetch pages, and drop duplicates.
//!
//! ```no_run
//! # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
//! let list = vimeo.api().videos().list_my_videos().fields("uri,name");
//! let videos = list.items().concurrency(4).dedup_by_uri().collect().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Logging in
//!
//! [`Vimeo::auth`] obtains tokens: for the app alone, or for a user through the browser or on a device. A
//! [`Refresher`](auth::Refresher) of your own renews them. A token is sent to the API's host over https only, and is never printed.
//!
//! ```no_run
//! use vimeo_ext::{Scope, Vimeo};
//! # async fn demo(callback: &str) -> Result<(), vimeo_ext::Error> {
//! let app = Vimeo::builder().app("client id", "client secret").build()?;
//! let login = app.auth().authorization("https://example.com/callback")?.scopes([Scope::Private]).begin()?;
//! // The user goes to login.url() and comes back with `callback`.
//! let grant = app.auth().exchange_code(&login, callback).await?;
//! let vimeo = app.for_account("user 7", grant.token)?;
//! # Ok(())
//! # }
//! ```
//!
//! # Errors, retries and rate limits
//!
//! [`Error`] is the error of this crate, and [`api::Error`] that of a call. Reads are retried with exponential backoff, and calls that
//! create something only if they had no effect ([`RetryPolicy`]). Calls beyond the account's rate limit wait until it allows them
//! ([`RateLimitPolicy`]). A call whose token lacks a scope fails before it is sent.
//!
//! ```no_run
//! # async fn demo(vimeo: vimeo_ext::Vimeo) {
//! use vimeo_ext::api::Error;
//! match vimeo.api().videos().delete_video(76979871).send().await {
//!     Ok(_) => tracing::info!("deleted"),
//!     Err(error) if error.is_not_found() => tracing::info!("already deleted"),
//!     Err(Error::MissingScope(scope)) => tracing::warn!(needed = ?scope.needed(), "a token with more scopes is needed"),
//!     Err(Error::RateLimited(limited)) => tracing::warn!(at = ?limited.retry_at, "retry later"),
//!     Err(Error::LoginRequired(login)) => tracing::warn!(account = login.account, "log in again"),
//!     Err(error) => tracing::error!(%error, status = ?error.status()),
//! }
//! # }
//! ```
//!
//! # Many accounts
//!
//! [`Vimeo::for_account`] creates a client for another account over the same connections. Accounts share nothing else: an account at
//! its limit does not delay the others. With the feature `accounts`, the module `accounts` manages many accounts: it logs users
//! in, stores their tokens encrypted, renews them and detects revoked ones.
//!
//! # Features
//!
//! | feature | provides |
//! |---|---|
//! | `all` (default) | all areas of the API; without it, enable single areas such as `showcases` |
//! | `upload` (default) | uploads, pictures and text tracks: the module `upload` and the client methods that use it |
//! | `jobs` (default) | AI jobs: the module `jobs` and the client methods that use it |
//! | `download` | downloads of video files that resume: the module `download` |
//! | `oauth` (default) | logins of users through the browser and on a device |
//! | `rustls` (default) | TLS by rustls with ring |
//! | `rustls-aws-lc` | TLS by rustls with aws-lc |
//! | `rustls-no-provider` | TLS by rustls with the `CryptoProvider` that the program installs |
//! | `native-tls` | TLS by the system's library; takes precedence over the rustls features |
//! | `socks` | SOCKS proxies |
//! | `shared-limits` | rate limits that processes share: [`RateLimiters::shared`](crate::RateLimiters); included in `accounts` |
//! | `blocking` | a client without `async`: the module `blocking` |
//! | `tower` | a `tower` service instead of the HTTP client: `TowerTransport` |
//! | `accounts` | accounts of many users with their logins, tokens and connections, in memory or in your own store |
//! | `sqlite` | a store for accounts in an SQLite file; includes `accounts` |
//! | `postgres`, `postgres-tls` | a store for accounts on a PostgreSQL server, without and with TLS; includes `accounts` |
//! | `webhooks` | receiving and verifying webhooks |
//! | `axum` | an axum extractor for webhooks; includes `webhooks` |
//!
//! The areas `authentication` and `videos` are always enabled, because the client itself needs them.
//!
//! # TLS
//!
//! ring is the default because it builds fastest of the providers that rustls supports. For aws-lc, enable `rustls-aws-lc`. If several
//! features are enabled, `native-tls` takes precedence over `rustls-aws-lc`, and that over `rustls`. A default `CryptoProvider` that
//! the program has installed takes precedence over the provider of the features. Without any of the features,
//! [`build`](VimeoBuilder::build) fails for an `https` base URL with [`ConfigError::NoTls`].
//!
//! With any of the rustls features, reqwest is built without a crypto provider. A `reqwest::Client` that your program builds then
//! needs reqwest's feature `rustls`, or a default provider, which one line at the start installs:
//! `rustls::crypto::ring::default_provider().install_default()`.
#![forbid(unsafe_code)]

#[cfg(any(feature = "download", feature = "upload"))]
mod bandwidth;
mod client;
mod clock;
#[cfg(any(feature = "download", feature = "upload"))]
#[doc(hidden)]
pub mod durable_files;
mod error;
#[doc(hidden)]
pub mod hex;
#[cfg(feature = "accounts")]
mod ids;
#[cfg(any(feature = "sqlite", feature = "upload"))]
#[doc(hidden)]
pub mod private_files;
#[cfg(any(feature = "accounts", feature = "webhooks"))]
mod random_id;
#[cfg(any(feature = "download", feature = "upload"))]
mod signed_link;
#[cfg(feature = "accounts")]
mod status;
mod timeouts;
mod tls;
#[cfg(feature = "tower")]
mod tower_transport;
#[cfg(feature = "upload")]
mod upload_ticket;

#[cfg(feature = "accounts")]
pub mod accounts;
pub mod auth;
#[cfg(feature = "blocking")]
pub mod blocking;
#[cfg(feature = "download")]
pub mod download;
#[cfg(feature = "jobs")]
pub mod jobs;
pub mod pipeline;
pub mod rate_limit;
pub mod retry;
#[cfg(feature = "upload")]
pub mod upload;
#[cfg(feature = "webhooks")]
pub mod webhooks;

/// The crate with the types of secrets and the trait `ExposeSecret`.
pub use secrecy;
pub use vimeo_api as api;
pub use vimeo_api::{
    ChannelId, DomainName, FolderId, GroupId, InvalidId, Scope, ScopeSet, ShowcaseId, UserId, VideoId,
};

pub use auth::AccessToken;
pub use client::{Vimeo, VimeoBuilder};
pub use clock::Clock;
#[cfg(feature = "jobs")]
pub use error::JobError;
#[cfg(feature = "upload")]
pub use error::MediaError;
pub use error::{ConfigError, Error};
pub use pipeline::{Middleware, Next};
pub use rate_limit::{RateLimitPolicy, RateLimiter, RateLimiters};
pub use retry::RetryPolicy;
pub use timeouts::Timeouts;
#[cfg(feature = "tower")]
pub use tower_transport::TowerTransport;
#[cfg(feature = "upload")]
pub use upload::{
    AnimatedThumbnail, CreateVideo, DelegatedUpload, FormBacked, FormUpload, FromUrl, NewVideo,
    PendingUploads, PictureTarget, PullUpload, Reconciliation, Replace, ReplacedVersion, SourceBacked,
    ThumbnailAt, TranscodeState, Transcoded, UnclaimedVideo, UploadMany, UploadPicture, UploadTextTrack,
    UploadVideo, UploadedFile, WaitTranscoded, Warning,
};
pub use vimeo_api::{Conditional, ConditionalFuture, Items, PageToken, Pages};

/// Returns a builder of HTTP/1.1 clients with the TLS settings of this crate, for the other crates of this project.
///
/// # Errors
///
/// [`ConfigError::NoCryptoProvider`] and [`ConfigError::Certificates`].
#[doc(hidden)]
pub fn http_client_builder() -> Result<reqwest::ClientBuilder, ConfigError> {
    tls::client_builder(tls::HttpVersions::Http1)
}

/// Compiles the README's snippets.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
